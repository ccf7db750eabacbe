"""MATLAB .mat, version 4 (`save -v4`, and much that Octave and older instruments write): numbered matrices, one a frame.

Such a file holds matrices of two axes and nothing else, one after the other, so that a series is frame1, frame2 and so on. One
of them that is unlike the others is named and asked about: left out, the frames would no longer be evenly spaced. The format
("MAT-File Format" by The MathWorks, chapter 2) has no mark of its own at the start: a file counts as one when its first header
is sound throughout, a name included. What a header claims is held against the length of the file before anything is read, and
frames are read one by one. MATLAB packs each matrix as small as its values allow; the type of the series is the one that holds
them all.
"""

import io
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from natsort import natsorted, ns

from framecast.errors import SeriesError
from framecast.series.readers.axes import Layout
from framecast.series.readers.choice import Contents, Part, contents
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, Wish, check_size, readable
from framecast.series.readers.fitting import agreed_size, fitted
from framecast.series.readers.laid_out import read_exactly

WHAT = "a MATLAB file"
HEADER_BYTES = 20
TYPES = ("f8", "f4", "i4", "i2", "u2", "u1")
KINDS = ("double", "single", "int32", "int16", "uint16", "uint8")
NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*\0")
LONGEST_NAME = 256
MAX_VARIABLES = 100_000
FRAMES = Layout(("T", "H", "W"))


@dataclass(frozen=True)
class Matrix:
    name: str
    shape: tuple[int, int]
    """Its last axis lies slowest."""
    dtype: np.dtype[Any]
    """As stored, with its byte order."""
    place: int
    """Where its values begin."""
    numbers: bool
    """Whether it holds real numbers, and all of them."""

    @property
    def kind(self) -> str:
        """MATLAB's word for its type."""
        return KINDS[TYPES.index(self.dtype.str[1:])]


def is_mat4(head: bytes) -> bool:
    """Whether a sound header and a name are at the start."""
    try:
        header = _header(head[:HEADER_BYTES])
    except (ValueError, struct.error):
        return False
    return NAME.fullmatch(head[HEADER_BYTES : HEADER_BYTES + header.n_letters]) is not None


def look(files: Sequence[Upload]) -> Contents:
    (file,) = files
    return contents(file, [_part(name, group) for name, group in _series(file).items()])


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    """The numbered matrices that are wished for, else the only ones."""
    (file,) = files
    notes: list[str] = []
    series = _series(file)
    found = contents(file, [_part(name, group) for name, group in series.items()])
    if not found.parts:
        raise SeriesError(
            f"{file.label} is of MATLAB version 4, which holds matrices of two axes only, and no two with numbered names "
            "(frame1, frame2) are in it. Save each frame so, or the whole array with save(..., '-v7.3')."
        )
    part = found.choose(wish, notes)
    layout = found.layout(part, wish, notes)
    if layout.roles[0] != "T":
        raise SeriesError(f"{file.label} holds one matrix a frame, so time comes first: THW, or TWH. Write the axes so.")
    matrices = series[part.name]
    _check_numbers(file, matrices)
    dtype = np.result_type(*(matrix.dtype.newbyteorder("=") for matrix in matrices))
    sizes = [layout.frame_shape((1, *matrix.shape))[:2] for matrix in matrices]
    size = agreed_size([matrix.name for matrix in matrices], sizes, f"matrices of {file.label}", wish.sizes, notes)
    for matrix, one in zip((*matrices, matrices[0]), (*sizes, size), strict=True):
        check_size(f"{matrix.name} in {file.label}", *one, 1, itemsize=dtype.itemsize)
    chosen = matrices[wish.wanted.start : wish.wanted.stop : wish.wanted.every]

    def frames() -> FrameStream:
        with readable(file, WHAT), file.open() as stream:
            for matrix in chosen:
                stream.seek(matrix.place)
                content = read_exactly(stream, matrix.dtype.itemsize * matrix.shape[0] * matrix.shape[1])
                values = np.frombuffer(content, matrix.dtype).reshape(matrix.shape, order="F")
                yield fitted(layout.frames_first(values[None])[0].astype(dtype), size, wish.sizes)

    return Reading(frames, dtype, len(chosen), warnings=notes)


