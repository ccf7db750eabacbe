"""The folder that the server offers: all that is in it, nothing that is not."""

import os
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import SeriesError
from framecast.series.ingest import ingest
from framecast.series.readers.contract import printable
from framecast.series.server_folder import ROOT_VARIABLE, listed, series_root, uploads_of
from framecast.series.store import SeriesStore
from tests.series.files import Array, pictures


@pytest.fixture
def root(tmp_path: Path, frames: Array) -> Path:
    """An opened folder, a secret beside it, and links that lead there."""
    root, secret = tmp_path / "offered", tmp_path / "secret"
    for folder in (root / "cells", secret / "frames"):
        folder.mkdir(parents=True)
        for file in pictures(frames, f"{folder.name}_{{}}.png"):
            (folder / file.name).write_bytes(file.read())
    np.save(root / "a.npy", frames)
    np.save(secret / "b.npy", frames)
    (root / "out").symlink_to(secret)
    (root / "b.npy").symlink_to(secret / "b.npy")
    (root / "cells" / "zz.png").symlink_to(secret / "frames" / "frames_1.png")
    (root / ".hidden.npy").write_bytes(b"")
    return root


def test_it_is_off_unless_it_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    assert series_root() is None
    monkeypatch.setenv(ROOT_VARIABLE, str(root / "nowhere"))
    assert series_root() is None
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    assert series_root() == root


def test_what_lies_in_it_is_listed_and_read(root: Path, store: SeriesStore, frames: Array) -> None:
    assert listed(root) == ["a.npy", "cells/"]
    for name in listed(root):
        stored = ingest(uploads_of(root, name), store)
        assert np.array_equal(store.open(stored.digest).frames, frames)
    assert store.list()[0].name in ("a", "cells")


def test_names_that_are_no_text_and_pipes_are_in_nobody_s_way(root: Path, store: SeriesStore, frames: Array) -> None:
    """What is kept of a name can be written anywhere; nobody waits for what never comes out of a pipe."""
    odd = os.fsdecode(b"\xff\xfe")
    (root / f"a{odd}.npy").write_bytes((root / "a.npy").read_bytes())
    for index, file in enumerate(pictures(frames)):
        (root / "cells" / f"{index}{odd}.png").write_bytes(file.read())
    for place in (root / "pipe.npy", root / "cells" / "pipe.png"):
        os.mkfifo(place)
    assert [name for name in listed(root) if "pipe" in name] == [] and len(listed(root)) == 3
    for name in listed(root):
        stored = ingest(uploads_of(root, name), SeriesStore(store.folder / printable(name)))
        for told in (stored.name, stored.source, *SeriesStore(store.folder / printable(name)).names(stored.digest)):
            told.encode("utf-8")


@pytest.mark.parametrize(
    "name", ["../secret/b.npy", "out/b.npy", "out", "b.npy", "/etc/passwd", "cells/zz.png", "nothing", "a\nb"]
)
def test_nothing_outside_is_read(root: Path, name: str) -> None:
    with pytest.raises(SeriesError, match="in the folder that this server offers") as raised:
        uploads_of(root, name)
    assert str(root.parent) not in str(raised.value) or name.startswith("/")
