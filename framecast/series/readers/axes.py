"""Which axis of an array is time: said by each format's custom, checked against the one axis that can be channels."""

from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import check_size

Axes = str
"""One letter an axis, in the order of the array: T time, H height, W width, C channel."""

WORDS = {"T": "time", "H": "height", "W": "width", "C": "channel"}


def axes_of(label: str, shape: tuple[int, ...], customs: tuple[Axes, ...], notes: list[str]) -> Axes:
    """The first of `customs` that `shape` can have; the channel axis, where there is one, is 1 to 4 long.

    `customs[0]` is the format's usual order of four axes, the others are taken with a warning. Three axes are the usual ones
    without channels. Raises SeriesError, naming what would fit.
    """
    usual = customs[0]
    needed = f"a series is ({in_words(usual.replace('C', ''))}) or ({in_words(usual)}) with 1 to 4 channels"
    if len(shape) == 3:
        if shape[2] in (3, 4):
            raise SeriesError(
                f"{label} is an array {shape}, which looks like one colour picture; {needed}. Stack at least 2 pictures."
            )
        return _checked(label, shape, usual.replace("C", ""))
    if len(shape) == 4:
        for axes in customs:
            if 1 <= shape[axes.index("C")] <= 4:
                if axes != usual:
                    notes.append(f"The array {shape} was read as ({in_words(axes)}), not in the usual order.")
                return _checked(label, shape, axes)
    raise SeriesError(f"{label} is an array {shape}; {needed}. Reorder or cut it, and save it again.")


def in_words(axes: Axes) -> str:
    return ", ".join(WORDS[axis] for axis in axes)


def frames_first(array: np.ndarray[Any, np.dtype[Any]], axes: Axes) -> np.ndarray[Any, np.dtype[Any]]:
    """A view of the whole array as (time, height, width, channel)."""
    ordered = array.transpose([axes.index(axis) for axis in "THWC" if axis in axes])
    return ordered if "C" in axes else ordered[..., None]


def _checked(label: str, shape: tuple[int, ...], axes: Axes) -> Axes:
    lengths = dict(zip(axes, shape, strict=True))
    if lengths["T"] < 1:
        raise SeriesError(f"{label} is an array {shape} without a frame; a series needs at least 2. Save it again.")
    check_size(label, lengths["H"], lengths["W"], lengths.get("C", 1))
    return axes
