"""A disk that is really full, half-way through: a sentence, and nothing left. Needs leave to mount a small file system."""

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import StorageError
from framecast.series.ingest import ingest
from framecast.series.readers.contract import Upload
from framecast.series.received import Received
from framecast.series.store import SeriesStore

DISK_BYTES = 2**21


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    if os.name == "nt" or subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)], capture_output=True, check=False
    ).returncode:
        pytest.skip("no leave to mount a file system here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_uploads_and_frames_that_do_not_fit_leave_nothing(small_disk: Path) -> None:
    store = SeriesStore(small_disk)
    kept = store.add("kept", np.zeros((3, 8, 8, 1), np.uint8))
    frames = np.random.default_rng(0).integers(0, 256, (40, 256, 256), dtype=np.uint8)
    stream = io.BytesIO()
    np.save(stream, np.asfortranarray(frames))
    received = Received(store)
    with pytest.raises(StorageError, match="The disk is full"):
        received.take("a.npy", io.BytesIO(stream.getvalue()))
    with pytest.raises(StorageError, match="all of its 2.5 MiB must be laid out on disk"):
        ingest(Upload.from_bytes("a.npy", stream.getvalue()), store)
    with pytest.raises(StorageError, match="The disk is full"):
        store.add("unknown length", (frame[..., None] for frame in frames))
    assert store.list() == [kept] and [path.name for path in store.folder.iterdir()] == [kept.digest]
