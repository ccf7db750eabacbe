"""Animated GIF, WebP and PNG: one file, frames composed as a viewer would show them, always in colour."""

import os
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from PIL import Image

from framecast.errors import SeriesError
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, Wish, check_size, readable, warn
from framecast.series.readers.pixels import TRANSPARENT, over_white

WHAT = "an animation"
GIF_END = b";"
UNEVEN = "The frames are shown for different times; they are taken as evenly spaced all the same."


def is_animation(head: bytes) -> bool:
    """Any GIF, and the WebP and PNG files that say they move."""
    moving_webp = head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)
    moving_png = head.startswith(b"\x89PNG") and b"acTL" in head.split(b"IDAT", 1)[0]
    return head.startswith((b"GIF87a", b"GIF89a")) or moving_webp or moving_png


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    notes: list[str] = []
    with readable(file, WHAT, Image.DecompressionBombError), file.open() as stream:
        try:
            image = Image.open(stream)
        except Image.DecompressionBombError:
            raise SeriesError(f"The frames of {file.label} are far too large to be read. Reduce them.") from None
        with image:
            width, height = image.size
            check_size(file.label, height, width, 3)
            n_frames = int(getattr(image, "n_frames", 1))
            durations = _durations(image, n_frames)
            if image.format == "GIF":
                stream.seek(-16, os.SEEK_END)
                if not stream.read().rstrip(b"\0").endswith(GIF_END):
                    warn(notes, "The GIF does not end as it should; frames may be missing at its end.")
    if len(set(durations)) > 1:
        warn(notes, UNEVEN)
    even = durations[0] if durations and len(set(durations)) == 1 and durations[0] > 0 else None

    def frames() -> FrameStream:
        with readable(file, WHAT, Image.DecompressionBombError), file.open() as stream, Image.open(stream) as image:
            stop = n_frames if wish.wanted.stop is None else min(wish.wanted.stop, n_frames)
            for index in range(wish.wanted.start, stop, wish.wanted.every):
                image.seek(index)
                frame, changed = over_white(np.asarray(image.convert("RGBA")))
                if changed:
                    warn(notes, TRANSPARENT)
                yield frame

    timestep = timedelta(milliseconds=even) if even else None
    return Reading(frames, np.dtype(np.uint8), wish.wanted.count(n_frames), timestep, warnings=notes)


def _durations(image: Image.Image, n_frames: int) -> list[float]:
    """Milliseconds each frame is shown, the last left out: it is often held longer. Empty where the format does not say."""
    if image.format != "GIF":
        return []
    durations = []
    for index in range(n_frames - 1):
        image.seek(index)
        durations.append(float(image.info.get("duration", 0)))
    return durations


READERS.add("animation", Reader("Animated GIF, WebP or PNG", ("gif", "webp", "png"), is_animation, read))
