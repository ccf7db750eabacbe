"""A clip: the pictures of one panel of the player, encoded once and ready to be sent.

Small frames travel without loss. Large ones are shrunk and sent as JPEG, and the player says that they are a preview:
400 frames of 785 x 785 would be some 300 MB as PNG.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from framecast.drawing.pictures import Picture, encode

LOSSLESS_SIDE = 512
LOSSLESS_BYTES = 32 * 2**20
LARGE_PREVIEW, SMALL_PREVIEW = 800, 560
"""Longest side of a preview in pixels: of one that has the page to itself, and of one of many or beside others."""
SHORT_CLIP = 150
"""Up to this many frames a clip is short enough for large previews."""
MOST_FRAMES = 500
"""A longer series is shown with every second, third ... frame."""


@dataclass(frozen=True)
class Clip:
    """Encoded pictures of one size. `width` and `height` are those of the pictures as sent."""

    pictures: tuple[bytes, ...]
    mime: str
    width: int
    height: int
    lossless: bool


def encode_clip(pictures: Iterable[Picture], n_pictures: int, beside_others: bool = False) -> Clip:
    """The pictures as a clip; they are taken one at a time, so that a long series is never held drawn. Large ones are shrunk,
    more so where a clip is long or shown beside others."""
    stream = iter(pictures)
    first = next(stream)
    height, width = first.shape[:2]
    lossless = max(height, width) <= LOSSLESS_SIDE and first.nbytes * n_pictures <= LOSSLESS_BYTES
    preview = SMALL_PREVIEW if beside_others or n_pictures > SHORT_CLIP else LARGE_PREVIEW
    side = None if lossless else min(preview, max(height, width))
    encoded = tuple(encode(drawn, lossless=lossless, longest_side=side) for drawn in chain([first], stream))
    if side is not None:
        scale = side / max(height, width)
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
    return Clip(encoded, "image/png" if lossless else "image/jpeg", width, height, lossless)


def shown_frames(n_frames: int) -> range:
    """The frames that a clip of a series of this length shows: all, or every k-th of a long one."""
    return range(0, n_frames, max(1, -(-n_frames // MOST_FRAMES)))
