"""HDF5 of any program: the data set is picked, read as it lies, and nothing outside the file is touched."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from framecast.errors import ChoiceNeededError, SeriesError, StorageError
from framecast.series.ingest import Upload, ingest, look
from framecast.series.store import SeriesStore
from tests.series.files import Array


def h5(**datasets: Any) -> Upload:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as content:
        for name, value in datasets.items():
            content[name.replace("__", "/")] = value
    return Upload.from_bytes("a.h5", stream.getvalue())


@pytest.mark.parametrize("options", [{}, {"chunks": (2, 4, 7, 3), "compression": "gzip"}, {"compression": "lzf"}])
@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
def test_a_data_set_is_read_exactly(store: SeriesStore, frames: Array, options: dict[str, Any], dtype: str) -> None:
    values = frames.astype(dtype) * np.ones((), dtype) + np.asarray(0.5 if "f" in dtype else 0, dtype)
    stream = io.BytesIO()
    with h5py.File(stream, "w", userblock_size=512 if options else 0) as content:
        content.create_dataset("run/camera", data=values, **options).attrs["units"] = "K"
        content["run/name"] = "a text"
    stored = ingest(Upload.from_bytes("a.h5", stream.getvalue()), store)
    series = store.open(stored.digest)
    assert np.array_equal(series.frames, values) and series.frames.dtype == np.dtype(dtype).newbyteorder("=")
    assert series.units == "K"


def test_names_that_are_no_utf_8_are_read_by_what_can_be_written_of_them(store: SeriesStore, frames: Array) -> None:
    """As programs on older machines wrote them."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as content:
        for name, values in (("Größe".encode("latin-1"), frames), (b"a/b", frames[::-1])):
            parents = h5py.h5p.create(h5py.h5p.LINK_CREATE)
            parents.set_create_intermediate_group(True)
            space = h5py.h5s.create_simple(values.shape)
            dataset = h5py.h5d.create(content.id, name, h5py.h5t.NATIVE_UINT8, space, lcpl=parents)
            dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ascontiguousarray(values))
    file = Upload.from_bytes("a.h5", stream.getvalue())
    with pytest.raises(ChoiceNeededError, match=r"2 variables that could be a series: Gr\\xf6\\xdfe \(uint8"):
        ingest(file, store)
    stored = ingest(file, store, variable="Gr\\xf6\\xdfe")
    assert np.array_equal(store.open(stored.digest).frames, frames)


def test_several_data_sets_are_asked_and_picked(store: SeriesStore, frames: Array) -> None:
    file = h5(run__a=frames, run__b=frames[::-1], times=np.arange(6))
    assert [part.name for part in look(file).parts] == ["run/a", "run/b"]
    with pytest.raises(ChoiceNeededError, match=r"run/a \(uint8 6 x 9 x 7 x 3\), run/b"):
        ingest(file, store)
    assert np.array_equal(store.open(ingest(file, store, variable="run/b").digest).frames, frames[::-1])


def test_time_may_lie_anywhere(store: SeriesStore, frames: Array) -> None:
    file = h5(x=np.moveaxis(frames, 0, 2))
    assert np.array_equal(store.open(ingest(file, store, axes="HWTC").digest).frames, frames)


def test_nothing_outside_the_file_is_followed(store: SeriesStore, frames: Array, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as content:
        content["frames"] = frames
    (tmp_path / "raw.bin").write_bytes(frames.tobytes())
    with h5py.File(tmp_path / "links.h5", "w") as content:
        content["linked"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "frames")
        content.create_dataset("outside", frames.shape, "u1", external=[(str(tmp_path / "raw.bin"), 0, frames.nbytes)])
        layout = h5py.VirtualLayout(frames.shape, "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "frames", frames.shape)
        content.create_virtual_dataset("virtual", layout)
        content["soft"] = h5py.SoftLink("/linked")
        content["loop"] = content["/"]
    with pytest.raises(SeriesError, match="holds no array; it must hold one"):
        ingest(tmp_path / "links.h5", store)


def test_unknown_compression_and_giant_chunks_are_named(store: SeriesStore) -> None:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as content:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((1, 8, 8))
        creation.set_filter(32999, h5py.h5z.FLAG_OPTIONAL, (3,))  # a number that nobody has
        h5py.h5d.create(content.id, b"x", h5py.h5t.NATIVE_UINT8, h5py.h5s.create_simple((4, 8, 8)), creation)
    with pytest.raises(SeriesError, match=r"compressed by a method that is not known here \(number 32999\); gzip"):
        ingest(Upload.from_bytes("a.h5", stream.getvalue()), store)
    stream = io.BytesIO()
    with h5py.File(stream, "w") as content:
        content.create_dataset("x", (1000, 500, 500), "f8", chunks=(1000, 500, 500), compression="gzip")
    with pytest.raises(SeriesError, match="chunks of 1.9 GiB"):
        ingest(Upload.from_bytes("a.h5", stream.getvalue()), store)


def test_more_frames_than_any_disk_holds_are_refused_at_once(store: SeriesStore, untouched: Callable[[], None]) -> None:
    """What was never written takes no place in the file, however much of it a header claims."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as content:
        content.create_dataset("x", (10**9, 2000, 2000), np.float32, chunks=(1, 200, 200))
    with pytest.raises(StorageError, match=r"^1000000000 frames need .* are free"):
        ingest(Upload.from_bytes("sparse.h5", stream.getvalue()), store)
    untouched()
