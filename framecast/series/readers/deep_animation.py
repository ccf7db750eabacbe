"""Animated PNG of 16 bits a channel, which Pillow would cut to 8 in silence.

imagecodecs composes all frames at once, so what they take in memory is held against a bound before. What it makes of the
opacity where one half-transparent pixel lies over another is not what the format says; such an animation is refused.
"""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image

from framecast.errors import SeriesError
from framecast.files import bytes_in_words
from framecast.series.readers.contract import Frame, Upload, check_size, readable, warn
from framecast.series.readers.pixels import TRANSPARENT, over_white, three_axes

PNG = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
"""By the colour type in the first chunk (PNG, third edition, 11.2.1); a colour that is transparent (tRNS) adds one."""
MOST_BYTES = 2**29
"""What all frames may take: they are unpacked together."""


def is_deep_png(head: bytes) -> bool:
    """16 bits a channel, by the depth in the first chunk."""
    return head.startswith(PNG) and head[24:25] == b"\x10"


def check(file: Upload, height: int, width: int, n_images: int) -> None:
    """Raises SeriesError where all `n_images` of the file would not fit."""
    before_pixels = file.head().split(b"IDAT", 1)[0]
    n_channels = CHANNELS.get(before_pixels[25], 3) + (b"tRNS" in before_pixels)
    check_size(file.label, height, width, n_channels, itemsize=2)
    n_bytes = n_images * height * width * 2 * n_channels
    if n_bytes > MOST_BYTES:
        raise SeriesError(
            f"{file.label} is an animated PNG of 16 bits whose {n_images} frames take {bytes_in_words(n_bytes)}; they are "
            f"unpacked together, up to {bytes_in_words(MOST_BYTES)}. Save it as a TIFF stack or as single pictures."
        )


def frames(file: Upload, chosen: range, notes: list[str]) -> Iterator[Frame]:
    """The images (height, width, grey or colour), uint16, at the places `chosen` in the file."""
    import imagecodecs

    with readable(file, "an animation", Image.DecompressionBombError):
        content = file.read()
        images = imagecodecs.apng_decode(content)
        blended = any(_blends(content))
        if images.dtype != np.uint16 or len(images) < chosen.stop:
            raise ValueError("fewer images than it says, or not of 16 bits")
    if blended and images.ndim == 4 and images.shape[3] in (2, 4) and _half_transparent(images):
        raise SeriesError(
            f"{file.label} lays half-transparent pixels of 16 bits over one another, which is not read here; its frames must "
            "be opaque, or each must take the place of the one before. Save it as a TIFF stack or as single pictures."
        )
    for index in chosen:
        frame = three_axes(images[index])
        if frame.shape[2] in (2, 4):
            frame, changed = over_white(frame)
            if changed:
                warn(notes, TRANSPARENT)
        yield frame


def _blends(content: bytes) -> Iterator[bool]:
    """Of each frame, whether it is laid over the one before (PNG, third edition, 11.3.6.2)."""
    place = len(PNG)
    while len(head := content[place : place + 34]) >= 12:
        n_bytes, kind = struct.unpack(">I4s", head[:8])
        if kind == b"fcTL":
            yield head[33:34] == b"\1"
        place += 12 + n_bytes


def _half_transparent(images: Frame) -> bool:
    return any(bool(((one[..., -1] > 0) & (one[..., -1] < 65535)).any()) for one in images)
