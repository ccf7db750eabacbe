"""JobManager: the only place with threads. One worker per device, a queue in front of it.

The manager belongs to the process, not to a browser session, a page or a module: pages are rerun and reloaded, modules are
imported anew when code is edited, and the run goes on. So it is kept in a module object of its own in sys.modules, and its
attributes are plain containers that outlive a new version of the class. Workers never call streamlit; pages read snapshots.

At the end of the process the workers are told to leave and are waited for; a daemon thread inside torch would otherwise abort
the process, and one that is no daemon would keep it alive until the training ends. Such a run is left interrupted.
"""

import atexit
import contextlib
import gc
import logging
import os
import queue
import sys
import threading
import time
import types
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from framecast.errors import FrameCastError
from framecast.runs.devices import give_memory_back, n_threads_beside_server
from framecast.runs.experiment import STAGES_AFTER_FIT, carry_out
from framecast.runs.failure import recording_failure
from framecast.runs.record import RunRecord
from framecast.runs.rules import known_rules
from framecast.runs.store import RunStore
from framecast.series.store import SeriesStore
from framecast.training.progress import FitProgress, Preview

LOG = logging.getLogger(__name__)
HOLDER = "_framecast_jobs"
NICENESS = 15
LEAVE_WITHIN_S = 15.0

Phase = Literal["waiting", "training", "forecasting"]


@dataclass(frozen=True, eq=False)
class JobSnapshot:
    """A live run at one moment. Never changes; ask for a new one."""

    run_id: str
    title: str
    phase: Phase = "waiting"
    stopping: bool = False
    """Stop was asked for; what is best so far is about to forecast."""
    progress: FitProgress | None = None
    preview: Preview | None = None
    """The latest there was."""
    history: tuple[FitProgress, ...] = ()
    """One per finished epoch and per validation, without previews."""
    started_s: float = 0.0
    """When it was queued, then when it began: seconds since 1970, as time.time()."""


@dataclass(eq=False)
class _Job:
    record: RunRecord
    snapshot: JobSnapshot
    stop: threading.Event = field(default_factory=threading.Event)


class JobManager:
    """The live runs of a workspace. Every method may be called from any thread."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = Path(workspace)
        self.lock = threading.Lock()
        self.jobs: dict[str, _Job] = {}
        """Live ones only, in the order they were submitted."""
        self.queues: dict[str, queue.SimpleQueue[str]] = {}
        self.threads: dict[str, threading.Thread] = {}
        self.closing = threading.Event()

    def submit(self, record: RunRecord) -> str:
        """Queue a run and return its id. Asking twice for what is already live (a second tab, a double click) starts nothing
        new and returns the live run's id. One core is left to the server. Raises StorageError where the run cannot be kept."""
        record = replace(record, n_threads=min(record.n_threads, n_threads_beside_server()))
        with self.lock:
            for run_id, job in self.jobs.items():
                if job.record.question() == record.question() and not job.stop.is_set():
                    return run_id
            RunStore(self.workspace).create(record)
            self.jobs[record.id] = _Job(record, JobSnapshot(record.id, record.title, started_s=time.time()))
            self._worker(record.device).put(record.id)
        return record.id

    def stop(self, run_id: str) -> None:
        """Leave the fit and finish with what is best so far; one that waits is taken off the queue. Unknown ids are passed
        over: the run may have ended since the page was drawn."""
        with self.lock:
            job = self.jobs.get(run_id)
            if job is None:
                return
            job.stop.set()
            job.snapshot = replace(job.snapshot, stopping=True)
            if job.snapshot.phase == "waiting":
                del self.jobs[run_id]

    def snapshot(self, run_id: str) -> JobSnapshot | None:
        """How a live run stands; None for one that is not live, whose folder then tells the rest."""
        with self.lock:
            job = self.jobs.get(run_id)
            return job.snapshot if job else None

    def live(self) -> list[JobSnapshot]:
        """All live runs, oldest first: those at work and those that wait."""
        with self.lock:
            return [job.snapshot for job in self.jobs.values()]

    def close(self, within_s: float = LEAVE_WITHIN_S) -> bool:
        """Tell every worker to leave its run as it is, and wait. True once all have left."""
        self.closing.set()
        with self.lock:
            workers = list(self.threads.values())
            for waiting in self.queues.values():
                waiting.put("")  # wakes a worker that has nothing to do
        deadline = time.monotonic() + within_s
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in workers)

    def _worker(self, device: str) -> "queue.SimpleQueue[str]":
        """The queue of the device's worker, which is started when first needed. Called under the lock."""
        if device not in self.threads or not self.threads[device].is_alive():
            self.queues.setdefault(device, queue.SimpleQueue())
            worker = threading.Thread(target=self._work, args=(device,), name=f"framecast-{device}", daemon=True)
            self.threads[device] = worker
            worker.start()
        return self.queues[device]

    def _work(self, device: str) -> None:
        _step_back()
        while not self.closing.is_set():
            run_id = self.queues[device].get()
            with self.lock:
                job = self.jobs.get(run_id)
                if job is None or self.closing.is_set():
                    continue
                job.snapshot = replace(job.snapshot, phase="training", started_s=time.time())
            try:
                self._carry_out(job)
            except FrameCastError as error:
                LOG.warning("Run %s failed: %s", run_id, error)
            except Exception as error:  # the worker outlives whatever ends a run; error.txt and the log have the traceback
                LOG.exception("Run %s failed: %s", run_id, error)
            finally:
                with self.lock:
                    self.jobs.pop(run_id, None)
            gc.collect()
            give_memory_back(device)

    def _carry_out(self, job: _Job) -> None:
        store = RunStore(self.workspace)
        run = store.open(job.record.id)
        with recording_failure(run):
            stored = SeriesStore(self.workspace)
            series = stored.open(job.record.series)
            others = {digest: stored.open(digest) for digest in job.record.learned_from}
            rules = known_rules(store.runs(), job.record)
            steps = carry_out(job.record, series, run, stop=job.stop.is_set, rules=rules, others=others)
            with contextlib.closing(steps):
                for progress in steps:
                    self._publish(job, progress)
                    if self.closing.is_set():
                        break  # closed early: the run is interrupted

    def _publish(self, job: _Job, progress: FitProgress) -> None:
        with self.lock:
            old = job.snapshot
            after_fit = progress.stage in STAGES_AFTER_FIT
            kept = replace(progress, preview=None)
            job.snapshot = replace(
                old,
                phase="forecasting" if after_fit else "training",
                progress=kept,
                preview=progress.preview or old.preview,
                history=(*old.history, kept) if progress.epoch_done or progress.valid_scores else old.history,
            )


def job_manager(workspace: Path) -> JobManager:
    """The process's manager for this workspace, the same one whoever asks and however often modules are reloaded."""
    holder = sys.modules.setdefault(HOLDER, types.ModuleType(HOLDER)).__dict__
    managers: dict[str, JobManager] = holder.setdefault("managers", {})
    if "leaving" not in holder:
        holder["leaving"] = atexit.register(_leave, managers)
    folder = Path(workspace).resolve()
    return managers.setdefault(str(folder), JobManager(folder))


def _leave(managers: dict[str, JobManager]) -> None:
    """At the end of the process. A step of training that outlasts the wait is cut off rather than aborted with a crash."""
    deadline = time.monotonic() + LEAVE_WITHIN_S
    for manager in managers.values():
        manager.closing.set()
    if not all([manager.close(max(0.0, deadline - time.monotonic())) for manager in managers.values()]):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _step_back() -> None:
    """Let the server go first wherever cores are scarce. Linux alone can do so for one thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
