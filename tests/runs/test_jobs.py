"""The manager: one worker per device, snapshots from any thread, and an end of the process that leaves nothing hanging."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import BusyError, SettingError, UnknownNameError
from framecast.runs import holding, jobs
from framecast.runs.devices import n_cores
from framecast.runs.experiment import STAGES_AFTER_FIT, plan
from framecast.runs.holding import ALIVE_S
from framecast.runs.jobs import JobManager, job_manager
from framecast.runs.record import RunRecord
from framecast.runs.run_folder import LOCK
from framecast.runs.snapshot import JobSnapshot
from framecast.runs.store import RunStore
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore
from framecast.training.progress import FitProgress

from .conftest import Drift
from .test_holding import full, held_elsewhere

PATIENCE_S = 120.0


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


def n_told(manager: JobManager, run_id: str) -> int:
    """Epochs, also those before a pause."""
    snapshot = manager.snapshot(run_id)
    return len(snapshot.history) if snapshot else 0


def trains(manager: JobManager, run_id: str) -> bool:
    return n_told(manager, run_id) >= 2


def test_what_follows_the_fit_is_no_part_of_its_history(manager: JobManager, stored: FrameSeries) -> None:
    """Of a run that was stopped it still carries the scores of the last validation, and would be drawn as one more."""
    record = drifting(stored)
    job = jobs._Job(record, JobSnapshot(record.id, record.title, "training"))
    now = FitProgress("Training", 3, 9, valid_scores={"ssim": 0.5})
    for stage in (now.stage, *STAGES_AFTER_FIT):
        manager._publish(job, replace(now, stage=stage))
    assert [one.stage for one in job.snapshot.history] == ["Training"] and job.snapshot.phase == "forecasting"


def test_a_submitted_run_finishes_and_is_live_until_then(manager: JobManager, stored: FrameSeries, tmp_path: Path) -> None:
    run_id = manager.submit(drifting(stored, pause_s=0.5))
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


def test_the_queue_is_reordered_and_what_waits_is_removed_or_run_next(manager: JobManager, stored: FrameSeries) -> None:
    ids = [manager.submit(replace(endless(stored), seed=seed)) for seed in range(4)]
    until(lambda: trains(manager, ids[0]))
    manager.run_next(ids[3])
    assert [job.run_id for job in manager.live()] == [ids[0], ids[3], ids[1], ids[2]]
    manager.move(ids[3], 2)
    manager.move(ids[0], 2)  # at work: it stays
    assert [job.run_id for job in manager.live()] == [ids[0], ids[1], ids[2], ids[3]]
    manager.remove(ids[2])
    manager.remove(ids[0])
    assert [job.run_id for job in manager.live()] == [ids[0], ids[1], ids[3]]
    first = manager.submit(replace(endless(stored), seed=9), first=True)
    assert [job.run_id for job in manager.live()] == [ids[0], first, ids[1], ids[3]]
    assert {job.phase for job in manager.live()[1:]} == {"waiting"}
    for run_id in ids:
        manager.stop(run_id)


def test_a_paused_run_leaves_the_device_and_goes_on_when_it_is_asked_to(
    manager: JobManager, stored: FrameSeries, tmp_path: Path
) -> None:
    first, second = manager.submit(endless(stored)), manager.submit(replace(endless(stored), seed=1))
    until(lambda: trains(manager, first))
    manager.pause(first)
    until(lambda: trains(manager, second))
    assert [(job.run_id, job.phase) for job in manager.live()] == [(second, "training"), (first, "paused")]
    assert manager.submit(endless(stored)) == first, "it is live still"
    manager.resume(first)
    assert [(job.run_id, job.phase) for job in manager.live()] == [(second, "training"), (first, "waiting")]
    manager.pause(first)  # what waits can be put off, too
    assert manager.live()[1].phase == "paused"
    n_before = n_told(manager, first)
    manager.stop(second)
    manager.resume(first)
    until(lambda: n_told(manager, first) > n_before)
    manager.pause(first)
    until(lambda: manager.live() and manager.live()[0].phase == "paused")
    manager.stop(first)  # which keeps the best, so it has to be carried to its end
    until(lambda: not manager.live())
    assert RunStore(tmp_path).open(first).state == "finished"


def test_a_paused_run_is_an_interrupted_one_to_the_next_process(tmp_path: Path, stored: FrameSeries, drift: str) -> None:
    manager = JobManager(tmp_path)
    run_id = manager.submit(endless(stored))
    until(lambda: trains(manager, run_id))
    manager.pause(run_id)
    until(lambda: manager.live()[0].phase == "paused")
    assert manager.close(PATIENCE_S)
    assert RunStore(tmp_path).open(run_id).state == "interrupted"
    after = JobManager(tmp_path)
    after.resume(run_id)
    until(lambda: trains(after, run_id))
    assert after.close(PATIENCE_S)


def test_a_run_is_carried_out_by_one_process_at_a_time(manager: JobManager, stored: FrameSeries, tmp_path: Path) -> None:
    run_id = manager.submit(endless(stored))
    until(lambda: trains(manager, run_id))
    other = JobManager(tmp_path)  # as another server on the same workspace
    with pytest.raises(BusyError, match="is at work in process .* Wait for it to end, or stop it there"):
        other.resume(run_id)
    assert other.live() == [] and RunStore(tmp_path).open(run_id).holder() is not None
    manager.stop(run_id)
    until(lambda: not manager.live())
    assert RunStore(tmp_path).open(run_id).holder() is None


@pytest.mark.parametrize("beside", ["one at work", "none at work"])
def test_a_run_that_is_not_at_work_is_seen_to_be_held_still(
    manager: JobManager, stored: FrameSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    """Told to machines that see no lock, which would take it after a quarter of an hour."""
    monkeypatch.setattr(jobs, "BEAT_S", 0.02)
    first, waiting, paused = (manager.submit(drifting(stored, epochs=10**6 + n, pause_s=0.002)) for n in range(3))
    until(lambda: trains(manager, first))
    manager.pause(paused)
    assert [one.phase for one in manager.live()] == ["training", "waiting", "paused"]
    if beside == "none at work":
        manager.pause(waiting)
        manager.stop(first)
        until(lambda: manager.snapshot(first) is None)
    for run_id in (waiting, paused):
        path = RunStore(tmp_path).open(run_id).folder / LOCK
        os.utime(path, (time.time() - ALIVE_S - 60,) * 2)
        until(lambda path=path: time.time() - path.stat().st_mtime < ALIVE_S)


def test_a_run_taken_by_another_machine_while_it_waited_is_let_go_untouched(
    manager: JobManager, stored: FrameSeries, tmp_path: Path
) -> None:
    first, second = manager.submit(endless(stored)), manager.submit(drifting(stored))
    until(lambda: trains(manager, first))
    run = RunStore(tmp_path).open(second)
    held_elsewhere(run.folder / LOCK)
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    manager.stop(first)
    until(lambda: not manager.live())
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before
    assert "node07" in before[LOCK].decode() and RunStore(tmp_path).open(first).state == "finished"


def test_a_worker_outlives_a_disk_that_takes_no_word_of_what_it_does(
    manager: JobManager, stored: FrameSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = manager.submit(endless(stored)), manager.submit(drifting(stored))
    until(lambda: trains(manager, first))
    monkeypatch.setattr(holding, "_write", full)
    manager.stop(first)
    until(lambda: not manager.live())
    assert {RunStore(tmp_path).open(one).state for one in (first, second)} == {"finished"}


@pytest.mark.parametrize("breaks", ["diverged", "by a bug"])
def test_a_failed_run_can_be_tried_again(
    manager: JobManager, stored: FrameSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    run_id = manager.submit(drifting(stored, breaks=breaks))
    until(lambda: not manager.live())
    assert RunStore(tmp_path).open(run_id).state == "failed"
    monkeypatch.setattr(Drift, "_break", lambda self: None)
    manager.resume(run_id)
    until(lambda: not manager.live())
    run = RunStore(tmp_path).open(run_id)
    assert run.state == "finished" and run.error() is None
    assert [line["epoch"] for line in run.progress()] == [1, 2, 3, 4]


def test_what_cannot_go_on_or_be_trained_further_is_refused_with_a_sentence(
    manager: JobManager, stored: FrameSeries, tmp_path: Path
) -> None:
    run_id = manager.submit(drifting(stored))
    until(lambda: not manager.live())
    with pytest.raises(SettingError, match="is finished; only one that was left can go on"):
        manager.resume(run_id)
    with pytest.raises(SettingError, match="Drift cannot be trained further .* Choose a network"):
        manager.extend(run_id, epochs=3)
    with pytest.raises(SettingError, match="2 limits are given .* must be one"):
        manager.extend(run_id, epochs=3, minutes=1.0)
    with pytest.raises(UnknownNameError, match="There is no run"):
        manager.resume("20200101-000000-none-0000")
    waiting = RunStore(tmp_path).create(drifting(stored))
    SeriesStore(tmp_path).delete(stored.digest())
    with pytest.raises(SettingError, match="its series 'blob' is not stored any more. Add its files again"):
        manager.resume(waiting.id)
    assert manager.live() == [] and waiting.holder() is None


def test_every_gpu_has_a_worker_and_a_run_for_any_gets_the_first_free_one(
    manager: JobManager, stored: FrameSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ["cuda:0", "cuda:1"]
    monkeypatch.setattr(jobs, "serving_devices", lambda device: here if device == "cuda" else [device])
    ids = [manager.submit(replace(endless(stored), device="cuda", seed=seed)) for seed in range(3)]
    until(lambda: [job.phase for job in manager.live()] == ["training", "training", "waiting"])
    assert {job.run_id: job.device for job in manager.live()} == dict(zip(ids, [*here, "cuda"], strict=True))
    manager.stop(ids[1])
    until(lambda: trains(manager, ids[2]))
    assert {job.run_id: job.device for job in manager.live()} == {ids[0]: "cuda:0", ids[2]: "cuda:1"}
    named = manager.submit(replace(endless(stored), device="cuda:0"))
    assert manager.live()[-1].run_id == named and manager.live()[-1].phase == "waiting"
    for run_id in (named, *ids):
        manager.stop(run_id)


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
    done = ended_process(tmp_path, "unet", {"epochs": 100_000, "context": 4}, "snapshot.history")
    assert done.returncode == 0, done.stderr
    (run,) = RunStore(tmp_path).runs()
    assert run.state == "interrupted" and np.isfinite(run.progress()[0]["train_loss"])


def test_a_process_that_ends_while_a_run_is_scored_fails_none(tmp_path: Path, stored: FrameSeries) -> None:
    """Pools of threads take nothing more then, before anybody is told to leave."""
    late = (
        "import threading\n"
        "from framecast.evaluation import leads\n"
        "in_order, begun = leads.in_order, []\n"
        "def late(*given, **named):\n"
        "    begun.append(True)\n"
        "    threading.main_thread().join()\n"
        "    yield from in_order(*given, **named)\n"
        "leads.in_order = late\n"
    )
    done = ended_process(tmp_path, "persistence", {}, "begun", before=late)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
    (run,) = RunStore(tmp_path).runs()
    assert run.error() is None and run.state in ("interrupted", "finished")


def ended_process(
    workspace: Path, forecaster: str, changes: dict[str, int], once: str, before: str = ""
) -> subprocess.CompletedProcess[str]:
    """A process that comes to its end `once` its run is so far."""
    code = (
        f"{before}"
        "import sys, time; from pathlib import Path\n"
        "from framecast import SeriesStore, plan\n"
        "from framecast.runs.jobs import job_manager\n"
        "workspace = Path(sys.argv[1])\n"
        "(stored,) = SeriesStore(workspace).list()\n"
        "series = SeriesStore(workspace).open(stored.digest)\n"
        f"record = plan(series, forecaster={forecaster!r}, changes={changes!r}, device='cpu')\n"
        "manager = job_manager(workspace)\n"
        "run_id = manager.submit(record)\n"
        f"while (snapshot := manager.snapshot(run_id)) is None or not ({once}): time.sleep(0.01)\n"
    )
    command, root = [sys.executable, "-c", code, str(workspace)], Path(__file__).parents[2]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=PATIENCE_S)
