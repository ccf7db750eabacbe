"""A store of its own for each test, and frames whose every value says where it belongs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from framecast.series.store import SeriesStore
from tests.series.files import Array


@pytest.fixture
def store(tmp_path: Path) -> SeriesStore:
    return SeriesStore(tmp_path / "workspace")


@pytest.fixture
def untouched(store: SeriesStore) -> Callable[[], None]:
    """Call it to check that the store is as empty as it was, with nothing half-written left."""

    def check() -> None:
        assert store.list() == [] and store.damaged() == []
        assert not store.folder.exists() or list(store.folder.iterdir()) == []

    return check


@pytest.fixture
def frames() -> Array:
    """(6, 9, 7, 3) uint8, odd sizes, no two frames alike."""
    return np.random.default_rng(5).integers(0, 256, (6, 9, 7, 3), dtype=np.uint8)
