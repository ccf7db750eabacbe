"""Several people, tabs, processes and versions of the code at once: one run, carried out once."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import framecast
from framecast.errors import BusyError
from framecast.runs.jobs import JobManager, job_manager
from framecast.runs.overview import Overview, read_line
from framecast.runs.store import RunStore
from framecast.series.frames import FrameSeries

from .conftest import PATIENCE_S, ROOT, stored_waves, tiny, until


@pytest.fixture
def series(tmp_path: Path) -> FrameSeries:
    return stored_waves(tmp_path)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[JobManager]:
    found = JobManager(tmp_path)
    yield found
    assert found.close(PATIENCE_S)


def n_told(manager: JobManager, run_id: str) -> int:
    """Epochs, also those before a pause."""
    snapshot = manager.snapshot(run_id)
    return len(snapshot.history) if snapshot else 0


def trains(manager: JobManager, run_id: str) -> bool:
    return n_told(manager, run_id) >= 2


def at_once(*calls: object) -> None:
    """Each from a thread of its own, as from so many browsers."""
    barrier = threading.Barrier(len(calls))

    def one(call: object) -> None:
        barrier.wait(PATIENCE_S)
        call()  # type: ignore[operator]

    threads = [threading.Thread(target=one, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)


def test_twenty_people_press_train_and_then_stop_at_once(manager: JobManager, series: FrameSeries, tmp_path: Path) -> None:
    ids: list[str] = []
    records = [tiny(series, epochs=100_000) for _ in range(20)]
    at_once(*[lambda record=record: ids.append(manager.submit(record)) for record in records])
    assert len(set(ids)) == 1 and len(RunStore(tmp_path).runs()) == 1
    until(lambda: trains(manager, ids[0]))
    at_once(*[lambda: manager.stop(ids[0]) for _ in range(20)])
    until(lambda: not manager.live())
    (run,) = RunStore(tmp_path).runs()
    assert run.state == "finished" and run.summary()["stopped_early"]
    epochs = [line["step"] for line in run.progress() if line["epoch_done"]]
    assert epochs == sorted(set(epochs)), "no epoch twice, none lost"


def test_pause_resume_and_stop_in_any_order_leave_one_run(manager: JobManager, series: FrameSeries, tmp_path: Path) -> None:
    run_id = manager.submit(tiny(series, epochs=100_000))
    until(lambda: trains(manager, run_id))
    calls = [manager.pause, manager.resume, manager.run_next, manager.remove] * 5
    at_once(*[lambda call=call: call(run_id) for call in calls])
    if manager.snapshot(run_id) is None:
        manager.resume(run_id)
    manager.resume(run_id)
    n_before = n_told(manager, run_id)
    until(lambda: n_told(manager, run_id) > n_before)
    manager.stop(run_id)
    until(lambda: not manager.live())
    (run,) = RunStore(tmp_path).runs()
    assert run.state == "finished"
    steps = [line["step"] for line in run.progress() if line["epoch_done"]]
    assert steps == sorted(set(steps))


def test_three_hundred_reruns_change_nothing(manager: JobManager, series: FrameSeries, tmp_path: Path) -> None:
    """What a rerun asks: what is live, how it stands, and to submit once more what a click had submitted."""
    record = tiny(series, epochs=100_000)
    run_id = manager.submit(record)
    until(lambda: trains(manager, run_id))
    before = threading.active_count()
    for _ in range(300):
        assert [job.run_id for job in manager.live()] == [run_id]
        assert manager.snapshot(run_id) is not None and manager.submit(record) == run_id
    assert threading.active_count() == before and len(RunStore(tmp_path).runs()) == 1


def test_code_edited_while_a_run_trains_leaves_one_manager_and_one_worker(
    tmp_path: Path, series: FrameSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit imports edited modules anew; the manager and its worker go on, and the new code talks to them."""
    manager = job_manager(tmp_path)
    run_id = manager.submit(tiny(series, epochs=100_000))
    until(lambda: trains(manager, run_id))
    monkeypatch.setattr(framecast, "runs", framecast.runs)  # what the imports below put there goes again
    for name in [name for name in sys.modules if name.startswith("framecast.runs") or name == "framecast.training.progress"]:
        monkeypatch.delitem(sys.modules, name)
    import framecast.runs.jobs as edited

    again = edited.job_manager(tmp_path)
    assert again is manager and edited.JobManager is not JobManager
    assert again.submit(tiny(series, epochs=100_000)) == run_id
    workers = [
        thread for thread in threading.enumerate() if thread.name == "framecast-cpu" and thread in manager.threads.values()
    ]
    assert len(workers) == 1
    again.stop(run_id)
    until(lambda: not again.live())
    assert RunStore(tmp_path).open(run_id).state == "finished"
    assert manager.close(PATIENCE_S)


@pytest.mark.slow
def test_the_app_and_the_command_line_never_carry_one_run_out_twice(
    manager: JobManager, series: FrameSeries, tmp_path: Path
) -> None:
    run_id = manager.submit(tiny(series, epochs=100_000))
    until(lambda: trains(manager, run_id))
    words = [sys.executable, "-m", "framecast", "runs", "resume", run_id, "--workspace", str(tmp_path)]
    refused = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert refused.returncode == 1 and "is at work in process" in refused.stderr and "Traceback" not in refused.stderr
    manager.pause(run_id)
    until(lambda: manager.live()[0].phase == "paused")
    manager.remove(run_id)  # given up here, so that another may have it

    other = subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL)
    run = RunStore(tmp_path).open(run_id)
    until(lambda: (found := run.holder()) is not None and found.pid == other.pid)
    with pytest.raises(BusyError, match=f"process {other.pid}"):
        manager.resume(run_id)
    other.kill()
    other.wait(PATIENCE_S)
    assert run.holder() is None, "the hold ends with the process, however that ends"
    manager.resume(run_id)
    n_before = n_told(manager, run_id)
    until(lambda: n_told(manager, run_id) > n_before)


def test_a_hold_is_free_as_soon_as_its_process_is_killed(tmp_path: Path, series: FrameSeries) -> None:
    run = RunStore(tmp_path).create(tiny(series))
    code = (
        "import sys, time; from pathlib import Path\n"
        "from framecast.runs.holding import take\n"
        "hold = take(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(run.folder / ".lock")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    with pytest.raises(BusyError):
        run.hold()
    other.kill()
    other.wait(PATIENCE_S)
    other.stdout.close()
    run.hold().leave()
    assert run.holder() is None


def test_another_process_is_told_which_run_waits(manager: JobManager, series: FrameSeries, tmp_path: Path) -> None:
    first = manager.submit(tiny(series, epochs=100_000))
    later = manager.submit(tiny(series, seed=1))
    until(lambda: trains(manager, first))
    words = [sys.executable, "-m", "framecast", "runs", "list", "--workspace", str(tmp_path)]
    said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    states = {row.split()[0]: row for row in said if row.split()}
    assert "at work" in states[first] and "waiting" in states[later]
    manager.pause(later)
    assert {line.id: line.held() for line in Overview(tmp_path).lines()} == {first: "at work", later: "paused"}
    manager.remove(later)
    assert read_line(RunStore(tmp_path).open(later).folder).held() == ""
