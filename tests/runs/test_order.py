"""Keeping order among many runs: notes, the trash, the look at all of them, what differs, what they take on the disk."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import BusyError, SettingError, UnknownNameError
from framecast.evaluation.leaderboard import rows
from framecast.files import set_aside
from framecast.metrics import METRICS
from framecast.runs import overview as overview_module
from framecast.runs.arranging import arranged
from framecast.runs.differences import NONE, differences, same_frames
from framecast.runs.disk import TORN_S, clean_up, disk_use, planned_clean_up
from framecast.runs.experiment import carry_out, plan
from framecast.runs.forecasting import score_test
from framecast.runs.notes import LONGEST_NOTE, MOST_TAGS, RunNotes, read_notes, write_notes
from framecast.runs.overview import Overview
from framecast.runs.record import utc_now
from framecast.runs.store import Run, RunStore
from framecast.runs.trash import KEPT, Trash
from framecast.series.frames import FrameSeries, Split


@pytest.fixture
def finished(tmp_path: Path, series: FrameSeries, drift: str) -> Run:
    return made(tmp_path, series, drift)


def made(workspace: Path, series: FrameSeries, forecaster: str, **asked: object) -> Run:
    record = plan(series, forecaster=forecaster, device="cpu", **asked)
    run, split = RunStore(workspace).create(record), record.split
    still = np.broadcast_to(series.frames[split.origin], (split.horizon, *series.frames.shape[1:]))
    rules = score_test("persistence", still, series, split)
    list(carry_out(record, series, run, rules=rules))
    return run


def test_notes_are_kept_beside_the_record_which_stays(finished: Run) -> None:
    record = (finished.folder / "record.json").read_bytes()
    notes = RunNotes.of(title="  a  name\n", tags=["b", " b", "", "c d"], note="one\ntwo \x00", pinned=True)
    assert notes == RunNotes("a name", ("b", "c d"), "one\ntwo", True)
    write_notes(finished.folder, notes)
    assert read_notes(finished.folder) == notes
    assert (finished.folder / "record.json").read_bytes() == record
    again = finished.store.open(finished.id).record
    assert again == replace(finished.record, title="a name") and again.question() == finished.record.question()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"title": 3}', b'{"more": 1}', b'{"tags": [""]}', b"\xff"])
def test_damaged_notes_cost_only_themselves(finished: Run, content: bytes) -> None:
    (finished.folder / "notes.json").write_bytes(content)
    run = finished.store.open(finished.id)
    assert run.record == finished.record and run.state == "finished"
    assert read_notes(run.folder) == RunNotes()
    assert [line.notes for line in Overview(run.store.folder.parent).lines()] == [RunNotes()]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"title": "x" * 81}, "81 letters; at most 80"),
        ({"note": "x" * (LONGEST_NOTE + 5)}, "Shorten it by 5"),
        ({"tags": ["x" * 41]}, "a tag has 1 to 40"),
        ({"tags": [str(index) for index in range(MOST_TAGS + 1)]}, "at most 20"),
    ],
)
def test_words_that_are_too_long_are_refused_with_the_number_that_fits(words: dict[str, object], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        RunNotes.of(**words)


def test_a_deleted_run_comes_back_as_it_was(finished: Run, tmp_path: Path) -> None:
    before = files(finished.folder)
    trash = Trash(tmp_path)
    trashed = trash.put(finished.id)
    assert finished.store.runs() == [] and [one.run_id for one in trash.list()] == [finished.id]
    assert trashed.title == finished.record.title and trashed.until - trashed.deleted == KEPT
    assert trash.restore(trashed.name) == finished.id
    assert files(finished.folder) == before and trash.list() == []


def test_two_of_one_id_never_meet(finished: Run, tmp_path: Path) -> None:
    trash = Trash(tmp_path)
    trash.put(finished.id)
    finished.store.create(finished.record)
    trash.put(finished.id)
    finished.store.create(finished.record)
    with pytest.raises(SettingError, match="Delete that one first"):
        trash.restore(finished.id)
    finished.store.delete(finished.id)
    assert len(trash.list()) == 2
    trash.restore(finished.id)
    assert finished.store.open(finished.id).state == "interrupted", "the one deleted last comes back"


def test_the_trash_keeps_a_run_for_thirty_days(finished: Run, tmp_path: Path) -> None:
    trash, now = Trash(tmp_path), utc_now()
    trash.put(finished.id, now=now)
    assert trash.empty(now=now + timedelta(days=29, hours=23)) == 0 and len(trash.list()) == 1
    assert trash.empty(now=now + timedelta(days=30)) == 1 and trash.list() == []


def test_a_live_run_cannot_be_deleted(finished: Run, tmp_path: Path) -> None:
    """Whoever carries it out: a hold is seen from every process."""
    hold, before = finished.hold(), files(finished.folder)
    with pytest.raises(BusyError, match=rf"is live in process {os.getpid()} .* Stop it there, or wait\.$"):
        Trash(tmp_path).put(finished.id)
    assert files(finished.folder) == before and Trash(tmp_path).list() == []
    hold.leave()
    assert Trash(tmp_path).put(finished.id).run_id == finished.id


@pytest.mark.parametrize("name", ["", "..", "../series", "a/b", ".hidden", "20200101T000000000000_../x", "nothing"])
def test_no_name_leads_out_of_the_trash(tmp_path: Path, name: str) -> None:
    (tmp_path / "trash").mkdir()
    with pytest.raises(UnknownNameError):
        Trash(tmp_path).restore(name)
    with pytest.raises(UnknownNameError):
        Trash(tmp_path).put(name)


def test_what_is_no_deleted_run_is_left_alone_in_the_trash(tmp_path: Path) -> None:
    for name in ("letters", "99999999T999999999999_a", ".20240101T000000000000_a.part"):
        (tmp_path / "trash" / name).mkdir(parents=True)
    assert Trash(tmp_path).list() == [] and Trash(tmp_path).empty(timedelta(0)) == 0


def test_a_damaged_run_can_be_deleted_and_brought_back(finished: Run, tmp_path: Path) -> None:
    (finished.folder / "record.json").write_text("{")
    trash = Trash(tmp_path)
    assert trash.put(finished.id).title == finished.id
    trash.restore(finished.id)
    assert [one.id for one in finished.store.damaged()] == [finished.id]


def test_the_overview_says_what_the_files_say(finished: Run, series: FrameSeries, tmp_path: Path) -> None:
    (line,) = Overview(tmp_path).lines()
    row = next(row for row in rows(finished.scores()) if row.forecaster == finished.record.forecaster)
    assert line.record == finished.record and line.state == "finished"
    assert (dict(line.means), line.skill, line.skill_horizon) == (dict(row.means), row.skill, row.skill_horizon)
    assert line.n_bytes == sum(len(content) for content in files(finished.folder).values())
    assert line.fit_seconds == finished.summary()["fit_seconds"]["drift"]


def test_the_overview_reads_again_only_what_changed(
    finished: Run, series: FrameSeries, drift: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [finished.store.create(plan(series, forecaster=drift, device="cpu")) for _ in range(3)]
    read: list[str] = []
    true_read = overview_module.read_line
    monkeypatch.setattr(overview_module, "read_line", lambda folder: read.append(folder.name) or true_read(folder))
    look = Overview(tmp_path)
    assert len(look.lines()) == 4 and sorted(read) == sorted([finished.id, *(one.id for one in others)])
    read.clear()
    assert len(look.lines()) == 4 and look.damaged() == [] and read == []
    write_notes(others[0].folder, RunNotes(note="x"))
    others[1].append_progress({"epoch": 1})
    others[2].write_error("It failed. Try again.", "")
    states = {line.id: line.state for line in look.lines()}
    assert sorted(read) == sorted(one.id for one in others) and states[others[2].id] == "failed"
    finished.store.delete(finished.id)
    (others[0].folder / "record.json").write_text("{")
    assert len(look.lines()) == 2 and [one.id for one in look.damaged()] == [others[0].id]


def test_of_five_hundred_runs_each_is_read_once(finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the page is asked for after the first look costs no reading, however many there are."""
    text = (finished.folder / "record.json").read_text()
    for index in range(499):
        folder = finished.folder.with_name(f"run-{index:03d}")
        folder.mkdir()
        (folder / "record.json").write_text(text.replace(finished.id, folder.name))
        shutil.copyfile(finished.folder / "scores.csv", folder / "scores.csv")
    read: list[str] = []
    true_read = overview_module.read_line
    monkeypatch.setattr(overview_module, "read_line", lambda folder: read.append(folder.name) or true_read(folder))
    look = Overview(tmp_path)
    assert len(look.lines()) == len(read) == 500 and {len(line.means) for line in look.lines()} == {len(METRICS)}
    write_notes(finished.folder, RunNotes(pinned=True))
    assert arranged(look.lines(), "ssim")[0].id == finished.id
    assert len(read) == 501


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"forecaster,metric,origin,lead,value\ndrift,ssim,x,1,2\n"])
def test_damaged_scores_are_told_and_hide_nothing(finished: Run, tmp_path: Path, content: bytes) -> None:
    (finished.folder / "scores.csv").write_bytes(content)
    (line,) = Overview(tmp_path).lines()
    assert line.means == {} and "scores.csv" in line.trouble


