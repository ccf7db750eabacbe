"""What several readers do to pixels: give them three axes, lay transparency over white."""

from typing import Any

import numpy as np

from framecast.series.readers.contract import Frame


def three_axes(pixels: np.ndarray[Any, np.dtype[Any]]) -> Frame:
    """(height, width) or (height, width, channel) as (height, width, channel)."""
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def over_white(pixels: Frame) -> tuple[Frame, bool]:
    """(height, width, grey + alpha or colour + alpha), uint8 or uint16, without its alpha, and whether that changed a value.

    What lies under a transparent pixel is arbitrary and would be forecast as if it were seen. White, because that is what
    pages and plots have behind a picture.
    """
    colour, alpha = pixels[:, :, :-1], pixels[:, :, -1:]
    top = int(np.iinfo(pixels.dtype).max)
    if bool((alpha == top).all()):
        return np.ascontiguousarray(colour), False
    opacity = alpha.astype(np.float64) / top
    return np.rint(colour * opacity + top * (1 - opacity)).astype(pixels.dtype), True
