"""Correlation: whether the forecast is high where the truth is high, whatever its contrast and its brightness."""

import numpy as np

from framecast.metrics.contract import METRICS, Array, Mask, MetricKind, check_pair
from framecast.metrics.one_pass import Passed
from framecast.metrics.sums import energy, inner, towards_one

_SHARE = 1e-3
"""Of an energy about a number near the mean: less is left about the mean itself, and sums of float32 no longer hold it."""


def correlation(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Pearson's correlation over the valid pixels of each frame, channel by channel, then the mean over channels; -1 to 1.

    A channel without contrast in one of the two has correlation 0, and 1 where it equals the other. It does not change when a
    forecast is made brighter or stronger: read it beside an error. Arrays and errors as `Metric`; `data_range` and `last` are
    checked and not used.
    """
    check_pair(forecast, truth, data_range, valid, last)
    return np.array([_of_frame(*pair, valid) for pair in zip(forecast, truth, strict=True)])


def _of_frame(forecast: Array, truth: Array, valid: Mask | None) -> float:
    found = []
    for channel in range(truth.shape[-1]):
        one, other = (_plane(frame, channel, valid) for frame in (forecast, truth))
        if np.array_equal(one, other):
            found.append(1.0)
            continue
        for plane in (one, other):
            plane *= towards_one(plane)
            for _ in range(2):  # the second time takes off what rounding left of a large mean
                plane -= plane.mean()
        size = (energy(one) * energy(other)) ** 0.5
        found.append(0.0 if size == 0 else inner(one, other) / size)  # a size that is no number makes no correlation of 0
    return float(np.mean(found))


def _plane(frame: Array, channel: int, valid: Mask | None) -> Array:
    plane = frame[..., channel] if valid is None else frame[valid, channel]
    return plane.astype(np.float32).ravel()


def _of_passed(frame: Passed) -> float:
    sums, found = frame.sums, []
    for channel in range(frame.truth.shape[-1]):
        if sums["squared"][channel] == 0:
            found.append(1.0)
            continue
        energies = [float(sums[f"{name}_energy"][channel]) for name in ("forecast", "truth")]
        totals = [float(sums[name][channel]) for name in ("forecast", "truth")]
        spreads = [one - total**2 / frame.n_pixels for one, total in zip(energies, totals, strict=True)]
        if not all(spread > _SHARE * one for spread, one in zip(spreads, energies, strict=True)):
            return _of_frame(frame.forecast, frame.truth, frame.valid)
        product = float(sums["product"][channel]) - totals[0] * totals[1] / frame.n_pixels
        found.append(product / (spreads[0] * spreads[1]) ** 0.5)
    return float(np.mean(found))


METRICS.add(
    "correlation",
    MetricKind(
        title="Correlation",
        function=correlation,
        higher_is_better=True,
        perfect=1.0,
        explanation="Whether bright and dark lie where they should, whatever the contrast: 1 is perfect, 0 unrelated, below 0 "
        "the wrong way round. Higher is better.",
        unit="",
        of_frame=_of_passed,
        part="errors",
    ),
)
