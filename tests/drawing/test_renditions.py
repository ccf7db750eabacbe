"""Renditions are made once, lie beside the series, and are made again where they are not what they should be."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framecast.drawing import renditions as module
from framecast.drawing.pictures import display_range, encode, picture
from framecast.drawing.renditions import FILE, QUALITY, SIDE, kept_renditions, renditions
from framecast.series.store import SeriesStore, StoredSeries


@pytest.fixture
def store(tmp_path: Path) -> SeriesStore:
    return SeriesStore(tmp_path)


@pytest.fixture
def stored(store: SeriesStore) -> StoredSeries:
    y, x = np.mgrid[:600, :900]
    frames = ((np.sin(x / 50 + t) + np.cos(y / 70)) * 60 + 128 for t in range(7))
    return store.add("large", (np.rint(frame).astype(np.uint8)[..., None] for frame in frames))


def test_each_is_the_frame_shrunk(store: SeriesStore, stored: StoredSeries) -> None:
    seen: list[tuple[int, int]] = []
    found = renditions(store, stored, range(0, 7, 2), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)] and found.frames == range(0, 7, 2)
    for index, content in zip(found.frames, found.pictures, strict=True):
        frame = store.open(stored.digest).frames[index]
        assert content == encode(picture(frame, display_range(stored)), lossless=False, longest_side=SIDE, quality=QUALITY)
        assert Image.open(io.BytesIO(content)).size == (found.width, found.height)
    assert max(found.width, found.height) == SIDE
    assert found.of(3) == found.of(2) == found.pictures[1] and found.of(6) == found.pictures[3]


def test_they_are_made_once(store: SeriesStore, stored: StoredSeries, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not kept_renditions(store, stored, range(7))
    found = renditions(store, stored, range(7))
    monkeypatch.setattr(module, "_rendition", None)
    assert renditions(store, stored, range(7)) == found and kept_renditions(store, stored, range(7))
    assert store.beside(stored.digest, FILE).stat().st_size < 0.1 * stored.n_bytes


@pytest.mark.parametrize("damage", ["cut", "longer", "empty", "text", "others"])
def test_what_is_not_whole_is_made_again(store: SeriesStore, stored: StoredSeries, damage: str) -> None:
    found = renditions(store, stored, range(7))
    path = store.beside(stored.digest, FILE)
    content = path.read_bytes()
    if damage == "others":
        renditions(store, stored, range(0, 7, 3))
    else:
        path.write_bytes({"cut": content[:-5], "longer": content + b"x", "empty": b"", "text": b"no pictures"}[damage])
    assert renditions(store, stored, range(7)) == found and path.read_bytes() == content
