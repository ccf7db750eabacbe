"""A run is its folder: what is written is what is read, and what is damaged never stops the rest from being listed."""

import errno
import json
import os
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from framecast import files
from framecast.errors import StorageError, UnknownNameError
from framecast.files import set_aside, standing, writing_folder
from framecast.runs.experiment import carry_out, plan
from framecast.runs.record import RunRecord, new_id
from framecast.runs.store import Run, RunStore
from framecast.runs.taking_over import STAGE, done_folder, settle_extension
from framecast.series.frames import FrameSeries


@pytest.fixture
def finished(tmp_path: Path, series: FrameSeries, drift: str) -> Run:
    record = plan(series, forecaster=drift, device="cpu")
    run = RunStore(tmp_path).create(record)
    list(carry_out(record, series, run))
    return run


def test_a_record_survives_its_file(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    record = plan(series, forecaster=drift, changes={"epochs": "7"}, device="cpu", seed=3)
    assert record.settings == {"epochs": 7, "context": 2, "pause_s": 0.0, "breaks": "never"}, "defaults are filled in"
    RunStore(tmp_path).create(record)
    assert RunStore(tmp_path).open(record.id).record == record
    assert RunRecord.from_mapping(json.loads(json.dumps(record.to_mapping()))) == record


def test_the_same_choices_ask_the_same_question_under_another_id(series: FrameSeries, drift: str) -> None:
    one, two = (plan(series, forecaster=drift, device="cpu") for _ in range(2))
    other = plan(series, forecaster=drift, device="cpu", seed=1)
    assert one.id != two.id
    assert one.question() == two.question() != other.question()


def test_runs_are_listed_newest_first(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    store = RunStore(tmp_path)
    assert store.runs() == []
    made = [store.create(plan(series, forecaster=drift, device="cpu")).record.created for _ in range(3)]
    assert [run.record.created for run in store.runs()] == sorted(made, reverse=True)


def test_a_torn_last_line_of_progress_is_passed_over(finished: Run) -> None:
    whole = finished.progress()
    assert [line["epoch"] for line in whole] == [1, 2, 3, 4]
    with (finished.folder / "progress.jsonl").open("ab") as handle:
        handle.write(b'{"stage": "Lear\xc3')
    assert finished.progress() == whole


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"split": {"train": 3}, "preparation": {}}', "\xff"])
def test_a_damaged_record_is_told_and_hides_nothing(finished: Run, text: str | None) -> None:
    store = RunStore(finished.folder.parents[1])
    folder = finished.folder.with_name("broken")
    folder.mkdir()
    if text is not None:
        (folder / "record.json").write_text(text, encoding="latin-1")
    assert [run.id for run in store.runs()] == [finished.id]
    assert [run.id for run in store.damaged()] == ["broken"]
    with pytest.raises(StorageError, match=r"Run 'broken' cannot be read: .* (missing|damaged) .* delete the run"):
        store.open("broken")
    store.delete("broken")
    assert store.damaged() == []


@pytest.mark.parametrize("name", ["scores.csv", "summary.json", "forecast.npy"])
def test_a_damaged_result_is_a_sentence(finished: Run, name: str) -> None:
    (finished.folder / name).write_bytes(b"\x00\x01")
    read = {"scores.csv": finished.scores, "summary.json": finished.summary, "forecast.npy": finished.forecast}[name]
    with pytest.raises(StorageError, match=rf"{name} of run '{finished.id}' is damaged"):
        read()


@pytest.mark.parametrize("name", ["", "..", "../series", "a/b", ".hidden", "nothing-of-the-kind"])
def test_no_name_leads_out_of_the_store(finished: Run, name: str) -> None:
    store = RunStore(finished.folder.parents[1])
    for act in (store.open, store.delete):
        with pytest.raises(UnknownNameError):
            act(name)


def test_what_a_crash_left_behind_is_not_a_run(finished: Run) -> None:
    finished.folder.with_name(".20240101-unet.abcd.part").mkdir()
    store = RunStore(finished.folder.parents[1])
    assert [run.id for run in store.runs()] == [finished.id]
    assert store.damaged() == []


def test_an_exported_run_is_a_run_again(finished: Run, tmp_path: Path) -> None:
    finished.export(tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        archive.extractall(tmp_path / "elsewhere" / "runs")
    (found,) = RunStore(tmp_path / "elsewhere").runs()
    assert found.record == finished.record and found.state == "finished"
    np.testing.assert_array_equal(found.forecast(), finished.forecast())
    assert vars(found.forecaster()).keys() == vars(finished.forecaster()).keys()


def test_a_deleted_run_is_gone(finished: Run) -> None:
    store = RunStore(finished.folder.parents[1])
    store.delete(finished.id)
    assert store.runs() == [] and not list(store.folder.iterdir())


def test_ids_of_one_moment_do_not_clash() -> None:
    now = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    ids = {new_id("unet", now) for _ in range(2000)}  # four letters of chance would clash some thirty times
    assert len(ids) == 2000 and all(one.startswith("20260131-235959-unet-") for one in ids)


@pytest.mark.parametrize("name", ["best", "last", STAGE])
def test_who_reads_between_two_renames_gets_the_old_folder_and_disturbs_nothing(
    finished: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = finished.folder / (name if name == STAGE else f"checkpoint/{name}")
    asked = {"best": finished.saved, "last": finished.checkpoint, STAGE: finished.staged}[name]
    write_numbers(folder, "old")
    rename, seen = os.replace, list[str]()

    def look(source: Path, target: Path) -> None:
        rename(source, target)
        if target == set_aside(folder):
            assert asked() is not None
            seen.append((standing(folder) / "run.json").read_text())

    monkeypatch.setattr(files.os, "replace", look)
    write_numbers(folder, "new")
    assert seen == ['{"which": "old"}'] and (folder / "run.json").read_text() == '{"which": "new"}'
    assert not set_aside(folder).exists()


def test_what_a_crash_left_between_two_renames_is_mended_by_who_holds_the_run(finished: Run) -> None:
    folders = [finished.folder / name for name in ("checkpoint/best", "checkpoint/last", STAGE, f"{STAGE}/checkpoint/last")]
    for folder in folders:
        write_numbers(folder, "old")
    for folder in reversed(folders):
        folder.rename(set_aside(folder))
    assert finished.saved() and finished.checkpoint() and finished.staged()
    assert not any(folder.exists() for folder in folders), "reading changes nothing"
    finished.hold().leave()
    assert all((folder / "run.json").read_text() == '{"which": "old"}' for folder in folders)


def write_numbers(folder: Path, which: str) -> None:
    with writing_folder(folder) as part:
        (part / "run.json").write_text(json.dumps({"which": which}))


@pytest.mark.parametrize("cut_short", [False, True])
def test_what_only_the_old_checkpoint_had_is_no_part_of_the_new_one(tmp_path: Path, cut_short: bool) -> None:
    """A member of fewer starts, a fit that has no network at work: what is left over would be loaded with the rest."""
    old, new = tmp_path / "checkpoint" / "best", done_folder(tmp_path) / "checkpoint" / "best"
    for folder, names in ((old, ("seed_02", "weights")), (new, ("weights",))):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text(folder.parts[-3])
    (done_folder(tmp_path) / "scores.csv").write_text("new")
    if cut_short:  # a crash between the two renames
        old.rename(set_aside(old))
    settle_extension(tmp_path)
    assert [path.name for path in old.iterdir()] == ["weights"] and (old / "weights").read_text() == done_folder(tmp_path).name
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "scores.csv"]


def test_who_reads_while_an_extension_takes_over_finds_a_whole_run_and_leaves_the_rest_to_who_holds_it(
    finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, store, rename, n_looks = done_folder(finished.folder), finished.store, os.replace, 0
    shutil.copytree(finished.folder, done, ignore=shutil.ignore_patterns(".*", "record.json"))

    def look(source: Path, target: Path) -> None:
        nonlocal n_looks
        rename(source, target)
        left = sorted(done.rglob("*"))
        found = store.open(finished.id)
        assert found.state == "finished" and found.forecaster() and found.scores() and found.forecast().size
        assert sorted(done.rglob("*")) == left
        n_looks += 1

    monkeypatch.setattr(os, "replace", look)
    finished.hold().leave()
    monkeypatch.undo()
    assert n_looks > 4 and not done.exists()


def test_what_nobody_holds_is_settled_by_who_reads_it(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    done, store = done_folder(finished.folder), finished.store
    shutil.copytree(finished.folder, done, ignore=shutil.ignore_patterns(".*", "record.json"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        assert store.open(finished.id).state == "finished", "a disk that must not be written is read as it is"
    assert done.exists()
    assert store.open(finished.id).forecaster() and not done.exists() and finished.holder() is None


def refuse(*given: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
