"""Moving pictures along a displacement: bilinear, borders continued, exact where nothing moves.

A displacement is (2, height, width) float32: what is seen at (y, x) comes from (y + d[0], x + d[1]), in pixels of its own grid.
"""

from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, np.dtype[Any]]


def enlarge_displacement(displacement: Array, shape: tuple[int, int]) -> Array:
    """The same motion on a grid of another shape: (2, height, width) float32 in pixels of the new grid."""
    _, height, width = displacement.shape
    if (height, width) == shape:
        return displacement.astype(np.float32, copy=False)
    out = np.empty((2, *shape), np.float32)
    for axis, factor in enumerate((shape[0] / height, shape[1] / width)):
        plane = Image.fromarray(np.ascontiguousarray(displacement[axis], dtype=np.float32))
        out[axis] = np.asarray(plane.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)) * np.float32(factor)
    return out


def warp(frame: Array, displacement: Array, rows: Array | None = None, columns: Array | None = None) -> Array:
    """The frame (height, width, channel) moved: float32 (height, width, channel), or of the given rows and columns only.

    `displacement` is (2, height, width), or already of the rows and columns only.
    """
    height, width = frame.shape[:2]
    rows = np.arange(height) if rows is None else rows
    columns = np.arange(width) if columns is None else columns
    if displacement.shape[1:] != (len(rows), len(columns)):
        displacement = displacement[:, rows[:, None], columns[None]]
    y, y_share = _split(rows[:, None] + displacement[0], height)
    x, x_share = _split(columns[None] + displacement[1], width)
    flat = frame.reshape(height * width, -1)
    y_next, x_next = np.minimum(y + 1, height - 1) * width, np.minimum(x + 1, width - 1)
    y = y * width
    top, bottom = (
        _mixed(flat[at + x], flat[at + x_next], x_share) for at in (y, y_next)
    )
    return _mixed(top, bottom, y_share)


def _split(position: Array, size: int) -> tuple[Array, Array]:
    """Whole pixel and the share of the next one, held inside the frame."""
    position = np.clip(position, 0, size - 1)
    whole = position.astype(np.int32)
    return whole, (position - whole).astype(np.float32)[..., None]


def _mixed(first: Array, second: Array, share: Array) -> Array:
    """Exactly the first where the share is 0."""
    first = first.astype(np.float32)
    return np.asarray(first + share * (second.astype(np.float32) - first))
