"""A rule with free settings: fitted by choosing them from hindcasts, and nothing of it kept but the choice.

A rule of this kind is a pure function of a choice and the past; what it forecasts is the same after any detour over a folder.
Means and slopes of frames are made here frame by frame, so that no series ever exists as float.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from framecast.forecasters.hindcast import Hindcast, View, choose
from framecast.leaving import may_be_left
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings
from framecast.training.progress import FitProgress

S = TypeVar("S", bound=Settings)
C = TypeVar("C")
Array = np.ndarray[Any, np.dtype[Any]]

CHOICE_FILE = "choice.json"
_FOUND_FILE = "found.json"
ALL = 1_000_000
"""More frames, or cycles, than any series has."""
_MEDIAN_BYTES = 32 * 2**20
_SUMMED_AT_ONCE = 32_768
"""Values of a frame."""
AVERAGED = (ALL, 80, 40, 20, 10, 5)
"""Of how many of the last frames a mean is tried."""


class TunedRule(Generic[S, C]):
    """A Forecaster whose subclass says what can be chosen, what each choice forecasts, and what was found in words.

    A rule that treats every pixel by itself overrides `forecast_by` alone; one that looks at whole frames overrides
    `forecast_view_by` too, to compute only what a hindcast sees.
    """

    settings_type: ClassVar[type[Settings]]
    choice_type: ClassVar[type[Any]]
    """A frozen dataclass of plain numbers and words."""
    pixelwise: ClassVar[bool] = True
    """Whether a pixel's forecast depends on nothing but its own past and the extremes of all."""

    def __init__(self, settings: S) -> None:
        self.settings = settings
        self.n_seen = ALL
        """How many frames it was fitted to, for findings; a rule that was loaded does not know."""
        self.found = ""
        """The finding of the fit, which one that was loaded tells too; empty of one that was saved before this was kept."""
        self._choice: C | None = None
        self._hindcast: Hindcast[C] | None = None

    @property
    def choice(self) -> C:
        """What forecasts."""
        assert self._choice is not None, "fit or load comes first"
        return self._choice

    def candidates(self, history: FrameSeries) -> Sequence[C]:
        """What the settings leave open, simplest first; the first is taken where the history is too short to choose."""
        raise NotImplementedError

    @staticmethod
    def forecast_by(choice: Any, past: Frames, horizon: int) -> Frames:
        """As Forecaster.forecast, by a choice; for any number of past frames from 1 on."""
        raise NotImplementedError

    def forecast_view_by(self, choice: C, past: Frames, horizon: int, view: View) -> Frames:
        """What `view` sees of `forecast_by(choice, past, horizon)`: (lead, row, column, channel)."""
        return view.patches(self.forecast_by(choice, past, horizon)[view.leads])

    @property
    def compared(self) -> bool:
        """Whether the fit chose the best of several; else the series was too short for hindcasts, or for all but one
        candidate, and a finding must not say that anything was worse. A rule that was loaded knows of no comparison."""
        return self._hindcast is not None and bool(self._hindcast.origins)

    def finding(self) -> str:
        """What was chosen, as a sentence or two, at the end of a fit."""
        raise NotImplementedError

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster. All is chosen before the one progress is yielded, which says what was."""
        history = history.head(split.test.start)
        self.n_seen = history.n_frames
        patches: Frames | None = None  # cut once for all candidates

        def forecast(choice: C, origin: int, horizon: int, view: View) -> Frames:
            nonlocal patches
            if not self.pixelwise:
                return self.forecast_view_by(choice, history.frames[:origin], horizon, view)
            patches = view.patches(history.frames) if patches is None else patches
            return self.forecast_by(choice, patches[:origin], horizon)[view.leads]

        self._hindcast = choose(history, split, self.candidates(history), forecast)
        self._choice = self._hindcast.best
        self.found = self.finding()
        yield FitProgress(stage="Chosen from hindcasts", fraction=1.0, finding=self.found)

    def forecast(self, past: Frames, horizon: int) -> Frames:
        return self.forecast_by(self.choice, past, horizon)

    def hindcast(self, past: Frames, horizon: int, view: View) -> Frames:
        """What `view` sees of the forecast from `past`, by the choice that the other origins would have made: this one may
        then judge it. (lead, row, column, channel), for any rule cheaper than the whole forecast."""
        choice = self.choice if self._hindcast is None else self._hindcast.best_without(len(past))
        if not self.pixelwise:
            return self.forecast_view_by(choice, past, horizon, view)
        return self.forecast_by(choice, view.patches(past), horizon)[view.leads]

    def save(self, folder: Path) -> None:
        (folder / CHOICE_FILE).write_text(json.dumps(asdict(self.choice)), encoding="utf-8")  # type: ignore[call-overload]
        (folder / _FOUND_FILE).write_text(json.dumps({"finding": self.found}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        loaded = cls(cls.settings_type())  # type: ignore[arg-type]
        loaded._choice = cls.choice_type(**json.loads((folder / CHOICE_FILE).read_text(encoding="utf-8")))
        if (found := folder / _FOUND_FILE).exists():
            loaded.found = str(json.loads(found.read_text(encoding="utf-8"))["finding"])
        return loaded


def counts_averaged(asked: int, history: FrameSeries) -> list[int]:
    """Of how many of the last frames a mean is tried: as many as were asked for, or of AVERAGED those that there are."""
    return [asked] if asked else [n for n in AVERAGED if n == ALL or n < history.n_frames]


def weighted_sum(frames: Frames, indices: Sequence[int], weights: Sequence[float]) -> Array:
    """Sum of weight times frame, (height, width, channel) float64, a few rows at a time as float, which the cache holds."""
    total = np.zeros(frames.shape[1:], np.float64)
    n_rows = max(1, _SUMMED_AT_ONCE // max(1, frames[0, :1].size))
    room = np.empty_like(total[:n_rows])
    for start in range(0, len(total), n_rows):
        rows = total[start : start + n_rows]
        product = room[: len(rows)]
        for index, weight in zip(indices, weights, strict=True):
            np.multiply(frames[index, start : start + n_rows], weight, out=product, dtype=np.float64)
            rows += product
    return total


def mean_frame(frames: Frames, indices: Sequence[int]) -> Array:
    """Mean of the frames at `indices`, (height, width, channel) float64; equal frames give exactly themselves in float32."""
    return weighted_sum(frames, indices, [1.0] * len(indices)) / len(indices)


def median_frame(frames: Frames, indices: Sequence[int]) -> Array:
    """Median of the frames at `indices`, (height, width, channel) float64, a few rows at a time."""
    median = np.empty(frames.shape[1:], np.float64)
    n_rows = max(1, _MEDIAN_BYTES // max(1, len(indices) * frames[0, :1].nbytes))
    for start in range(0, len(median), n_rows):
        may_be_left()
        rows = np.stack([frames[index, start : start + n_rows] for index in indices], axis=-1)
        median[start : start + n_rows] = np.median(rows, axis=-1, overwrite_input=True)
    return median


def bounds(frames: Frames) -> tuple[float, float]:
    """Lowest and highest value in `frames`."""
    return float(min(frame.min() for frame in frames)), float(max(frame.max() for frame in frames))


def in_words(count: int, noun: str, there: int = ALL) -> str:
    """"the last frame", "the last 8 frames" or, of more than are `there`, "all frames", for findings."""
    if min(count, there) == 1:
        return f"the last {noun}"
    return f"all {noun}s" if count == ALL or count > there else f"the last {count} {noun}s"