def test_only_what_differs_is_told_in_the_words_of_the_form(
    finished: Run, series: FrameSeries, drift: str, tmp_path: Path
) -> None:
    other = made(tmp_path, series, drift, changes={"epochs": 6}, seed=5, split=Split.of(24, 4, 3))
    lines = {line.id: line for line in Overview(tmp_path).lines()}
    found = {one.label: one.values for one in differences([lines[finished.id], lines[other.id]])}
    assert found["Epochs"] == ("4", "6") and found["Seed"] == ("0", "5")
    assert found["Test frames"] == ("5 (20 to 24)", "4 (21 to 24)") and found["Validation frames"] == ("5", "3")
    assert not {"Context", "Pause", "Device", "Forecaster", "Series", "Version of torch"} & set(found)
    assert {"Mean MSE", "Mean RMSE where it moves", "Mean Fine detail"} <= set(found), "as Compare calls them"
    assert not same_frames([lines[finished.id], lines[other.id]]) and same_frames([lines[other.id]] * 2)
    assert [one for one in differences([lines[other.id]] * 3)] == []


def test_runs_of_two_forecasters_show_a_gap_where_one_has_no_such_setting(
    finished: Run, series: FrameSeries, tmp_path: Path
) -> None:
    rule = made(tmp_path, series, "persistence")
    lines = {line.id: line for line in Overview(tmp_path).lines()}
    found = {one.label: one.values for one in differences([lines[rule.id], lines[finished.id]])}
    assert found["Forecaster"] == ("Persistence", "Drift") and found["Epochs"] == (NONE, "4")


