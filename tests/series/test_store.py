"""The store keeps content once, under its digest, and one broken series never hides the others."""

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import SeriesError, SettingError, UnknownNameError
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore, StoredSeries
from tests.series.files import Array

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("masked", [True, False])
def test_what_is_opened_is_what_was_added(store: SeriesStore, frames: Array, dtype: str, masked: bool) -> None:
    values = frames.astype(dtype) * np.ones((), dtype)
    valid = np.arange(63).reshape(9, 7) > 5 if masked else None
    if valid is not None:
        values[:, ~valid] = values[0, valid].max()  # as files are filled; else the store does it (test_masked_pixels)
    stored = store.add("cells", iter(values), units="K", timestep=timedelta(seconds=2), valid=valid, source="a test")
    series = store.open("cells")
    assert np.array_equal(series.frames, values) and series.frames.dtype == dtype
    assert series.digest() == stored.digest == store.info("cells").digest
    assert (series.name, series.units, series.timestep) == ("cells", "K", timedelta(seconds=2))
    assert series.valid is None if valid is None else np.array_equal(series.valid, valid)  # type: ignore[arg-type]
    assert StoredSeries.from_mapping(json.loads(json.dumps(stored.to_mapping()))) == stored == store.info(stored.digest)


def test_opened_frames_are_mapped_and_cannot_be_written(store: SeriesStore, frames: Array) -> None:
    series = store.open(store.add("a", frames).digest)
    assert isinstance(series.frames, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        series.frames[0, 0, 0, 0] = 1


def test_same_content_is_stored_once_and_keeps_its_name(store: SeriesStore, frames: Array) -> None:
    first = store.add("first", frames)
    assert store.add("second", frames.copy()) == first and [stored.name for stored in store.list()] == ["first"]
    assert store.add("third", frames, value_range=(0, 300)).digest != first.digest


def test_the_same_content_from_many_at_once_is_stored_once(store: SeriesStore, frames: Array) -> None:
    """Uploads of several people that end in the same moment: one series of each content, each under a name of its own."""
    together = threading.Barrier(8)

    def slowly(values: Array) -> Iterator[Array]:
        yield from values[:-1]
        together.wait(60)
        yield values[-1]

    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda index: store.add("cells", slowly(frames + index % 2)), range(8)))
    assert len({one.digest for one in stored}) == 2 == len(store.list())
    assert stored[0::2] == [stored[0]] * 4 and stored[1::2] == [stored[1]] * 4
    assert sorted(one.name for one in store.list()) == ["cells", "cells (2)"]
    assert sorted(path.name for path in store.folder.iterdir()) == sorted({one.digest for one in stored})
    assert np.array_equal(store.open(stored[1].digest).frames, frames + 1)


HURRY = """
import sys, time
from pathlib import Path
import numpy as np
from framecast.series.store import SeriesStore
number, store, free_name = int(sys.argv[1]), SeriesStore(Path(sys.argv[2])), SeriesStore._free_name
def slowly(self, name):
    found = free_name(self, name)
    time.sleep(0.1)
    return found
SeriesStore._free_name = slowly
Path(sys.argv[2], f"ready{number}").touch()
while not Path(sys.argv[2], f"ready{1 - number}").exists():
    time.sleep(0.01)
for index in range(4):
    stored = store.add("cells", np.full((2, 2, 2, 1), 10 * number + index, np.uint8))
    if index % 2:
        store.rename(stored.digest, "waves")
"""


def test_two_processes_never_give_one_name_to_two_series(store: SeriesStore) -> None:
    store.folder.mkdir(parents=True)
    words = [sys.executable, "-c", HURRY]
    both = [subprocess.Popen([*words, str(number), str(store.folder.parent)], cwd=ROOT) for number in (0, 1)]
    assert [one.wait(120) for one in both] == [0, 0]
    assert len({one.name for one in store.list()}) == 8


def test_a_series_that_was_named_in_the_old_way_keeps_its_name(store: SeriesStore, frames: Array) -> None:
    old = store.add("old", frames, digest_kind="sha256")
    assert old.digest == store.open("old").digest("sha256") != store.open("old").digest()
    content = json.loads((store.folder / old.digest / "series.json").read_text())
    del content["digest_kind"]  # as it was written before there were two ways
    (store.folder / old.digest / "series.json").write_text(json.dumps(content))
    assert store.info(old.digest) == old, "it loads"
    assert store.add("again", frames) == old and len(store.list()) == 1, "it is known again, and not stored twice"
    new = store.add("new", frames + 1)
    assert new.digest_kind == "blake3" and new.digest == store.open("new").digest()
    changed = store.declare_range(old.digest, 0, 300)
    assert changed.digest_kind == "blake3" and changed.digest == store.open(changed.digest).digest()


