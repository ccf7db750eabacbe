"""Objects in front of a background that stands still: what differs from the median of past frames and hangs together."""

import functools
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
    away = np.abs(frame.astype(np.float32) - behind)
    return functools.reduce(np.maximum, (away[..., channel] for channel in range(away.shape[-1])))  # an axis of 3 takes long


class Signals:
    """How far each of the last hundred frames of (time, height, width, channel) is from the background `behind`, on the grid
    that is searched; each found when it is first asked for."""

    def __init__(self, past: Frames, behind: Array) -> None:
        self._past = past
        self.shape = reduced_shape(past.shape[1], past.shape[2], _SEARCHED_PIXELS)
        self.times = range(max(0, len(past) - _SEARCHED), len(past))
        self._behind = reduce_frames(behind[None], self.shape)[0]
        self._known: dict[int, Array] = {}

    def at(self, time: int) -> Array:
        """(height, width) float32 of the grid."""
        if time not in self._known:
            may_be_left()
            frame = self._past[time : time + 1].astype(np.float32)  # not rounded, as whole numbers would be
            self._known[time] = difference(reduce_frames(frame, self.shape)[0], self._behind)
        return self._known[time]


def find(signals: Signals, sensitivity: float) -> Found | None:
    """What differs from the background in the frames of `signals`; None where nothing does, more than half of the last one or
    more than two hundred things in it. Most series without objects show that in a tenth of the frames, and the others are
    not looked at.

    An object's pixels differ by more than Otsu's threshold (IEEE Transactions on Systems, Man, and Cybernetics 9 (1979) 62-66)
    divided by `sensitivity`.
    """
    from skimage.filters import threshold_otsu  # takes a second to import

    times, last = signals.times, signals.times[-1]
    sample = np.stack([signals.at(time) for time in (*times[:: max(1, len(times) // 10)], last)])
    top = float(sample.max())
    if not 0 < top < np.inf or min(signals.shape) < FEWEST_PIXELS:
        return None
    threshold = float(threshold_otsu(sample / top)) * top / sensitivity  # type: ignore[no-untyped-call]
    if not 0 < threshold < top or float((signals.at(last) > threshold).mean()) > _MOST_COVERED:
        return None
    newest = blobs(signals.at(last), threshold)
    if len(newest[0]) > _MOST_OBJECTS:
        return None
    found, labels = {}, {}
    for time in times:
        may_be_left()
        found[time], labels[time] = newest if time == last else blobs(signals.at(time), threshold)
    return Found(signals.shape, threshold, found, labels)


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
