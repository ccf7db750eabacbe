"""NetCDF, classic and version 4: a variable over time, latitude and longitude, scaled and masked as the file says
(`packing.py`).

Needs xarray and netCDF4, which come with requirements-extras.txt. Axes are told apart by what the file says of them, not by
their order; an axis beside time, height and width (a level, an ensemble member) is asked for. Variables may lie in groups; the
axes that a group does not describe are those of the groups around it.
"""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers import hdf5
from framecast.series.readers.axes import guessed, named
from framecast.series.readers.choice import Contents, Part, contents
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, Wish, printable, readable
from framecast.series.readers.extras import needed
from framecast.series.readers.laid_out import on_disk
from framecast.series.readers.netcdf_classic import bytes_needed
from framecast.series.readers.packing import packing_of

WHAT = "a NetCDF file"
CUSTOMS = ("THWC", "TCHW", "HWCT")
WORDS = {
    "T": ("time", "t", "times", "valid_time", "date", "frame"),
    "H": ("lat", "latitude", "y", "yc", "nlat", "rlat", "south_north", "row", "rows", "northing", "height_px"),
    "W": ("lon", "longitude", "x", "xc", "nlon", "rlon", "west_east", "col", "cols", "column", "columns", "easting"),
    "C": ("band", "bands", "channel", "channels", "rgb", "colour", "color"),
}
AXIS_ATTRIBUTE = {"T": "T", "Y": "H", "X": "W"}
UNEVEN = "The times in the file are not evenly spaced; the frames are taken as evenly spaced all the same."
BACKWARDS = "The times in the file run backwards; the frames are in the order of the file. Turn them round to go with time."


def is_netcdf(head: bytes) -> bool:
    return head.startswith((b"CDF\x01", b"CDF\x02", b"CDF\x05")) or (head.startswith(hdf5.MAGIC) and hdf5.NETCDF in head)


def look(files: Sequence[Upload]) -> Contents:
    (file,) = files
    with _opened(file, None) as groups:
        return _contents(file, groups)


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    notes: list[str] = []
    with _opened(file, wish.scratch) as groups:
        part, layout = _contents(file, groups).chosen(wish, notes)
        group, _, name = part.name.rpartition("/")
        dataset = groups[group]
        variable = dataset[name]
        unwritten = _default_fill(file, variable.dtype)
        packing = packing_of(f"{printable(part.name)} in {file.label}", variable.attrs, variable.dtype, unwritten)
        layout.check(file.label, part.shape, packing.becomes.itemsize)
        units = printable(str(variable.attrs.get("units", "")), 30)
        steps = _steps(dataset, str(variable.dims[layout.place("T")]))
        timestep = _timestep(steps, notes)
        moments = np.cumsum([0.0, *steps]).tolist() if steps else []

    def frames() -> FrameStream:
        with _opened(file, wish.scratch) as groups:
            blocks = layout.blocks(groups[group][name].variable, wish.wanted)
            while True:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    block = next(blocks, None)
                if block is None:
                    return
                for frame in block:
                    yield packing.unpacked(frame, notes)

    n_frames = wish.wanted.count(layout.length("T", part.shape))
    times = moments[wish.wanted.start : wish.wanted.stop : wish.wanted.every]
    return Reading(frames, packing.becomes, n_frames, timestep, units=units, times=times, warnings=notes)


@contextmanager
def _opened(file: Upload, scratch: Path | None) -> Iterator[dict[str, Any]]:
    """The groups of the file by their paths, "" the outermost, each a lazy xarray.Dataset, its values as they are stored."""
    xarray, _ = needed(file, WHAT, "xarray", "netCDF4")
    if file.head(8) == hdf5.MAGIC:
        _check_own(file)
    else:
        _check_whole(file)
    with readable(file, WHAT), on_disk(file, scratch) as path, ExitStack() as opening:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = xarray.open_groups(path, engine="netcdf4", decode_times=False, mask_and_scale=False, cache=False)
        groups: dict[str, Any] = {}
        for place, dataset in found.items():
            opening.enter_context(dataset)
            path_in_file = PurePosixPath(place)
            for outer in path_in_file.parents:
                dataset = _with_outer(dataset, found[str(outer)])
            groups[str(path_in_file).strip("/")] = dataset
        yield groups


def _with_outer(dataset: Any, outer: Any) -> Any:
    """A group with what one around it says of the axes that it does not describe itself."""
    missing = [dim for dim in dataset.dims if dim not in dataset.coords and dim in outer.coords]
    return dataset.assign_coords({dim: outer[dim] for dim in missing if outer.sizes[dim] == dataset.sizes[dim]})


def _check_whole(file: Upload) -> None:
    with readable(file, WHAT), file.open() as stream:
        if bytes_needed(stream) > stream.seek(0, io.SEEK_END):
            raise EOFError


