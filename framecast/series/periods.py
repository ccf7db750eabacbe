"""Whether a series repeats itself, and after how many frames.

The period is where the autocorrelation of the series has its first high peak, taken over the leading temporal components of
its detrended frames, so that noise and drift hide no season.
"""

import math
from typing import Any

import numpy as np

from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames, reduced_shape

Curve = np.ndarray[Any, np.dtype[np.float64]]

_SEARCHED_FRAMES, _SEARCHED_PIXELS, _COMPONENTS = 2000, 32 * 32, 8
_HIGH, _PROMINENT, _NEARLY = 0.3, 0.2, 0.9


def find_periods(frames: Frames) -> list[int]:
    """The periods that stand out in (time, height, width, channel) frames, shortest first: none, one or two.

    One is the first peak of the autocorrelation that is nearly as high as the highest, the other the highest. A peak counts
    only after a dip, so slow change is no period, and at least two whole cycles must have been seen.
    """
    return periods_in(autocorrelation(frames))


def periods_in(correlation: Curve) -> list[int]:
    """The same, from the autocorrelation at lags 0, 1, 2 ..."""
    peaks = [
        lag
        for lag in range(2, len(correlation) - 1)
        if correlation[lag - 1] <= correlation[lag] > correlation[lag + 1]
        and correlation[lag] >= max(_HIGH, correlation[:lag].min() + _PROMINENT)
    ]
    if not peaks:
        return []
    highest = max(peaks, key=lambda lag: correlation[lag])
    first = next(lag for lag in peaks if correlation[lag] >= _NEARLY * correlation[highest])
    return sorted({first, highest})


def autocorrelation(frames: Frames) -> Curve:
    """Of the leading components of the frames without their linear trend, at lags 0 to one above half of their number. Of a
    long series, of its last frames."""
    frames = frames[-_SEARCHED_FRAMES:]
    n_frames = len(frames)
    small = reduce_frames(frames, reduced_shape(frames.shape[1], frames.shape[2], _SEARCHED_PIXELS))
    pixels = small.reshape(n_frames, -1).astype(np.float32)
    largest = float(np.abs(pixels).max())
    pixels *= np.float32(2.0 ** -min(126, max(-126, math.frexp(largest)[1])))  # near 1, or squares would leave float32
    rounding = 1e-5 * float(np.abs(pixels).max())
    pixels -= pixels.mean(axis=0, dtype=np.float64).astype(np.float32)
    time = np.linspace(-1, 1, n_frames, dtype=np.float32)
    pixels -= np.outer(time, time @ pixels / max(1e-12, float(time @ time)))
    gram = (pixels @ pixels.T).astype(np.float64)
    if gram.trace() <= rounding**2 * pixels.size:
        return np.zeros(1)  # a still, or nothing but a trend
    variances, components = np.linalg.eigh(gram)
    leading = components[:, -_COMPONENTS:] * np.sqrt(np.maximum(variances[-_COMPONENTS:], 0))
    energy = np.square(leading).sum(axis=1)
    lags = range(min(n_frames // 2 + 2, n_frames))
    return np.array([_correlation(leading, energy, lag) for lag in lags])


def _correlation(leading: Any, energy: Any, lag: int) -> float:
    n_pairs = len(leading) - lag
    scale = np.sqrt(energy[:n_pairs].sum() * energy[lag:].sum())
    return float((leading[:n_pairs] * leading[lag:]).sum() / scale) if scale > 0 else 0.0
