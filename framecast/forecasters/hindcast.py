"""Hindcasts: what a rule would have said at past origins, and which of its settings would have said it best.

Settings chosen from one origin are often wrong, so each candidate forecasts from at least three, all before the test. Large
frames are looked at through a View, a mosaic of native patches, not reduced: averaging pixels hides the noise that a short
slope or a single cycle carries into a forecast, and on a detailed film it chose a trend that costs .03 SSIM at native size. A
series too short for three origins chooses nothing: the first candidate, the default, is taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from framecast.leaving import may_be_left
from framecast.metrics.contract import METRICS, Mask
from framecast.metrics.ssim import REACH, WINDOW
from framecast.series.frames import Frames, FrameSeries, Split

C = TypeVar("C")
Array = np.ndarray[Any, np.dtype[Any]]
N_BANDS, BAND = 4, 32
"""Of a side longer than N_BANDS * BAND pixels, hindcasts see so many bands of so many pixels, evenly spread."""
_MOST_ORIGINS, _FEWEST_ORIGINS = 5, 3
_MOST_LEADS = 10
_MARGIN = 1e-6
"""Scores that differ by less are equal: float32 rounding must not choose."""


@dataclass(frozen=True, eq=False)
class View:
    """What hindcasts look at: some leads of a forecast, and of each frame the whole or, where it is large, native patches.

    At most 128 x 128 pixels whatever the size of a frame, taken from within the smallest box around the valid pixels.
    """

    rows: Array
    columns: Array
    """Indices of the native rows and columns seen; neighbours within a patch stay neighbours."""
    leads: Array
    """Indices (lead 1 is 0) of the leads seen, ascending."""
    valid: Mask | None
    """(row, column) mask of what is seen; None where all of it counts, or nothing would be left to score."""
    whole: bool
    """Whether all pixels of a frame are seen."""

    @classmethod
    def of(cls, history: FrameSeries, horizon: int) -> "View":
        valid = np.ones((history.height, history.width), np.bool_) if history.valid is None else history.valid
        rows, columns = _bands(np.any(valid, axis=1)), _bands(np.any(valid, axis=0))
        mask = valid[np.ix_(rows, columns)]
        scored = mask[_inside(len(rows)), _inside(len(columns))].any()
        leads = np.unique(np.linspace(0, horizon - 1, min(horizon, _MOST_LEADS)).round().astype(int))
        whole = (len(rows), len(columns)) == (history.height, history.width)
        return cls(rows, columns, leads, mask if scored and not mask.all() else None, whole)

    def patches(self, frames: Frames) -> Frames:
        """The mosaic of every frame of (time, height, width, channel), in the same dtype; not copied where all is seen."""
        if self.whole:
            return frames
        out = np.empty((len(frames), len(self.rows), len(self.columns), frames.shape[-1]), frames.dtype)
        for index, frame in enumerate(frames):
            out[index] = frame[self.rows][:, self.columns]
        return out


@dataclass(frozen=True, eq=False)
class Hindcast(Generic[C]):
    """How well each candidate forecast the past."""

    candidates: Sequence[C]
    origins: tuple[int, ...]
    """Numbers of frames that the forecasts were made from, newest first; () where the history was too short to choose."""
    scores: Array
    """(candidate, origin) float64: mean SSIM over the leads seen."""

    @property
    def best(self) -> C:
        return self.best_without(None)

    def best_without(self, origin: int | None) -> C:
        """The candidate with the highest mean SSIM over the origins other than `origin`; among equals the first one. What is
        judged at an origin must not have been chosen there."""
        kept = [index for index, other in enumerate(self.origins) if other != origin]
        if not kept:
            return self.candidates[0]
        best, means = 0, self.scores[:, kept].mean(axis=1)
        for index, mean in enumerate(means):
            if mean > means[best] + _MARGIN:
                best = index
        return self.candidates[best]


def choose(
    history: FrameSeries, split: Split, candidates: Sequence[C], forecast: Callable[[C, int, int, View], Frames]
) -> Hindcast[C]:
    """Hindcasts by every candidate, judged by SSIM.

    `forecast(candidate, origin, horizon, view)` gives what the view sees of the forecast of frames origin to origin + horizon
    - 1 from those before: (lead, row, column, channel). It must not look at frames from `origin` on; those from the test on
    are never read, even if `history` should hold some.
    """
    history = history.head(split.test.start)
    origins, horizon = past_origins(history.n_frames, split.horizon)
    if not origins or len(candidates) < 2:
        return Hindcast(candidates, (), np.zeros((len(candidates), 0)))
    view = View.of(history, horizon)
    ssim = METRICS["ssim"].function
    scores = np.zeros((len(candidates), len(origins)))
    for column, origin in enumerate(origins):
        truth = view.patches(history.frames[origin + view.leads])
        for row, candidate in enumerate(candidates):
            may_be_left()
            said = forecast(candidate, origin, horizon, view)
            scores[row, column] = ssim(said, truth, data_range=history.data_range, valid=view.valid).mean()
    return Hindcast(candidates, origins, scores)


def past_origins(n_frames: int, horizon: int) -> tuple[tuple[int, ...], int]:
    """Numbers of frames to forecast from, newest first, and the horizon of these forecasts.

    The newest forecast ends with the last of `n_frames`; the others begin half a horizon before each other, while at least
    half of the frames are left as past. The horizon is shortened until three origins fit; () where none does.
    """
    earliest = max(2, n_frames // 2)
    horizon = min(horizon, (n_frames - earliest) // (_FEWEST_ORIGINS - 1))
    while horizon > 0 and n_frames - horizon - (_FEWEST_ORIGINS - 1) * _half(horizon) < earliest:
        horizon -= 1
    if horizon < 1:
        return (), 0
    return tuple(range(n_frames - horizon, earliest - 1, -_half(horizon)))[:_MOST_ORIGINS], horizon


def _half(horizon: int) -> int:
    """Rounded up."""
    return (horizon + 1) // 2


def _bands(used: Any) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Indices along one side: all between the first and last used one, or bands of them where these are many."""
    found = np.flatnonzero(used)
    first, stop = (found[0], found[-1] + 1) if len(found) else (0, len(used))
    if stop - first <= N_BANDS * BAND:
        return np.arange(first, stop)
    starts = first + np.arange(N_BANDS) * (stop - first) / N_BANDS + ((stop - first) / N_BANDS - BAND) / 2
    return (starts.astype(np.intp)[:, None] + np.arange(BAND)).ravel()


def _inside(size: int) -> slice:
    """The part of a side that SSIM scores."""
    return slice(None) if size < WINDOW else slice(REACH, size - REACH)
