"""Files on their way are there while they are needed, and nowhere afterwards."""

import gc
import io
from collections.abc import Callable

import numpy as np
import pytest

from framecast.errors import StorageError
from framecast.series.ingest import ingest
from framecast.series.received import Received
from framecast.series.store import SeriesStore
from tests.series.files import Array, pictures


def received_from(store: SeriesStore, frames: Array) -> Received:
    received = Received(store)
    for file in pictures(frames, "../a folder/frame\n{}.png"):
        received.take(file.name, io.BytesIO(file.read()))
    return received


def test_copies_are_read_under_their_own_names(store: SeriesStore, frames: Array) -> None:
    received = received_from(store, frames)
    stored = ingest(received.uploads, store)
    assert np.array_equal(store.open(stored.digest).frames, frames) and stored.name == "a folder"
    received.discard()
    assert [path.name for path in store.folder.iterdir()] == [stored.digest]


def test_a_person_who_never_answers_leaves_nothing(store: SeriesStore, frames: Array, untouched: Callable[[], None]) -> None:
    received = received_from(store, frames)
    assert len(list(store.folder.iterdir())) == 1
    del received
    gc.collect()
    untouched()


def test_a_full_disk_leaves_nothing(store: SeriesStore, frames: Array, untouched: Callable[[], None]) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, "No space left on device")

    received = received_from(store, frames)
    with pytest.raises(StorageError, match="The disk is full"):
        received.take("more", Full())
    untouched()
