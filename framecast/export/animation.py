"""Pictures as a small animation for a talk, a chat or a README: GIF, which everything shows, or WebP, which is smaller."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

FORMATS = ("GIF", "WEBP")


def animation(
    pictures: Iterable[np.ndarray[Any, np.dtype[np.uint8]]],
    frames_per_second: float,
    *,
    format: str = "GIF",
    kept: Sequence[Sequence[int]] = (),
) -> bytes:
    """The bytes of an endless animation of `pictures`, (height, width, 3) uint8, all of one size, at least one.

    `format` is one of FORMATS. A GIF has 256 colours a picture and whole hundredths of a second a frame, at least two, since
    viewers slow down what is faster; a WebP has all colours, slightly lossy. Colours (red, green, blue) that mean something
    are `kept` in a GIF: those of few pixels, such as ones without data, would become the colours of others.
    """
    assert format in FORMATS, format
    images = [Image.fromarray(np.ascontiguousarray(one)) for one in pictures]
    step = round(1000 / frames_per_second)
    buffer = io.BytesIO()
    if format == "GIF":
        drawn = [_of_256_colours(image, kept) for image in images]
        step = max(20, round(step, -1))
        drawn[0].save(buffer, "GIF", save_all=True, append_images=drawn[1:], duration=step, loop=0, optimize=False)
    else:
        images[0].save(buffer, "WEBP", save_all=True, append_images=images[1:], duration=step, loop=0, quality=85, method=2)
    return buffer.getvalue()


def _of_256_colours(image: Image.Image, kept: Sequence[Sequence[int]]) -> Image.Image:
    """Those `kept`, and of the rest as many as are left, chosen by how often they occur."""
    n_others = 256 - len(kept)
    others = image.quantize(n_others, dither=Image.Dither.NONE)
    palette = np.zeros((256, 3), np.uint8)
    found = np.array(others.getpalette(), np.uint8).reshape(-1, 3)[:n_others]
    palette[: len(found)] = found
    numbers, colours = np.array(others), np.asarray(image)
    for number, colour in enumerate(kept, start=n_others):
        palette[number] = colour
        numbers[(colours == palette[number]).all(axis=-1)] = number
    drawn = Image.fromarray(numbers)
    drawn.putpalette(palette.tobytes())
    return drawn