def _check_numbers(file: Upload, matrices: Sequence[Matrix]) -> None:
    """Raises SeriesError where one of `matrices` is no frame, whatever its name says."""
    for matrix in matrices:
        if not matrix.numbers:
            raise SeriesError(
                f"{matrix.name} in {file.label} is numbered like the frames and holds text, complex numbers or a sparse "
                "matrix; every frame must be a full matrix of real numbers. Convert it, or give it another name."
            )


def _series(file: Upload) -> dict[str, list[Matrix]]:
    """What could be a series, by what its names begin with and in order of their numbers; every other variable alone."""
    alike: dict[str, list[Matrix]] = defaultdict(list)
    found: dict[str, list[Matrix]] = {}
    with readable(file, WHAT), file.open() as stream:
        for matrix in _matrices(stream):
            stem = matrix.name.rstrip("0123456789").rstrip("_")
            if stem and matrix.name[-1].isdigit():
                alike[stem].append(matrix)
            else:
                found[matrix.name] = [matrix]
    for stem, group in alike.items():
        if sum(map(_can_be_frame, group)) < 2:
            found.update({matrix.name: [matrix] for matrix in group})
            continue
        height, width = _usual_shape(group)
        name = f"{stem} {height} x {width}" if stem in found else stem
        found[name] = natsorted(group, key=lambda matrix: matrix.name, alg=ns.IGNORECASE)
    return found


def _can_be_frame(matrix: Matrix) -> bool:
    return matrix.numbers and min(matrix.shape) > 1


def _usual_shape(matrices: Sequence[Matrix]) -> tuple[int, int]:
    return Counter(matrix.shape for matrix in matrices).most_common(1)[0][0]


def _part(name: str, matrices: list[Matrix]) -> Part:
    kind, shape = matrices[0].kind, _usual_shape(matrices)
    if len(matrices) < 2:
        return Part(name, shape, kind, None, ())
    return Part(name, (len(matrices), *shape), kind, FRAMES, (FRAMES, Layout(("T", "W", "H"))))


@dataclass(frozen=True)
class _Header:
    order: str
    dtype: np.dtype[Any]
    text_or_sparse: bool
    shape: tuple[int, int]
    imaginary: bool
    n_letters: int

    @property
    def n_bytes(self) -> int:
        """Of the values, which no number of them can make overflow."""
        return self.dtype.itemsize * self.shape[0] * self.shape[1] * (1 + self.imaginary)


def _header(content: bytes) -> _Header:
    """Raises ValueError or struct.error where these bytes are none."""
    order = "<" if struct.unpack("<i", content[:4])[0] in range(1000) else ">"
    code, rows, columns, imaginary, n_letters = struct.unpack(f"{order}5i", content)
    machine, zero, precision, kind = code // 1000, code // 100 % 10, code // 10 % 10, code % 10
    sound = machine == (order == ">") and zero == 0 and precision < len(TYPES) and kind < 3 and imaginary in (0, 1)
    if not sound or rows < 0 or columns < 0 or not 1 < n_letters <= LONGEST_NAME:
        raise ValueError("no header of a matrix")
    return _Header(order, np.dtype(order + TYPES[precision]), kind > 0, (rows, columns), imaginary == 1, n_letters)


def _matrices(stream: BinaryIO) -> list[Matrix]:
    """All variables, from their headers. Raises ValueError, EOFError or struct.error on a broken file."""
    size = stream.seek(0, io.SEEK_END)
    found: list[Matrix] = []
    place = 0
    while place < size:
        stream.seek(place)
        header = _header(read_exactly(stream, HEADER_BYTES))
        name = read_exactly(stream, header.n_letters)
        place += HEADER_BYTES + header.n_letters
        if not NAME.fullmatch(name) or header.n_bytes > size - place:
            raise ValueError("a name or a size that cannot be")
        numbers = not header.text_or_sparse and not header.imaginary
        found.append(Matrix(name[:-1].decode("ascii"), header.shape, header.dtype, place, numbers))
        place += header.n_bytes
        if len(found) > MAX_VARIABLES:
            raise ValueError("too many variables")
    return found


READERS.add("mat4", Reader("MATLAB file, version 4", ("mat",), is_mat4, read, look))
