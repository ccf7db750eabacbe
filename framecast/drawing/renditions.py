"""Small pictures of a series, kept beside it, so that looking at a large series does not read it again and again.

A series whose frames are small is drawn from them at once and needs none. Of a larger one, the frames that a player shows are
shrunk to at most SIDE pixels and kept as JPEG in one file: [header length, 4 bytes, little-endian][header, JSON][pictures]. It
can always be made again, and is where it is missing, damaged or of another version.
"""

import json
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from framecast.drawing.pictures import DisplayRange, display_range, encode, picture
from framecast.files import writing
from framecast.series.frames import FrameSeries
from framecast.series.look_ahead import in_order
from framecast.series.store import SeriesStore, StoredSeries

SIDE, QUALITY = 400, 80
FILE = "renditions.bin"
_VERSION = 2

Seen = Callable[[int, int], None]
"""Called with the number of pictures made and how many there will be."""


@dataclass(frozen=True)
class Renditions:
    """One JPEG a frame of `frames`, all `width` x `height` pixels."""

    frames: range
    """Indices in the series."""
    pictures: tuple[bytes, ...]
    width: int
    height: int

    def of(self, index: int) -> bytes:
        """The picture of frame `index`, or of the one shown that is nearest before it."""
        return self.pictures[min(index // self.frames.step, len(self.pictures) - 1)]


def renditions(store: SeriesStore, stored: StoredSeries, frames: range, seen: Seen | None = None) -> Renditions:
    """Of `frames`, a range from 0 on, read from beside the series or made now, in several threads. Raises StorageError where
    they cannot be kept."""
    path = store.beside(stored.digest, FILE)
    if (kept := _read(path, stored, frames)) is not None:
        return kept
    series, shown = store.open(stored.digest), display_range(stored)
    made = []
    with closing(in_order(partial(_rendition, series, shown), frames)) as stream:
        for content in stream:
            made.append(content)
            if seen is not None:
                seen(len(made), len(frames))
    width, height = _size(stored)
    found = Renditions(frames, tuple(made), width, height)
    header = json.dumps({**_header(stored, frames), "sizes": [len(content) for content in made]}).encode()
    with writing(path) as handle:
        handle.write(struct.pack("<I", len(header)) + header)
        handle.writelines(made)
    return found


def kept_renditions(store: SeriesStore, stored: StoredSeries, frames: range) -> bool:
    """Whether they lie beside the series already, by a look at the beginning of the file."""
    try:
        with store.beside(stored.digest, FILE).open("rb") as handle:
            return _matches(json.loads(handle.read(struct.unpack("<I", handle.read(4))[0])), stored, frames)
    except (OSError, ValueError, struct.error):
        return False


def _rendition(series: FrameSeries, shown: DisplayRange, index: int) -> bytes:
    drawn = picture(np.asarray(series.frames[index]), shown, series.valid)
    return encode(drawn, lossless=False, longest_side=SIDE, quality=QUALITY)


def _read(path: Path, stored: StoredSeries, frames: range) -> Renditions | None:
    try:
        content = path.read_bytes()
        begin = 4 + struct.unpack("<I", content[:4])[0]
        header = json.loads(content[4:begin])
        sizes = [int(size) for size in header["sizes"]]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    ends = np.cumsum([begin, *sizes]).tolist()
    if not _matches(header, stored, frames) or len(sizes) != len(frames) or ends[-1] != len(content):
        return None
    pictures = tuple(content[start:end] for start, end in zip(ends[:-1], ends[1:], strict=True))
    width, height = _size(stored)
    return Renditions(frames, pictures, width, height)


def _header(stored: StoredSeries, frames: range) -> dict[str, object]:
    """What decides how the pictures look."""
    shown = display_range(stored)
    return {"version": _VERSION, "side": SIDE, "low": shown.low, "high": shown.high, "step": frames.step, "stop": frames.stop}


def _matches(header: object, stored: StoredSeries, frames: range) -> bool:
    return isinstance(header, dict) and all(header.get(key) == value for key, value in _header(stored, frames).items())


def _size(stored: StoredSeries) -> tuple[int, int]:
    """(width, height) as `encode` makes them."""
    scale = min(1.0, SIDE / max(stored.width, stored.height))
    return max(1, round(stored.width * scale)), max(1, round(stored.height * scale))