def test_two_values_that_differ_never_read_alike(finished: Run, tmp_path: Path) -> None:
    (line,) = Overview(tmp_path).lines()
    near = replace(line, record=replace(line.record, settings={**line.record.settings, "pause_s": 1e-9}))
    (found,) = differences([line, near])
    assert found.label == "Pause" and found.values == ("0", "1e-09")


def test_every_byte_of_a_workspace_is_counted_once(finished: Run, series: FrameSeries, drift: str, tmp_path: Path) -> None:
    deleted = made(tmp_path, series, drift)
    Trash(tmp_path).put(deleted.id)
    (tmp_path / "series" / "a").mkdir(parents=True)
    (tmp_path / "series" / "a" / "frames.npy").write_bytes(b"1234567")
    (tmp_path / "other.txt").write_bytes(b"12345")
    torn_file(tmp_path / "runs" / finished.id / ".forecast.npy.1234.part", TORN_S + 60)
    found = disk_use(tmp_path)
    assert found.total == sum(len(content) for content in files(tmp_path).values())
    assert (found.series, found.other, found.torn) == (7, 5, 3) and found.trash > 0


def test_a_clean_up_does_what_it_said_and_no_more(finished: Run, series: FrameSeries, drift: str, tmp_path: Path) -> None:
    assert "nothing to clean up" in planned_clean_up(tmp_path).sentence()
    deleted = made(tmp_path, series, drift)
    Trash(tmp_path).put(deleted.id)
    torn_file(tmp_path / "runs" / finished.id / ".forecast.npy.1234.part", TORN_S + 60)
    torn_file(tmp_path / "series" / ".incoming-12" / "frames.npy", TORN_S + 60)
    torn_file(tmp_path / "runs" / finished.id / ".scores.csv.99.part", 0)  # which somebody may be writing
    before, total = files(tmp_path), disk_use(tmp_path).total
    planned = planned_clean_up(tmp_path)
    assert "1 deleted run in the trash" in planned.sentence() and "crashes left behind" in planned.sentence()
    assert files(tmp_path) == before, "it only said so"
    clean_up(tmp_path, planned)
    assert total - disk_use(tmp_path).total == planned.n_bytes
    kept = {name for name in before if name.startswith(f"runs/{finished.id}/") and ".1234." not in name}
    assert set(files(tmp_path)) == kept


