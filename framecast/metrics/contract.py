"""What a metric is, and the checks that all of them share.

There is one contract for all: a metric that looks at change asks for the last observed frame, and whoever scores without one
leaves such a metric out (`MetricKind.needs_last`), rather than have it make up a beginning.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from framecast.errors import InputError
from framecast.registry import Registry

if TYPE_CHECKING:
    from framecast.metrics.one_pass import Passed

Array = np.ndarray[Any, np.dtype[Any]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]


class Metric(Protocol):
    def __call__(
        self, forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
    ) -> Array:
        """One number per lead, (lead,) float64.

        `forecast` and `truth` are (lead, height, width, channel) of one shape, each in uint8, uint16 or float32, in the same
        units, the leads of one forecast from lead 1 on; `data_range` is the width of the series' value range in these units;
        `valid` a (height, width) mask of the pixels that count; `last` the last observed frame, (height, width, channel).
        Raises InputError where they do not fit together, or where there is no `last` and the metric needs one.
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
    ratio: bool = False
    """Forecast divided by truth: 1 is best, and twice as much is as wrong as half. `higher_is_better` then says nothing."""
    needs_last: bool = False
    """Cannot be computed without the last observed frame."""
    of_frame: "Callable[[Passed], float] | None" = None
    """The same number of one frame that was passed over (`framecast.metrics.one_pass`), at a fraction of the cost when several
    metrics are asked for. Without it `function` is called for all frames."""
    part: str = ""
    """The part of the pass that `of_frame` needs, "" for none."""

    @property
    def has_skill(self) -> bool:
        """Whether a share of the way to perfection can be told: not of a ratio, where a frozen frame may be perfect."""
        return math.isfinite(self.perfect) and not self.ratio

    @property
    def better(self) -> str:
        """Which way is good, in words."""
        return "1 is best" if self.ratio else "higher is better" if self.higher_is_better else "lower is better"

    def badness(self, scores: Array) -> Array:
        """The same numbers so that lower is better whatever the metric; of a ratio the size of its logarithm."""
        with np.errstate(divide="ignore"):
            bad: Array = np.abs(np.log(scores)) if self.ratio else -scores if self.higher_is_better else scores
        return bad


METRICS: Registry[MetricKind] = Registry("metric", "framecast.metrics")


def check_pair(forecast: Array, truth: Array, data_range: float, valid: Mask | None, last: Array | None = None) -> None:
    """Raises InputError unless forecast, truth, data range, mask and last observed frame fit together."""
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
    if last is not None and last.shape != truth.shape[1:]:
        raise InputError(
            f"The last observed frame is {last.shape}; it must be {truth.shape[1:]}, as the frames that are scored. Give one "
            "frame, without an axis of time."
        )


def required(last: Array | None, metric: str) -> Array:
    """`last` where it is there; InputError otherwise, on behalf of the metric of that name."""
    if last is None:
        raise InputError(
            f"There is no last observed frame; {metric} is about what changed since. Give it as last=, or use other metrics."
        )
    return last
