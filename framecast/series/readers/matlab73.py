"""MATLAB .mat of version 7.3, which is HDF5: how MATLAB saves what is larger than 2 GB. Read a block of frames at a time.

HDF5 keeps MATLAB's axes in reverse (channel and time first become last), so that a height x width x channel x time variable
arrives as (time, channel, width, height). Links to other files are not followed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.series.readers.axes import Array, Layout
from framecast.series.readers.choice import Contents, contents
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, Wanted, Wish, printable
from framecast.series.readers.hdf5 import check_storage, datasets, opened
from framecast.series.readers.matlab import WHAT, Kinds, cell_size, frames_of_cells, part

if TYPE_CHECKING:
    from h5py import Dataset, File

REFERENCES = "#"
"""What MATLAB keeps for itself, the cells' content among it, lies in groups whose names begin so."""


def is_mat73(head: bytes) -> bool:
    return head.startswith(b"MATLAB 7.3 MAT-file")


def look(files: Sequence[Upload]) -> Contents:
    (file,) = files
    with opened(file, WHAT) as content:
        return _contents(file, content)


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    notes: list[str] = []
    with opened(file, WHAT) as content:
        found = _contents(file, content)
        chosen = found.choose(wish, notes)
        dataset = content[_path(chosen.name)]
        if chosen.kind == "cell":
            return _of_cells(file, dataset, _path(chosen.name), wish, notes)
        check_storage(file, dataset)
        layout = found.layout(chosen, wish, notes)
        dtype = _dtype(dataset)
    layout.check(file.label, chosen.shape, dtype.itemsize)
    stored = Layout(layout.roles[::-1])

    def frames() -> FrameStream:
        with opened(file, WHAT) as content:
            for block in stored.blocks(content[_path(chosen.name)], wish.wanted):
                yield from block.astype(dtype, copy=False)

    return Reading(frames, dtype, wish.wanted.count(layout.length("T", chosen.shape)), warnings=notes)


def _of_cells(file: Upload, dataset: "Dataset", path: str, wish: Wish, notes: list[str]) -> Reading:
    n_cells = dataset.size

    def kinds() -> Kinds:
        with opened(file, WHAT) as content:
            return [(shape, kind) for shape, kind, _ in _cells(file, content[path])]

    size = cell_size(file, kinds(), wish.sizes, notes) if wish.sizes else None

    def frames(wanted: Wanted = wish.wanted) -> FrameStream:
        with opened(file, WHAT) as content:
            yield from wanted.of(frames_of_cells(file, _cells(file, content[path]), size, wish.sizes, kinds))

    with closing(frames(Wanted(stop=1))) as one:
        first = next(one)
    return Reading(frames, first.dtype, wish.wanted.count(n_cells), warnings=notes)


def _cells(file: Upload, dataset: "Dataset") -> Iterator[tuple[tuple[int, ...], str, Callable[[], Array]]]:
    """One cell after the other: its shape and class in MATLAB, and what reads it; stored (columns, rows) of a row or a column,
    the order is the same."""
    for reference in dataset[()].ravel():
        cell = dataset.file[reference]
        own = not cell.is_virtual and not cell.external
        yield cell.shape[::-1], _kind(cell) if own else "elsewhere", partial(_whole, file, cell)


def _whole(file: Upload, cell: "Dataset") -> Array:
    check_storage(file, cell)
    values: Array = cell[()].T.astype(_dtype(cell), copy=False)
    return values


def _contents(file: Upload, content: "File") -> Contents:
    found = datasets(content, hidden=lambda name: name.startswith(REFERENCES))
    return contents(file, [part(_name(path), dataset.shape[::-1], _kind(dataset)) for path, dataset in found.items()])


def _name(path: str) -> str:
    """A field of a struct as MATLAB writes it: s.frames."""
    return path.replace("/", ".")


def _path(name: str) -> str:
    return name.replace(".", "/")


def _kind(dataset: "Dataset") -> str:
    """MATLAB's class; files that another program wrote in MATLAB's layout may not say it."""
    kind: Any = dataset.attrs.get("MATLAB_class", b"")
    text = kind.decode("utf-8", "replace") if isinstance(kind, bytes) else str(kind)
    if "MATLAB_empty" in dataset.attrs:
        return "empty"
    if dataset.dtype.hasobject and not text:  # references: what each struct of an array has in this field
        return "cell"
    return printable(text, 40) or {"float64": "double", "float32": "single"}.get(dataset.dtype.name, dataset.dtype.name)


def _dtype(dataset: "Dataset") -> np.dtype[Any]:
    return np.dtype(bool) if _kind(dataset) == "logical" else np.dtype(dataset.dtype).newbyteorder("=")


READERS.add("mat73", Reader("MATLAB file, version 7.3", ("mat",), is_mat73, read, look))
