"""Errors where something moves. A still background is easy, fills most pictures, and makes any forecast look good.

A pixel moves if, at some lead and in some channel, the truth differs from the last observed frame by more than

    - NOISES times the noise of a difference between neighbouring frames, and
    - SHARE of the strong changes in that forecast: of the STRONG percentile of how far each pixel goes.

The first keeps grain out, the second a flicker or a drift of all pixels that is faint beside what moves. The noise is told
apart from motion by its grain (Immerkaer 1996, Computer Vision and Image Understanding 64): of the differences between
neighbouring frames only what is left after taking second differences along both sides counts, by the median of its size, so
that neither smooth motion nor a few moving things are taken for noise. Motion of a fine texture over most of the picture is:
it cannot be told from noise by its looks. Where no more than FEWEST of the pixels stand out every pixel counts.
"""

import math

import numpy as np

from framecast.metrics.contract import METRICS, Array, Mask, MetricKind, check_pair, required
from framecast.metrics.one_pass import Passed

NOISES = 5.0
SHARE = 0.1
STRONG = 99.9
FEWEST = 0.0002
_MOST_PAIRS = 4
_GRAIN = 6.0
"""Standard deviation of the second differences along both sides of white noise of standard deviation 1."""
_MEDIAN_TO_DEVIATION = 1.4826
OF_GRAIN = _MEDIAN_TO_DEVIATION / _GRAIN
"""Noise of a difference, for a median size of its second differences of 1."""


def moving_rmse(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Root mean squared error over the pixels that move anywhere within the horizon, in units; see the head of this module.

    The same pixels count at every lead, and they depend on the truth alone. Without `last` an InputError. Arrays and other
    errors as `Metric`; `data_range` is checked and not used.
    """
    check_pair(forecast, truth, data_range, valid, last)
    moving = moving_pixels(truth, required(last, "moving_rmse"), valid)
    errors = (
        np.subtract(one[moving], other[moving], dtype=np.float64).ravel() for one, other in zip(forecast, truth, strict=True)
    )
    return np.array([np.sqrt(error @ error / error.size) for error in errors])


def moving_pixels(truth: Array, last: Array, valid: Mask | None = None) -> Mask:
    """(height, width): which pixels of `truth` (lead, height, width, channel) move, seen from the frame `last`."""
    start = np.asarray(last, np.float32)
    above = np.asarray(truth.max(axis=0), np.float32) - start  # the furthest is the highest or the lowest: no frame is cast
    below = start - np.asarray(truth.min(axis=0), np.float32)
    furthest = np.maximum(np.maximum(above, below), 0).max(axis=-1)
    counted = np.ones(furthest.shape, np.bool_) if valid is None else valid
    limit = max(
        NOISES * noise_of_differences(truth, last, valid), SHARE * float(np.percentile(furthest[counted], STRONG))
    )
    moving: Mask = (furthest > limit) & counted
    return moving if moving.sum() > FEWEST * counted.sum() else counted


def noise_of_differences(truth: Array, last: Array, valid: Mask | None = None) -> float:
    """Standard deviation, in units, of the noise in a difference between neighbouring frames: of the first of `truth` and
    `last`, and of a few pairs more. 0 where frames are too small to tell."""
    pairs, usable = pairs_of_noise(truth, last, valid)
    found = []
    for now, before in pairs:
        grain = np.abs(_second(np.subtract(now, before, dtype=np.float32)))
        found.append(float(np.median(grain if usable is None else grain[usable])))
    return float(np.median(found)) * OF_GRAIN if found else 0.0


def pairs_of_noise(truth: Array, last: Array, valid: Mask | None) -> tuple[list[tuple[Array, Array]], Mask | None]:
    """Neighbouring frames, (now, before), whose differences are looked at, and which second differences of them count."""
    usable = None if valid is None or min(last.shape[:2]) < 3 else _inside(valid)
    if min(last.shape[:2]) < 3 or (usable is not None and not usable.any()):
        return [], None
    chosen = np.unique(np.linspace(0, len(truth) - 1, min(len(truth), _MOST_PAIRS)).astype(int))
    return [(truth[index], truth[index - 1] if index else last) for index in chosen], usable


def _second(values: Array) -> Array:
    """Second differences along both sides."""
    rows = values[2:] - 2 * values[1:-1] + values[:-2]
    found: Array = rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2]
    return found


def _inside(valid: Mask) -> Mask:
    """Where a pixel and its eight neighbours are valid; the frame without its border."""
    rows = valid[2:] & valid[1:-1] & valid[:-2]
    found: Mask = rows[:, 2:] & rows[:, 1:-1] & rows[:, :-2]
    return found


def _of_frame(frame: Passed) -> float:
    return math.sqrt(float(frame.sums["moving"].sum()) / (frame.n_moving * frame.truth.shape[-1]))


METRICS.add(
    "moving_rmse",
    MetricKind(
        title="RMSE where it moves",
        function=moving_rmse,
        higher_is_better=False,
        perfect=0.0,
        explanation="Root mean squared error over the pixels that change within the horizon by more than noise: a still "
        "background does not count. Lower is better; 0 is perfect.",
        unit="units",
        needs_last=True,
        of_frame=_of_frame,
        part="moving",
    ),
)
