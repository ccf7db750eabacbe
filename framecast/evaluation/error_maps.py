"""Where a forecast is wrong: forecast minus truth per pixel, on one colour scale for the whole horizon.

The scale is fixed by all errors together, so that lead 1 looks as good beside lead 50 as it is. A percentile sets it and
not the maximum, which one odd pixel would stretch until nothing else showed a colour.
"""

import math

import numpy as np

from framecast.metrics.contract import Array, Mask

PERCENTILE = 99.5
N_SAMPLES = 2_000_000


def error_map(
    forecast: Array, truth: Array, *, signed: bool = True, channel: int | None = None, valid: Mask | None = None
) -> Array:
    """(height, width) float32: the error of one frame in the units of the series, forecast minus truth.

    `forecast` and `truth` are (height, width, channel) of one shape. `channel` picks one, None averages over them: the
    errors if `signed`, their sizes if not. Pixels outside the `valid` mask are NaN, which a heatmap leaves blank.
    """
    assert forecast.shape == truth.shape and forecast.ndim == 3, (forecast.shape, truth.shape)
    chosen = slice(None) if channel is None else slice(channel, channel + 1)
    error = np.subtract(forecast[..., chosen], truth[..., chosen], dtype=np.float64)
    flat: Array = np.mean(error if signed else np.abs(error), axis=-1).astype(np.float32)
    if valid is not None:
        flat[~valid] = np.nan
    return flat


def error_limit(
    forecast: Array,
    truth: Array,
    *,
    signed: bool = True,
    channel: int | None = None,
    valid: Mask | None = None,
    percentile: float = PERCENTILE,
) -> float:
    """The end of the colour scale, -limit..limit if signed and 0..limit if not, for all leads of a forecast together.

    `forecast` and `truth` are (lead, height, width, channel). The limit is a percentile of the sizes of what `error_map`
    shows, from about two million pixels evenly spread over each frame. Where most errors are 0 it is the largest one, and 1
    where all are, so that a scale always has a width. Errors that are not finite are left out.
    """
    assert forecast.shape == truth.shape and forecast.ndim == 4, (forecast.shape, truth.shape)
    n_leads, height, width, _ = truth.shape
    step = max(1, math.isqrt(n_leads * height * width // N_SAMPLES))
    mask = None if valid is None else valid[::step, ::step]
    sizes = [
        np.abs(error_map(one[::step, ::step], other[::step, ::step], signed=signed, channel=channel, valid=mask)).ravel()
        for one, other in zip(forecast, truth, strict=True)
    ]
    finite = np.concatenate(sizes)
    finite = finite[np.isfinite(finite)]
    if not finite.any():
        return 1.0
    return float(np.percentile(finite, percentile)) or float(finite.max())


def ticks(limit: float, *, signed: bool = True) -> list[float]:
    """Round numbers for the colour bar of a scale that ends at `limit`: 0, two to four above it, and their negatives."""
    power = 10.0 ** math.floor(math.log10(limit))
    step = next(step for step in (0.1 * power * part for part in (2, 2.5, 5, 10, 20, 25)) if limit / step < 5 - 1e-9)
    positive = [float(f"{step * number:.12g}") for number in range(1, math.floor(limit / step * (1 + 1e-9)) + 1)]
    return [*(-value for value in reversed(positive)), 0.0, *positive] if signed else [0.0, *positive]
