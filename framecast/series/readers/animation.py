"""Animated GIF, WebP and PNG: one file, frames composed as a viewer would show them, in colour where they have 8 bits.

The picture that a PNG shows where animations are not known is left out when it is no frame of the animation.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import BinaryIO

import numpy as np
from PIL import Image

from framecast.errors import SeriesError
from framecast.series.readers import deep_animation
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, Wish, check_size, readable, warn
from framecast.series.readers.pixels import TRANSPARENT, over_white

WHAT = "an animation"
GIF_END = b";"
MAX_CANVAS = 2**24
"""17 million pixels: some dozen bytes a frame can ask for a picture of this size, and several are held to compose one."""
UNEVEN = "The frames are shown for different times; they are taken as evenly spaced all the same."


def is_animation(head: bytes) -> bool:
    """Any GIF, and the WebP and PNG files that say they move."""
    moving_webp = head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)
    moving_png = head.startswith(b"\x89PNG") and b"acTL" in head.split(b"IDAT", 1)[0]
    return head.startswith((b"GIF87a", b"GIF89a")) or moving_webp or moving_png


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    notes: list[str] = []
    is_deep = deep_animation.is_deep_png(file.head(25))
    with readable(file, WHAT, Image.DecompressionBombError), file.open() as stream:
        try:
            image = Image.open(stream)
        except Image.DecompressionBombError:
            raise SeriesError(f"The frames of {file.label} are far too large to be read. Reduce them.") from None
        with image:
            width, height = image.size
            check_size(file.label, height, width, 3)
            if height * width > MAX_CANVAS:
                raise SeriesError(
                    f"The frames of {file.label} are {height} x {width} pixels; an animation is composed in memory, up to "
                    f"{MAX_CANVAS:,} pixels. Save it as a video, a TIFF stack or single pictures."
                )
            n_before = int(getattr(image, "default_image", False))  # a picture beside the animation, which Pillow counts, too
            n_frames = int(getattr(image, "n_frames", 1)) - n_before
            if is_deep:
                deep_animation.check(file, height, width, n_before + n_frames)
            durations = _durations(image, stream, n_frames)
            if image.format == "GIF":
                stream.seek(-16, os.SEEK_END)
                if not stream.read().rstrip(b"\0").endswith(GIF_END):
                    warn(notes, "The GIF does not end as it should; frames may be missing at its end.")
    if len(set(durations)) > 1:
        warn(notes, UNEVEN)
    even = durations[0] if durations and len(set(durations)) == 1 and durations[0] > 0 else None

    def deep_frames() -> FrameStream:
        chosen = range(n_before, n_before + n_frames)[wish.wanted.start : wish.wanted.stop : wish.wanted.every]
        yield from deep_animation.frames(file, chosen, notes)

    def frames() -> FrameStream:
        with readable(file, WHAT, Image.DecompressionBombError), file.open() as stream, Image.open(stream) as image:
            stop = n_frames if wish.wanted.stop is None else min(wish.wanted.stop, n_frames)
            for index in range(stop):
                image.seek(n_before + index)
                if image.size != (width, height):  # Pillow makes room for what lies outside, as much as is asked for
                    raise SeriesError(
                        f"Frame {index + 1} of {file.label} reaches beyond the {width} x {height} pixels of the others; all "
                        "frames must be alike. Save the animation again."
                    )
                if index < wish.wanted.start or (index - wish.wanted.start) % wish.wanted.every:
                    continue
                frame, changed = over_white(np.asarray(image.convert("RGBA")))
                if changed:
                    warn(notes, TRANSPARENT)
                yield frame

    shown = list(accumulate(durations, initial=0.0)) if all(durations) else []
    times = [ms / 1000 for ms in shown[wish.wanted.start : wish.wanted.stop : wish.wanted.every]]
    timestep = timedelta(milliseconds=even) if even else None
    n_wanted = wish.wanted.count(n_frames)
    if is_deep:
        return Reading(deep_frames, np.dtype(np.uint16), n_wanted, timestep, times=times, warnings=notes)
    return Reading(frames, np.dtype(np.uint8), n_wanted, timestep, times=times, warnings=notes)


def _durations(image: Image.Image, stream: BinaryIO, n_frames: int) -> list[float]:
    """Milliseconds each frame is shown, the last left out: it is often held longer."""
    if image.format == "WEBP":
        return list(_webp_durations(stream))[: n_frames - 1]
    if image.format == "PNG":
        return list(_png_durations(stream))[: n_frames - 1]
    return list(_gif_durations(stream))[: n_frames - 1]


def _gif_durations(stream: BinaryIO) -> Iterator[float]:
    """From the blocks before the frames (GIF89a, 23), since Pillow composes every frame that it is asked of: hundredths of a
    second, 0 where nothing is said."""
    shown = 0.0
    place = 13 + _colours(_at(stream, 10, 1))
    while (head := _at(stream, place, 11)) and head[:1] != GIF_END:
        if head[:1] == b"!":
            if head[1:3] == b"\xf9\x04":
                shown = 10.0 * int.from_bytes(head[4:6], "little")
            place = _after_blocks(stream, place + 2)
        elif head[:1] == b",":
            yield shown
            shown = 0.0
            place = _after_blocks(stream, place + 11 + _colours(head[9:10]))
        else:
            place += 1


def _colours(flags: bytes) -> int:
    """How many bytes the table of colours takes that these flags announce."""
    return 3 * 2 ** ((flags[0] & 7) + 1) if flags and flags[0] & 128 else 0


def _after_blocks(stream: BinaryIO, place: int) -> int:
    while n_bytes := _at(stream, place, 1):
        place += 1 + n_bytes[0]
        if n_bytes == b"\0":
            break
    return place


def _webp_durations(stream: BinaryIO) -> Iterator[float]:
    """From the heads of the frames, since Pillow tells them only of frames it has decoded (RFC 9649, section 2.7.1.1)."""
    place = 12
    while len(head := _at(stream, place, 24)) >= 8:
        if head[:4] == b"ANMF" and len(head) >= 23:
            yield float(int.from_bytes(head[20:23], "little"))
        n_bytes = int.from_bytes(head[4:8], "little")
        place += 8 + n_bytes + n_bytes % 2


def _png_durations(stream: BinaryIO) -> Iterator[float]:
    """From the frame control chunks (PNG, third edition, 11.3.6.2): a fraction of a second, in hundredths where it has no
    denominator."""
    place = 8
    while len(head := _at(stream, place, 34)) >= 12:
        if head[4:8] == b"fcTL" and len(head) >= 32:
            yield 1000 * int.from_bytes(head[28:30], "big") / (int.from_bytes(head[30:32], "big") or 100)
        place += 12 + int.from_bytes(head[:4], "big")


def _at(stream: BinaryIO, place: int, n_bytes: int) -> bytes:
    stream.seek(place)
    return stream.read(n_bytes)


READERS.add("animation", Reader("Animated GIF, WebP or PNG", ("gif", "webp", "png"), is_animation, read))
