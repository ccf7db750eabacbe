"""Hindcasts: what a rule would have said at past origins, and which of its settings would have said it best.

Settings chosen from one origin are often wrong, so each candidate forecasts from at least three, all before the test. Large
frames are worked on as a mosaic of native patches, not reduced: averaging pixels hides the noise that a short slope or a
single cycle carries into a forecast, and on a detailed film it chose a trend that costs .03 SSIM at native size. A series too
short for three origins chooses nothing: the first candidate, the default, is taken.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from framecast.metrics.contract import METRICS, Mask
from framecast.metrics.ssim import REACH, WINDOW
from framecast.series.frames import Frames, FrameSeries, Split

C = TypeVar("C")
N_BANDS, BAND = 4, 32
"""Of a side longer than N_BANDS * BAND pixels, hindcasts see so many bands of so many pixels, evenly spread."""
_MOST_ORIGINS, _FEWEST_ORIGINS = 5, 3
_MOST_LEADS = 10
_MARGIN = 1e-6
"""Scores that differ by less are equal: float32 rounding must not choose."""


@dataclass(frozen=True)
class Hindcast(Generic[C]):
    """The candidate that forecast the past best, and how well."""

    best: C
    score: float | None
    """Mean SSIM over origins and leads, of the mosaic; None where the history was too short to choose."""
    origins: tuple[int, ...]
    """Numbers of frames that the forecasts were made from."""


def choose(
    history: FrameSeries, split: Split, candidates: Sequence[C], forecast: Callable[[C, Frames, int], Frames]
) -> Hindcast[C]:
    """The candidate with the highest mean SSIM over past origins; among equals the first one.

    `forecast(candidate, past, horizon)` is called with the mosaics before one origin only, (time, height, width, channel) in
    the dtype of the series, and gives (horizon, height, width, channel). Frames from the test on are never read, even if
    `history` should hold some.
    """
    history = history.head(split.test.start)
    origins, horizon = past_origins(history.n_frames, split.horizon)
    if not origins or len(candidates) < 2:
        return Hindcast(candidates[0], None, ())
    small, valid = mosaic(history)
    leads = np.unique(np.linspace(0, horizon - 1, min(horizon, _MOST_LEADS)).round().astype(int))
    ssim = METRICS["ssim"].function

    def mean_ssim(candidate: C) -> float:
        scores = []
        for origin in origins:
            said = forecast(candidate, small[:origin], horizon)[leads]
            scores.append(ssim(said, small[origin + leads], data_range=history.data_range, valid=valid).mean())
        return float(np.mean(scores))

    best, score = candidates[0], mean_ssim(candidates[0])
    for candidate in candidates[1:]:
        if (other := mean_ssim(candidate)) > score + _MARGIN:
            best, score = candidate, other
    return Hindcast(best, score, origins)


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


def mosaic(history: FrameSeries) -> tuple[Frames, Mask | None]:
    """Native patches of every frame side by side, and their mask: the whole frame where it is small.

    At most 128 x 128 pixels whatever the size of a frame, taken from within the smallest box around the valid pixels. The mask
    is None where there is none, or where it leaves nothing to score.
    """
    valid = np.ones((history.height, history.width), np.bool_) if history.valid is None else history.valid
    rows, columns = _bands(np.any(valid, axis=1)), _bands(np.any(valid, axis=0))
    patches = history.frames
    if len(rows) < history.height or len(columns) < history.width:
        patches = np.empty((history.n_frames, len(rows), len(columns), history.n_channels), history.frames.dtype)
        for index, frame in enumerate(history.frames):
            patches[index] = frame[rows][:, columns]
    mask = valid[np.ix_(rows, columns)]
    scored = mask[_inside(len(rows)), _inside(len(columns))].any()
    return patches, mask if scored and not mask.all() else None


def reduced_shape(height: int, width: int, n_pixels: int) -> tuple[int, int]:
    """(height, width) of `n_pixels` at most, aspect kept as far as whole pixels allow; never larger than it was."""
    scale = min(1.0, math.sqrt(n_pixels / (height * width)))
    short, long = sorted((height, width))
    short = max(1, math.floor(short * scale))
    long = max(1, min(math.ceil(long * scale), n_pixels // short))
    return (short, long) if height <= width else (long, short)


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
