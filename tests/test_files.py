"""Files appear whole or not at all."""

import errno
import json
import math
import os
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import StorageError
from framecast.files import (
    below,
    bytes_in_words,
    plain_json,
    set_aside,
    settled,
    standing,
    storage_errors,
    write_array,
    write_json,
    writing,
    writing_folder,
)


def test_a_file_whose_writing_fails_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), writing(path) as handle:
        handle.write(b"half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["kept.txt"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "best"
    for text in ("first", "second"):
        with writing_folder(path) as folder:
            (folder / "weights").write_text(text)
    with pytest.raises(RuntimeError), writing_folder(path) as folder:
        (folder / "weights").write_text("third")
        raise RuntimeError
    assert (path / "weights").read_text() == "second"
    assert [found.name for found in tmp_path.iterdir()] == ["best"]


def test_a_crash_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "best"
    set_aside(path).mkdir()
    (set_aside(path) / "weights").write_text("old")
    assert (settled(path) / "weights").read_text() == "old"
    assert not set_aside(path).exists()


def test_what_stands_is_told_without_touching_it(tmp_path: Path) -> None:
    path = tmp_path / "best"
    assert standing(path) == path, "where there is nothing yet"
    set_aside(path).mkdir()
    assert standing(path) == set_aside(path) and not path.exists()
    path.mkdir()
    assert standing(path) == path and set_aside(path).exists()


def test_what_is_set_aside_is_listed_where_it_belongs_and_nothing_else_that_is_hidden(tmp_path: Path) -> None:
    for name in ("best/weights", ".best.old/older", ".last.old/fit", ".film", ".x.part/torn", "notes.old"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = {inside.as_posix(): path.relative_to(tmp_path).as_posix() for path, inside in below(tmp_path)}
    assert found.pop("best") == "best" and found.pop("last") == ".last.old"
    assert found == {"best/weights": "best/weights", "last/fit": ".last.old/fit", "notes.old": "notes.old"}


def test_every_name_that_a_file_can_have_can_be_written(tmp_path: Path) -> None:
    for name in ("a" * 251 + ".npy", "ä" * 125 + "a.npy"):
        write_array(tmp_path / name, np.zeros(3))
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(StorageError, match="cannot be written"):
        write_array(tmp_path / ("a" * 256), np.zeros(3))


def test_a_full_disk_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"The disk is full: .* are left where 'a.npy' .* Free some space"):
        write_array(tmp_path / "a.npy", np.zeros(3))
    assert not list(tmp_path.iterdir())


def test_json_holds_what_json_has_no_numbers_for(tmp_path: Path) -> None:
    values = {"a": math.nan, "b": [math.inf, np.float64(-math.inf)], "c": np.arange(2), "d": (True, "x", None)}
    write_json(tmp_path / "a.json", values)
    found = json.loads((tmp_path / "a.json").read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert found == plain_json(values) == {"a": None, "b": ["Infinity", "-Infinity"], "c": [0, 1], "d": [True, "x", None]}


@pytest.mark.parametrize(
    ("n_bytes", "words"), [(5, "5 bytes"), (2048, "2.0 KiB"), (340 * 2**20, "340 MiB"), (27.6 * 2**30, "27.6 GiB")]
)
def test_bytes_are_said_in_words(n_bytes: float, words: str) -> None:
    assert bytes_in_words(n_bytes) == words


@pytest.mark.parametrize(("name", "says"), [("notes.json", "'notes.json' cannot"), (".incoming-1a2b", "The workspace cannot")])
def test_a_refusal_names_what_a_person_knows(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(StorageError, match=f"^{says} be written .*read-only file system"), storage_errors(tmp_path / name):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
