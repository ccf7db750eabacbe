"""Structural similarity (SSIM) of Wang, Bovik, Sheikh and Simoncelli, IEEE Trans. Image Processing 13 (2004) 600-612.

In every window, with means mu, variances sigma² and covariance sigma_ft weighted by an 11 x 11 Gaussian of sigma 1.5 that
sums to 1 (population statistics), C1 = (0.01 L)², C2 = (0.03 L)² and L the data range,

    SSIM = (2 mu_f mu_t + C1) / (mu_f² + mu_t² + C1)  *  (2 sigma_ft + C2) / (sigma_f² + sigma_t² + C2)

Windows that would reach over the border are left out: the map loses 5 pixels at each edge, as in scikit-image. Along a side
shorter than the window there would be none left, so there the frame is continued by reflection and nothing is cropped.

The same in terms of the difference d = f - t and the sum s = f + t, which is how it is computed here:

    SSIM = (1 - 2 mu_d² / (mu_s² + mu_d² + 2 C1)) * (1 - 2 sigma_d² / (sigma_s² + sigma_d² + 2 C2))

It needs the same four blurs, but what is small is never a difference of what is large: where a forecast is good d is small
and exact, and s loses its frame's mean before it is squared. So float32 does, at an offset of 1e5 Pa as at 0..255.

The blurs are in `framecast.metrics.blur`; frames are scored strip by strip in `framecast.metrics.one_pass`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.errors import InputError
from framecast.leaving import may_be_left
from framecast.metrics.blur import REACH, SIGMA, WINDOW, blur_banded, blur_products, blur_slices, cropped
from framecast.metrics.contract import METRICS, Array, Mask, MetricKind, check_pair
from framecast.metrics.one_pass import Passed, can_pass, has_windows, pass_over
from framecast.metrics.strips import K1, K2

if TYPE_CHECKING:  # scoring needs no torch, so it is not imported for it
    from torch import Tensor

__all__ = [
    "K1",
    "K2",
    "REACH",
    "SIGMA",
    "WINDOW",
    "differentiable_ssim_map",
    "map_of_tensors",
    "ssim",
    "ssim_map",
    "ssim_of_frame",
]


_HUGE = 2.0**120
"""A data range above this has values of which the sum of two may leave float32."""


def ssim(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """SSIM of each frame: the mean of its map over pixels and then channels, (lead,) float64, 1 for equal frames.

    With a mask, the pixels outside get the same constant in both (the mean of the frame's valid truth, per channel) and the
    map is averaged over the valid pixels only. Arrays and errors as `Metric`, `last` not used; a mask whose valid pixels all
    lie in the cropped border is an InputError too.
    """
    check_pair(forecast, truth, data_range, valid, last)
    inside = None if valid is None else valid[cropped(valid.shape[0]), cropped(valid.shape[1])]
    if inside is not None and not inside.any():
        raise InputError(
            f"All valid pixels of the mask lie within {REACH} pixels of the border; SSIM needs one further inside. Leave the "
            "mask out, or score with MSE."
        )
    if has_windows(truth.shape[1:]) and can_pass(forecast, truth, data_range=data_range):
        pairs = zip(forecast, truth, strict=True)
        return np.array([_of_frame(pass_over(*pair, data_range=data_range, parts=("ssim",), valid=valid)) for pair in pairs])
    values = np.empty(len(truth))
    for lead, pair in enumerate(zip(forecast, truth, strict=True)):
        may_be_left()
        per_pixel = _map_of_arrays(*_planes(*pair, valid), data_range)
        values[lead] = np.mean(per_pixel if inside is None else per_pixel[:, inside], dtype=np.float64)
    return values


def _of_frame(frame: Passed) -> float:
    if not frame.sums["windows"].all():
        return float(ssim(frame.forecast[None], frame.truth[None], data_range=frame.data_range, valid=frame.valid)[0])
    return float((frame.sums["ssim"] / frame.sums["windows"]).mean())


def ssim_of_frame(forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None) -> Array:
    """The map that `ssim` averages, for one frame and to be looked at: (height, width, channel) float32.

    `forecast` and `truth` are (height, width, channel). It is NaN where no window fits (5 pixels at each edge of a side of 11
    or more) and outside the `valid` mask, so that its mean over the other pixels is what `ssim` gives. Errors as `Metric`.
    """
    check_pair(forecast[None], truth[None], data_range, valid)
    per_pixel = _map_of_arrays(*_planes(forecast, truth, valid), data_range)
    whole = np.full(truth.shape, np.nan, np.float32)
    whole[cropped(truth.shape[0]), cropped(truth.shape[1])] = np.moveaxis(per_pixel, 0, -1)
    if valid is not None:
        whole[~valid] = np.nan
    return whole


def ssim_map(forecast: "Tensor", truth: "Tensor", data_range: float) -> "Tensor":
    """SSIM at every pixel of (n, c, h, w) float32 tensors on any device: (n, c, h', w') float32 on the same one.

    h' is h - 10, or h where h is below 11; w' likewise. For scoring, not for a loss: no gradient flows through it.
    """
    import torch

    assert forecast.shape == truth.shape and data_range > 0, (forecast.shape, truth.shape, data_range)
    with torch.no_grad():
        if forecast.device.type == "cpu":
            per_pixel = _map_of_arrays(forecast.detach().numpy(), truth.detach().numpy(), data_range)
            return torch.from_numpy(per_pixel)
        return map_of_tensors(forecast, truth, data_range)


def map_of_tensors(forecast: "Tensor", truth: "Tensor", data_range: float) -> "Tensor":
    """The same by the arithmetic of accelerators, wherever the tensors are."""
    middle = truth.mean(dim=(-2, -1), keepdim=True)
    result: Tensor = _similarity(forecast, truth, middle, data_range, blur_slices)
    return result


def differentiable_ssim_map(forecast: "Tensor", truth: "Tensor", data_range: float) -> "Tensor":
    """The same map, for a loss: a gradient flows into `forecast`. Its blurs are products with one whole band for each axis,
    in float32 whatever number format is chosen around it."""
    import torch

    assert forecast.shape == truth.shape and data_range > 0, (forecast.shape, truth.shape, data_range)
    with torch.autocast(forecast.device.type, enabled=False):
        middle = truth.mean(dim=(-2, -1), keepdim=True)
        result: Tensor = _similarity(forecast, truth, middle, data_range, blur_products)
        return result


def _planes(forecast: Array, truth: Array, valid: Mask | None) -> tuple[Array, Array]:
    """Two frames (height, width, channel) as (channel, height, width) float32, with the same constant outside the mask."""
    one, other = (np.ascontiguousarray(np.moveaxis(frame, -1, 0), dtype=np.float32) for frame in (forecast, truth))
    if valid is None:
        return one, other
    filling = other[:, valid].mean(axis=1)[:, None, None]
    return np.where(valid, one, filling), np.where(valid, other, filling)


def _map_of_arrays(forecast: Array, truth: Array, data_range: float) -> Array:
    """SSIM at every pixel of (..., height, width) float32."""
    if data_range > _HUGE:
        forecast, truth, data_range = forecast / np.float32(8), truth / np.float32(8), data_range / 8
    middle = truth.mean(axis=(-2, -1), keepdims=True, dtype=np.float64).astype(np.float32)  # a sum may leave float32
    result: Array = _similarity(forecast, truth, middle, np.float32(data_range), blur_banded)
    return result


def _similarity(forecast: Any, truth: Any, middle: Any, data_range: Any, blur: Callable[[Any], Any]) -> Any:
    """The formula at the head of this module in units of the data range, for arrays and tensors alike."""
    difference = (forecast - truth) / data_range
    total = ((forecast - middle) + (truth - middle)) / data_range
    mean_difference, mean_total = blur(difference), blur(total)
    difference_variance = blur(difference * difference) - mean_difference * mean_difference
    total_variance = blur(total * total) - mean_total * mean_total
    mean_total = mean_total + middle * (2 / data_range)
    mean_difference = mean_difference * mean_difference
    luminance = 1 - 2 * mean_difference / (mean_total * mean_total + mean_difference + 2 * K1**2)
    return luminance * (1 - 2 * difference_variance / (total_variance + difference_variance + 2 * K2**2))


METRICS.add(
    "ssim",
    MetricKind(
        title="SSIM",
        function=ssim,
        higher_is_better=True,
        perfect=1.0,
        explanation="Structural similarity: how alike the two frames look in brightness, contrast and structure. Higher is "
        "better; 1 is perfect.",
        unit="",
        of_frame=_of_frame,
        part="ssim",
    ),
)
