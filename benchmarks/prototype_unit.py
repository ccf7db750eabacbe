"""A series reduced as the prototype reduced it, so that its figures and ours are in one unit.

Sides are rounded to multiples of four, and each pixel is the mean of every native pixel that its square touches, those at its
edge in full (adaptive average pooling). An ordinary area average counts them by the share that lies within, keeps every
detail a little sharper, and is worth up to .006 in the SSIM of one and the same forecast. Means are not rounded to grey levels
either, which on dim series is worth .002: they are kept in 16 bits, to a 257th of a level. SSIM itself is computed alike.
"""

from dataclasses import replace

import numpy as np

from framecast import FrameSeries

SIDE, MULTIPLE = 64, 4
PER_LEVEL = 257
"""16-bit steps in an 8-bit grey level: 255 becomes 65535, so that the data range is known to be 16 bits."""


def in_prototype_unit(series: FrameSeries) -> FrameSeries:
    """`series`, 8-bit, with the shorter side at about SIDE pixels; uint16, PER_LEVEL times its grey levels."""
    if series.frames.dtype != np.uint8:
        raise SystemExit(f"{series.name} has {series.frames.dtype} values; the prototype's unit is known for 8-bit series.")
    scale = SIDE / min(series.height, series.width)
    rows, columns = (_means(side, max(1, round(side * scale / MULTIPLE)) * MULTIPLE) for side in series.frames.shape[1:3])
    frames = np.empty((series.n_frames, len(rows), len(columns), series.n_channels), np.uint16)
    for index, frame in enumerate(series.frames):
        reduced = np.einsum("yh,hwc,xw->yxc", rows, frame.astype(np.float32), columns, optimize=True)
        frames[index] = np.rint(reduced * PER_LEVEL)
    return replace(series, frames=frames, value_range=(0.0, 255.0 * PER_LEVEL))


def _means(native: int, small: int) -> np.ndarray:
    """(small, native) float32: how much each native pixel along a side counts in each reduced one; rows sum to 1."""
    number = np.arange(small)
    first, stop = number * native // small, -(-(number + 1) * native // small)
    place = np.arange(native)
    touched = (place >= first[:, None]) & (place < stop[:, None])
    return (touched / touched.sum(axis=1, keepdims=True)).astype(np.float32)
