"""Frames into one .npy file as they stream by, checked, hashed and measured on the way.

Nothing here knows where a series is kept; the store does.
"""

import io
import math
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from framecast.errors import SeriesError, StorageError
from framecast.files import bytes_in_words
from framecast.series.digest import NEWEST, ContentDigest, Kind, of_frame
from framecast.series.frames import CAMERA_BITS, Frames
from framecast.series.look_ahead import in_order
from framecast.series.readers.contract import Frame, Progress
from framecast.series.to_disk import Ahead

MIN_FRAMES = 2


@dataclass
class Written:
    """What went into the file. `shape` is (height, width, channel); `low` and `high` are the values that occur."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    digest: ContentDigest
    n_frames: int = 0
    low: float = np.inf
    high: float = -np.inf


def write_frames(
    path: Path,
    name: str,
    frames: Iterable[Frame],
    expected: int | None,
    progress: Progress | None,
    kind: Kind = NEWEST,
) -> Written:
    """Stream frames into one .npy whose header is written again once their number is known.

    What is found out about each frame is found out in several threads; while frames are still coming, what was written is
    already sent to the disk. A frame must not change once it was given.
    """
    stream = _as_series(name, frames)
    first = next(stream, None)
    if first is None:
        raise too_few(name, 0)
    written = Written(first.shape, first.dtype, ContentDigest(kind, first.shape, first.dtype))
    check_room(path, first.nbytes, expected)
    looks = in_order(partial(_looked_at, name, kind), enumerate(chain([first], stream)), ahead=1, frame_bytes=first.nbytes)
    with path.open("wb") as handle, Ahead(handle) as ahead, closing(looks):
        _write_header(handle, (0, *written.shape), written.dtype)
        for look in looks:
            ahead.write(look.pixels.data)
            written.digest.add(look.part)
            written.low, written.high = min(written.low, look.low), max(written.high, look.high)
            written.n_frames += 1
            if progress is not None:
                progress(written.n_frames, expected)
        if written.n_frames < MIN_FRAMES:
            raise too_few(name, written.n_frames)
        n_bytes, shape = handle.tell(), (written.n_frames, *written.shape)
        assert n_bytes == file_bytes(shape, written.dtype)
        handle.seek(0)
        _write_header(handle, shape, written.dtype)
    return written


@dataclass(frozen=True, eq=False)
class _Look:
    """A frame, its values one after the other in memory, and what is kept of it."""

    pixels: Frame
    part: bytes | memoryview
    low: float
    high: float


def _looked_at(name: str, kind: Kind, numbered: tuple[int, Frame]) -> _Look:
    index, frame = numbered
    pixels = np.ascontiguousarray(frame)
    low, high = float(pixels.min()), float(pixels.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise SeriesError(
            f"Frame {index + 1} of series '{name}' holds NaN or infinite values; all must be finite. Replace them, or give a "
            "mask."
        )
    return _Look(pixels, of_frame(kind, pixels), low, high)


def observed_range(written: Written, given: tuple[float, float] | None) -> tuple[tuple[float, float], list[str]]:
    """The value range of what was written, unless it was given, and what had to be assumed for it."""
    if given is not None:
        return (float(given[0]), float(given[1])), []
    low, top = range_of_values(written.dtype, written.low, written.high)
    if written.dtype != np.uint16 or top >= 2**16 - 1:
        return (low, top), []
    note = f"The 16-bit values end at {written.high:g}; they are taken as {int(top).bit_length()}-bit and the value range is"
    return (low, top), [f"{note} 0 to {top:g}."]


def range_of_values(dtype: np.dtype[Any], low: float, high: float) -> tuple[float, float]:
    """The value range of a series of which nothing is known but its type and the lowest and highest value that occur."""
    if dtype == np.uint8:
        return 0.0, 255.0
    if dtype == np.float32:
        return low, high if high > low else low + 1
    return 0.0, float(next(2**bits - 1 for bits in CAMERA_BITS if high < 2**bits))


def clean_name(name: str) -> str:
    """A name on one line, of at most 100 letters."""
    cleaned = re.sub(r"\s+", " ", "".join(letter if letter.isprintable() else " " for letter in name)).strip()[:100]
    if not cleaned:
        raise SeriesError("The name of the series is empty; it needs at least one letter. Give it a name.")
    return cleaned


def map_frames(folder: Path) -> Frames:
    frames: Frames = np.load(folder / "frames.npy", mmap_mode="r", allow_pickle=False)
    return frames


def file_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """How long the file of frames (time, height, width, channel) is, to the byte."""
    header = io.BytesIO()
    _write_header(header, shape, dtype)
    return header.tell() + math.prod(shape) * dtype.itemsize


def too_few(name: str, n_frames: int) -> SeriesError:
    return SeriesError(
        f"Series '{name}' has {n_frames or 'no'} frame{'s' * (n_frames != 1)}; at least {MIN_FRAMES} are needed, and 10 or "
        "more to learn from. Add the frames that follow."
    )


def _as_series(name: str, frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames, each held against the first."""
    first: Frame | None = None
    for index, frame in enumerate(frames):
        first = frame if first is None else first
        if frame.shape != first.shape or frame.dtype != first.dtype:
            raise SeriesError(
                f"Frame {index + 1} of series '{name}' is {frame.shape} {frame.dtype}, frame 1 is {first.shape} "
                f"{first.dtype}; all frames must be alike (height, width, channel). Crop, resize or convert them."
            )
        yield frame


def _write_header(handle: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    # numpy leaves room in the header for the first axis to grow, so that it is as long whatever the number of frames.
    npy.write_array_header_1_0(handle, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape})


def check_room(path: Path, frame_bytes: int, expected: int | None) -> None:
    """Raises StorageError where so many frames of so many bytes do not fit on the disk of `path`."""
    needed, free = frame_bytes * (expected or 0), shutil.disk_usage(path.parent).free
    if needed > free:
        raise StorageError(
            f"{expected} frames need {bytes_in_words(needed)} and {bytes_in_words(free)} are free on the workspace's disk. "
            f"Free {bytes_in_words(needed - free)}, or use at most {max(0, free // frame_bytes - 1)} frames of this size."
        )
