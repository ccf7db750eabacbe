"""A run folder damaged by hand, a series deleted or changed: what is broken is named, and everything else works."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from framecast.errors import FrameCastError, SeriesError, SettingError, StorageError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import carry_out
from framecast.runs.jobs import JobManager
from framecast.runs.overview import Overview
from framecast.runs.rules import known_rules
from framecast.runs.store import DamagedRun, Run, RunStore
from framecast.series.store import SeriesStore

from .conftest import ROOT, fresh_run, loss_column, stored_waves, tiny, until

PAGES = ("train", "compare", "forecast", "runs")
FILES = (
    "record.json", "progress.jsonl", "summary.json", "forecast.npy", "scores.csv", "checkpoint/best/forecaster.json",
    "checkpoint/best/weights.safetensors", "checkpoint/last/run.json", "checkpoint/last/fit/fit.json",
    "checkpoint/last/fit/fit.safetensors",
)  # fmt: skip
DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2].rstrip(b"\n")),  # within a line
    "emptied": lambda path: path.write_bytes(b""),
    "removed": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(random.Random(1).randbytes(300)),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run, and a second one in the same workspace; both to be copied, not touched."""
    workspace = tmp_path_factory.mktemp("whole") / "workspace"
    series = stored_waves(workspace)
    for seed in (0, 1):
        run = RunStore(workspace).create(tiny(series, epochs=2 + seed))
        for _ in carry_out(run.record, series, run, rules=known_rules(RunStore(workspace).runs(), run.record)):
            pass
    return run


