"""Analog: what followed the moments of the past that looked most like now (Lorenz, J. Atmos. Sci. 26 (1969) 636-646).

What is compared is the last few frames, small, with as many frames before every earlier moment. Frames are compared whole, by
hindcasts too, which see but patches of a large one: what is judged is then what would be forecast. What followed the best
matches is averaged at native size, moved by what now departs from them by; that offset fades with the lead. A match whose
future ends before the horizon goes on from itself: the last frame was like it, so what follows the last frame is what
followed it. Thus no frame after the past is ever needed, however far ahead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.hindcast import View
from framecast.forecasters.tuned_rule import TunedRule, bounds, in_words, weighted_sum
from framecast.metrics.sums import towards_one
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.preparation import reduce_frames, reduced_shape
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

_COMPARED_PIXELS = 24 * 24
_NEIGHBOURS, _MATCHED = (1, 3, 8), (1, 4)
_OFFSETS = {"kept": 1.0, "long": 0.93, "short": 0.7, "none": 0.0}
"""Share of the offset that is left one lead later."""


@dataclass(frozen=True)
class AnalogSettings(Settings):
    neighbours: int = setting(
        0,
        label="Matches averaged",
        help="How many of the best matching moments are replayed. One stays sharp, several give a calmer forecast; 0 chooses "
        "by forecasting frames before the test.",
        minimum=0,
    )
    n_matched: int = setting(
        0,
        label="Frames matched",
        help="How many frames up to now are compared with the past: one compares the picture, several its motion too. 0 "
        "chooses by forecasting frames before the test.",
        minimum=0,
        unit="frames",
    )
    offset: str = setting(
        "choose",
        label="Offset",
        help="Whether what now differs from the matches by is carried on: for good, for many leads, for a few, or not at all. "
        "'choose' decides by forecasting frames before the test.",
        choices=("choose", *_OFFSETS),
    )


@dataclass(frozen=True)
class Replay:
    neighbours: int
    """How many matches are averaged; 0 for none: the last frame."""
    n_matched: int
    offset: float
    """Share of the offset that is left one lead later."""


Matches = tuple[list[int], list[float]]
"""The frames that end them, and their weights."""
LAST_FRAME = Replay(0, 1, 1.0)


class Analog(TunedRule[AnalogSettings, Replay]):
    settings_type, choice_type, pixelwise = AnalogSettings, Replay, False
    _known: "Known | None" = None
    _horizon = 1

    def candidates(self, history: FrameSeries) -> Sequence[Replay]:
        asked = self.settings
        neighbours = [asked.neighbours] if asked.neighbours else _NEIGHBOURS
        matched = [asked.n_matched] if asked.n_matched else _MATCHED
        offsets = list(_OFFSETS.values()) if asked.offset == "choose" else [_OFFSETS[asked.offset]]
        replays = [Replay(k, length, offset) for length in matched for offset in offsets for k in neighbours]
        return replays if asked.neighbours else [LAST_FRAME, *replays]

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster."""
        self._known, self._horizon = Known(history.head(split.test.start).frames), split.horizon
        yield from super().fit(history, split)

    @staticmethod
    def forecast_by(choice: Replay, past: Frames, horizon: int) -> Frames:
        """Exact where the past repeats and holds a whole horizon after its match. Too short a past: its last frame."""
        found = matches(small_frames(past), choice, horizon) if choice.neighbours else ([], [])
        if not found[0]:
            return np.repeat(past[-1:].astype(np.float32), horizon, axis=0)
        return _replayed(choice, past, found, range(horizon), bounds(past))

    def forecast_view_by(self, choice: Replay, past: Frames, horizon: int, view: View) -> Frames:
        assert self._known is not None, "a hindcast follows a fit"
        n = len(past)
        found = matches(self._known.small[:n], choice, horizon) if choice.neighbours else ([], [])
        patches = self._known.patches(view)[:n]
        if not found[0]:
            return np.repeat(patches[-1:].astype(np.float32), len(view.leads), axis=0)
        within = float(self._known.low[n - 1]), float(self._known.high[n - 1])
        return _replayed(choice, patches, found, view.leads.tolist(), within)

    def finding(self) -> str:
        replay = self.choice
        if not replay.neighbours and not self.compared:
            return "No moment of the past could be tried: these frames are too few. The last frame is forecast."
        if not replay.neighbours:
            return "No moment of the past was like another for long enough to be of use; the last frame is forecast."
        looked = in_words(replay.n_matched, "frame")
        there = replay.neighbours if self._known is None else len(matches(self._known.small, replay, self._horizon)[0])
        if not there:
            return f"These frames are too few to look among them for {looked}; the last frame is forecast."
        moments = "moment" if there == 1 else f"{there} moments"
        offset = f", with an offset that keeps {replay.offset:.0%} a frame" if replay.offset else ""
        return f"What followed the {moments} most like {looked} is replayed{offset}."


