"""Change from frame to frame, forecast over truth: 0 is a picture that stands still, 1 is as lively as the truth."""

import numpy as np

from framecast.metrics.contract import METRICS, Array, Mask, MetricKind, check_pair, required
from framecast.metrics.one_pass import Passed
from framecast.metrics.sums import energy, ratio


def change_ratio(
    forecast: Array, truth: Array, *, data_range: float, valid: Mask | None = None, last: Array | None = None
) -> Array:
    """Root mean square of what changed from the frame before, forecast divided by truth, over valid pixels and channels.

    The frame before lead 1 is the last observed one for both, without which this is an InputError. Where the truth does not
    change at all the ratio is 1 for a forecast that does not either and infinite for any other. Noise that is new in every
    frame is change: a forecast without any has a ratio below 1. Arrays and other errors as `Metric`; `data_range` is checked
    and not used.
    """
    check_pair(forecast, truth, data_range, valid, last)
    before = [np.asarray(required(last, "change"), np.float32)] * 2
    ratios = []
    for pair in zip(forecast, truth, strict=True):
        now = [np.asarray(frame, np.float32) for frame in pair]
        sizes = []
        for one, other in zip(now, before, strict=True):
            change = one - other
            sizes.append(energy((change if valid is None else change[valid]).ravel()) ** 0.5)
        ratios.append(ratio(*sizes))
        before = now
    return np.array(ratios)


def _of_frame(frame: Passed) -> float:
    return ratio(*(float(frame.sums[f"{name}_change"].sum()) ** 0.5 for name in ("forecast", "truth")))


METRICS.add(
    "change",
    MetricKind(
        title="Change",
        function=change_ratio,
        higher_is_better=True,
        perfect=1.0,
        explanation="How much changes from one frame to the next, forecast divided by truth. 1 is best; 0 is frozen; above "
        "1 the forecast is restless.",
        unit="",
        ratio=True,
        needs_last=True,
        of_frame=_of_frame,
        part="changes",
    ),
)
