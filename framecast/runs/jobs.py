"""JobManager: the only place that carries runs out in threads. One worker per device and one queue before them all.

The manager belongs to the process, not to a browser session, a page or a module: pages are rerun and reloaded, modules are
imported anew when code is edited, and the run goes on. So it is kept in a module object of its own in sys.modules, and its
attributes are plain containers that outlive a new version of the class. Workers never call streamlit; pages read snapshots.

At the end of the process the workers are told to leave and are waited for; a daemon thread inside torch would otherwise abort
the process, and one that is no daemon would keep it alive until the training ends. Such a run is left interrupted, kept where
it stood. Every live run is held (framecast.runs.holding), so that two processes on one workspace never carry one out twice.
"""

import atexit
import contextlib
import gc
import logging
import os
import sys
import threading
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from framecast.errors import FrameCastError, SettingError
from framecast.leaving import PATIENCE_S, Left, left_when
from framecast.runs.cutting_off import cut_off
from framecast.runs.devices import give_memory_back, n_threads_beside_server, serving_devices
from framecast.runs.experiment import STAGES_AFTER_FIT, carry_out
from framecast.runs.failure import recording_failure
from framecast.runs.holding import AT_WORK as HELD
from framecast.runs.holding import BEAT_S, Hold
from framecast.runs.record import RunRecord
from framecast.runs.resuming import extension, going_on
from framecast.runs.rules import known_rules
from framecast.runs.snapshot import AT_WORK, JobSnapshot, told_before
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore
from framecast.training.progress import FitProgress

LOG = logging.getLogger(__name__)
HOLDER = "_framecast_jobs"
NICENESS = 15
LEAVE_WITHIN_S = 7.0


@dataclass(eq=False)
class _Job:
    record: RunRecord
    snapshot: JobSnapshot
    stop: threading.Event = field(default_factory=threading.Event)
    pause: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)
    run: Run | None = None
    """What is carried out: the run, or a finished one beside its result."""
    hold: Hold | None = None
    begun: bool = False
    """A worker has had it, so that there is something to keep the best of."""

    def tell(self) -> None:
        """Let other processes read how it stands."""
        if self.hold is not None:
            self.hold.tell(HELD if self.snapshot.phase in AT_WORK else self.snapshot.phase)


