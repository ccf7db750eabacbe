"""Local law: every pixel follows from its neighbourhood in the last frames, by one linear law for the whole picture.

A space-time autoregression (STAR; Pfeifer and Deutsch 1980, Technometrics 22, 35-47), fitted by ridge regression. Where waves
travel, heat spreads or a texture drifts evenly, the law is the same at each place, so that a short series holds a million
examples of it where the whole picture has a few hundred; fifty leads take a second. It is found, and carried on lead by lead,
on a grid of at most 128 x 128 cells, and only the change is brought back to native size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.nn.functional import conv2d, pad

from framecast.forecasters.baselines.pod_var import fits
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.hindcast import View, past_origins
from framecast.forecasters.restoration import Restorer, possible_ways
from framecast.forecasters.tuned_rule import TunedRule, bounds
from framecast.leaving import may_be_left
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.preparation import reduce_frames, reduced_shape
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

Array = np.ndarray[Any, np.dtype[Any]]

_GRID_CELLS = 128 * 128
_SHAPES = ((1, 13), (1, 36), (3, 2), (3, 13), (3, 24), (7, 6), (9, 3))
"""Width of the neighbourhood and frames looked back."""
_RIDGES = (1e-3, 1e-1)
_MOST_INPUTS = 750
"""Numbers that a pixel may follow from."""
_EXAMPLES = (16_000, 64_000)
"""Pixels of all past frames that a law is fitted to, at most, drawn by chance: fewer where each comes with many inputs."""
_NUMBERS = 12_000_000
"""That a law is fitted to, while this leaves enough examples."""
_MOST_VALUES = 32_000_000
"""Of cells in all frames that a law is fitted to; of a longer past the newest frames."""


@dataclass(frozen=True)
class LocalLawSettings(Settings):
    neighbourhood: str = setting(
        "choose",
        label="Neighbourhood",
        help="From a square of how many pixels along a side the next value of a pixel is computed; frames of more than "
        "128 x 128 pixels are reduced first. 'choose' decides by forecasting frames before the test.",
        choices=("choose", "1", "3", "5", "7", "9"),
        unit="pixels",
    )
    n_frames: int = setting(
        0,
        label="Frames looked back",
        help="From how many past frames the next is computed. Two tell a speed, a rhythm needs a good part of its period. "
        "More than four times as many must be known. 0 chooses by forecasting frames before the test.",
        minimum=0,
        maximum=100,
        unit="frames",
    )


@dataclass(frozen=True)
class Law:
    width: int
    """Odd, of the square neighbourhood in cells of the grid; 0 repeats the last frame."""
    n_frames: int
    """Looked back."""
    ridge: float
    """Pull of the weights to those that repeat the last frame, for values of variance 1."""
    around: str
    """What values are counted from: "level", the mean of a channel, or "mean frame"."""
    way: str
    """Back to native size, one of restoration.WAYS."""


STILL = Law(0, 1, 0.0, "level", "change")


class LocalLaw(TunedRule[LocalLawSettings, Law]):
    settings_type, choice_type, pixelwise = LocalLawSettings, Law, False
    _grid: "_Grid | None" = None
    _reduced = False
    """Whether pixels of the law are those of reduced frames."""

    def candidates(self, history: FrameSeries) -> Sequence[Law]:
        asked = self.settings
        n, n_channels = history.n_frames // 2, history.frames.shape[-1]
        asked_for = dict.fromkeys(
            (width if asked.neighbourhood == "choose" else int(asked.neighbourhood), asked.n_frames or n_frames)
            for width, n_frames in _SHAPES
        )
        shapes = [shape for shape in asked_for if _serves(*shape, n, n_channels)]
        self._reduced = _grid_shape(history.frames) != history.frames.shape[1:3]
        ways = possible_ways(reduced=self._reduced, tells_motion=False)
        arounds = ("level", "mean frame")
        laws = [Law(*shape, r, around, way) for around in arounds for shape in shapes for r in _RIDGES for way in ways]
        return [STILL, *laws]

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """As TunedRule; what candidates share is found once, and forgotten."""
        known = history.head(split.test.start)
        origins, _ = past_origins(known.n_frames, split.horizon)
        self._grid = _Grid(known.frames, min(origins)) if origins else None
        try:
            for progress in super().fit(history, split):
                self._grid = None
                yield progress
        finally:
            self._grid = None

    @staticmethod
    def forecast_by(choice: Law, past: Frames, horizon: int) -> Frames:
        if _stands_still(choice, len(past)):
            return np.repeat(past[-1:].astype(np.float32), horizon, axis=0)
        grid, low_high = _Grid(past, len(past)), bounds(past)
        back = grid.restorer(choice.way, len(past))
        out = np.empty((horizon, *past.shape[1:]), np.float32)
        for lead, frame in enumerate(grid.carried_on(choice, len(past), horizon)):
            out[lead] = np.clip(back(frame), *low_high)
        return out

    def forecast_view_by(self, choice: Law, past: Frames, horizon: int, view: View) -> Frames:
        n = len(past)
        if _stands_still(choice, n):
            return np.repeat(view.patches(past[-1:]).astype(np.float32), len(view.leads), axis=0)
        grid = _Grid(past, n) if self._grid is None else self._grid
        carried = grid.carried_on(choice, n, int(view.leads[-1]) + 1)
        back = grid.restorer(choice.way, n, view)
        return np.asarray(np.clip(np.stack([back(carried[lead]) for lead in view.leads]), *grid.bounds(n)))

    def finding(self) -> str:
        chosen = self.choice
        if not self.compared:
            return (
                f"No law could be tried: these frames are too few, or each pixel would follow from more than {_MOST_INPUTS} "
                "numbers. The last frame is repeated."
            )
        if chosen.width == 0:
            return "No law of neighbouring pixels forecast earlier frames better than the last frame, so it is repeated."
        where = "itself" if chosen.width == 1 else f"the {chosen.width} x {chosen.width} pixels around it"
        when = "the last frame" if chosen.n_frames == 1 else f"the last {chosen.n_frames} frames"
        grid = ", on a coarser grid" if self._reduced else ""
        return f"Every pixel is forecast from {where} in {when}, by one linear law for the whole picture{grid}."


def _serves(width: int, n_frames: int, n: int, n_channels: int) -> bool:
    """Whether a law of this shape can be fitted to n frames at all, and in a moment."""
    return fits(n, n_frames) and width**2 * n_frames * n_channels <= _MOST_INPUTS


def _serving(n: int, n_channels: int) -> list[tuple[int, int]]:
    return [shape for shape in _SHAPES if _serves(*shape, n, n_channels)]


def _stands_still(choice: Law, n: int) -> bool:
    return choice.width == 0 or not fits(n, choice.n_frames)


def _grid_shape(frames: Frames) -> tuple[int, int]:
    return reduced_shape(frames.shape[1], frames.shape[2], _GRID_CELLS)


class _Grid:
    """Frames on the grid, and what was found for the first n of all, of which hindcasts ask again and again.

    Of a long series those are left out that no law is fitted to, for any n from `earliest` on.
    """

    def __init__(self, frames: Frames, earliest: int) -> None:
        self._frames = frames
        shape = _grid_shape(frames)
        self._n_fitted = _MOST_VALUES // (shape[0] * shape[1] * frames.shape[-1])
        self._first = max(0, earliest - self._n_fitted)
        self._cells = np.require(reduce_frames(frames[self._first :], shape), np.float32, ["C", "W"])
        """(time, h, w, channel), from frame `_first` on."""
        self._extremes: tuple[Array, Array] | None = None
        self._centred: dict[tuple[int, str], _Centred] = {}
        self._moments: dict[tuple[int, str, int, int], tuple[torch.Tensor, torch.Tensor]] = {}
        self._last: tuple[Any, Array] | None = None
        self._restorers: dict[tuple[int, str], Restorer] = {}

    def bounds(self, n: int) -> tuple[float, float]:
        """Lowest and highest value of the first n frames at native size."""
        if self._extremes is None:
            lows, highs = ([float(reduce(frame)) for frame in self._frames] for reduce in (np.min, np.max))
            self._extremes = np.minimum.accumulate(lows), np.maximum.accumulate(highs)
        return float(self._extremes[0][n - 1]), float(self._extremes[1][n - 1])

    def restorer(self, way: str, n: int, view: View | None = None) -> Restorer:
        key = (n, way)
        if key not in self._restorers:
            fitted = self._frames[max(0, n - self._n_fitted) : n]
            self._restorers[key] = Restorer(way, fitted, self._fitted(n), view)
        return self._restorers[key]

    def _fitted(self, n: int) -> Array:
        """The newest of the first n frames, as many as a law is fitted to at most."""
        return self._cells[max(0, n - self._n_fitted) - self._first : n - self._first]

    def carried_on(self, law: Law, n: int, horizon: int) -> Array:
        """(lead, h, w, channel) float32: the first n frames carried on, held within their values at each lead."""
        key = (law.width, law.n_frames, law.ridge, law.around, n, horizon)
        if self._last is None or self._last[0] != key:  # laws that differ in their way back follow each other
            self._last = key, self._carry_on(law, n, horizon)
        return self._last[1]

    def _carry_on(self, law: Law, n: int, horizon: int) -> Array:
        """Each frame is looked at once, for all that it adds to the `n_frames` frames after it; several times as quick as to
        gather for each frame what came before."""
        centred, weights, reach = self._counted_from(law.around, n), self._weights(law, n), law.width // 2
        shape = centred.values.shape[1:]
        origin, scale, low, high = (
            one.expand(shape).permute(2, 0, 1).contiguous()
            for one in (centred.origin, centred.scale, centred.low, centred.high)
        )
        recent = centred.values[-law.n_frames :].flip(0).permute(0, 3, 1, 2).contiguous()
        last = recent[0]

        def added(frame: torch.Tensor, first: int, stop: int) -> torch.Tensor:
            """To the changes that lead to the frames after `frame` from the one numbered `first` (0 is the next) to before
            `stop`: (frame, channel, h, w)."""
            wanted = weights[first * len(last) : stop * len(last)]
            return conv2d(pad(frame[None], (reach,) * 4, mode="replicate"), wanted)[0].reshape(-1, *last.shape)

        changes = [torch.zeros_like(last) for _ in range(law.n_frames)]
        for back, frame in enumerate(recent):
            for change, sum_of_one in zip(changes, added(frame, back, min(law.n_frames, back + horizon)), strict=False):
                change += sum_of_one
        out = np.empty((horizon, *shape), np.float32)
        for lead in range(horizon):
            may_be_left()
            last = torch.minimum(torch.maximum(last + changes.pop(0), low), high)
            out[lead] = (last * scale + origin).permute(1, 2, 0).numpy()
            if n_left := min(law.n_frames, horizon - 1 - lead):
                changes.append(torch.zeros_like(last))
                for change, sum_of_one in zip(changes, added(last, 0, n_left), strict=False):
                    change += sum_of_one
        return out

    def _counted_from(self, around: str, n: int) -> "_Centred":
        key = (n, around)
        if key not in self._centred:
            self._centred.clear()
            self._centred[key] = _Centred.of(torch.from_numpy(self._fitted(n)), around)
        return self._centred[key]

    def _weights(self, law: Law, n: int) -> torch.Tensor:
        """(back * channel, channel, width, width) float32: of a frame's channels, seen from each place, in the change to the
        first, second and so on frame after it."""
        values = self._counted_from(law.around, n).values
        n_channels = values.shape[-1]
        longest = max([law.n_frames, *(one for width, one in _serving(len(values), n_channels) if width == law.width)])
        key = (n, law.around, law.width, longest)
        if key not in self._moments:
            self._moments[key] = _moments(values, law.width, longest)
        n_inputs = law.n_frames * law.width**2 * n_channels
        inputs, wanted = (sums[:n_inputs] for sums in self._moments[key])  # newest first: fewer frames are the first of more
        found = torch.linalg.solve(inputs[:, :n_inputs] + law.ridge * torch.eye(n_inputs, dtype=inputs.dtype), wanted)
        by_input: torch.Tensor = found.reshape(law.n_frames, law.width, law.width, n_channels, n_channels)
        return by_input.permute(0, 4, 3, 1, 2).flatten(0, 1).float().contiguous()


@dataclass(frozen=True, eq=False)
class _Centred:
    """Frames counted from an origin in units of their standard deviation. All but `values` are a value for each channel, or a
    frame of them."""

    values: torch.Tensor
    """(n, h, w, channel) float32."""
    origin: torch.Tensor
    scale: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    """The values' own extremes, in these units."""

    @classmethod
    def of(cls, cells: torch.Tensor, around: str) -> "_Centred":
        """From (n, h, w, channel)."""
        origin = cells.mean(dim=0 if around == "mean frame" else (0, 1, 2))
        away = cells - origin
        scale = torch.stack([away[..., channel].std(correction=0) for channel in range(away.shape[-1])])
        low, high = cells.amin(dim=0).amin(dim=(0, 1)), cells.amax(dim=0).amax(dim=(0, 1))  # over all at once takes long
        rounding = 1e-6 * torch.maximum(low.abs(), high.abs())
        scale = torch.where(scale > rounding, scale, torch.ones(()))  # a channel that stands still
        return cls(away.div_(scale), origin, scale, (low - origin) / scale, (high - origin) / scale)