def test_the_old_way_is_as_it_was(frames: Array) -> None:
    """SHA-256 over a line about the frames, all their bytes, and a line about all of them."""
    whole = b"(9, 7, 3) uint8" + frames.tobytes() + b"6 0.0 255.0"
    assert FrameSeries("a", frames, (0, 255)).digest("sha256") == hashlib.sha256(whole).hexdigest()[:16]


def test_the_number_of_frames_need_not_be_known(store: SeriesStore) -> None:
    for n_frames in (2, 9, 10, 1234):
        stored = store.add("growing", (np.full((2, 2, 1), i % 251, np.uint8) for i in range(n_frames)))
        assert stored.n_frames == len(np.load(store.folder / stored.digest / "frames.npy", mmap_mode="r")) == n_frames


def test_names_are_made_free_and_newest_comes_first(store: SeriesStore, frames: Array) -> None:
    stored = [store.add("a", frames + i) for i in range(3)]
    assert [one.name for one in stored] == ["a", "a (2)", "a (3)"]
    assert [one.digest for one in store.list()] == [one.digest for one in stored[::-1]]
    assert store.rename(stored[0].digest, "b").name == "b" and store.rename(stored[1].digest, "b").name == "b (2)"
    assert store.rename(stored[2].digest, "a (3)").name == "a (3)"
    assert store.open("b").digest() == stored[0].digest
    with pytest.raises(SeriesError, match="name of the series is empty"):
        store.rename(stored[0].digest, " \n ")


def test_deleting(store: SeriesStore, frames: Array) -> None:
    kept, gone = store.add("kept", frames), store.add("gone", frames + 1)
    store.delete(gone.digest)
    assert store.list() == [kept] and [path.name for path in store.folder.iterdir()] == [kept.digest]
    with pytest.raises(UnknownNameError, match="no series 'gone'. Stored series: kept"):
        store.open("gone")


@pytest.mark.parametrize("name", ["../a", "..", "", ".", "a/b", "/etc"])
def test_names_are_never_paths(store: SeriesStore, frames: Array, name: str) -> None:
    store.add("kept", frames)
    for act in (store.open, store.info, store.delete):
        with pytest.raises(UnknownNameError):
            act(name)


@pytest.mark.parametrize("damage", ["no json", "bad json", "other json", "short frames", "no frames", "no mask"])
def test_a_damaged_series_is_passed_over_named_and_replaced(store: SeriesStore, frames: Array, damage: str) -> None:
    whole = store.add("whole", frames)
    hurt = store.add("hurt", frames + 1, valid=np.eye(9, 7, dtype=bool))
    folder = store.folder / hurt.digest
    {
        "no json": lambda: (folder / "series.json").unlink(),
        "bad json": lambda: (folder / "series.json").write_text("{"),
        "other json": lambda: (folder / "series.json").write_text('{"name": 3}'),
        "short frames": lambda: cut(folder / "frames.npy"),
        "no frames": lambda: (folder / "frames.npy").unlink(),
        "no mask": lambda: (folder / "valid.npy").unlink(),
    }[damage]()
    assert store.list() == [whole] and store.damaged() == [hurt.digest]
    again = store.add("again", frames + 1, valid=np.eye(9, 7, dtype=bool))
    assert again.digest == hurt.digest and store.damaged() == [] and len(store.list()) == 2
    cut(folder / "frames.npy")
    store.delete(hurt.digest)
    assert store.damaged() == [] and store.list() == [whole]


def test_frames_that_are_no_numbers_for_numpy(store: SeriesStore, frames: Array) -> None:
    stored = store.add("a", frames)
    path = store.folder / stored.digest / "frames.npy"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(SeriesError, match="series 'a' .* are damaged"):
        store.open("a")


def test_frames_that_make_no_series(store: SeriesStore, frames: Array) -> None:
    wrong: list[tuple[list[Array], str]] = [
        ([], "has no frames; at least 2"),
        ([frames[0]], "has 1 frame; at least 2"),
        ([frames[0], frames[1, :8]], r"Frame 2 of series 'a' is \(8, 7, 3\)"),
        ([frames[0], frames[1].astype(np.uint16)], "uint16, frame 1 is"),
        ([frames[0].astype(float)] * 2, "float64; frames must be"),
        ([frames[0, ..., 0]] * 2, "frames must be"),
        ([np.full((2, 2, 1), np.nan, np.float32)] * 2, "holds NaN or infinite"),
    ]
    for values, text in wrong:
        with pytest.raises(SeriesError, match=text):
            store.add("a", values)
    with pytest.raises(SeriesError, match="mask of series"):
        store.add("a", frames, valid=np.ones((3, 3), bool))
    assert store.list() == [] and store.damaged() == [] and list(store.folder.iterdir()) == []


