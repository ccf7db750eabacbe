"""What lies under the mask of a series: one value, between the lowest and the highest that are seen.

Forecasters look at whole frames, and the extremes of the past bound what simple rules say. A value that no pixel with data
has would reach their forecasts from under the mask, so none is stored.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from framecast.series.readers.contract import Frame

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def settled(frames: Iterable[Frame], valid: Mask | None) -> Iterator[Frame]:
    """`frames` (height, width, channel) with one value where `valid` (height, width) is False: the one that the first frame
    has there, if it lies between those of pixels with data, else their mean. A mask that does not fit is left alone."""
    filling: Any = None
    for frame in frames:
        if valid is None or valid.all() or not valid.any() or frame.shape[:2] != valid.shape:
            yield frame
            continue
        if filling is None:
            filling = _filling(frame, valid)
        yield np.where(valid[:, :, None], frame, filling)


def _filling(frame: Frame, valid: Mask) -> Any:
    there, seen = frame[~valid].flat[0], frame[valid]
    if seen.min() <= there <= seen.max():
        return there
    mean = seen.mean(dtype=np.float64)
    return frame.dtype.type(mean if frame.dtype.kind == "f" else np.rint(mean))
