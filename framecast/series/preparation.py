"""From native size to working size by area averaging, and the enlarging that every way back is made of.

A forecast never comes back as an enlarged picture; see forecasters/restoration.py. Resampling is Pillow's.
"""

import math
from typing import Any

import numpy as np
from PIL import Image

from framecast.series.frames import Frames

Array = np.ndarray[Any, np.dtype[Any]]


def reduce_frames(frames: Frames, shape: tuple[int, int]) -> Frames:
    """Frames (time, height, width, channel) area-averaged to `shape` (height, width), in the same dtype.

    Integers are rounded; 8-bit colour twice, once per direction, so it may be off by one. Frames that already have that shape
    come back as they are, not copied.
    """
    if frames.shape[1:3] == shape:
        return frames
    out = np.empty((len(frames), *shape, frames.shape[-1]), frames.dtype)
    for index, frame in enumerate(frames):
        out[index] = _resize(frame, shape, Image.Resampling.BOX)
    return out


def reduce_mask(valid: np.ndarray[Any, Any], shape: tuple[int, int]) -> np.ndarray[Any, Any]:
    """A working-size pixel carries data where at least half of what it covers does."""
    share = reduce_frames(valid[None, ..., None].astype(np.float32), shape)
    mask: np.ndarray[Any, Any] = share[0, ..., 0] >= 0.5
    return mask


def reduced_shape(height: int, width: int, n_pixels: int) -> tuple[int, int]:
    """(height, width) of `n_pixels` at most, aspect kept as far as whole pixels allow; never larger than it was."""
    scale = min(1.0, math.sqrt(n_pixels / (height * width)))
    short, long = sorted((height, width))
    short = max(1, math.floor(short * scale))
    long = max(1, min(math.ceil(long * scale), n_pixels // short))
    return (short, long) if height <= width else (long, short)


def enlarge(maps: Array, shape: tuple[int, int]) -> Array:
    """Maps (h, w, channel) float32 brought to `shape` (height, width), bicubic."""
    return _resize(maps, shape, Image.Resampling.BICUBIC)


def _resize(frame: Array, shape: tuple[int, int], method: Image.Resampling) -> Array:
    size = (shape[1], shape[0])
    if frame.dtype == np.uint8 and frame.shape[-1] == 3:
        return np.asarray(Image.fromarray(frame).resize(size, method))
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(frame[..., channel], dtype=np.float32)).resize(size, method))
        for channel in range(frame.shape[-1])
    ]
    resized = np.stack(planes, axis=-1)
    return resized if frame.dtype == np.float32 else np.rint(resized).astype(frame.dtype)
