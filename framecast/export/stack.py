"""A forecast as one TIFF of many pages, exact, in the form that ImageJ and Fiji open as a stack over time."""

import io
from datetime import timedelta
from typing import Any

import numpy as np

from framecast.errors import SettingError
from framecast.series.frames import Frames

LARGEST_BYTES = 2**32 - 2**20
"""Of a TIFF as ImageJ reads it: places in the file have 32 bits."""


def tiff(
    frames: Frames, valid: np.ndarray[Any, np.dtype[np.bool_]] | None = None, timestep: timedelta | None = None
) -> bytes:
    """`frames` (lead, height, width, channel) of uint8, uint16 or float32 as the bytes of an ImageJ TIFF.

    One channel gives the axes (time, y, x), three of uint8 are colours, other numbers of channels give (time, channel, y, x).
    Where `valid` (height, width) is false, float frames get NaN. `timestep` is kept as the frame interval in seconds. Raises
    SettingError where the frames are more than such a file holds.
    """
    import tifffile

    if frames.nbytes > LARGEST_BYTES:
        raise SettingError(
            f"{len(frames)} frames are {frames.nbytes:,} bytes and a TIFF for ImageJ holds {LARGEST_BYTES:,}. "
            f"Forecast at most {len(frames) * LARGEST_BYTES // frames.nbytes} frames, or choose .npy."
        )
    if valid is not None and frames.dtype == np.float32:
        frames = np.where(valid[:, :, None], frames, np.float32(np.nan))
    n_channels = frames.shape[-1]
    if n_channels == 1:
        pages, axes = frames[..., 0], "TYX"
    elif n_channels == 3 and frames.dtype == np.uint8:
        pages, axes = frames, "TYXS"
    else:
        pages, axes = np.moveaxis(frames, -1, 1), "TCYX"
    known: dict[str, Any] = {"axes": axes}
    if timestep is not None:
        known["finterval"] = timestep.total_seconds()
    content = io.BytesIO()
    tifffile.imwrite(content, np.ascontiguousarray(pages), imagej=True, metadata=known)
    return content.getvalue()