class Known:
    """A history of frames (time, height, width, channel), of whose first n hindcasts ask again and again."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._view: View | None = None
        self.small = small_frames(frames)
        self.low, self.high = (
            extreme.accumulate([reduce(frame) for frame in frames])
            for extreme, reduce in ((np.minimum, np.min), (np.maximum, np.max))
        )
        """(time,): the lowest and the highest value up to each frame."""

    def patches(self, view: View) -> Frames:
        """What `view` sees of every frame, cut once."""
        if self._view is not view:
            self._view, self._patches = view, view.patches(self._frames)
        return self._patches


def small_frames(frames: Frames) -> Frames:
    """Frames (time, height, width, channel) as they are compared: whole, of 24 x 24 pixels at most."""
    return reduce_frames(frames, reduced_shape(frames.shape[1], frames.shape[2], _COMPARED_PIXELS))


def matches(small: Frames, choice: Replay, horizon: int) -> Matches:
    """Indices of the frames that end the best matches, best first, and their weights, which sum to 1.

    A match has the horizon, or half of the past where that is shorter, between it and now, and lies as many frames from a
    better one as are matched. Weights go with the inverse of the squared distance. ([], []) where the past is too short.
    """
    first, stop = choice.n_matched - 1, len(small) - min(horizon, len(small) // 2)
    if first >= stop - 1:
        return [], []
    distances = _distances(small, choice.n_matched, stop)
    ends: list[int] = []
    for end in map(int, first + np.argsort(distances, kind="stable")):
        if all(abs(end - better) >= choice.n_matched for better in ends):
            ends.append(end)
        if len(ends) == choice.neighbours:
            break
    found = np.array([distances[end - first] for end in ends])
    closeness = 1 / (found + 1e-6 * max(float(distances.mean()), 1e-30))
    return ends, [float(weight) for weight in closeness / closeness.sum()]


def _replayed(choice: Replay, past: Frames, found: Matches, leads: Sequence[int], within: tuple[float, float]) -> Frames:
    """(lead, height, width, channel) float32 at the `leads` (lead 1 is 0): what followed the matches, held `within` the
    lowest and highest value."""
    ends, weights = found
    out = np.empty((len(leads), *past.shape[1:]), np.float32)
    offset = past[-1].astype(np.float32) - weighted_sum(past, ends, weights)
    for index, lead in enumerate(leads):
        followers = [end + 1 + lead % (len(past) - 1 - end) for end in ends]
        forecast = weighted_sum(past, followers, weights) + choice.offset ** (lead + 1) * offset
        out[index] = np.clip(forecast, *within)
    return out


def _distances(small: Frames, n_matched: int, stop: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Mean squared differences between the last `n_matched` small frames and those that end before `stop`, all values times a
    power of two that brings them near 1."""
    flat = small.reshape(len(small), -1) * towards_one(small)
    total = np.zeros(stop - n_matched + 1)
    for back in range(n_matched):
        now = flat[len(small) - 1 - back]
        ends = range(n_matched - 1, stop)
        total += [float(np.square(flat[end - back] - now, dtype=np.float32).mean()) for end in ends]
    return total / n_matched


def _make(settings: AnalogSettings, workbench: Workbench) -> Analog:
    return Analog(settings)


FORECASTERS.add(
    "analog",
    ForecasterKind(
        title="Analog",
        summary="Finds the moments of the past that looked most like now and replays what followed them.",
        use_when="Long series that come back to similar states, though not in step with a clock.",
        family="rule",
        settings=AnalogSettings,
        make=_make,
        load=Analog.load,
    ),
)
