"""Frames into one .npy file as they stream by, checked, hashed and measured on the way.

Nothing here knows where a series is kept; the store does.
"""

import io
import math
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from framecast.errors import SeriesError, StorageError
from framecast.files import bytes_in_words
from framecast.series.frames import CAMERA_BITS, content_hasher
from framecast.series.look_ahead import Behind
from framecast.series.readers.contract import Frame, Progress

MIN_FRAMES = 2


@dataclass
class Written:
    """What went into the file. `shape` is (height, width, channel); `low` and `high` are the values that occur."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    hasher: Any
    n_frames: int = 0
    low: float = np.inf
    high: float = -np.inf


def write_frames(path: Path, name: str, frames: Iterable[Frame], expected: int | None, progress: Progress | None) -> Written:
    """Stream frames into one .npy whose header is written again once their number is known."""
    written: Written | None = None
    with path.open("wb") as handle, Behind() as behind:
        for index, frame in enumerate(_as_series(name, frames)):
            if written is None:
                written = Written(frame.shape, frame.dtype, content_hasher(frame.shape, frame.dtype))
                _check_room(path, frame.nbytes, expected)
                _write_header(handle, (0, *frame.shape), frame.dtype)
            pixels = np.ascontiguousarray(frame)
            behind.do(written.hasher.update, pixels.data)
            handle.write(pixels.data)
            low, high = float(pixels.min()), float(pixels.max())
            if not np.isfinite([low, high]).all():
                raise SeriesError(
                    f"Frame {index + 1} of series '{name}' holds NaN or infinite values; all must "
                    "be finite. Replace them, or give a mask."
                )
            written.low, written.high, written.n_frames = min(written.low, low), max(written.high, high), index + 1
            if progress is not None:
                progress(index + 1, expected)
        behind.wait()
        n_frames = 0 if written is None else written.n_frames
        if written is None or n_frames < MIN_FRAMES:
            raise too_few(name, n_frames)
        n_bytes, shape = handle.tell(), (n_frames, *written.shape)
        assert n_bytes == file_bytes(shape, written.dtype)
        handle.seek(0)
        _write_header(handle, shape, written.dtype)
        handle.flush()
        os.fsync(handle.fileno())
    return written


def observed_range(written: Written, given: tuple[float, float] | None) -> tuple[tuple[float, float], list[str]]:
    """The value range of what was written, unless it was given, and what had to be assumed for it."""
    if given is not None:
        return (float(given[0]), float(given[1])), []
    if written.dtype == np.uint8:
        return (0.0, 255.0), []
    if written.dtype == np.float32:
        return (written.low, written.high if written.high > written.low else written.low + 1), []
    bits = next(bits for bits in CAMERA_BITS if written.high < 2**bits)
    top = float(2**bits - 1)
    note = f"The 16-bit values end at {written.high:g}; they are taken as {bits}-bit and the value range is 0 to {top:g}."
    return (0.0, top), [note] if bits < 16 else []


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


def _check_room(path: Path, frame_bytes: int, expected: int | None) -> None:
    needed, free = frame_bytes * (expected or 0), shutil.disk_usage(path.parent).free
    if needed > free:
        raise StorageError(
            f"{expected} frames need {bytes_in_words(needed)} and {bytes_in_words(free)} are free on the workspace's disk. "
            f"Free {bytes_in_words(needed - free)}, or use at most {max(0, free // frame_bytes - 1)} frames of this size."
        )
