"""The arithmetic of OpenSTL (Tan et al. 2023, arXiv 2306.11249; its core/metrics.py), to set a forecast beside its tables.

Not in METRICS, and not what FrameCast goes by: these numbers grow with the frame, and their SSIM is not that of Wang 2004. It
takes scikit-image's defaults (7 x 7 uniform window, sample covariance) and a data range of 2, which scikit-image took of
itself for floating point numbers from 0 to 1 until it began to refuse the guess. A smooth picture under 5 % noise scores
0.83 with theirs and 0.70 with ours; on pure noise they are near each other and order frames differently. Neither can be
computed from the other: score the forecast again with the one you compare with.

To convert what can be: OpenSTL's MSE is ours / range² x height x width x channels, its MAE ours / range x the same number
of values (4096 for Moving MNIST); its PSNR is ours, but for a forecast outside the range, which it clips first. In its tables
each is a mean over frames and sequences.

`forecast` and `truth` are (lead, height, width, channel) in the units of the series, `value_range` its lowest and highest
value, which become 0 and 1; `valid` is a (height, width) mask, and pixels outside are 0 in both frames: OpenSTL has no masks.
Each function returns (lead,) float64 and raises InputError where the arguments do not fit together.
"""

from collections.abc import Iterator

import numpy as np

from framecast.errors import InputError
from framecast.metrics.contract import Array, Mask, check_pair

SSIM_WINDOW = 7
SSIM_DATA_RANGE = 2.0

Range = tuple[float, float]


def summed_squared_error(forecast: Array, truth: Array, *, value_range: Range, valid: Mask | None = None) -> Array:
    """OpenSTL's MSE: the sum of (forecast - truth)² over all pixels and channels of a frame, values from 0 to 1, unclipped."""
    return np.array([np.sum(np.square(f - t)) for f, t in _pairs(forecast, truth, value_range, valid)])


def summed_absolute_error(forecast: Array, truth: Array, *, value_range: Range, valid: Mask | None = None) -> Array:
    """OpenSTL's MAE: the sum of |forecast - truth| over all pixels and channels of a frame, values from 0 to 1, unclipped."""
    return np.array([np.sum(np.abs(f - t)) for f, t in _pairs(forecast, truth, value_range, valid)])


def psnr(forecast: Array, truth: Array, *, value_range: Range, valid: Mask | None = None) -> Array:
    """OpenSTL's PSNR in dB: -10 log10 of the mean squared error of each frame, the forecast clipped to 0..1; infinite where
    they are equal."""
    squared = [np.mean(np.square(f.clip(0, 1) - t)) for f, t in _pairs(forecast, truth, value_range, valid)]
    with np.errstate(divide="ignore"):
        decibels: Array = -10 * np.log10(np.array(squared))
    return decibels


def ssim(forecast: Array, truth: Array, *, value_range: Range, valid: Mask | None = None) -> Array:
    """OpenSTL's SSIM, see the head of this module: of each frame, the forecast clipped to 0..1, the mean over channels.

    Computed with scikit-image's `structural_similarity`. A side below 7 pixels is an InputError.
    """
    from skimage.metrics import structural_similarity

    if min(truth.shape[1:3]) < SSIM_WINDOW:
        raise InputError(
            f"Frames are {truth.shape[2]} x {truth.shape[1]} pixels; OpenSTL's SSIM needs {SSIM_WINDOW} x {SSIM_WINDOW}. "
            "Compare by the summed errors."
        )
    return np.array(
        [
            structural_similarity(  # type: ignore[no-untyped-call]
                f.clip(0, 1), t, win_size=SSIM_WINDOW, use_sample_covariance=True, data_range=SSIM_DATA_RANGE, channel_axis=-1
            )
            for f, t in _pairs(forecast, truth, value_range, valid)
        ]
    )


def _pairs(forecast: Array, truth: Array, value_range: Range, valid: Mask | None) -> Iterator[tuple[Array, Array]]:
    """Frame by frame in float64, 0 to 1, so that the series never exists as float."""
    bottom, top = value_range
    check_pair(forecast, truth, top - bottom, valid)
    for pair in zip(forecast, truth, strict=True):
        one, other = ((np.asarray(frame, np.float64) - bottom) / (top - bottom) for frame in pair)
        if valid is not None:
            one, other = (np.where(valid[..., None], frame, 0.0) for frame in (one, other))
        yield one, other