@pytest.fixture
def copied(finished: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    shutil.copytree(finished.store.folder.parent, tmp_path / "workspace")
    monkeypatch.setenv("FRAMECAST_WORKSPACE", str(tmp_path / "workspace"))
    return RunStore(tmp_path / "workspace").open(finished.id)


def asked(run: Run) -> list[str]:
    """Everything that can be read of a run is asked for; the sentences of what cannot."""
    sentences = []
    for ask in (run.progress, run.scores, run.forecast, run.summary, run.forecaster, run.checkpoint, run.extensions):
        try:
            ask()
        except FrameCastError as error:
            sentences.append(str(error))
    return sentences


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_the_store_names_what_is_damaged_and_reads_all_else(copied: Run, name: str, damage: str) -> None:
    DAMAGES[damage](copied.folder / name)
    store = RunStore(copied.store.folder.parent)
    found = {run.id for run in store.runs()}
    if name == "record.json":
        (broken,) = store.damaged()
        assert isinstance(broken, DamagedRun) and broken.id == copied.id and "record.json" in broken.sentence
        assert len(found) == 1
        return
    assert len(found) == 2 and store.damaged() == []
    sentences = asked(store.open(copied.id))
    assert not any(str(copied.store.folder.parent) in sentence for sentence in sentences), "pages are for other people, too"
    silent = name == "progress.jsonl" or (name == "checkpoint/last/fit/fit.json") or name.endswith("fit.safetensors")
    missing = damage == "removed" and name in ("summary.json", "scores.csv", "progress.jsonl")
    if not silent and not missing:
        assert any(name.split("/")[-1] in sentence or "/".join(name.split("/")[:2]) in sentence for sentence in sentences)
    assert len(sentences) <= 1, "one file is one damage"
    for other in store.runs():
        if other.id != copied.id:
            assert asked(other) == [], "the run beside it is whole"


@pytest.mark.parametrize("n_leads", [1, 2, 2 * 3])
def test_scores_cut_between_two_lines_are_damaged_and_not_fewer(copied: Run, n_leads: int) -> None:
    path, horizon = copied.folder / "scores.csv", copied.record.split.horizon
    lines = path.read_text().splitlines(keepends=True)
    for n_lines in {n_leads, horizon * n_leads}:  # within a curve, and between two of them
        path.write_text("".join(lines[:-n_lines]))
        with pytest.raises(StorageError, match=r"scores\.csv .* is damaged .* ends with lead"):
            copied.scores()
    (line,) = (one for one in Overview(copied.store.folder.parent).lines() if one.id == copied.id)
    assert line.means and not line.trouble, "its own scores stand first, and are whole"
    own = [text for text in lines[1:] if text.startswith(f"{copied.record.forecaster},")]
    path.write_text("".join([lines[0], *own[:-1]]))
    (line,) = (one for one in Overview(copied.store.folder.parent).lines() if one.id == copied.id)
    assert "scores.csv" in line.trouble


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["run.json", "fit/fit.json", "fit/fit.safetensors"])
def test_a_damaged_checkpoint_is_named_when_it_is_needed_and_the_result_stays(
    copied: Run, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    forecast = np.array(copied.forecast())
    DAMAGES[damage](copied.folder / "checkpoint" / "last" / name)
    manager = JobManager(copied.store.folder.parent)
    try:
        manager.extend(copied.id, epochs=1)
    except StorageError as error:
        sentence = str(error)
    else:
        until(lambda: not manager.live())
        staged = copied.staged()
        assert staged is not None
        sentence = staged.error() or ""
    assert manager.close()
    assert "checkpoint/last" in sentence and "is damaged" in sentence
    assert copied.state == "finished" and (copied.forecast() == forecast).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_every_page_draws_beside_a_damaged_file(copied: Run, name: str) -> None:
    DAMAGES["garbage" if name != "forecast.npy" else "truncated"](copied.folder / name)
    for page in PAGES:
        if not (ROOT / "pages" / f"{page}.py").exists():
            continue
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.run()
        app.switch_page(f"pages/{page}.py")
        app.query_params["run"] = copied.id
        app.run()
        assert not app.exception, f"{page} beside a damaged {name}"


def test_a_series_deleted_under_a_run_ends_neither_the_run_nor_the_store(tmp_path: Path) -> None:
    """What is trained on is in memory or mapped by then; what comes after is asked of the store and is told."""
    run = fresh_run(tmp_path)
    series = SeriesStore(tmp_path).open(run.record.series)
    for progress in carry_out(run.record, series, run, rules=dict.fromkeys(FORECASTERS, ())):
        if progress.epoch == 2 and SeriesStore(tmp_path).list():
            SeriesStore(tmp_path).delete(run.record.series)
    assert run.state == "finished" and len(run.progress()) >= 2
    with pytest.raises(SettingError, match="is not stored any more. Add its files again"):
        JobManager(tmp_path).resume(fresh_without_series(tmp_path, run).id)
    assert SeriesStore(tmp_path).add("waves", np.asarray(series.frames)).digest == run.record.series, (
        "added again, it is the same"
    )


def fresh_without_series(workspace: Path, run: Run) -> Run:
    record = run.record
    return RunStore(workspace).create(record.__class__(**{**vars(record), "id": f"{record.id}b"}))


@pytest.mark.parametrize("damage", ["truncated", "emptied", "garbage"])
def test_a_series_changed_under_its_runs_is_named_and_no_run_begins_on_it(tmp_path: Path, damage: str) -> None:
    run = fresh_run(tmp_path)
    DAMAGES[damage](tmp_path / "series" / run.record.series / "frames.npy")
    manager = JobManager(tmp_path)
    with pytest.raises(SettingError, match="its series 'waves' is damaged. Delete it, and add its files again"):
        manager.resume(run.id)
    with pytest.raises(FrameCastError, match="waves|no series"):
        SeriesStore(tmp_path).open(run.record.series)
    assert manager.live() == [] and run.holder() is None and loss_column(run) == []


def written_into(frames: Path, first: int = 0) -> None:
    """Other pixels in the place of the first ones, in the same file of the same size."""
    with frames.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(bytes(range(first, first + 200)))


def test_a_series_changed_in_place_under_a_run_is_named(tmp_path: Path) -> None:
    run = fresh_run(tmp_path, epochs=100_000)
    manager = JobManager(tmp_path)
    manager.resume(run.id)
    until(lambda: len(run.progress()) > 1)
    written_into(tmp_path / "series" / run.record.series / "frames.npy")
    until(lambda: manager.snapshot(run.id) is None)
    assert run.state == "failed" and "The stored frames of series 'waves'" in str(run.error())
    assert run.checkpoint() is not None and len(run.progress()) > 1, "what was learned before is kept"
    with pytest.raises(SeriesError, match="waves"):
        SeriesStore(tmp_path).open(run.record.series)
    manager.close()


def test_a_file_of_frames_that_was_only_touched_is_the_same_series(tmp_path: Path) -> None:
    run = fresh_run(tmp_path)
    store, frames = SeriesStore(tmp_path), tmp_path / "series" / run.record.series / "frames.npy"
    before = np.array(store.open(run.record.series).frames)
    os.utime(frames)
    store.check_unchanged(run.record.series)
    shutil.copyfile(frames, frames.with_suffix(".copy"))
    os.replace(frames.with_suffix(".copy"), frames)
    assert (store.open(run.record.series).frames == before).all()
    written_into(frames)
    with pytest.raises(SeriesError, match="must be as they were written"):
        store.check_unchanged(run.record.series)
