"""Metrics that compare pixel with pixel: mean squared error and its root, mean absolute error, peak signal-to-noise ratio.

MSE, RMSE and MAE are per pixel and channel in the units of the series, never sums over pixels and never scaled to 0..1, so
that their size means the same at every frame size and the MAE of a pressure series is in pascal. Sums are made in float64.
"""

import math
from collections.abc import Iterator

import numpy as np

from framecast.leaving import may_be_left
from framecast.metrics.contract import METRICS, Array, Mask, MetricKind, check_pair
from framecast.metrics.one_pass import Passed


def mse(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Mean squared error: mean of (forecast - truth)² over valid pixels and channels of each frame, in units².

    Arrays and errors as `Metric`; `data_range` and `last` are checked and not used.
    """
    check_pair(forecast, truth, data_range, valid, last)
    return np.array([np.mean(np.square(error)) for error in _errors(forecast, truth, valid)])


def rmse(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Root mean squared error: the root of the MSE of each frame, in units.

    A mean over leads is the mean of roots, not the root of the mean. Arrays and errors as `Metric`; `data_range` and `last`
    are checked and not used.
    """
    root: Array = np.sqrt(mse(forecast, truth, data_range=data_range, valid=valid, last=last))
    return root


def mae(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Mean absolute error: mean of |forecast - truth| over valid pixels and channels of each frame, in units.

    Arrays and errors as `Metric`; `data_range` and `last` are checked and not used.
    """
    check_pair(forecast, truth, data_range, valid, last)
    return np.array([np.mean(np.abs(error)) for error in _errors(forecast, truth, valid)])


def psnr(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Peak signal-to-noise ratio: 10 log10(data_range² / MSE) of each frame, in dB (ITU-R and scikit-image's definition).

    Infinite where a frame equals the truth. It stays infinite in the scores, and a mean over leads or origins that holds
    one such frame is infinite too: no finite number would be true. The mean over leads is the mean of PSNRs, which is not
    the PSNR of the mean MSE. Arrays and errors as `Metric`.
    """
    squared = mse(forecast, truth, data_range=data_range, valid=valid, last=last)
    with np.errstate(divide="ignore"):
        return 20 * math.log10(data_range) - 10 * np.log10(squared)


def _errors(forecast: Array, truth: Array, valid: Mask | None) -> Iterator[Array]:
    """Forecast minus truth frame by frame in float64, so that the series never exists as float; only valid pixels."""
    for one, other in zip(forecast, truth, strict=True):
        may_be_left()
        error: Array = np.subtract(one, other, dtype=np.float64)
        yield error if valid is None else error[valid]


def _mse_of(frame: Passed) -> float:
    return float(frame.sums["squared"].sum()) / frame.n_values


def _rmse_of(frame: Passed) -> float:
    return math.sqrt(_mse_of(frame))


def _mae_of(frame: Passed) -> float:
    return float(frame.sums["absolute"].sum()) / frame.n_values


def _psnr_of(frame: Passed) -> float:
    squared = _mse_of(frame)
    return math.inf if squared == 0 else 20 * math.log10(frame.data_range) - 10 * math.log10(squared)


METRICS.add(
    "mse",
    MetricKind(
        title="MSE",
        function=mse,
        higher_is_better=False,
        perfect=0.0,
        explanation="Mean squared error per pixel. Lower is better; 0 is perfect. A blurred forecast can score well.",
        unit="units²",
        of_frame=_mse_of,
        part="errors",
    ),
)
METRICS.add(
    "mae",
    MetricKind(
        title="MAE",
        function=mae,
        higher_is_better=False,
        perfect=0.0,
        explanation="Mean absolute error per pixel: by how much a pixel is off on average. Lower is better; 0 is perfect.",
        unit="units",
        of_frame=_mae_of,
        part="errors",
    ),
)
METRICS.add(
    "rmse",
    MetricKind(
        title="RMSE",
        function=rmse,
        higher_is_better=False,
        perfect=0.0,
        explanation="Root mean squared error: MSE in the units of the series. Lower is better; 0 is perfect. Large errors "
        "weigh more than in MAE.",
        unit="units",
        of_frame=_rmse_of,
        part="errors",
    ),
)
METRICS.add(
    "psnr",
    MetricKind(
        title="PSNR",
        function=psnr,
        higher_is_better=True,
        perfect=math.inf,
        explanation="Peak signal-to-noise ratio: MSE on a logarithmic scale. Higher is better; infinite if exact.",
        unit="dB",
        of_frame=_psnr_of,
        part="errors",
    ),
)