def _check_own(file: Upload) -> None:
    """Refuse links out of the file, which the NetCDF library would follow, and numbers that it does not know: it takes them
    for others and writes beyond its memory, which ends the program."""
    import h5py

    def visit(name: str, link: Any) -> bool | None:
        return True if isinstance(link, h5py.ExternalLink) else None

    with hdf5.opened(file, WHAT) as content:
        linked = content.visititems_links(visit)
        own = hdf5.datasets(content)
        n_all: list[str] = []
        content.visititems(lambda name, thing: n_all.append(name) if isinstance(thing, h5py.Dataset) else None)
        for dataset in own.values():
            hdf5.check_storage(file, dataset)
            if dataset.dtype.kind == "f" and dataset.dtype.itemsize not in (4, 8):
                n_bits, called = 8 * dataset.dtype.itemsize, printable(str(dataset.name))
                raise SeriesError(
                    f"{file.label} holds real numbers of {n_bits} bits ({called}), and NetCDF has those of 32 and 64 bits "
                    "only. Save them as one of these."
                )
    if linked or len(n_all) > len(own):
        raise SeriesError(f"{file.label} points to other files, which are not followed; it must hold its data. Save it whole.")


def _contents(file: Upload, groups: dict[str, Any]) -> Contents:
    found = ((group, dataset, name) for group, dataset in groups.items() for name in dataset.variables)
    return contents(file, [_part(*one) for one in found if one[2] not in one[1].coords])


def _part(group: str, dataset: Any, variable_name: str) -> Part:
    name = f"{group}/{variable_name}" if group else variable_name
    variable = dataset[variable_name]
    shape, dims = tuple(variable.shape), [str(dim) for dim in variable.dims]
    if variable.dtype.kind not in "biuf":
        return Part(name, shape, "no numbers", None, (), tuple(dims))
    letters = "".join(_letter(dataset, dim) for dim in dims)
    known = {"H", "W"} <= set(letters) and all(letters.count(letter) == 1 for letter in "HW") and letters.count("T") <= 1
    guess, options = named(letters, shape) if known else guessed(shape, CUSTOMS)
    return Part(name, shape, str(variable.dtype), guess, tuple(options), tuple(dims))


def _default_fill(file: Upload, dtype: np.dtype[Any]) -> int | float | None:
    """What the NetCDF library puts where nothing was written and the file names no fill value of its own."""
    (library,) = needed(file, WHAT, "netCDF4")
    filling = library.default_fillvals.get(f"{dtype.kind}{dtype.itemsize}")
    return filling if isinstance(filling, int | float) else None


def _letter(dataset: Any, dim: str) -> str:
    """What the file says of a dimension: T, H, W or C; "?" where it says nothing, Z where it is something else."""
    attributes = dataset[dim].attrs if dim in dataset.coords else {}
    units = str(attributes.get("units", ""))
    if " since " in units:
        return "T"
    if letter := AXIS_ATTRIBUTE.get(str(attributes.get("axis", ""))):
        return letter
    if units.startswith(("degrees_north", "degree_north")):
        return "H"
    if units.startswith(("degrees_east", "degree_east")):
        return "W"
    return next((letter for letter, words in WORDS.items() if dim.lower() in words), "Z")


def _steps(dataset: Any, dim: str) -> list[float]:
    """Seconds from each frame to the next, in any calendar; empty where the file does not give their times."""
    if dim not in dataset.coords or " since " not in str(dataset[dim].attrs.get("units", "")) or dataset.sizes[dim] < 2:
        return []
    import xarray

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alone = dataset[[dim]].drop_vars([name for name in dataset.coords if name != dim], errors="ignore")
            steps = np.diff(xarray.decode_cf(alone)[dim].values)
        if steps.dtype == object:  # years of 360 or 365 days, which numpy has no dates for
            seconds = np.array([step.total_seconds() for step in steps])
        else:
            seconds = steps / np.timedelta64(1, "s")
    except (ValueError, OverflowError, TypeError, AttributeError):
        return []
    return [float(one) for one in seconds] if np.isfinite(seconds).all() else []


def _timestep(steps: Sequence[float], notes: list[str]) -> timedelta | None:
    """Between frames, where they are even; what they are else is said."""
    if not steps:
        return None
    if max(steps) < 0:
        notes.append(BACKWARDS)
    elif min(steps) <= 0 or max(steps) - min(steps) > 1e-3 * steps[0]:
        notes.append(UNEVEN)
    elif steps[0] < 1e9:
        return timedelta(seconds=steps[0])
    return None


READERS.add("netcdf", Reader("NetCDF file", ("nc", "nc4", "cdf"), is_netcdf, read, look))
