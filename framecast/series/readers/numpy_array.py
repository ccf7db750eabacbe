"""NumPy .npy and .npz: (time, height, width) or (time, height, width, channel), streamed frame by frame.

Pickled objects are never loaded. A header of a hundred bytes can claim any size, so it is held against the bytes that are
really there before anything is allocated.
"""

import io
import os
import zipfile
from collections.abc import Sequence
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy

from framecast.errors import SeriesError
from framecast.series.readers.axes import Axes, axes_of, frames_first
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, readable
from framecast.series.readers.zipped import is_npz

Header = tuple[tuple[int, ...], bool, np.dtype[Any]]
"""Shape, whether Fortran-ordered, dtype."""

ORDERS: tuple[Axes, ...] = ("THWC", "TCHW", "HWCT")
PREFERRED = "frames"


def is_npy(head: bytes) -> bool:
    return head.startswith(b"\x93NUMPY")


def read_npy(files: Sequence[Upload]) -> Reading:
    (file,) = files
    with readable(file, "a NumPy array"), file.open() as stream:
        header = _header(file, stream)
        begin = stream.tell()
        _check_length(file, header, stream.seek(0, os.SEEK_END) - begin)
    return _reading(file, file, header)


def read_npz(files: Sequence[Upload]) -> Reading:
    """The array called `frames`, else the only one that can be a series, else the largest such one."""
    (file,) = files
    notes: list[str] = []
    with readable(file, "an .npz file"), file.open() as stream, zipfile.ZipFile(stream) as archive:
        headers = {member.filename: _member_header(file, archive, member) for member in archive.infolist()}
    possible = {name: header for name, header in headers.items() if len(header[0]) in (3, 4) and header[2].kind in "biuf"}
    if not possible:
        found = ", ".join(f"{_key(name)} {header[0]}" for name, header in headers.items())
        raise SeriesError(
            f"{file.label} holds no array with 3 or 4 axes ({found}); it must hold a series, (time, height, width) or "
            f"(time, height, width, channel). Save the series in it as {PREFERRED}."
        )
    chosen = max(possible, key=lambda name: (_key(name) == PREFERRED, np.prod(possible[name][0], dtype=float)))
    if len(possible) > 1 and _key(chosen) != PREFERRED:
        notes.append(f"The file holds {len(possible)} arrays that could be a series; the largest, {_key(chosen)}, was read.")

    def member() -> BinaryIO:
        stream = file.open()
        archive = zipfile.ZipFile(stream)
        return cast(BinaryIO, _Member(archive, stream, archive.open(chosen)))

    return _reading(file, Upload(chosen, member), possible[chosen], notes)


class _Member(io.BufferedReader):
    """A member of an archive that closes the archive and its file with itself."""

    def __init__(self, archive: zipfile.ZipFile, stream: BinaryIO, member: Any) -> None:
        super().__init__(member, 1 << 20)
        self._owners = (archive, stream)

    def close(self) -> None:
        super().close()
        for owner in self._owners:
            owner.close()


def _member_header(file: Upload, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Header:
    with archive.open(member) as stream:
        header = _header(file, cast(BinaryIO, stream))
        _check_length(file, header, member.file_size - stream.tell())
    return header


def _header(file: Upload, stream: BinaryIO) -> Header:
    version = npy.read_magic(stream)
    if version == (1, 0):
        shape, fortran, dtype = npy.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, fortran, dtype = npy.read_array_header_2_0(stream)
    else:
        raise ValueError(f"version {version}")
    if dtype.hasobject:
        raise SeriesError(
            f"{file.label} holds Python objects, which are never loaded; it must hold numbers. "
            "Stack the frames into one array with numpy.stack and save that."
        )
    return shape, fortran, dtype


def _check_length(file: Upload, header: Header, n_bytes: int) -> None:
    shape, _, dtype = header
    needed = dtype.itemsize
    for length in shape:
        needed *= length
    if n_bytes < needed:
        raise SeriesError(
            f"{file.label} is cut short: its header promises {needed:,} bytes ({shape} of {dtype}) and {n_bytes:,} follow; "
            "it must be whole. Save or upload it again."
        )


def _reading(file: Upload, array: Upload, header: Header, notes: list[str] | None = None) -> Reading:
    """`file` is what messages name, `array` gives the stream that begins with the header."""
    notes = [] if notes is None else notes
    shape, fortran, dtype = header
    axes = axes_of(file.label, shape, ORDERS, notes)
    native = dtype.newbyteorder("=")

    def frames() -> FrameStream:
        with readable(file, "a NumPy array"), array.open() as stream:
            _header(file, stream)
            if fortran or axes[0] != "T":
                whole = np.frombuffer(stream.read(), dtype, count=int(np.prod(shape)))
                array_view = whole.reshape(shape, order="F" if fortran else "C")
                yield from (frame.astype(native, copy=False) for frame in frames_first(array_view, axes))
                return
            n_bytes = int(np.prod(shape[1:])) * dtype.itemsize
            for _ in range(shape[0]):
                content = stream.read(n_bytes)
                if len(content) < n_bytes:
                    raise EOFError
                one = np.frombuffer(content, dtype).reshape(1, *shape[1:])
                yield frames_first(one, axes)[0].astype(native, copy=False)

    return Reading(frames, native, shape[axes.index("T")], warnings=notes)


def _key(member: str) -> str:
    return member.removesuffix(".npy")


READERS.add("npy", Reader("NumPy array", ("npy",), is_npy, read_npy))
READERS.add("npz", Reader("NumPy arrays, compressed", ("npz",), is_npz, read_npz))
