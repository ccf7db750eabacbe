"""The inside of a MATLAB file up to version 7: a list of variables, each a tree of tagged elements, most of them compressed.

Read here and not by scipy, because scipy gives a variable as a whole: a cell array of 350 frames of 785 x 785 x 3 doubles is
5.2 GB. MATLAB keeps its last axis slowest, so that frames lie one after the other and can be cut off as they are unpacked. The
format is in "MAT-File Format" by The MathWorks, chapter 1. Nothing in a file is run: functions and objects are passed over.
"""

import io
import itertools
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO, cast

import numpy as np

from framecast.series.readers.laid_out import LaidOut, read_exactly

Array = np.ndarray[Any, np.dtype[Any]]

COMPRESSED, MATRIX = 15, 14
TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
CLASSES = {
    1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single", 8: "int8", 9: "uint8",
    10: "int16", 11: "uint16", 12: "int32", 13: "uint32", 14: "int64", 15: "uint64", 16: "function", 17: "opaque",
}  # fmt: skip
DTYPES = {"double": "f8", "single": "f4", **{kind: kind for kind in CLASSES.values() if "int" in kind}, "logical": "?"}
LOGICAL, COMPLEX = 0x200, 0x800
HEADER_BYTES = 128
MAX_VARIABLES = 10_000
MAX_AXES, MAX_FIELDS = 32, 1000
DEEPEST = 8
LONGEST_NAME = 4096
PIECE_BYTES = 2**16


@dataclass(frozen=True)
class Variable:
    name: str
    shape: tuple[int, ...]
    kind: str
    """MATLAB's class: "double", "cell"; "logical" for truth values, "complex" for complex numbers of any class."""
    place: int
    """Where its element begins in the file, or that of the struct it is a field of."""
    steps: tuple[int, ...] = ()
    """Which field it is of the struct that begins there, and so on, struct in struct."""
    of_each: bool = False
    """Whether it is that field of each element of an array of structs, one a frame."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its values, for a kind in DTYPES."""
        return np.dtype(DTYPES[self.kind])


def variables(stream: BinaryIO) -> list[Variable]:
    """All variables of the file, from their headers. Raises ValueError, EOFError, struct.error or zlib.error on a broken
    one."""
    byte_order = _byte_order(stream)
    found = []
    size = stream.seek(0, io.SEEK_END)
    place = HEADER_BYTES
    while place + 8 <= size:
        stream.seek(place)
        kind, n_bytes = struct.unpack(byte_order + "II", read_exactly(stream, 8))
        if n_bytes > size - place - 8:
            raise EOFError(f"an element of {n_bytes} bytes at {place} of {size}")
        if kind in (COMPRESSED, MATRIX):
            elements = _Elements(stream, byte_order, place)
            header = elements.header(place)
            found += _fields_of(elements, header) if header.kind == "struct" else [header]
        if len(found) > MAX_VARIABLES:
            raise ValueError("too many variables")
        place += 8 + n_bytes
    return [variable for variable in found if variable.name]


def values(stream: BinaryIO, variable: Variable) -> tuple[LaidOut, BinaryIO]:
    """A variable of numbers: how its values lie, and the stream that begins with them."""
    elements = _Elements(stream, _byte_order(stream), variable.place)
    elements.go_to(variable.place, variable.steps)
    return elements.values(variable.shape)


def cells(stream: BinaryIO, variable: Variable) -> Iterator[tuple[Variable, Callable[[], Array]]]:
    """The header of each cell of a cell array, or of a field of each struct of an array, and, for a kind in DTYPES, what reads
    its values; asked once, or never."""
    elements = _Elements(stream, _byte_order(stream), variable.place)
    elements.go_to(variable.place, variable.steps[:-1] if variable.of_each else variable.steps)
    n_fields = len(elements.fields()) if variable.of_each else 1
    wanted = variable.steps[-1] if variable.of_each else 0
    for _ in range(int(np.prod(variable.shape, dtype=np.int64))):
        elements.pass_over(wanted)
        header = elements.header(variable.place, nested=True)
        yield header, partial(elements.whole, header)
        elements.finish()
        elements.pass_over(n_fields - 1 - wanted)


def _fields_of(elements: "_Elements", outer: Variable) -> list[Variable]:
    """The fields of the struct whose header was just read, struct in struct; of an array of structs, what the first has."""
    n_structs = int(np.prod(outer.shape, dtype=np.int64))
    found: list[Variable] = []
    if n_structs == 0 or len(outer.steps) > DEEPEST:
        return found
    for index, name in enumerate(elements.fields()):
        inner = elements.header(outer.place, nested=True)
        inner = replace(inner, name=f"{outer.name}.{name}", steps=(*outer.steps, index))
        if inner.kind == "struct" and n_structs == 1:
            found += _fields_of(elements, inner)
        elif n_structs == 1:
            found.append(inner)
        elif inner.kind in DTYPES and min(inner.shape) > 1:
            found.append(replace(inner, shape=outer.shape, kind="cell", of_each=True))
        elements.finish()
    return found


def _byte_order(stream: BinaryIO) -> str:
    stream.seek(HEADER_BYTES - 2)
    mark = stream.read(2)
    if mark not in (b"IM", b"MI"):
        raise ValueError("no byte order")
    return "<" if mark == b"IM" else ">"


