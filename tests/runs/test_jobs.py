"""The manager: one worker per device, snapshots from any thread, and an end of the process that leaves nothing hanging."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framecast.runs.devices import n_cores
from framecast.runs.experiment import plan
from framecast.runs.jobs import JobManager, JobSnapshot, job_manager
from framecast.runs.record import RunRecord
from framecast.runs.store import RunStore
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore

PATIENCE_S = 30.0


@pytest.fixture
def stored(tmp_path: Path, series: FrameSeries) -> FrameSeries:
    store = SeriesStore(tmp_path)
    return store.open(store.add("blob", series.frames).digest)


@pytest.fixture
def manager(tmp_path: Path, stored: FrameSeries, drift: str) -> Iterator[JobManager]:
    """Closed before the learner leaves FORECASTERS."""
    manager = JobManager(tmp_path)
    yield manager
    assert manager.close(PATIENCE_S)


def drifting(series: FrameSeries, **choices: object) -> RunRecord:
    return plan(series, forecaster="drift", device="cpu", changes=choices)


def endless(series: FrameSeries) -> RunRecord:
    return drifting(series, epochs=1_000_000, pause_s=0.002)


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def trains(manager: JobManager, run_id: str) -> bool:
    snapshot = manager.snapshot(run_id)
    return snapshot is not None and len(snapshot.history) >= 2


def test_a_submitted_run_finishes_and_is_live_until_then(manager: JobManager, stored: FrameSeries, tmp_path: Path) -> None:
    run_id = manager.submit(drifting(stored, pause_s=0.05))
    until(lambda: trains(manager, run_id))
    snapshot = manager.snapshot(run_id)
    assert snapshot is not None and snapshot.phase == "training" and snapshot.progress is not None
    assert [progress.epoch for progress in snapshot.history] == list(range(1, len(snapshot.history) + 1))
    assert abs(time.time() - snapshot.started_s) < PATIENCE_S
    until(lambda: manager.snapshot(run_id) is None)
    assert manager.live() == []
    assert RunStore(tmp_path).open(run_id).state == "finished"


def test_a_second_tab_asking_the_same_starts_nothing(manager: JobManager, stored: FrameSeries, tmp_path: Path) -> None:
    record = endless(stored)
    first = manager.submit(record)
    assert manager.submit(record) == manager.submit(endless(stored)) == first
    assert len(RunStore(tmp_path).runs()) == 1
    other = manager.submit(replace(endless(stored), seed=1))
    assert other != first
    until(lambda: trains(manager, first))
    assert [(job.run_id, job.phase) for job in manager.live()] == [(first, "training"), (other, "waiting")]


def test_one_core_is_left_to_the_server(manager: JobManager, stored: FrameSeries, tmp_path: Path) -> None:
    run_id = manager.submit(replace(endless(stored), n_threads=10_000))
    assert 1 <= RunStore(tmp_path).open(run_id).record.n_threads <= max(1, n_cores() - 1)


def test_stop_from_another_thread_keeps_the_best(manager: JobManager, stored: FrameSeries, tmp_path: Path) -> None:
    run_id = manager.submit(endless(stored))
    until(lambda: trains(manager, run_id))
    manager.stop(run_id)
    snapshot = manager.snapshot(run_id)
    assert snapshot is None or snapshot.stopping
    until(lambda: manager.snapshot(run_id) is None)
    run = RunStore(tmp_path).open(run_id)
    assert run.state == "finished" and run.progress()[-1]["stage"] == "Stopped early"
    manager.stop(run_id)  # a page drawn before the end may still ask


def test_what_waits_can_be_taken_off_the_queue(manager: JobManager, stored: FrameSeries, tmp_path: Path) -> None:
    first = manager.submit(endless(stored))
    second = manager.submit(replace(endless(stored), seed=1))
    manager.stop(second)
    assert [job.run_id for job in manager.live()] == [first]
    manager.stop(first)
    until(lambda: not manager.live())
    assert RunStore(tmp_path).open(second).state == "interrupted" and RunStore(tmp_path).open(second).progress() == []


@pytest.mark.parametrize(("breaks", "level"), [("diverged", logging.WARNING), ("by a bug", logging.ERROR)])
def test_a_failure_is_told_and_the_next_run_goes_on(
    manager: JobManager, stored: FrameSeries, tmp_path: Path, caplog: pytest.LogCaptureFixture, breaks: str, level: int
) -> None:
    failing, next_one = manager.submit(drifting(stored, breaks=breaks)), manager.submit(drifting(stored))
    until(lambda: not manager.live())
    failed = RunStore(tmp_path).open(failing)
    assert failed.state == "failed" and failed.error()
    assert RunStore(tmp_path).open(next_one).state == "finished"
    (logged,) = (entry for entry in caplog.records if failing in entry.getMessage())
    assert logged.levelno == level


def test_a_series_deleted_while_its_run_waits_is_a_failure_with_a_sentence(
    manager: JobManager, stored: FrameSeries, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = manager.submit(endless(stored)), manager.submit(replace(endless(stored), seed=1))
    until(lambda: trains(manager, first))
    SeriesStore(tmp_path).delete(stored.digest())
    manager.stop(first)
    until(lambda: not manager.live())
    error = RunStore(tmp_path).open(second).error()
    assert error is not None and "There is no series" in error


def test_closing_leaves_the_run_interrupted(tmp_path: Path, stored: FrameSeries, drift: str) -> None:
    manager = JobManager(tmp_path)
    run_id = manager.submit(endless(stored))
    until(lambda: trains(manager, run_id))
    assert manager.close(PATIENCE_S)
    run = RunStore(tmp_path).open(run_id)
    assert run.state == "interrupted" and run.error() is None and run.progress()


def test_snapshots_never_change(manager: JobManager, stored: FrameSeries) -> None:
    run_id = manager.submit(endless(stored))
    until(lambda: trains(manager, run_id))
    old = manager.snapshot(run_id)
    assert isinstance(old, JobSnapshot) and old.progress is not None
    n_epochs, step = len(old.history), old.progress.step
    until(lambda: (manager.snapshot(run_id) or old).history[n_epochs:])
    assert (len(old.history), old.progress.step) == (n_epochs, step)


def test_the_process_has_one_manager_however_often_modules_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = job_manager(tmp_path)
    monkeypatch.delitem(sys.modules, "framecast.runs.jobs")
    import framecast.runs.jobs as again

    assert again.job_manager is not job_manager
    assert again.job_manager(tmp_path / "." / "x" / "..") is before
    assert again.job_manager(tmp_path / "other") is not before


def test_a_process_that_ends_while_training_ends_well(tmp_path: Path, stored: FrameSeries) -> None:
    """Daemon and non-daemon threads alone abort or hang here: see the module's opening words."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from framecast import SeriesStore, plan\n"
        "from framecast.runs.jobs import job_manager\n"
        "workspace = Path(sys.argv[1])\n"
        "(stored,) = SeriesStore(workspace).list()\n"
        "series = SeriesStore(workspace).open(stored.digest)\n"
        "record = plan(series, forecaster='unet', changes={'epochs': 100_000, 'context': 4}, device='cpu')\n"
        "manager = job_manager(workspace)\n"
        "run_id = manager.submit(record)\n"
        "while manager.snapshot(run_id).progress is None: time.sleep(0.01)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    (run,) = RunStore(tmp_path).runs()
    assert run.state == "interrupted" and np.isfinite(run.progress()[0]["train_loss"])