@pytest.mark.parametrize(("high", "top"), [(255, 255), (256, 1023), (4095, 4095), (4096, 16383), (65535, 65535)])
def test_the_range_of_16_bit_values_is_the_camera_s(store: SeriesStore, high: int, top: int) -> None:
    stored = store.add("a", np.array([0, high], np.uint16).reshape(2, 1, 1, 1))
    assert stored.value_range == (0, top) and bool(stored.warnings) == (top < 65535)


def test_a_store_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path / "nowhere")
    assert store.list() == [] and store.damaged() == [] and not (tmp_path / "nowhere").exists()


def test_the_names_of_the_frames_are_kept_where_each_had_one(store: SeriesStore, frames: Array) -> None:
    names = ["a 1.png", "a\n2.png", "<b>3.png", "4", "5", "6"]
    assert store.names(store.add("named", frames, names=names).digest) == tuple(names)
    assert store.names(store.add("unnamed", frames + 1).digest) == ()
    assert store.names(store.add("too few names", frames + 2, names=names[:3]).digest) == ()


def test_a_prepared_series_says_its_origin_and_an_older_record_none(store: SeriesStore, frames: Array) -> None:
    stored = store.add("a", frames, made_from="0123456789abcdef", steps=["Every 2nd frame."])
    assert store.info("a") == stored and (stored.made_from, stored.steps) == ("0123456789abcdef", ("Every 2nd frame.",))
    path = store.folder / stored.digest / "series.json"
    older = {key: value for key, value in json.loads(path.read_text()).items() if key not in ("made_from", "steps")}
    path.write_text(json.dumps(older))
    assert (store.info("a").made_from, store.info("a").steps) == ("", ())


def test_what_is_made_from_a_series_goes_with_it(store: SeriesStore, frames: Array) -> None:
    stored = store.add("a", frames)
    path = store.beside("a", "health.json")
    path.write_text("{}")
    assert path.parent.name == stored.digest and store.list() == [stored]
    store.delete("a")
    assert not path.exists()
    with pytest.raises(UnknownNameError):
        store.beside("a", "health.json")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def test_another_range_shares_the_frames_and_the_old_one_stays(store: SeriesStore, frames: Array) -> None:
    values, valid = frames.astype(np.float32), np.arange(63).reshape(9, 7) > 5
    values[:, ~valid] = values[0, valid].max()
    old = store.add("K", values, units="K", valid=valid)
    new = store.declare_range(old.digest, -10, 300)
    series = store.open(new.digest)
    assert new.value_range == series.value_range == (-10, 300) and series.digest() == new.digest != old.digest
    assert np.array_equal(series.frames, values) and np.array_equal(series.valid, valid)  # type: ignore[arg-type]
    assert (new.name, new.units, store.open(old.digest).value_range) == ("K (2)", "K", old.value_range)
    assert store.declare_range(old.digest, -10, 300) == new and len(store.list()) == 2
    files = [store.folder / one.digest / "frames.npy" for one in (old, new)]
    assert files[0].samefile(files[1])
    store.delete(old.digest)
    assert np.array_equal(store.open(new.digest).frames, values)


def test_another_range_may_take_the_place_of_the_old_one(store: SeriesStore, frames: Array) -> None:
    old = store.add("K", frames.astype(np.float32))
    new = store.declare_range(old.digest, 0, 1000, replace=True)
    assert store.list() == [new] and new.name == "K" and [path.name for path in store.folder.iterdir()] == [new.digest]
    for low, high in ((0, 0), (0, float("nan")), (float("-inf"), 1)):
        with pytest.raises(SettingError, match="below the second"):
            store.declare_range(new.digest, low, high)
    assert store.list() == [new]


def test_what_was_said_of_the_old_range_is_not_said_of_the_new_one(store: SeriesStore, frames: Array) -> None:
    notes = ["The values (float64) are kept as float32 and the value range was taken from them: 0 to 9.", "Names were sorted."]
    old = store.add("K", frames.astype(np.float32), warnings=notes)
    new = store.declare_range(old.digest, -10, 300)
    assert new.warnings[0] == "Names were sorted." and new.warnings[1].startswith("The value range, -10 to 300, was chosen")
    assert len(new.warnings) == 2 and store.info(old.digest).warnings == tuple(notes)
