"""HDF5 files of any program: every data set in them, in any group, read a block of frames at a time, and unpacked where it
says how (`packing.py`), so that its values are in its units.

Only what lies in the file itself is seen: links to other files, data kept outside and data sets put together from other ones
are not followed. A data set whose compression is not known here is refused with its name.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.errors import SeriesError
from framecast.files import bytes_in_words
from framecast.series.readers.choice import Contents, Part, contents
from framecast.series.readers.contract import READERS, FrameStream, Reader, Reading, Upload, Wish, printable, readable
from framecast.series.readers.packing import packing_of

if TYPE_CHECKING:
    from h5py import Dataset, File

WHAT = "an HDF5 file"
MAGIC = b"\x89HDF\r\n\x1a\n"
CUSTOMS = ("THWC", "TCHW", "HWCT")
MOST_DATASETS = 10_000
CHUNK_CACHE_BYTES = 2**27
MAX_CHUNK_BYTES = 2**27
NETCDF = b"_NCProperties"
MATLAB = b"MATLAB 7.3 MAT-file"


def is_hdf5(head: bytes) -> bool:
    """HDF5 that, by these bytes, neither MATLAB nor the NetCDF library wrote; programs may put a block of their own before."""
    begins = any(head[place : place + 8] == MAGIC for place in (0, 512, 1024, 2048, 4096))
    return begins and not head.startswith(MATLAB) and NETCDF not in head


def look(files: Sequence[Upload]) -> Contents:
    (file,) = files
    with opened(file, WHAT) as content:
        return contents(file, [_part(name, dataset) for name, dataset in datasets(content).items()])


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    notes: list[str] = []
    with opened(file, WHAT) as content:
        found = datasets(content)
        part, layout = contents(file, [_part(name, one) for name, one in found.items()]).chosen(wish, notes)
        dataset = found[part.name]
        check_storage(file, dataset)
        packing = packing_of(f"{printable(part.name)} in {file.label}", dataset.attrs, dataset.dtype)
        layout.check(file.label, dataset.shape, packing.becomes.itemsize)
        units = _units(dataset)
        if packing.is_scaled:
            notes.append(packing.in_words)

    def frames() -> FrameStream:
        with opened(file, WHAT) as content:
            for block in layout.blocks(datasets(content)[part.name], wish.wanted):
                for frame in block:
                    yield packing.unpacked(frame, notes)

    return Reading(frames, packing.becomes, wish.wanted.count(layout.length("T", part.shape)), units=units, warnings=notes)


@contextmanager
def opened(file: Upload, what: str) -> "Iterator[File]":
    import h5py

    with readable(file, what), file.open() as stream, h5py.File(stream, "r", rdcc_nbytes=CHUNK_CACHE_BYTES) as content:
        yield content


def datasets(content: "File", hidden: Callable[[str], bool] = lambda name: False) -> "dict[str, Dataset]":
    """Path to data set, of all data sets that lie in the file; each once, whatever links lead to it. Where a path is no UTF-8,
    h5py gives its bytes; those that mean nothing in it are then written as their numbers."""
    import h5py

    found: dict[str, Dataset] = {}
    n_seen = 0

    def visit(path: str | bytes, thing: Any) -> bool | None:
        nonlocal n_seen
        n_seen += 1
        name = path.decode("utf-8", "backslashreplace") if isinstance(path, bytes) else path
        if isinstance(thing, h5py.Dataset) and not hidden(name) and not thing.is_virtual and not thing.external:
            found[name] = thing
        return True if n_seen > MOST_DATASETS else None  # anything but None ends the visit

    content.visititems(visit)
    if n_seen > MOST_DATASETS:
        raise ValueError("too many things in one file")
    return found


def check_storage(file: Upload, dataset: "Dataset") -> None:
    """Refuse what could not be unpacked, or not in bounded memory."""
    import h5py

    creation = dataset.id.get_create_plist()
    for index in range(creation.get_nfilters()):
        number, _, _, label = creation.get_filter(index)
        if not h5py.h5z.filter_avail(number):
            called = printable(label.decode("utf-8", "replace"), 40) or f"number {number}"
            raise SeriesError(
                f"{file.label} is compressed by a method that is not known here ({called}); gzip, lzf and szip are. Save it "
                "with one of these, or without."
            )
    chunk_bytes = int(np.prod(dataset.chunks or (1,), dtype=np.float64)) * dataset.dtype.itemsize
    if chunk_bytes > MAX_CHUNK_BYTES:
        raise SeriesError(
            f"{file.label} is stored in chunks of {bytes_in_words(chunk_bytes)}, each of which is unpacked as a whole; at "
            f"most {bytes_in_words(MAX_CHUNK_BYTES)} are. Save it with one frame a chunk."
        )


def _part(name: str, dataset: "Dataset") -> Part:
    if dataset.shape is None or dataset.dtype.kind not in "biufc":
        return Part(name, tuple(dataset.shape or ()), "no numbers", None, ())
    return Part.of(name, dataset.shape, str(dataset.dtype.newbyteorder("=")), CUSTOMS)


def _units(dataset: "Dataset") -> str:
    units = dataset.attrs.get("units", "")
    text = units.decode("utf-8", "replace") if isinstance(units, bytes) else units
    return printable(text, 30) if isinstance(text, str) else ""


def _rather(file: Upload) -> str:
    """The reader of NetCDF for what is NetCDF and does not say so in its first bytes. Its library writes its name anywhere in
    a file, and did not always; without it a file is known by how that library lays arrays out, in the outermost group, with
    scales to their axes. HDF5 that only looks so, and that the library cannot open, stays what it is."""
    if file.head(len(MAGIC)) != MAGIC:
        return ""
    with opened(file, WHAT) as content:
        if NETCDF.decode() in content.attrs:
            return "netcdf"
        arrays = {name: dataset for name, dataset in datasets(content).items() if len(dataset.shape or ()) >= 3}
        plain = all("/" not in name and dataset.dtype.kind in "iuf" for name, dataset in arrays.items())
        if not plain or not any("DIMENSION_LIST" in dataset.attrs for dataset in arrays.values()):
            return ""
    look_as_netcdf = READERS["netcdf"].look
    assert look_as_netcdf is not None
    try:
        return "netcdf" if look_as_netcdf([file]).parts else ""
    except SeriesError:
        return ""


READERS.add("hdf5", Reader("HDF5 file", ("h5", "hdf5", "hdf", "he5"), is_hdf5, read, look, rather=_rather))
