"""Sharpness: the gradient energy of the forecast divided by that of the truth. It is what falls when a forecast blurs.

An error cannot tell blur: a blurred forecast has the lower one where the truth is not known. Both directions are wrong here;
above 1 the forecast has edges or noise that the truth has not. Noise is sharp: of a series with much of it, a forecast
without any has a ratio below 1 and is no worse for that.
"""

from collections.abc import Iterator

import numpy as np

from framecast.metrics.contract import METRICS, Array, Mask, MetricKind, check_pair
from framecast.metrics.one_pass import Passed
from framecast.metrics.sums import energy, ratio


def sharpness(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Sum of squared differences between neighbours, right and below, in the forecast, over the same sum in the truth.

    A pair of neighbours counts where both are valid; sums run over channels. Where the truth has no gradient at all the ratio
    is 1 for a forecast without one and infinite for any other. Arrays and errors as `Metric`; `data_range` and `last` are
    checked and not used.
    """
    check_pair(forecast, truth, data_range, valid, last)
    pairs = zip(forecast, truth, strict=True)
    return np.array([ratio(gradient_energy(one, valid), gradient_energy(other, valid)) for one, other in pairs])


def gradient_energy(frame: Array, counted: Mask | None = None) -> float:
    """Sum over the squared differences of neighbours of a frame (height, width, channel) where both are counted."""
    values = np.asarray(frame, np.float32)
    total = 0.0
    for difference, mask in zip(_differences(values), (None, None) if counted is None else _both(counted), strict=True):
        kept = (difference if mask is None else difference[mask]).ravel()
        total += energy(kept)
    return total


def _differences(frame: Array) -> Iterator[Array]:
    yield frame[:, 1:] - frame[:, :-1]
    yield frame[1:] - frame[:-1]


def _both(counted: Mask) -> tuple[Mask, Mask]:
    return counted[:, 1:] & counted[:, :-1], counted[1:] & counted[:-1]


def _of_frame(frame: Passed) -> float:
    return ratio(*(float(frame.sums[f"{name}_gradient"].sum()) for name in ("forecast", "truth")))


METRICS.add(
    "sharpness",
    MetricKind(
        title="Sharpness",
        function=sharpness,
        higher_is_better=True,
        perfect=1.0,
        explanation="Gradient energy of the forecast divided by that of the truth. 1 is best; below 1 it is blurred, "
        "above 1 it has edges or noise that the truth has not.",
        unit="",
        ratio=True,
        of_frame=_of_frame,
        part="gradients",
    ),
)
