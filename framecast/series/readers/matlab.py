"""MATLAB .mat up to version 7: height x width x time, height x width x channel x time, or a cell array of frames."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.axes import Axes, axes_of, frames_first
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, check_size, readable
from framecast.series.readers.pixels import three_axes

WHAT = "a MATLAB file"
PREFERRED = "frames"
ORDERS: tuple[Axes, ...] = ("HWCT", "HWTC", "THWC")
NUMERIC = {"double", "single", "logical", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"}


def is_mat(head: bytes) -> bool:
    return head.startswith(b"MATLAB 5.0 MAT-file")


def read(files: Sequence[Upload]) -> Reading:
    """The variable `frames`, else the only one that can be a series. Raises SeriesError where there is none or a choice."""
    (file,) = files
    from scipy.io import loadmat, whosmat
    from scipy.io.matlab import MatReadError

    with readable(file, WHAT, MatReadError), file.open() as stream:
        variables = {name: (shape, kind) for name, shape, kind in whosmat(stream)}
    name = choose(file, variables)
    with readable(file, WHAT, MatReadError), file.open() as stream:
        value: np.ndarray[Any, np.dtype[Any]] = loadmat(stream, variable_names=[name])[name]
    kind = variables[name][1]
    return _of_cells(file, list(value.ravel(order="F"))) if kind == "cell" else _of_array(file, value, kind)


def choose(file: Upload, variables: dict[str, tuple[tuple[int, ...], str]]) -> str:
    """Which of the variables, given as name: (shape, class), is the series."""
    possible = [name for name, (shape, kind) in variables.items() if _can_be_series(shape, kind)]
    if PREFERRED in possible:
        return PREFERRED
    if len(possible) == 1:
        return possible[0]
    listed = ", ".join(f"{name} ({kind} {' x '.join(map(str, shape))})" for name, (shape, kind) in variables.items())
    found = "several variables that could be a series" if possible else "no variable that could be a series"
    raise SeriesError(
        f"{file.label} holds {found}: {listed or 'nothing at all'}; one is needed, height x width x time, height x width x "
        f"channel x time, or a cell array of frames. Save it under the name {PREFERRED}."
    )


def note_time_first(shape: tuple[int, ...], notes: list[str]) -> None:
    """Square frames whose first axis is the odd one out were most likely saved with time first."""
    if len(shape) == 3 and shape[1] == shape[2] != shape[0]:
        notes.append(
            f"The array {' x '.join(map(str, shape))} was read as height x width x time; if time comes first in it, save it "
            "in MATLAB's order and upload it again."
        )


def _can_be_series(shape: tuple[int, ...], kind: str) -> bool:
    if kind == "cell":
        return max(shape) > 1 and max(shape) == int(np.prod(shape))
    return kind in NUMERIC and len(shape) in (3, 4)


def _of_cells(file: Upload, cells: Sequence[np.ndarray[Any, np.dtype[Any]]]) -> Reading:
    """A series of one frame a cell, each height x width or height x width x channel."""
    shapes = [np.shape(cell) for cell in cells]
    for index, shape in enumerate(shapes):
        if len(shape) not in (2, 3) or shape != shapes[0] or cells[index].dtype != cells[0].dtype:
            raise SeriesError(
                f"Cell {index + 1} of {file.label} is {' x '.join(map(str, shape))} {cells[index].dtype}, cell 1 is "
                f"{' x '.join(map(str, shapes[0]))} {cells[0].dtype}; every cell must hold one frame of the same size and "
                "type. Make them alike, and save again."
            )
    height, width, n_channels = (*shapes[0], 1)[:3]
    check_size(file.label, height, width, n_channels)
    return Reading(lambda: (three_axes(cell) for cell in cells), cells[0].dtype, len(cells))


def _of_array(file: Upload, value: np.ndarray[Any, np.dtype[Any]], kind: str) -> Reading:
    notes: list[str] = []
    axes = axes_of(file.label, value.shape, ORDERS, notes)
    note_time_first(value.shape, notes)
    series = frames_first(value.astype(bool) if kind == "logical" else value, axes)

    def frames() -> FrameStream:
        yield from series

    return Reading(frames, series.dtype.newbyteorder("="), len(series), warnings=notes)


READERS.add("mat", Reader("MATLAB file", ("mat",), is_mat, read))
