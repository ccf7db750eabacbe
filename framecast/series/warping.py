"""Moving a picture along a displacement, so that a motion found on a small grid can carry the native frame.

A forecast by motion samples the last true frame once per lead: what is sampled from a sample blurs. A displacement is smooth,
so it may be found small and enlarged; the picture is not, so it never is.
"""

from functools import cache
from typing import Any

import numpy as np
from PIL import Image

Array = np.ndarray[Any, np.dtype[Any]]

_BLOCK_PIXELS = 1 << 15
"""Pixels warped at once: few enough to stay in the cache."""


def enlarge_displacement(
    displacement: Array, shape: tuple[int, int], rows: Array | None = None, columns: Array | None = None
) -> Array:
    """A displacement (2, h, w) in pixels of its own grid, down and right, as (2, height, width) float32 in pixels of `shape`.

    Bicubic, with Pillow's pixel centres: the grids share their edges, as frames do that Pillow has reduced. With the indices
    of some native `rows` and `columns`, only those: (2, len(rows), len(columns)), equal up to rounding.
    """
    small = displacement.shape[1:]
    if rows is not None and columns is not None:
        along, across = (_weights(*sizes)[at] for *sizes, at in zip(small, shape, (rows, columns), strict=True))
        ratios = (np.array(shape) / small).astype(np.float32)
        return np.asarray(along @ displacement.astype(np.float32) @ across.T * ratios[:, None, None])
    if small == shape:
        return displacement.astype(np.float32)
    planes = []
    for plane, native, reduced in zip(displacement, shape, small, strict=True):
        picture = Image.fromarray(np.ascontiguousarray(plane, np.float32))
        enlarged = picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
        planes.append(np.asarray(enlarged) * np.float32(native / reduced))
    return np.stack(planes)


def warp(frame: Array, displacement: Array, rows: Array | None = None, columns: Array | None = None) -> Array:
    """`frame` (height, width, channel) seen through a displacement (2, height, width) in its pixels: float32, same shape.

    out[y, x] is the frame at (y + displacement[0, y, x], x + displacement[1, y, x]), bilinear, its border repeated outwards.
    Where the displacement is zero the frame comes back to the bit. With the indices of some native `rows` and `columns`, only
    those are computed: (len(rows), len(columns), channel); the displacement is that of the whole frame or of those alone.
    """
    height, width, channels = frame.shape
    rows = np.arange(height) if rows is None else rows
    columns = np.arange(width) if columns is None else columns
    if displacement.shape[1:] == (height, width):
        displacement = displacement[:, rows][:, :, columns]
    out = np.empty((len(rows), len(columns), channels), np.float32)
    step = max(1, _BLOCK_PIXELS // max(1, len(columns)))
    pixels = frame.reshape(height * width, channels)
    for start in range(0, len(rows), step):
        down, right = displacement[:, start : start + step].astype(np.float64)
        top, below = _position(rows[start : start + step, None] + down, height)
        left, beside = _position(columns + right, width)
        corner = top * width + left
        to_below, to_beside = np.where(top < height - 1, width, 0), np.where(left < width - 1, 1, 0)
        upper = _between(pixels, corner, corner + to_beside, beside)
        lower = _between(pixels, corner + to_below, corner + to_below + to_beside, beside)
        lower -= upper
        lower *= below[..., None]
        np.add(upper, lower, out=out[start : start + step])
    return out


@cache
def _weights(size: int, native: int) -> Array:
    """What each of `size` values has in each of `native` enlarged ones: (native, size) float32, Pillow's own."""
    if size == native:
        return np.eye(size, dtype=np.float32)
    unit = Image.fromarray(np.eye(size, dtype=np.float32))
    return np.asarray(unit.resize((size, native), Image.Resampling.BICUBIC))


def _position(at: Array, size: int) -> tuple[Array, Array]:
    """The whole pixel before each position within 0 to size - 1, and the share of the way to the next, float32."""
    at = np.clip(at, 0, size - 1)
    before = at.astype(np.intp)
    return before, (at - before).astype(np.float32)


def _between(pixels: Array, one: Array, other: Array, share: Array) -> Array:
    start = pixels.take(one, axis=0).astype(np.float32)
    change = pixels.take(other, axis=0).astype(np.float32)
    change -= start
    change *= share[..., None]
    start += change
    return start
