"""MATLAB .mat of version 7.3, which is HDF5: how MATLAB saves what is larger than 2 GB. Read a block of frames at a time.

HDF5 keeps MATLAB's axes in reverse (channel and time first become last), so that a height x width x channel x time variable
arrives as (time, channel, width, height). Links to other files are not followed.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.axes import axes_of, frames_first
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, check_size, readable
from framecast.series.readers.matlab import ORDERS, WHAT, choose, note_time_first
from framecast.series.readers.pixels import three_axes

if TYPE_CHECKING:
    from h5py import Dataset, File

BLOCK_BYTES = 2**26
CHUNK_CACHE_BYTES = 2**28


def is_mat73(head: bytes) -> bool:
    return head.startswith(b"MATLAB 7.3 MAT-file")


def read(files: Sequence[Upload]) -> Reading:
    (file,) = files
    import h5py

    notes: list[str] = []
    with readable(file, WHAT), file.open() as stream, h5py.File(stream, "r") as content:
        datasets = _datasets(content)
        name = choose(file, {name: (dataset.shape[::-1], _kind(dataset)) for name, dataset in datasets.items()})
        kind = _kind(datasets[name])
        if kind == "cell":
            return _of_cells(file, content, name)
        shape, dtype = datasets[name].shape[::-1], _dtype(datasets[name])
    axes = axes_of(file.label, shape, ORDERS, notes)
    note_time_first(shape, notes)
    time = len(shape) - 1 - axes.index("T")

    def frames() -> FrameStream:
        with readable(file, WHAT), file.open() as stream, h5py.File(stream, "r", rdcc_nbytes=CHUNK_CACHE_BYTES) as content:
            dataset = content[name]
            n_frames = dataset.shape[time]
            step = max(1, BLOCK_BYTES * n_frames // max(1, dataset.size * dataset.dtype.itemsize))
            for start in range(0, n_frames, step):
                chosen: list[slice] = [slice(None)] * dataset.ndim
                chosen[time] = slice(start, start + step)
                yield from frames_first(dataset[tuple(chosen)].T, axes).astype(dtype, copy=False)

    return Reading(frames, dtype, shape[axes.index("T")], warnings=notes)


def _of_cells(file: Upload, content: "File", name: str) -> Reading:
    import h5py

    first: Any = None
    references = content[name][()].ravel()  # stored (columns, rows) of a row or a column: the order is the same
    for index, reference in enumerate(references):
        cell = content[reference]
        first = cell if first is None else first
        if cell.ndim not in (2, 3) or cell.shape != first.shape or cell.dtype != first.dtype or not _own(cell):
            raise SeriesError(
                f"Cell {index + 1} of {file.label} is {_in_words(cell.shape)} {cell.dtype}, cell 1 is "
                f"{_in_words(first.shape)} {first.dtype}; every cell must hold one frame of the same size and type. "
                "Make them alike, and save again."
            )
    shape, dtype = first.shape[::-1], _dtype(first)
    height, width, n_channels = (*shape, 1)[:3]
    check_size(file.label, height, width, n_channels)

    def frames() -> FrameStream:
        with readable(file, WHAT), file.open() as stream, h5py.File(stream, "r") as content:
            for reference in content[name][()].ravel():
                yield three_axes(content[reference][()].T.astype(dtype, copy=False))

    return Reading(frames, dtype, len(references))


def _datasets(content: "File") -> dict[str, "Dataset"]:
    """The variables of the file that lie in it."""
    import h5py

    hard = [name for name in content if isinstance(content.get(name, getlink=True), h5py.HardLink)]
    return {
        name: content[name]
        for name in hard
        if isinstance(content[name], h5py.Dataset) and _own(content[name]) and not name.startswith("#")
    }


def _own(dataset: "Dataset") -> bool:
    return not dataset.is_virtual and not dataset.external


def _kind(dataset: "Dataset") -> str:
    kind = dataset.attrs.get("MATLAB_class", b"")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _dtype(dataset: "Dataset") -> np.dtype[Any]:
    return np.dtype(bool) if _kind(dataset) == "logical" else np.dtype(dataset.dtype).newbyteorder("=")


def _in_words(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape[::-1])


READERS.add("mat73", Reader("MATLAB file, version 7.3", ("mat",), is_mat73, read))
