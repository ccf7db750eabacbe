"""What a metric is, and the checks that all of them share."""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from framecast.errors import InputError
from framecast.registry import Registry

Array = np.ndarray[Any, np.dtype[Any]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Metric(Protocol):
    def __call__(self, forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None) -> Array:
        """One number per lead, (lead,) float64.

        `forecast` and `truth` are (lead, height, width, channel) of one shape, each in uint8, uint16 or float32, in the same
        units; `data_range` is the width of the series' value range in these units; `valid` a (height, width) mask of the
        pixels that count. Raises InputError where they do not fit together.
        """
        ...


@dataclass(frozen=True)
class MetricKind:
    """An entry of METRICS: how to compute it and what a person must know to read it."""

    title: str
    function: Metric
    higher_is_better: bool
    perfect: float
    """The score of a forecast that equals the truth; infinite where there is no best number (PSNR), and then no skill."""
    explanation: str
    unit: str
    """"" for a pure number, "dB", or "units" and "units²" for the units of the series and their square."""


METRICS: Registry[MetricKind] = Registry("metric", "framecast.metrics")


def check_pair(forecast: Array, truth: Array, data_range: float, valid: Mask | None) -> None:
    """Raises InputError unless forecast, truth, data range and mask fit together."""
    if forecast.shape != truth.shape:
        raise InputError(
            f"The forecast is {forecast.shape} and the truth {truth.shape}; a score needs the same (lead, height, width, "
            "channel) in both. Compare frames of the same leads, brought back to native size."
        )
    if forecast.ndim != 4 or 0 in forecast.shape:
        raise InputError(
            f"Forecast and truth are {forecast.shape}; a score needs (lead, height, width, channel) with at least one of "
            "each. Give a single frame as frame[None]."
        )
    if not (math.isfinite(data_range) and data_range > 0):
        raise InputError(
            f"The data range is {data_range}; it must be above 0. Give the width of the value range: 255 for 8-bit frames."
        )
    if valid is not None and (valid.shape != truth.shape[1:3] or not valid.any()):
        raise InputError(
            f"The mask is {valid.shape} with {int(np.count_nonzero(valid))} valid pixels; it must be {truth.shape[1:3]} with "
            "at least one. Leave the mask out to score every pixel."
        )
