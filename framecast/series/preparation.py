"""From native size to working size and back, so that working small loses no still detail.

Down is area averaging. Back up is not enlarging the small forecast: the native last frame plus the enlarged *change* keeps
every still edge sharp, and a forecast of no change is exactly the native last frame. Resampling is Pillow's.
"""

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


def restore_frames(forecast: Array, last_small: Array, last_native: Array) -> Array:
    """A working-size forecast brought back to native size, float32 (lead, height, width, channel).

    `forecast` is (lead, h, w, channel) float32, `last_small` (h, w, channel) the last true frame as the network saw it and
    `last_native` (height, width, channel) the same frame as it was stored; all in the units of the series.
    """
    if forecast.shape[1:] == last_native.shape:
        return forecast.astype(np.float32, copy=False)
    shape = (last_native.shape[0], last_native.shape[1])
    background = last_native.astype(np.float32)
    anchor = last_small.astype(np.float32)
    out = np.empty((len(forecast), *background.shape), np.float32)
    for index, frame in enumerate(forecast):
        out[index] = background + _resize(frame - anchor, shape, Image.Resampling.BICUBIC)
    return out


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
