"""A grid in the forecast: a ripple that repeats every 2, 4 or 8 pixels of the working size, as layers leave it that put a
picture together out of patches. The truth has no such ripple, so a peak of the spectrum at just these periods tells it.
"""

import numpy as np

from framecast.evaluation.case import Case, lead_from
from framecast.evaluation.faults.finding import Finding, bounded, number, percent, since
from framecast.metrics.contract import Array
from framecast.series.frames import Frames, Preparation
from framecast.series.preparation import reduce_frames

_PERIODS = (2, 4, 8)
_PEAK = 4.0
"""Times the power of the waves around it."""
_OF_TRUTH = 4.0
"""Times the same peak of the truth."""
_VISIBLE = 0.01
"""Of the contrast of the last observed frame: a ripple that is lower is not seen."""
_NEAR, _AROUND = 1.0, 7.0
"""Waves over the frame: up to so far from the period a wave belongs to the peak; so far are those that it is compared with."""
_FEWEST_WAVES = 8
_JUDGED_LEADS = 12


def grid(case: Case) -> Finding | None:
    """Stripes or a checkerboard of a period that the network's grid has and the truth has not. A rule paints nothing."""
    height, width = case.truth.shape[1:3]
    if not case.learned or case.contrast == 0:
        return None
    shape = Preparation(size=case.working_size).working_shape(height, width)
    leads = np.unique(np.linspace(0, case.horizon - 1, _JUDGED_LEADS).round().astype(int))
    forecast, truth = (_worked(frames[leads], case, shape) for frames in (case.forecast, case.truth))
    best: tuple[float, int, float] | None = None
    for axis in (1, 2):
        periods = [period for period in _PERIODS if shape[axis - 1] >= period * _FEWEST_WAVES]
        if not periods:  # and of two pixels a window leaves nothing
            continue
        power, of_truth = (_power(frames, axis) for frames in (forecast, truth))
        for period in periods:
            height_of, excess = _peak(power, shape[axis - 1] / period)
            usual, _ = _peak(of_truth, shape[axis - 1] / period)
            size = np.sqrt(excess) / case.contrast
            there = (height_of > _PEAK) & (height_of > _OF_TRUTH * usual) & (size > _VISIBLE)
            first = lead_from(there)
            if first is not None and (best is None or size[first - 1 :].mean() > best[0]):
                native = period * (height, width)[axis - 1] / shape[axis - 1]
                best = float(size[first - 1 :].mean()), int(leads[first - 1]) + 1, native
    if best is None:
        return None
    share, lead, native = best
    return Finding(
        "grid",
        lead,
        bounded(0.2 + 4 * share),
        f"{since(lead)} it has a grid that the truth has not: a ripple that repeats every {number(native)} pixels, "
        f"{percent(share)} of the contrast of the picture.",
        "The network puts its picture together out of patches and has not yet learned to join them. Train longer, give SSIM a "
        "share of the loss, or take a forecaster that moves the picture instead of painting it (Learned flow, Optical flow).",
    )


def _worked(frames: Frames, case: Case, shape: tuple[int, int]) -> Array:
    """(lead, row, column) float32 of the working size, the mean over channels, nothing where there are no data."""
    if case.valid is not None:
        frames = np.where(case.valid[..., None], frames, np.zeros((), frames.dtype))
    grey: Array = frames.mean(axis=-1, dtype=np.float32)
    return reduce_frames(grey[..., None], shape)[..., 0]


def _power(frames: Array, axis: int) -> Array:
    """(lead, wave): mean square of a pixel in each wave along an axis, seen through a Hann window, the mean over lines."""
    lines = np.moveaxis(frames, axis, -1)
    window = np.hanning(lines.shape[-1])
    waves = np.fft.rfft((lines - lines.mean(axis=-1, keepdims=True)) * window, axis=-1)
    power: Array = np.square(np.abs(waves)).mean(axis=1) * 2 / window.sum() ** 2
    return power


def _peak(power: Array, wave: float) -> tuple[Array, Array]:
    """Both (lead,): how often the power about this wave has that of the waves around it, and what it has more than they."""
    away = np.abs(np.arange(power.shape[-1]) - wave)
    own, around = power[:, away < _NEAR].max(axis=-1), np.median(power[:, (away > 2 * _NEAR) & (away < _AROUND)], axis=-1)
    times = np.divide(own, around, out=np.full_like(own, np.inf), where=around > 0)
    return np.where(own > 0, times, 0.0), np.maximum(own - around, 0)
