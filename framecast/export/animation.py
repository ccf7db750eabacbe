"""Pictures as a small animation for a talk, a chat or a README: GIF, which everything shows, or WebP, which is smaller."""

import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

FORMATS = ("GIF", "WEBP")


def animation(
    pictures: Iterable[np.ndarray[Any, np.dtype[np.uint8]]], frames_per_second: float, *, format: str = "GIF"
) -> bytes:
    """The bytes of an endless animation of `pictures`, (height, width, 3) uint8, all of one size, at least one.

    `format` is one of FORMATS. A GIF has 256 colours a picture and whole hundredths of a second a frame, at least two, since
    viewers slow down what is faster; a WebP has all colours, slightly lossy.
    """
    assert format in FORMATS, format
    images = [Image.fromarray(np.ascontiguousarray(one)) for one in pictures]
    step = round(1000 / frames_per_second)
    buffer = io.BytesIO()
    if format == "GIF":
        drawn = [image.quantize(256, dither=Image.Dither.NONE) for image in images]
        step = max(20, round(step, -1))
        drawn[0].save(buffer, "GIF", save_all=True, append_images=drawn[1:], duration=step, loop=0, optimize=False)
    else:
        images[0].save(buffer, "WEBP", save_all=True, append_images=images[1:], duration=step, loop=0, quality=85, method=2)
    return buffer.getvalue()
