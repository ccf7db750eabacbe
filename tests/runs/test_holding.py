"""Whoever carries a run out is seen from another machine, too, where the lock itself is not."""

import errno
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest

from framecast.errors import BusyError
from framecast.runs import holding
from framecast.runs.experiment import plan
from framecast.runs.holding import ALIVE_S, AT_WORK, beat, holder, take
from framecast.runs.run_folder import LOCK
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries


@pytest.fixture
def run(tmp_path: Path, series: FrameSeries) -> Run:
    return RunStore(tmp_path).create(plan(series, forecaster="persistence", device="cpu"))


def held_elsewhere(path: Path, age_s: float = 0.0, machine: str = "another boot", doing: str = AT_WORK) -> None:
    """As a process on another machine leaves the file; its number is one that no process has here."""
    other = {"pid": 2**22 + 1, "host": "node07", "since": "2026-11-25T12:00:00+00:00", "machine": machine, "doing": doing}
    path.write_text(json.dumps(other))
    os.utime(path, (time.time() - age_s,) * 2)


def test_a_holder_on_another_machine_is_believed_while_it_touches_the_file(run: Run) -> None:
    path = run.folder / LOCK
    held_elsewhere(path, ALIVE_S - 60)
    found = run.holder()
    assert found is not None and "on node07" in found.words
    with pytest.raises(BusyError, match="is at work in .* on node07"):
        run.hold()
    held_elsewhere(path, ALIVE_S - 60, doing="paused")
    with pytest.raises(BusyError, match="is paused in .* on node07"):
        run.hold()
    assert json.loads(path.read_text())["host"] == "node07", "a refusal changes nothing"
    held_elsewhere(path, ALIVE_S + 60)
    assert run.holder() is None
    run.hold().leave()


def test_on_this_machine_the_lock_alone_decides(run: Run) -> None:
    """A crash a second ago leaves what it wrote; so did the releases that wrote no machine."""
    path = run.folder / LOCK
    for machine in (holding._machine(), ""):
        held_elsewhere(path, machine=machine)
        assert run.holder() is None
    run.hold().leave()


def test_who_held_it_before_this_machine_was_started_anew_is_gone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    path, started = run.folder / LOCK, time.time() - 60
    monkeypatch.setattr(holding, "_machine", lambda: "this boot/this system")
    monkeypatch.setattr(holding, "_started_s", lambda: started)
    for machine, age_s, held in (
        ("last boot/this system", 90, False),
        ("last boot/this system", 30, True),  # touched since: another machine of the same image
        ("last boot/another system", 90, True),
        ("this boot/another system", 30, False),  # a container beside this one: the lock would be seen
        ("last boot/", 90, True),
        ("last boot", 90, True),
    ):
        held_elsewhere(path, age_s, machine)
        assert (run.holder() is not None) == held, machine
    monkeypatch.setattr(holding, "_machine", lambda: "this boot/")
    held_elsewhere(path, 90, "last boot/")
    assert run.holder() is not None, "what does not say which it is cannot be told apart"


def test_what_a_machine_is_called_in_the_file_stays_when_it_is_started_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    boot, installation = tmp_path / "boot", tmp_path / "installation"
    monkeypatch.setattr(holding, "BOOT", boot)
    monkeypatch.setattr(holding, "INSTALLATION", installation)
    said = []
    for words in ("first", "second"):
        boot.write_text(f"{words}\n")
        installation.write_text("0123456789abcdef\n")
        said.append(holding._machine.__wrapped__())
    (one, _, system), (other, _, same) = (text.partition("/") for text in said)
    assert (one, other) == ("first", "second") and system == same != "" and "0123456789abcdef" not in system
    installation.write_text("")
    assert holding._machine.__wrapped__() == "second/"


def test_who_leaves_is_gone_for_others_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / LOCK
    hold = take(path)
    assert hold is not None
    monkeypatch.setattr(holding, "_machine", lambda: "the other machine")
    monkeypatch.setattr(holding, "_lock", lambda handle, to_look=False: True)  # it sees no lock
    monkeypatch.setattr(holding, "_unlock", lambda handle: None)
    found = holder(path)
    assert found is not None and found.pid == os.getpid() and take(path) is None
    hold.leave()
    assert holder(path) is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no shared lock of this kind")
def test_those_who_only_look_do_not_see_each_other(tmp_path: Path) -> None:
    path = tmp_path / LOCK
    path.touch()
    with ThreadPoolExecutor(4) as pool:
        looks = [pool.submit(lambda: [holder(path) for _ in range(1000)]) for _ in range(4)]
        assert not any(any(look.result()) for look in looks)
        looking = [pool.submit(lambda: [holder(path) for _ in range(1000)]) for _ in range(3)]
        hold = take(path)
        assert hold is not None, "who takes it waits for those who look"
        assert holder(path) is not None
        hold.leave()
        for one in looking:
            one.result()


def test_a_beat_makes_an_old_file_new(tmp_path: Path) -> None:
    path = tmp_path / LOCK
    beat(path)
    assert not path.exists(), "nothing is made for it"
    held_elsewhere(path, ALIVE_S + 60)
    beat(path)
    assert holder(path) is not None


class Watched:
    """A file that is looked at after each call, as another machine might."""

    def __init__(self, handle: IO[bytes], look: Callable[[], None]) -> None:
        self.handle, self.look = handle, look

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            found = getattr(self.handle, name)(*given)
            self.look()
            return found

        return call


def test_what_is_done_is_told_anew_without_a_moment_of_seeming_free(tmp_path: Path) -> None:
    path, seen = tmp_path / LOCK, list[bytes]()
    hold = take(path)
    assert hold is not None and hold._handle is not None
    whole, hold._handle = hold._handle, Watched(hold._handle, lambda: seen.append(path.read_bytes()))  # type: ignore[assignment]
    for doing in ("waiting", "paused", "at work"):
        hold.tell(doing)
        assert json.loads(path.read_bytes())["doing"] == doing
    assert seen and all(json.loads(one)["pid"] == os.getpid() for one in seen)
    hold._handle = whole
    hold.leave()
    assert path.read_bytes() == b""


def test_a_disk_that_refuses_changes_no_words_and_keeps_nobody_from_leaving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / LOCK
    hold = take(path)
    assert hold is not None
    with monkeypatch.context() as patch:
        patch.setattr(holding, "_write", full)
        hold.tell("waiting")
    found = holder(path)
    assert found is not None and found.doing == "at work"
    hold.leave()
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(holding, "_write", full)
        take(path)
    again = take(path)
    assert again is not None, "what could not be taken is not held"
    again.leave()


def test_a_hold_ends_with_its_block_however_that_ends(run: Run) -> None:
    with pytest.raises(RuntimeError), run.hold() as hold:
        assert hold.ours() and run.holder() is not None
        raise RuntimeError
    assert not hold.ours() and run.holder() is None


def test_what_another_machine_has_taken_since_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / LOCK
    hold = take(path)
    assert hold is not None and hold.ours()
    held_elsewhere(path, ALIVE_S - 60)
    words, touched = path.read_bytes(), path.stat().st_mtime
    assert not hold.ours()
    hold.tell("paused")
    hold.beat()
    hold.leave()
    assert path.read_bytes() == words and path.stat().st_mtime == touched
    path.unlink()
    lost = take(path)
    assert lost is not None and lost.ours()
    path.unlink()
    assert not lost.ours(), "the run was deleted"
    lost.leave()
    assert not lost.ours()


def full(*given: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