class _Elements:
    """The elements of one variable, in the order of the file, unpacked as they are asked for."""

    def __init__(self, stream: BinaryIO, byte_order: str, place: int) -> None:
        self.order = byte_order
        stream.seek(place)
        kind, n_bytes = struct.unpack(byte_order + "II", stream.read(8))
        if kind == COMPRESSED:
            stream = cast(BinaryIO, io.BufferedReader(_Inflated(stream, n_bytes), PIECE_BYTES))
        else:
            stream.seek(place)
        self.stream = stream
        self.done = 0
        """Bytes taken from the stream."""
        self._ends: list[int] = []

    def header(self, place: int, nested: bool = False) -> Variable:
        """Name, shape and class of the matrix that begins here."""
        kind, n_bytes, _ = self._tag()
        end = self.done + n_bytes
        if nested:
            self._ends.append(end)
        if kind != MATRIX:
            raise ValueError(f"an element of type {kind} where a matrix is due")
        if n_bytes == 0:
            return Variable("", (0, 0), "double", place)
        flags = struct.unpack(self.order + "II", self._element(8)[:8])[0]
        kind_name = CLASSES.get(flags & 0xFF, "unknown")
        if kind_name == "opaque":  # a string, a table, a class of one's own: laid out in another way
            return Variable(_text(self._element(LONGEST_NAME)), (1, 1), kind_name, place)
        shape = np.frombuffer(self._element(4 * MAX_AXES), self.order + "i4")
        name = _text(self._element(LONGEST_NAME))
        if len(shape) < 2 or (shape < 0).any():
            raise ValueError(f"shape {shape}")
        kind_name = "logical" if flags & LOGICAL else "complex" if flags & COMPLEX else kind_name
        return Variable(name, tuple(int(length) for length in shape), kind_name, place)

    def fields(self) -> list[str]:
        """The names of the fields of the struct whose header was just read."""
        length = struct.unpack(self.order + "i", self._element(8)[:4])[0]
        names = self._element(LONGEST_NAME * MAX_FIELDS)
        if not 0 < length <= LONGEST_NAME or len(names) % length or len(names) // length > MAX_FIELDS:
            raise ValueError("names of fields")
        return [_text(names[start : start + length].split(b"\0")[0]) for start in range(0, len(names), length)]

    def go_to(self, place: int, steps: Sequence[int]) -> None:
        """Behind the header of the variable at `place` or, by `steps`, of a field in it."""
        self.header(place)
        for step in steps:
            if step >= len(self.fields()):
                raise ValueError("no such field")
            self.pass_over(step)
            self.header(place, nested=True)

    def pass_over(self, n_matrices: int) -> None:
        for _ in range(n_matrices):
            self._skip(self._tag()[1])

    def values(self, shape: tuple[int, ...]) -> tuple[LaidOut, BinaryIO]:
        kind, n_bytes, small = self._tag()
        if kind not in TYPES:
            raise ValueError(f"values of type {kind}")
        laid_out = LaidOut(shape, np.dtype(self.order + TYPES[kind]), "F")
        if n_bytes != laid_out.n_bytes:
            raise ValueError(f"{n_bytes} bytes for {laid_out.n_bytes}")
        return laid_out, cast(BinaryIO, io.BytesIO(small)) if small is not None else self.stream

    def whole(self, header: Variable) -> Array:
        laid_out, stream = self.values(header.shape)
        content = read_exactly(stream, laid_out.n_bytes)
        if stream is self.stream:
            self.done += laid_out.n_bytes
        return np.frombuffer(content, laid_out.dtype).reshape(header.shape, order="F").astype(header.dtype)

    def finish(self) -> None:
        """Pass over what is left of the nested matrix."""
        self._skip(self._ends.pop() - self.done)

    def _element(self, most: int) -> bytes:
        """The content of a short element, and the gap behind it."""
        _, n_bytes, small = self._tag()
        if small is not None:
            return small
        if n_bytes > most:
            raise ValueError(f"{n_bytes} bytes where {most} are the most")
        content = self._take(n_bytes)
        self._skip(-n_bytes % 8)
        return content

    def _tag(self) -> tuple[int, int, bytes | None]:
        """Type and length of the element that begins here; its content, where that fits into the tag."""
        tag = self._take(8)
        kind, n_bytes = struct.unpack(self.order + "II", tag)
        if kind >> 16:
            if kind >> 16 > 4:
                raise ValueError("a small element of more than 4 bytes")
            return kind & 0xFFFF, kind >> 16, tag[4 : 4 + (kind >> 16)]
        return kind, n_bytes, None

    def _take(self, n_bytes: int) -> bytes:
        self.done += n_bytes
        return read_exactly(self.stream, n_bytes)

    def _skip(self, n_bytes: int) -> None:
        if n_bytes < 0:
            raise ValueError("an element ends before what it holds")
        for piece in itertools.chain([PIECE_BYTES] * (n_bytes // PIECE_BYTES), [n_bytes % PIECE_BYTES]):
            self._take(piece)


class _Inflated(io.RawIOBase):
    """A zlib stream unpacked as it is read."""

    def __init__(self, stream: BinaryIO, n_bytes: int) -> None:
        self._stream, self._left = stream, n_bytes
        self._inflater = zlib.decompressobj()
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._inflater.eof:
            if not self._waiting:
                self._waiting = self._stream.read(min(PIECE_BYTES, self._left))
                self._left -= len(self._waiting)
                if not self._waiting:
                    raise EOFError("the compressed element is cut short")
            content = self._inflater.decompress(self._waiting, len(buffer))
            self._waiting = self._inflater.unconsumed_tail
            if content:
                buffer[: len(content)] = content
                return len(content)
        return 0


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").rstrip("\0")
