"""What several readers do to pixels: give them three axes, turn them upright, lay transparency over white, inks over paper."""

from typing import Any

import numpy as np

from framecast.series.readers.contract import Frame

TRANSPARENT = "Transparent pixels were laid over white."
INKS = "CMYK inks were turned into red, green and blue without a colour profile."


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


def premultiplied_over_white(pixels: Frame) -> tuple[Frame, bool]:
    """As `over_white`, of colours that were multiplied by their alpha when they were written."""
    colour, alpha = pixels[:, :, :-1], pixels[:, :, -1:]
    top = np.iinfo(pixels.dtype).max
    if bool((alpha == top).all()):
        return np.ascontiguousarray(colour), False
    return (colour + np.minimum(top - alpha, top - colour)).astype(pixels.dtype), True


def oriented(pixels: Frame, orientation: int) -> Frame:
    """(height, width, channel) as it is to be seen, by the mark (1 to 8) that EXIF and TIFF give to what a camera saw
    askew."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    turned = {2: (0, 1), 3: (1, 1), 4: (1, 0), 6: (0, 1), 7: (1, 1), 8: (1, 0)}.get(orientation, (0, 0))
    return pixels[:: -1 if turned[0] else 1, :: -1 if turned[1] else 1]


def inks_over_paper(pixels: Frame) -> Frame:
    """(height, width, cyan + magenta + yellow + black), uint8 or uint16, as red, green and blue; without a colour profile."""
    top = float(np.iinfo(pixels.dtype).max)
    light = 1 - pixels.astype(np.float64) / top
    return np.rint(light[:, :, :3] * light[:, :, 3:4] * top).astype(pixels.dtype)