def test_what_vanishes_while_the_disk_is_looked_at_is_no_mistake(
    finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that trains puts its files in place all the time."""
    parts = [finished.folder / f".{name}.1234.part" for name in ("forecast.npy", "best")]
    torn_file(parts[0], TORN_S + 60)
    torn_file(parts[1] / "weights", TORN_S + 60)
    exists, is_dir, look = Path.exists, Path.is_dir, Path.lstat

    def go(path: Path) -> None:
        if path.name == "weights" or path == parts[0]:
            path.unlink(missing_ok=True)

    def after(ask: Callable[[Path], object]) -> Callable[[Path], object]:
        def asked(path: Path) -> object:
            found = ask(path)
            go(path)
            return found

        return asked

    def before(path: Path) -> object:
        go(path)
        return look(path)

    monkeypatch.setattr(Path, "exists", after(exists))
    monkeypatch.setattr(Path, "is_dir", after(is_dir))
    monkeypatch.setattr(Path, "lstat", before)
    assert planned_clean_up(tmp_path).torn == () and disk_use(tmp_path).torn == 0


def test_a_folder_that_a_crash_left_aside_goes_only_where_the_new_one_stands(finished: Run, tmp_path: Path) -> None:
    last = finished.folder / "checkpoint" / "last"
    old = set_aside(last)
    torn_file(old / "run.json", TORN_S + 60)
    assert planned_clean_up(tmp_path).torn == (), "it is all there is of the checkpoint"
    last.mkdir()
    planned = planned_clean_up(tmp_path)
    assert planned.torn == (old,) and disk_use(tmp_path).torn == 3
    last.rmdir()
    clean_up(tmp_path, planned)
    assert old.exists(), "it was planned, and is all there is now"
    last.mkdir()
    clean_up(tmp_path, planned)
    assert not old.exists() and last.exists()


def test_what_finished_runs_keep_to_be_trained_further_goes_only_where_it_is_asked_for(finished: Run, tmp_path: Path) -> None:
    last = finished.folder / "checkpoint" / "last"
    last.mkdir(parents=True)
    (last / "fit").write_bytes(bytes(2048))
    planned = planned_clean_up(tmp_path)
    assert planned.checkpoint_bytes == 2048 and planned.checkpoints == (finished.id,)
    assert "1 finished run keeps 2.0 KiB to be trained further" in planned.of_checkpoints()
    clean_up(tmp_path, planned)
    assert last.exists()
    hold = finished.hold()  # somebody trains it further at this moment
    clean_up(tmp_path, planned, checkpoints=True)
    assert last.exists()
    hold.leave()
    clean_up(tmp_path, planned, checkpoints=True)
    assert not last.exists() and finished.state == "finished" and planned_clean_up(tmp_path).of_checkpoints() == ""


def test_a_clean_up_holds_each_run_it_takes_from_and_passes_over_those_that_are_gone(
    series: FrameSeries, drift: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {name: made(tmp_path, series, drift) for name in ("gone", "damaged", "held", "free")}
    lasts = {name: run.folder / "checkpoint" / "last" for name, run in runs.items()}
    for last in lasts.values():
        last.mkdir(parents=True)
        (last / "fit").write_bytes(bytes(8))
    planned, found = planned_clean_up(tmp_path), list[str]()
    Trash(tmp_path).put(runs["gone"].id)
    (runs["damaged"].folder / "record.json").write_text("{")
    drop = Run.drop_checkpoint

    def look(run: Run) -> None:
        found.append(run.id)
        with pytest.raises(BusyError):
            run.hold()
        drop(run)

    monkeypatch.setattr(Run, "drop_checkpoint", look)
    hold = runs["held"].hold()
    clean_up(tmp_path, replace(planned, checkpoints=tuple(run.id for run in runs.values())), checkpoints=True)
    hold.leave()
    assert found == [runs["free"].id] and lasts["held"].exists() and not lasts["free"].exists()
    assert runs["free"].holder() is None


def test_an_overview_of_an_empty_workspace_is_empty(tmp_path: Path) -> None:
    assert Overview(tmp_path / "none").lines() == [] and disk_use(tmp_path / "none").total == 0
    assert not (tmp_path / "none").exists()


def torn_file(path: Path, age_s: float) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(np.arange(3, dtype=np.uint8).tobytes())
    for one in (path, *([path.parent] if path.parent.name.startswith(".") else [])):
        os.utime(one, (time.time() - age_s,) * 2)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
