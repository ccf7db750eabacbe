"""Objects in front of a background that stands still: what differs from the median of past frames and hangs together."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.forecasters.tuned_rule import median_frame
from framecast.leaving import may_be_left
from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames, reduced_shape

Array = np.ndarray[Any, np.dtype[Any]]

_SEARCHED_PIXELS = 256 * 256
FEWEST_PIXELS = 8
"""Along either side; smaller pictures hold no objects."""
_SEARCHED, _OF_MEDIAN = 100, 25
"""Frames in which objects are looked for, the last ones, and of which the background is the median."""
_MOST_OBJECTS, _SMALLEST = 200, 5
"""In one frame, and in pixels of the grid that is searched."""
_MOST_COVERED = 0.5
"""Of the picture. What covers more is not in front of a background."""


@dataclass(eq=False)
class Blob:
    """What hangs together in one frame; in pixels of the grid, rows and columns."""

    centre: Array
    area: int
    box: tuple[slice, slice]
    label: int
    whole: bool
    """Whether it does not touch the border of the frame."""

    @property
    def half(self) -> Array:
        return np.array([(side.stop - side.start) / 2 for side in self.box])


@dataclass(frozen=True, eq=False)
class Found:
    """What stands out from the background in the last frames."""

    shape: tuple[int, int]
    """Of the grid in which it was searched."""
    threshold: float
    """How far an object's pixels are from the background, in units of the frames."""
    blobs: dict[int, list[Blob]]
    labels: dict[int, Array]
    """By frame, ascending: what hangs together, and which pixels of the grid belong to which blob."""


def background(past: Frames) -> Array:
    """Median of at most 25 frames, evenly spread, of (time, height, width, channel): (height, width, channel) float32."""
    at = np.unique(np.linspace(0, len(past) - 1, min(_OF_MEDIAN, len(past))).round().astype(int))
    return np.asarray(median_frame(past, at.tolist()), np.float32)


def difference(frame: Array, behind: Array) -> Array:
    """Of (height, width, channel) from the background, the largest over the channels: (height, width) float32."""
    return np.asarray(np.abs(frame.astype(np.float32) - behind).max(axis=-1))


def find(past: Frames, behind: Array, sensitivity: float) -> Found | None:
    """What differs from the background `behind` in the last hundred frames of (time, height, width, channel); None where
    nothing does, more than half of the last one or more than two hundred things in it.

    An object's pixels differ by more than Otsu's threshold (IEEE Transactions on Systems, Man, and Cybernetics 9 (1979) 62-66)
    divided by `sensitivity`.
    """
    from skimage.filters import threshold_otsu  # takes a second to import

    shape = reduced_shape(past.shape[1], past.shape[2], _SEARCHED_PIXELS)
    small_behind = reduce_frames(behind[None], shape)[0]
    signals = {}
    for time in range(max(0, len(past) - _SEARCHED), len(past)):
        may_be_left()
        small = reduce_frames(past[time : time + 1].astype(np.float32), shape)[0]  # not rounded, as whole numbers would be
        signals[time] = difference(small, small_behind)
    last = signals[len(past) - 1]
    sample = np.stack([*list(signals.values())[:: max(1, len(signals) // 10)], last])
    top = float(sample.max())
    if not 0 < top < np.inf or min(shape) < FEWEST_PIXELS:
        return None
    threshold = float(threshold_otsu(sample / top)) * top / sensitivity  # type: ignore[no-untyped-call]
    if not 0 < threshold < top or float((last > threshold).mean()) > _MOST_COVERED:
        return None
    found, labels = {}, {}
    for time, signal in signals.items():
        may_be_left()
        found[time], labels[time] = blobs(signal, threshold)
    return Found(shape, threshold, found, labels) if len(found[len(past) - 1]) <= _MOST_OBJECTS else None


def blobs(signal: Array, threshold: float) -> tuple[list[Blob], Array]:
    """What of (height, width) exceeds the threshold and touches, the largest ones; and the labels of all pixels."""
    from scipy.ndimage import find_objects, label

    labels, _ = label(signal > threshold, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    boxes, out = find_objects(labels), []
    for number in np.argsort(-areas, kind="stable")[: _MOST_OBJECTS + 1]:
        if areas[number] < _SMALLEST:
            break
        box = boxes[number - 1]
        weight = np.where(labels[box] == number, signal[box], 0).astype(np.float64)
        rows, columns = (np.arange(side.start, side.stop) for side in box)
        centre = np.array([weight.sum(axis=1) @ rows, weight.sum(axis=0) @ columns]) / weight.sum()
        whole = all(side.start > 0 and side.stop < size for side, size in zip(box, signal.shape, strict=True))
        out.append(Blob(centre, int(areas[number]), box, int(number), whole))
    return out, labels
