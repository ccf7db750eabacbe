"""A series that comes along with a run from outside: read frame by frame out of the ZIP into the store, as an upload would be.

What it is called by is its digest, and that is taken anew from the frames: a series that is not what its name says is refused,
so that no run is ever compared with frames that it was not made on.
"""

import contextlib
import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.lib import format as npy

from framecast.errors import InputError, SeriesError
from framecast.runs.archive import Checked, Contents
from framecast.runs.foreign import DIGEST, LONGEST_TEXT, fits
from framecast.series.frames import DTYPES
from framecast.series.lineage import Spans, can_be, indices_of
from framecast.series.store import SeriesStore, StoredSeries

MOST_HEAD_BYTES = 4096
BROKEN = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, SeriesError)


def add_series(
    contents: Contents,
    digest: str,
    files: Mapping[str, zipfile.ZipInfo],
    store: SeriesStore,
    undo: contextlib.ExitStack,
) -> str:
    """Store it and return its digest; where `undo` is left it goes again, if it was not there before. Raises InputError."""
    here = {one.digest for one in store.list()}
    try:
        if not {"series.json", "frames.npy"} <= set(files):
            raise ValueError("its frames or its description are missing")
        found = _described(json.loads(contents.text(files["series.json"])))
        valid = _mask(contents, files["valid.npy"], found) if found.has_mask else None
        with contents.open(files["frames.npy"]) as stream:
            stored = store.add(
                found.name,
                _frames(stream, files["frames.npy"].file_size, found),
                value_range=found.value_range,
                units=found.units,
                timestep=found.timestep,
                valid=valid,
                expected=found.n_frames,
                source=found.source,
                warnings=found.warnings,
                names=_names(contents, files.get("names.json"), found),
                times=_times(contents, files.get("times.json"), found),
                made_from=found.made_from,
                steps=found.steps,
                made_of=found.made_of,
                digest_kind=found.digest_kind,
            )
        if stored.digest not in here:
            undo.callback(store.delete, stored.digest)
        if stored.digest != digest:
            raise ValueError("its frames are not those that its name stands for")
    except BROKEN as error:
        raise InputError(
            f"The series {digest} in {contents.label} cannot be used ({_reason(error)}); it must be as FrameCast wrote it. "
            "Export the run again, or without its series."
        ) from error
    return stored.digest


def _described(values: Any) -> StoredSeries:
    kinds = {
        "name": str, "n_frames": int, "height": int, "width": int, "n_channels": int, "dtype": str, "units": str,
        "has_mask": bool, "source": str, "timestep_s": float | None, "value_range": tuple[float, ...],
        "warnings": tuple[str, ...],
    }  # fmt: skip
    later = {"made_from": str, "steps": tuple[str, ...], "made_of": Mapping[str, Spans | None]}
    wrong = [name for name, kind in kinds.items() if not fits(values[name], kind)]
    wrong += [name for name, kind in later.items() if name in values and not fits(values[name], kind)]
    if wrong:
        raise ValueError(f"{wrong[0]} is not of its kind")
    found = StoredSeries.from_mapping(values)
    texts = (found.name, found.units, found.source, found.dtype)
    if any(len(text) > LONGEST_TEXT for text in texts) or len(json.dumps([found.warnings, found.steps])) > 20 * LONGEST_TEXT:
        raise ValueError("a text is too long")
    if found.dtype not in DTYPES or min(found.shape) < 1 or not all(map(math.isfinite, found.value_range)):
        raise ValueError("its frames cannot be such")
    if found.made_from and not DIGEST.fullmatch(found.made_from):
        raise ValueError("what it was made from is no series")
    if not all(map(DIGEST.fullmatch, found.made_of)) or any(
        not can_be(spans, found.n_frames) or len(indices_of(spans)) != found.n_frames
        for spans in found.made_of.values()
        if spans is not None
    ):
        raise ValueError("what its frames are of is no frames of series")
    if found.timestep is not None and found.timestep <= timedelta(0):
        raise ValueError("its time step is not above zero")
    return found


def _names(contents: Contents, file: zipfile.ZipInfo | None, found: StoredSeries) -> tuple[str, ...]:
    """Of the frames' files in order of time; empty where they had none."""
    if file is None:
        return ()
    names = json.loads(contents.text(file))["names"]
    if not fits(names, tuple[str, ...]) or len(names) != found.n_frames or any(len(name) > LONGEST_TEXT for name in names):
        raise ValueError("the names of its files are not one for each frame")
    return tuple(names)


def _times(contents: Contents, file: zipfile.ZipInfo | None, found: StoredSeries) -> tuple[float, ...]:
    """When the frames were taken, in seconds; empty where that was not known."""
    if file is None:
        return ()
    times = json.loads(contents.text(file))["seconds"]
    if not isinstance(times, list) or len(times) != found.n_frames or not all(type(time) in (int, float) for time in times):
        raise ValueError("the times of its frames are not one number for each")
    if not all(map(math.isfinite, times)):
        raise ValueError("the times of its frames are not all finite")
    return tuple(map(float, times))


def _frames(stream: Checked, n_bytes: int, found: StoredSeries) -> Iterator[np.ndarray[Any, Any]]:
    """(height, width, channel), one at a time."""
    shape, dtype, head = _head(stream)
    frame_bytes = math.prod(shape[1:]) * dtype.itemsize
    if shape != found.shape or dtype.name != found.dtype or n_bytes != head + found.n_bytes:
        raise ValueError("its frames are not what its description says")
    for _ in range(shape[0]):
        content = stream.read(frame_bytes)
        if len(content) < frame_bytes:
            raise ValueError("its frames are cut short")
        yield np.frombuffer(content, dtype).reshape(shape[1:])


def _mask(contents: Contents, file: zipfile.ZipInfo, found: StoredSeries) -> np.ndarray[Any, np.dtype[np.bool_]]:
    with contents.open(file) as stream:
        shape, dtype, _ = _head(stream)
        if shape != found.shape[1:3] or dtype != np.bool_:
            raise ValueError("its mask does not fit its frames")
        return np.frombuffer(stream.read(math.prod(shape)), np.bool_).reshape(shape)


def _head(stream: Checked) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, dtype and length of the head of an array as FrameCast writes one: rows first, native numbers, no objects."""
    start = stream.read(10)
    length = int.from_bytes(start[8:10], "little")
    if start[:8] != b"\x93NUMPY\x01\x00" or length > MOST_HEAD_BYTES:
        raise ValueError("it is no array")
    shape, fortran, dtype = npy.read_array_header_1_0(io.BytesIO(start[8:10] + stream.read(length)))
    if fortran or dtype.hasobject or not dtype.isnative:
        raise ValueError("it is no array of numbers")
    return tuple(shape), dtype, 10 + length


def _reason(error: BaseException) -> str:
    if isinstance(error, SeriesError) or (isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError)):
        return " ".join(str(error).split())[:200].rstrip(".")
    return "its description cannot be read"