def _moments(values: torch.Tensor, width: int, n_frames: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean products of what a pixel is computed from with itself, (back * width² * channel, the same), and with its change to
    the next frame, (the same, channel), float64. Over all pixels of `values` (n, h, w, channel), or where these are many,
    some drawn by chance, the same each time."""
    n, height, wide, n_channels = values.shape
    n_inputs = width**2 * n_frames * n_channels
    count = int(np.clip(_NUMBERS // n_inputs, *_EXAMPLES))
    cells = height * wide
    first, stop = (n_frames - 1) * cells, (n - 1) * cells
    if stop - first <= count:  # each once
        drawn, count = np.arange(first, stop), stop - first
    else:
        drawn = np.sort(np.random.default_rng(0).integers(first, stop, count))  # sorted: by frame
    time, row, column = np.unravel_index(drawn, (n, height, wide))
    examples = np.empty((count, n_frames, width, width * n_channels), np.float32)
    for index, around in enumerate(_around_each(values[: n - 1], width)):  # each frame once, while it is in the cache
        start, end = np.searchsorted(time, (index, index + n_frames))
        examples[np.arange(start, end), time[start:end] - index] = around[row[start:end], column[start:end]]
    seen = examples.reshape(count, n_inputs)
    pixels = values.numpy().reshape(-1, n_channels)
    change = pixels[drawn + cells] - pixels[drawn]
    # numpy sees that the one is the other turned over, and multiplies half of it
    inputs, wanted = (torch.from_numpy(seen.T @ one).double() / count for one in (seen, change))
    return inputs, wanted


def _around_each(values: torch.Tensor, width: int) -> Iterator[Array]:
    """Of each of the frames (n, h, w, channel): (h, w, width, width * channel), what is around each pixel. Not copied."""
    reach = width // 2
    for frame in values.numpy():
        padded = np.pad(frame, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
        windows = sliding_window_view(padded.reshape(len(padded), -1), (width, width * frame.shape[-1]))
        yield windows[:, :: frame.shape[-1]]


def _make(settings: LocalLawSettings, workbench: Workbench) -> LocalLaw:
    return LocalLaw(settings)


FORECASTERS.add(
    "local_law",
    ForecasterKind(
        title="Local law",
        summary="Forecasts every pixel from what was around it in the last frames, by one linear law for the whole picture.",
        use_when="Waves, spreading, growth and textures that change by the same law everywhere; steady noise.",
        family="rule",
        settings=LocalLawSettings,
        make=_make,
        load=LocalLaw.load,
    ),
)
