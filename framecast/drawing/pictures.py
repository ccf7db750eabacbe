"""Frames to pictures: native units in, 8-bit greys or colours out, and from there to PNG or JPEG bytes.

A picture is what a person looks at, never what is scored or downloaded. Scaling to 8 bit uses one fixed range for a whole
series, so that a frame that gets darker looks darker.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from framecast.drawing.colours import MASKED, error_lut, spread_lut
from framecast.series.store import StoredSeries

Picture = np.ndarray[Any, np.dtype[np.uint8]]
"""(height, width) greys or (height, width, 3) red, green, blue."""
Mask = np.ndarray[Any, np.dtype[np.bool_]] | None

_ERROR_LUT = error_lut()
_SPREAD_LUT = spread_lut()


@dataclass(frozen=True)
class DisplayRange:
    """The values drawn as black and as white."""

    low: float
    high: float

    def __post_init__(self) -> None:
        assert self.high > self.low, "a display range needs some width"

    @classmethod
    def of(cls, dtype: str, value_range: tuple[float, float], low: float, high: float) -> "DisplayRange":
        """8-bit frames are drawn as they are, unless they use less than half of what they can hold: a microscope's 91 to 144
        would be one grey. Deeper ones often use a small part of it (a 12-bit camera in 16 bits). Such frames are drawn over
        the values that occur, `low` to `high`."""
        if not high > low or (dtype == "uint8" and high - low >= (value_range[1] - value_range[0]) / 2):
            return cls(float(value_range[0]), float(value_range[1]))
        return cls(float(low), float(high))


def display_range(stored: StoredSeries) -> DisplayRange:
    """The one range over which all frames of a stored series are drawn."""
    return DisplayRange.of(stored.dtype, stored.value_range, stored.low, stored.high)


def picture(frame: np.ndarray[Any, Any], shown: DisplayRange, valid: Mask = None) -> Picture:
    """A frame (height, width, channel) as greys (one or two channels: the first) or colours (the first three of more)."""
    channels = frame[..., :3] if frame.shape[-1] >= 3 else frame[..., 0]
    if channels.dtype == np.uint8 and (shown.low, shown.high) == (0.0, 255.0):
        drawn = np.array(channels)
    else:
        scaled = (channels.astype(np.float32) - shown.low) * (255.0 / (shown.high - shown.low))
        drawn = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return _marked(drawn, valid)


def error_picture(error: np.ndarray[Any, Any], limit: float, valid: Mask = None) -> Picture:
    """A signed error (height, width) in units, from -limit (blue) over zero (near-white) to limit (red)."""
    assert limit > 0, "an error scale needs some width"
    level = np.clip(np.rint((error.astype(np.float32) / limit + 1) * 127.5), 0, 255).astype(np.uint8)
    return _marked(_ERROR_LUT[level], valid)


def spread_picture(spread: np.ndarray[Any, Any], limit: float, valid: Mask = None) -> Picture:
    """A spread (height, width) in units, from 0 (near-white) to limit (dark)."""
    assert limit > 0, "a spread scale needs some width"
    level = np.clip(np.rint(np.nan_to_num(spread.astype(np.float32)) / limit * 255), 0, 255).astype(np.uint8)
    return _marked(_SPREAD_LUT[level], valid)


def encode(drawn: Picture, *, lossless: bool, longest_side: int | None = None, quality: int = 88) -> bytes:
    """PNG bytes, or JPEG bytes with full colour resolution; shrunk by area averaging to `longest_side` where larger."""
    image = Image.fromarray(drawn)
    if longest_side is not None and max(image.size) > longest_side:
        scale = longest_side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX)
    buffer = io.BytesIO()
    if lossless:
        image.save(buffer, "PNG", compress_level=1)
    else:
        image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def still(drawn: Picture, side: int = 320) -> bytes:
    """One picture on a page: a small one is enlarged pixel by pixel, as PNG; a large one is shrunk to 2 x `side`, as JPEG."""
    small = max(drawn.shape[:2]) <= side
    return encode(enlarged(drawn, side), lossless=small, longest_side=2 * side)


def enlarged(drawn: Picture, side: int) -> Picture:
    """Each pixel repeated as often as the longest side stays within `side`; a larger picture as it is."""
    factor = max(1, side // max(drawn.shape[:2]))
    return drawn.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else drawn


def _marked(drawn: Picture, valid: Mask) -> Picture:
    """With pixels that carry no data in a colour of their own, for which greys become colours."""
    if valid is None or valid.all():
        return drawn
    colours = drawn if drawn.ndim == 3 else drawn[..., None].repeat(3, axis=-1)
    colours[~valid] = MASKED
    return colours
