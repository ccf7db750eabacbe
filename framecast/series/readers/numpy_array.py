"""NumPy .npy and .npz: (time, height, width) or (time, height, width, channel), streamed frame by frame.

Pickled objects are never loaded. A header of a hundred bytes can claim any size, so it is held against the bytes that are
really there before anything is allocated.
"""

import ast
import io
import os
import re
import warnings
import zipfile
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, cast

from numpy.lib import format as npy

from framecast.errors import SeriesError
from framecast.series.readers.choice import Contents, Part, contents
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, Wish, readable
from framecast.series.readers.laid_out import LaidOut, read_exactly
from framecast.series.readers.zipped import is_npz

CUSTOMS = ("THWC", "TCHW", "HWCT")
WHAT = "a NumPy array"
MAX_ARRAYS = 10_000
LONGEST_HEADER = 10_000
LONG_OF_PYTHON_2 = re.compile(r"([0-9])L\b")
OBJECTS = "Python objects, which are never loaded"


def is_npy(head: bytes) -> bool:
    return head.startswith(b"\x93NUMPY")


def look_npy(files: Sequence[Upload]) -> Contents:
    (file,) = files
    return contents(file, [_part("", _whole(file))])


def read_npy(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    return _reading(file, file.open, _whole(file), contents(file, [_part("", _whole(file))]), wish)


def look_npz(files: Sequence[Upload]) -> Contents:
    (file,) = files
    return contents(file, [_part(_key(name), array) for name, array in _arrays(file).items()])


def read_npz(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    arrays = _arrays(file)
    found = contents(file, [_part(_key(name), array) for name, array in arrays.items()])
    part, _ = found.chosen(wish, [])
    chosen = next(name for name in arrays if _key(name) == part.name)

    def member() -> BinaryIO:
        stream = file.open()
        archive = zipfile.ZipFile(stream)
        return cast(BinaryIO, _Member(archive, stream, archive.open(chosen)))

    return _reading(file, member, arrays[chosen], found, wish)


class _Member(io.BufferedReader):
    """A member of an archive that closes the archive and its file with itself."""

    def __init__(self, archive: zipfile.ZipFile, stream: BinaryIO, member: Any) -> None:
        super().__init__(member, 1 << 20)
        self._owners = (archive, stream)

    def close(self) -> None:
        super().close()
        for owner in self._owners:
            owner.close()


def _whole(file: Upload) -> LaidOut:
    with readable(file, WHAT), file.open() as stream:
        array = _header(stream)
        if array.dtype.hasobject:
            raise SeriesError(
                f"{file.label} holds {OBJECTS}; it must hold numbers. Stack the frames into one array with numpy.stack and "
                "save that."
            )
        begin = stream.tell()
        _check_length(file, array, stream.seek(0, os.SEEK_END) - begin)
    return array


def _arrays(file: Upload) -> dict[str, LaidOut]:
    """Member to array, of all members that are arrays of numbers."""
    with readable(file, "an .npz file"), file.open() as stream, zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > MAX_ARRAYS:
            raise SeriesError(f"{file.label} holds {len(members):,} arrays; at most {MAX_ARRAYS:,} are read. Save fewer.")
        arrays = [member for member in members if member.filename.endswith(".npy")]
        return {member.filename: _member_header(file, archive, member) for member in arrays}


def _member_header(file: Upload, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> LaidOut:
    with archive.open(member) as stream:
        array = _header(cast(BinaryIO, stream))
        if not array.dtype.hasobject:
            _check_length(file, array, member.file_size - stream.tell())
    return array


def _header(stream: BinaryIO) -> LaidOut:
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version}")
    length = read_exactly(stream, 2 if version == (1, 0) else 4)
    n_bytes = int.from_bytes(length, "little")
    if n_bytes > LONGEST_HEADER:
        raise ValueError(f"a header of {n_bytes} bytes")
    text = LONG_OF_PYTHON_2.sub(r"\1", read_exactly(stream, n_bytes).decode("latin1"))
    with warnings.catch_warnings():  # numpy's own reader of this header lets complaints of Python's parser out
        warnings.simplefilter("ignore")
        header = ast.literal_eval(text.strip())
    shape, dtype = header["shape"], npy.descr_to_dtype(header["descr"])
    plain = isinstance(shape, tuple) and all(type(length) is int and length >= 0 for length in shape)
    if not plain or dtype.itemsize == 0:
        raise ValueError(f"shape {shape} of {dtype}")
    return LaidOut(shape, dtype, "F" if header["fortran_order"] else "C")


def _check_length(file: Upload, array: LaidOut, n_bytes: int) -> None:
    if n_bytes < array.n_bytes:
        raise SeriesError(
            f"{file.label} is cut short: its header promises {array.n_bytes:,} bytes ({array.shape} of {array.dtype}) and "
            f"{n_bytes:,} follow; it must be whole. Save or upload it again."
        )


def _part(name: str, array: LaidOut) -> Part:
    customs = CUSTOMS if array.dtype.kind in "biufc" else ()
    kind = OBJECTS if array.dtype.hasobject else str(array.dtype.newbyteorder("="))
    return Part.of(name, array.shape, kind, customs)


def _reading(file: Upload, opened: Callable[[], BinaryIO], array: LaidOut, found: Contents, wish: Wish) -> Reading:
    notes: list[str] = []
    part, layout = found.chosen(wish, notes)
    layout.check(file.label, array.shape, array.dtype.itemsize)
    native = array.dtype.newbyteorder("=")

    def frames() -> FrameStream:
        with readable(file, WHAT), opened() as stream:
            _header(stream)
            yield from array.frames(stream, layout, wish, native)

    return Reading(frames, native, wish.wanted.count(layout.length("T", array.shape)), warnings=notes)


def _key(member: str) -> str:
    return member.removesuffix(".npy")


READERS.add("npy", Reader("NumPy array", ("npy",), is_npy, read_npy, look_npy))
READERS.add("npz", Reader("NumPy arrays, compressed", ("npz",), is_npz, read_npz, look_npz))
