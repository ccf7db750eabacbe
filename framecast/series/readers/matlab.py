"""MATLAB .mat up to version 7: height x width x time, height x width x channel x time, or a cell array of frames; also as the
fields of a struct, or as one field of an array of structs with a frame in each (mov.cdata)."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers import mat5
from framecast.series.readers.axes import Array, Layout, in_words
from framecast.series.readers.choice import Contents, Part, contents
from framecast.series.readers.contract import (
    READERS,
    FrameStream,
    Reader,
    Reading,
    Upload,
    Wanted,
    Wish,
    check_size,
    readable,
)
from framecast.series.readers.fitting import agreed_size, fitted
from framecast.series.readers.pixels import three_axes

WHAT = "a MATLAB file"
CUSTOMS = ("HWCT", "HWTC", "THWC")
NUMERIC = ("double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
CELL = Layout(("T", 0))
"""How a cell array of frames is shown to be read: a frame a cell."""


def is_mat(head: bytes) -> bool:
    return head.startswith(b"MATLAB 5.0 MAT-file")


def look(files: Sequence[Upload]) -> Contents:
    (file,) = files
    return contents(file, [part(one.name, one.shape, one.kind) for one in _variables(file)])


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    """The variable that is wished for, else `frames`, else the only one that can be a series."""
    (file,) = files
    notes: list[str] = []
    variables = _variables(file)
    found = contents(file, [part(one.name, one.shape, one.kind) for one in variables])
    chosen = found.choose(wish, notes)
    variable = next(one for one in variables if one.name == chosen.name)
    if variable.kind == "cell":
        return _of_cells(file, variable, wish, notes)
    layout = found.layout(chosen, wish, notes)
    layout.check(file.label, variable.shape, variable.dtype.itemsize)

    def frames() -> FrameStream:
        with readable(file, WHAT), file.open() as stream:
            laid_out, content = mat5.values(stream, variable)
            yield from laid_out.frames(content, layout, wish, variable.dtype)

    n_frames = wish.wanted.count(layout.length("T", variable.shape))
    return Reading(frames, variable.dtype, n_frames, warnings=notes)


def part(name: str, shape: tuple[int, ...], kind: str) -> Part:
    """A variable as something to choose: a cell array is a series where it is one row or column, numbers where they have axes
    enough."""
    if kind == "cell":
        n_cells = int(np.prod(shape, dtype=np.int64))
        in_a_row = n_cells > 1 and max(shape) == n_cells
        return Part(name, shape, kind, CELL if in_a_row else None, (CELL,) if in_a_row else ())
    return Part.of(name, shape, kind, CUSTOMS if kind in NUMERIC else ())


Kinds = Sequence[tuple[tuple[int, ...], str]]
"""Shape and MATLAB's class of each cell."""


def check_cell(file: Upload, index: int, shape: tuple[int, ...], kind: str, first: tuple[tuple[int, ...], str]) -> None:
    """Raises SeriesError where a cell is no frame like the first one, its size apart. `kind` is MATLAB's class."""
    if kind in NUMERIC and len(shape) in (2, 3) and (shape[2:], kind) == (first[0][2:], first[1]):
        height, width, n_channels = (*shape, 1)[:3]
        check_size(file.label, height, width, n_channels, itemsize=_most_bytes(kind))
        return
    raise SeriesError(
        f"Cell {index + 1} of {file.label} is {in_words(shape)} {kind}, cell 1 is {in_words(first[0])} {first[1]}; every cell "
        "must hold one frame of the same channels and type. Make them alike, and save again."
    )


def frames_of_cells(
    file: Upload,
    cells: Iterable[tuple[tuple[int, ...], str, Callable[[], Array]]],
    size: tuple[int, int] | None,
    way: str,
    kinds: Callable[[], Kinds],
) -> FrameStream:
    """A frame of each cell: shape, class and what reads its values. Brought to `size` where one was agreed on; else all must
    be alike, and only where they are not are all asked by `kinds`, which takes as long as reading them."""
    first: tuple[tuple[int, ...], str] | None = None
    for index, (shape, kind, values) in enumerate(cells):
        first = first or (shape, kind)
        check_cell(file, index, shape, kind, first)
        if size is None and shape != first[0]:
            cell_size(file, kinds(), "", [])
        frame = three_axes(values())
        yield frame if size is None else fitted(frame, size, way)


def cell_size(file: Upload, cells: Kinds, way: str, notes: list[str]) -> tuple[int, int]:
    """(height, width) of the frames that all cells are brought to. Raises ChoiceNeededError where they are of several and no
    way was chosen."""
    for index, (shape, kind) in enumerate(cells):
        check_cell(file, index, shape, kind, cells[0])
    sizes = [(shape[0], shape[1]) for shape, _ in cells]
    size = agreed_size([f"cell {number}" for number in range(1, len(sizes) + 1)], sizes, f"cells of {file.label}", way, notes)
    shape, kind = cells[0]
    check_size(file.label, *size, (*shape, 1)[2], itemsize=_most_bytes(kind))
    return size


def _most_bytes(kind: str) -> int:
    return 8 if "64" in kind or kind == "double" else 4


def _variables(file: Upload) -> list[mat5.Variable]:
    with readable(file, WHAT), file.open() as stream:
        return mat5.variables(stream)


def _of_cells(file: Upload, variable: mat5.Variable, wish: Wish, notes: list[str]) -> Reading:
    """A series of one frame a cell, each height x width or height x width x channel."""

    def kinds() -> Kinds:
        with readable(file, WHAT), file.open() as stream:
            return [(cell.shape, cell.kind) for cell, _ in mat5.cells(stream, variable)]

    size = cell_size(file, kinds(), wish.sizes, notes) if wish.sizes else None

    def frames(wanted: Wanted = wish.wanted) -> FrameStream:
        with readable(file, WHAT), file.open() as stream:
            given = ((cell.shape, cell.kind, values) for cell, values in mat5.cells(stream, variable))
            yield from wanted.of(frames_of_cells(file, given, size, wish.sizes, kinds))

    with closing(frames(Wanted(stop=1))) as one:
        first = next(one)

    n_cells = int(np.prod(variable.shape, dtype=np.int64))
    return Reading(frames, first.dtype, wish.wanted.count(n_cells), warnings=notes)


READERS.add("mat", Reader("MATLAB file", ("mat",), is_mat, read, look))
