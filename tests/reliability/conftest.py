"""Faults made for real: processes that are killed, disks that are full, memory that runs out, files that somebody else cut.

The runs are of a network of a few hundred weights on frames of a few pixels, so that a fault can be made many times. A process
that is to be killed is forked from one that has imported everything and computed nothing, since importing takes longer than
all else.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from framecast.runs.experiment import plan
from framecast.runs.record import RunRecord
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
TINY = {
    "context": 3,
    "width": 4,
    "levels": 1,
    "unroll": 2,
    "batch_size": 3,
    "epochs": 12,
    "minutes": 0,
    "precision": "float32",
}

NURSERY = """
import json, os, signal, sys, time
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs import jobs, keeping
from framecast.runs.jobs import JobManager
from framecast.runs.store import RunStore
import torch
len(FORECASTERS)
keeping.SAVING_SHARE = 1000.0  # after every epoch, however short
jobs.known_rules = lambda runs, record: dict.fromkeys(FORECASTERS, ())  # their scores take longer than the runs
calls = 0

def counted(function, deadly):
    def call(*args, **kwargs):
        global calls
        calls += 1
        if calls == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

def child(order):
    torch.set_num_threads(1)
    if order["deadly_call"]:
        for name in ("fsync", "replace", "unlink", "mkdir", "rmdir"):
            setattr(os, name, counted(getattr(os, name), order["deadly_call"]))
    manager = JobManager(order["workspace"])
    manager.resume(order["run"])
    while manager.live():
        time.sleep(0.005)
    manager.close()

for line in sys.stdin:
    order = json.loads(line)
    pid = os.fork()
    if pid == 0:
        child(order)
        os._exit(0)
    print(pid, flush=True)
    next(sys.stdin)  # until then the number stays the child's, also once it has ended
    _, status = os.waitpid(pid, 0)
    print(status, flush=True)
"""


class Nursery:
    """A process that forks one child after the other, each of which carries a run on until it is killed or the run ends."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def child(
        self,
        run: Run,
        *,
        kill_after_s: float | None = None,
        kill_when: Callable[[], object] | None = None,
        deadly_call: int = 0,
    ) -> bool:
        """Whether the child came to its end by itself. It is killed after so many seconds or as soon as that is so, or kills
        itself at that call which changes the disk."""
        order = {"workspace": str(run.store.folder.parent), "run": run.id, "deadly_call": deadly_call}
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        pid = int(self._process.stdout.readline())
        if kill_after_s is not None:
            deadline = time.monotonic() + kill_after_s
            kill_when = lambda: time.monotonic() >= deadline  # noqa: E731
        if kill_when is not None:
            child = psutil.Process(pid)
            while child.status() != psutil.STATUS_ZOMBIE:
                if kill_when():
                    os.kill(pid, 9)
                    break
                time.sleep(0.002)
        self._process.stdin.write("\n")
        return self._process.stdout.readline().strip() == "0"

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE_S)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    if not hasattr(os, "fork"):
        pytest.skip("This system cannot fork a process, and a new one for every kill would take minutes.")
    found = Nursery()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def without_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the simple rules score is of no interest here, and takes longer than the runs."""
    from framecast.forecasters.catalog import FORECASTERS
    from framecast.runs import jobs

    monkeypatch.setattr(jobs, "known_rules", lambda runs, record: dict.fromkeys(FORECASTERS, ()))


def waves(n_frames: int = 24, channels: int = 1) -> np.ndarray:
    t, y, x = np.ogrid[:n_frames, :16, :20]
    frames = (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None]
    return np.repeat(frames, channels, axis=-1)


def stored_waves(workspace: Path) -> FrameSeries:
    store = SeriesStore(workspace)
    return store.open(store.add("waves", waves()).digest)


def tiny(series: FrameSeries, seed: int = 0, **changes: object) -> RunRecord:
    return plan(series, forecaster="unet", device="cpu", seed=seed, changes={**TINY, **changes}, n_threads=1)


def fresh_run(workspace: Path, **changes: object) -> Run:
    return RunStore(workspace).create(tiny(stored_waves(workspace), **changes))  # type: ignore[arg-type]


def loss_column(run: Run) -> list[tuple[Any, ...]]:
    """What is to be the same to the bit: all of progress but the clock and the memory."""
    return [
        (line["stage"], line["epoch"], line["step"], line["train_loss"], line["valid_scores"], line["learning_rate"])
        for line in run.progress()
    ]


def until(true: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)
