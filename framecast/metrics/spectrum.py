"""The power of a frame by the size of its detail: the radially averaged spectrum, and how much of the fine detail is kept.

A frame is the mean of its channels, minus its mean, times a Hann window, so that its borders make no detail of their own.
Large frames are seen through their middle, up to SEEN pixels a side of a length that is quick to transform.
"""

from functools import cache

import numpy as np
import scipy.fft

from framecast.metrics.contract import METRICS, Array, Mask, MetricKind, check_pair
from framecast.metrics.one_pass import Passed
from framecast.metrics.sums import ratio, towards_one

SEEN = 768
FINE_PX = 8
"""Fine is what repeats within fewer pixels than this, or within half of the frame where that is less."""


def spectrum_ratio(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Power of the forecast in waves shorter than FINE_PX pixels, divided by that of the truth.

    Pixels outside the mask get the mean of the valid ones in both. Where the truth has no such power the ratio is 1 for a
    forecast without and infinite for any other. Arrays and errors as `Metric`; `data_range` and `last` are checked and not
    used.
    """
    check_pair(forecast, truth, data_range, valid, last)
    powers = ((_fine(one, valid), _fine(other, valid)) for one, other in zip(forecast, truth, strict=True))
    return np.array([ratio(*pair) for pair in powers])


def radial_power(frame: Array, valid: Mask | None = None) -> tuple[Array, Array]:
    """(wavelengths in pixels, mean power at each) of a frame (height, width, channel), longest first.

    Power is the mean squared amplitude in units² of all waves in a ring of the plane of frequencies; rings are as wide as one
    wave over the longer side that is seen. A frame with a side of 1 pixel has the waves of its other side; one of a single
    pixel has none.
    """
    power = _power(frame, valid)
    height, width = _seen_shape(frame)
    rings, n_rings = _rings(height, width)
    counted = rings.ravel() < n_rings  # the corners beyond the shortest wave of the longer side have no whole ring
    kept, which = power.ravel()[counted], rings.ravel()[counted]
    sums, counts = np.bincount(which, kept, minlength=n_rings), np.bincount(which, minlength=n_rings)
    present = (counts > 0) & (np.arange(n_rings) > 0)
    wavelengths = max(height, width) / np.arange(1, n_rings)
    return wavelengths[present[1:]], (sums / np.maximum(counts, 1))[present]


def fine_part(height: int, width: int) -> tuple[tuple[slice, slice], Array, Mask]:
    """What is seen of a frame of this size, the window over it, and which of its waves are fine."""
    seen = _seen_shape(np.empty((height, width, 0), np.uint8))
    top, left = (height - seen[0]) // 2, (width - seen[1]) // 2
    return np.s_[top : top + seen[0], left : left + seen[1]], _window(*seen), _is_fine(*seen)


def _fine(frame: Array, valid: Mask | None) -> float:
    height, width = _seen_shape(frame)
    return float(_power(frame, valid)[_is_fine(height, width)].sum(dtype=np.float64))


def _power(frame: Array, valid: Mask | None) -> Array:
    """Squared amplitudes, (height, width // 2 + 1), of what is seen of a frame."""
    height, width = _seen_shape(frame)
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    part = np.s_[top : top + height, left : left + width]
    n_channels = frame.shape[-1]
    grey = frame[part].astype(np.float32) @ np.full(n_channels, 1 / n_channels, np.float32)
    mask = None if valid is None else valid[part]
    if mask is not None and not mask.all():
        grey = np.where(mask, grey, grey[mask].mean() if mask.any() else 0)
    grey -= grey.mean(dtype=np.float64)  # a sum may leave float32
    scale = towards_one(grey)
    grey *= _window(height, width) * scale
    found = scipy.fft.rfft2(grey)
    power: Array = (found.real**2 + found.imag**2) / np.float32(height * width)
    return power.astype(np.float64) / float(scale) ** 2


def _seen_shape(frame: Array) -> tuple[int, int]:
    height, width = (scipy.fft.prev_fast_len(min(side, SEEN), real=True) for side in frame.shape[:2])
    return height, width


@cache
def _window(height: int, width: int) -> Array:
    """Hann along each side, none along a side of one pixel, of mean square 1 so that power does not depend on it."""
    sides = [np.ones(1) if n == 1 else np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in (height, width)]
    window = np.outer(*sides)
    found: Array = (window / np.sqrt(np.mean(window**2))).astype(np.float32)
    return found


@cache
def _frequencies(height: int, width: int) -> Array:
    """Waves per pixel at each entry of `_power`."""
    down, right = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    found: Array = np.hypot(down[:, None], right[None])
    return found


@cache
def _is_fine(height: int, width: int) -> Array:
    shortest = min(FINE_PX, max(2.0, max(height, width) / 2))
    fine: Array = _frequencies(height, width) >= 1 / shortest - 1e-9
    return fine


@cache
def _rings(height: int, width: int) -> tuple[Array, int]:
    longer = max(height, width)
    rings: Array = np.rint(_frequencies(height, width) * longer).astype(np.intp)
    return rings, longer // 2 + 1


def _of_frame(frame: Passed) -> float:
    return ratio(_fine(frame.forecast, frame.valid), _fine(frame.truth, frame.valid))


METRICS.add(
    "spectrum",
    MetricKind(
        title="Fine detail",
        function=spectrum_ratio,
        higher_is_better=True,
        perfect=1.0,
        explanation=f"Spectrum ratio: power in detail finer than {FINE_PX} pixels, forecast divided by truth. 1 is best; "
        "below 1 fine detail is missing.",
        unit="",
        ratio=True,
        of_frame=_of_frame,
    ),
)