class JobManager:
    """The live runs of a workspace. Every method may be called from any thread."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = Path(workspace)
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        """Told when a worker may find something to do."""
        self.jobs: dict[str, _Job] = {}
        """Live ones only; those that wait are in the order of the queue."""
        self.threads: dict[str, threading.Thread] = {}
        self.closing = threading.Event()
        self.closed_s = 0.0
        """When it was told to close, by the clock that never goes back."""

    def submit(self, record: RunRecord, *, first: bool = False) -> str:
        """Queue a run, before all that wait where it is to be `first`, and return its id. Asking twice for what is already
        live (a second tab, a double click) starts nothing new and returns the live run's id. One core is left to the server.
        Raises StorageError where the run cannot be kept."""
        record = replace(record, n_threads=min(record.n_threads, n_threads_beside_server()))
        with self.lock:
            for run_id, job in self.jobs.items():
                new = job.run is None or job.run.home is None  # one that goes on beside its result asks something else
                if new and job.record.question() == record.question() and not job.stop.is_set():
                    return run_id
            self._queue(RunStore(self.workspace).create(record), first=first)
        return record.id

    def resume(self, run_id: str, *, first: bool = False) -> str:
        """Let a run that was paused, interrupted or stopped, or that failed, go on from its last checkpoint in the same
        folder; one without a checkpoint begins anew. One that is at work or waits stays as it is. Raises InputError,
        StorageError or BusyError where it cannot go on."""
        with self.lock:
            job = self.jobs.get(run_id)
            if job is None:
                run = RunStore(self.workspace).open(run_id)
                self._queue(run, first=first, choose=lambda: going_on(run, self.workspace))
            elif job.snapshot.phase == "paused" or job.pause.is_set():
                self._wait_again(job, first=first)
        return run_id

    def extend(self, run_id: str, *, epochs: int | None = None, steps: int | None = None, minutes: float | None = None) -> str:
        """Train a finished run further, by one of the three. Its result stays as it is until the new one is whole. Raises
        InputError, StorageError or BusyError where it cannot be."""
        with self.lock:
            if run_id in self.jobs:
                title = self.jobs[run_id].record.title
                raise SettingError(f"The run '{title}' is live; only a finished one can be trained further. Wait for its end.")
            run = RunStore(self.workspace).open(run_id)
            further = {"epochs": epochs, "steps": steps, "minutes": minutes}
            self._queue(run, choose=lambda: extension(run, self.workspace, further))
        return run_id

    def stop(self, run_id: str) -> None:
        """Leave the fit and finish with what is best so far; of one that is scored already, leave out what can be. One that
        waits and has not begun is taken off the queue. Unknown ids are passed over: the run may have ended since the page was
        drawn."""
        with self.lock:
            job = self.jobs.get(run_id)
            if job is not None and job.snapshot.phase == "forecasting":
                job.hurry.set()
                job.snapshot = replace(job.snapshot, hurrying=True)
                return
            if job is None or job.stop.is_set():
                return
            if job.snapshot.phase not in AT_WORK and not self._has_begun(job):
                self._let_go(job)
                return
            job.stop.set()
            self._wait_again(job, first=True)
            job.snapshot = replace(job.snapshot, stopping=True)

    def pause(self, run_id: str) -> None:
        """Keep where a run stands and leave its device to the next one; `resume` lets it go on. One that waits is passed over
        by the queue until then. A run that forecasts already, or that is about to stop, comes to its end."""
        with self.lock:
            job = self.jobs.get(run_id)
            if job is None or job.stop.is_set() or job.snapshot.phase not in ("waiting", "training"):
                return
            job.pause.set()
            waits = job.snapshot.phase == "waiting"
            job.snapshot = replace(job.snapshot, phase="paused") if waits else replace(job.snapshot, pausing=True)
            job.tell()

    def move(self, run_id: str, to_index: int) -> None:
        """Put a run that waits at this place of the queue, 0 for the next one; others are passed over."""
        with self.lock:
            self._move(run_id, to_index)

    def run_next(self, run_id: str) -> None:
        """Put a run that waits before all others that do."""
        self.move(run_id, 0)

    def remove(self, run_id: str) -> None:
        """Take a run that waits or is paused off the queue; its folder stays, and it can be resumed. Others are passed over:
        one at work can be stopped or paused."""
        with self.lock:
            job = self.jobs.get(run_id)
            if job is not None and job.snapshot.phase not in AT_WORK:
                self._let_go(job)

    def snapshot(self, run_id: str) -> JobSnapshot | None:
        """How a live run stands; None for one that is not live, whose folder then tells the rest."""
        with self.lock:
            job = self.jobs.get(run_id)
            return job.snapshot if job else None

    def live(self) -> list[JobSnapshot]:
        """All live runs: those at work, those that wait in the order of the queue, those that are paused."""
        with self.lock:
            found = [job.snapshot for job in self.jobs.values()]
        return sorted(found, key=lambda one: ("waiting", "paused").index(one.phase) if one.phase not in AT_WORK else -1)

    def close(self, within_s: float = LEAVE_WITHIN_S) -> bool:
        """Tell every worker to keep where its run stands and leave it, and wait. True once all have left."""
        self.begin_to_close()
        with self.changed:
            workers = list(self.threads.values())
        deadline = time.monotonic() + within_s
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        with self.lock:
            for job in [job for job in self.jobs.values() if job.snapshot.phase not in AT_WORK]:
                self._let_go(job)
        return not any(worker.is_alive() for worker in workers)

    def begin_to_close(self) -> None:
        """Tell every worker to leave, without waiting for it."""
        with self.changed:
            if not self.closing.is_set():
                self.closed_s = time.monotonic()
                self.closing.set()
            self.changed.notify_all()

    def _closed_for_long(self) -> bool:
        """Whether a sign of life was waited for, so that work is to be left in the middle."""
        return self.closing.is_set() and time.monotonic() - self.closed_s > PATIENCE_S

    # Below, all but _next, _work, _carry_out and _publish are called under the lock.

    def _queue(self, run: Run, *, first: bool = False, choose: Callable[[], Run] | None = None) -> None:
        """Put a run into the queue, held so that no other process takes it. `choose` says what is carried out."""
        hold = run.hold()
        try:
            chosen = choose() if choose else run
            snapshot = JobSnapshot(run.id, run.record.title, started_s=time.time(), device=run.record.device)
            history = tuple(told_before(chosen)) if choose else ()
            hold.tell("waiting")
            self.jobs[run.id] = _Job(run.record, replace(snapshot, history=history), run=chosen, hold=hold)
        except BaseException:
            hold.leave()
            raise
        if first:
            self._move(run.id, 0)
        self._call_workers(run.record.device)

    def _wait_again(self, job: _Job, *, first: bool) -> None:
        job.pause.clear()
        if job.snapshot.phase == "paused":
            self.jobs[job.record.id] = self.jobs.pop(job.record.id)  # behind all others
            job.snapshot = replace(job.snapshot, phase="waiting", device=job.record.device)
            job.tell()
            if first:
                self._move(job.record.id, 0)
        job.snapshot = replace(job.snapshot, pausing=False)
        self._call_workers(job.record.device)

    def _move(self, run_id: str, to_index: int) -> None:
        waiting = [one for one, job in self.jobs.items() if job.snapshot.phase == "waiting"]
        if run_id not in waiting:
            return
        waiting.remove(run_id)
        waiting.insert(max(0, to_index), run_id)
        for one in waiting:
            self.jobs[one] = self.jobs.pop(one)

    def _let_go(self, job: _Job) -> None:
        """The run is live no more."""
        self.jobs.pop(job.record.id, None)
        if job.hold is not None:
            job.hold.leave()

    def _has_begun(self, job: _Job) -> bool:
        """Whether there is something to keep the best of."""
        return job.begun or (job.run is not None and job.run.home is None and job.run.checkpoint() is not None)

    def _call_workers(self, device: str) -> None:
        """Wake the workers that serve this device; each is started when first needed."""
        for one in serving_devices(device):
            if one not in self.threads or not self.threads[one].is_alive():
                worker = threading.Thread(target=self._work, args=(one,), name=f"framecast-{one}", daemon=True)
                self.threads[one] = worker
                worker.start()
        self.changed.notify_all()

    def _next(self, device: str) -> _Job | None:
        """The next run for the worker of this device, which waits for one; None when it is to leave."""
        with self.changed:
            while not self.closing.is_set():
                self._beat()
                job = self._whose_turn(device)
                if job is None:
                    self.changed.wait(BEAT_S)
                elif job.hold is not None and not job.hold.ours():
                    LOG.warning("Run %s was taken by another machine, or deleted, while it waited here.", job.record.id)
                    self._let_go(job)
                else:
                    job.begun = True
                    job.snapshot = replace(job.snapshot, phase="training", started_s=time.time(), device=device)
                    job.tell()
                    self.changed.notify_all()  # the next one may be for the next device
                    return job
        return None

    def _whose_turn(self, device: str) -> _Job | None:
        busy = {job.snapshot.device for job in self.jobs.values() if job.snapshot.phase in AT_WORK}
        for job in self.jobs.values():
            free = [one for one in serving_devices(job.record.device) if one not in busy]
            if job.snapshot.phase == "waiting" and free[:1] == [device]:  # the first free one takes it
                return job
        return None

    def _beat(self) -> None:
        """Tell other machines that all live runs are held, those that wait and those that are paused, too."""
        for job in self.jobs.values():
            if job.hold is not None:
                job.hold.beat()

    def _work(self, device: str) -> None:
        _step_back()
        while (job := self._next(device)) is not None:
            run_id, paused = job.record.id, False
            try:
                paused = self._carry_out(job, device)
            except FrameCastError as error:
                LOG.warning("Run %s failed: %s", run_id, str(error))  # not itself: it holds on to what took the memory
            except Exception as error:  # the worker outlives whatever ends a run; error.txt and the log have the traceback
                LOG.exception("Run %s failed: %s", run_id, error)
            finally:
                with self.lock:
                    job.snapshot = replace(job.snapshot, phase="paused", pausing=False, device=job.record.device)
                    if not paused:
                        self._let_go(job)
                    elif job.pause.is_set():
                        job.tell()
                    else:  # resumed or stopped before it had left
                        self._wait_again(job, first=True)
                    self.changed.notify_all()
            del job
            gc.collect()
            give_memory_back(device)

    def _carry_out(self, job: _Job, device: str) -> bool:
        """Whether the run was paused, so that it is to go on later."""
        store = RunStore(self.workspace)
        run = job.run
        assert run is not None
        with recording_failure(run):
            store.open(run.id)  # it may have been deleted or damaged while it waited
            stored = SeriesStore(self.workspace)
            series = stored.open(job.record.series)
            others = {digest: stored.open(digest) for digest in job.record.learned_from}
            rules = known_rules(store.runs(), job.record)
            record = replace(job.record, device=device) if job.record.device == "cuda" else job.record
            stop, hurry = job.stop.is_set, job.hurry.is_set
            watch = partial(stored.check_unchanged, job.record.series)
            steps = carry_out(record, series, run, stop=stop, hurry=hurry, watch=watch, rules=rules, others=others)
            with contextlib.suppress(Left), left_when(self._closed_for_long), contextlib.closing(steps):
                for progress in steps:
                    self._publish(job, progress)
                    if self.closing.is_set():
                        return False  # the run is interrupted, kept where it stands
                    if job.pause.is_set() and progress.stage not in STAGES_AFTER_FIT:
                        return True
        return False

    def _publish(self, job: _Job, progress: FitProgress) -> None:
        with self.lock:
            self._beat()
            old = job.snapshot
            after_fit, kept = progress.stage in STAGES_AFTER_FIT, replace(progress, preview=None)
            job.snapshot = replace(
                old,
                phase="forecasting" if after_fit else "training",
                pausing=old.pausing and not after_fit,  # too late for that
                progress=kept,
                preview=progress.preview or old.preview,
                history=(*old.history, kept) if not after_fit and (kept.epoch_done or kept.valid_scores) else old.history,
            )


def job_manager(workspace: Path) -> JobManager:
    """The process's manager for this workspace, the same one whoever asks and however often modules are reloaded."""
    holder = sys.modules.setdefault(HOLDER, types.ModuleType(HOLDER)).__dict__
    managers: dict[str, JobManager] = holder.setdefault("managers", {})
    if "leaving" not in holder:
        holder["leaving"] = atexit.register(_leave, managers)
        _watch_the_end(managers)
    folder = Path(workspace).resolve()
    return managers.setdefault(str(folder), JobManager(folder))


def _leave(managers: dict[str, JobManager]) -> None:
    """At the end of the process. A step of training that outlasts the wait is cut off rather than aborted with a crash."""
    deadline = time.monotonic() + LEAVE_WITHIN_S
    for manager in managers.values():
        manager.begin_to_close()
    if not all([manager.close(max(0.0, deadline - time.monotonic())) for manager in managers.values()]):
        _end_now()


def _watch_the_end(managers: dict[str, JobManager]) -> None:
    """Once the main thread has come to its end, workers are told to leave at once: `_leave` comes only after all threads that
    are no daemons, as those of pages that compute. Such a page is cut off, too."""

    def ended() -> bool:
        threading.main_thread().join()
        for manager in list(managers.values()):
            manager.begin_to_close()
        return True

    cut_off(ended, threading.Event(), LEAVE_WITHIN_S, _end_now)


def _end_now() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _step_back() -> None:
    """Let the server go first wherever cores are scarce. Linux alone can do so for one thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
