"""kill -9 of a Streamlit server, twenty times in the training of one run, a browser before it each time.

Half of the servers die at a moment of the clock after the click on Resume, the others by themselves at a call with which the
training changes the disk, so that checkpoints are half written. Each server is forked from a process that has imported all and
begun nothing: to import takes longer than all else.
"""

import json
import os
import random
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from framecast.runs.store import Run, RunStore

from .conftest import ROOT, START_S, free_port, patient, tracebacks
from .serving import ready_run
from .waiting import PATIENCE_S, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
N_KILLS, N_EPOCHS = 20, 60
LONG_MS = 1000 * PATIENCE_S
NURSERY = """
import json, os, signal, sys, threading
from streamlit.web import bootstrap
import streamlit.web.server.server
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs import jobs, keeping
from framecast.ui import comparison, launch, live_run, navigation
import torch
len(FORECASTERS)
jobs.NICENESS = 0  # beside other programs the worker, which lets all go first, would have no turn for minutes
jobs.known_rules = lambda runs, record: dict.fromkeys(FORECASTERS, ())  # their scores take longer than the runs
keeping.SAVING_SHARE = 1000.0  # after every epoch, however short
calls = 0

def counted(function, deadly):
    def call(*args, **kwargs):
        global calls
        calls += threading.current_thread().name.startswith("framecast-")  # the worker's alone
        if calls == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return call

def serve(order):
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["FRAMECAST_WORKSPACE"] = order["workspace"]
    if order["deadly_call"]:
        for name in ("fsync", "replace", "unlink", "mkdir", "rmdir"):
            setattr(os, name, counted(getattr(os, name), order["deadly_call"]))
    bootstrap.load_config_options({"server_port": order["port"], "server_headless": True})
    bootstrap.run("app.py", False, [], {})

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        serve(json.loads(line))
        os._exit(0)
    print(pid, flush=True)
    sys.stdin.readline()  # until then the number stays the child's, also once it has ended
    print(os.waitpid(pid, 0)[1], flush=True)
"""


class Server:
    """One that is about to die. All have one port, as a server that is started again has, and a browser that knows it."""

    def __init__(self, nursery: subprocess.Popen[str], port: int, workspace: Path, deadly_call: int = 0) -> None:
        self.nursery, self.url, log = nursery, f"http://127.0.0.1:{port}", workspace.with_name("server.log")
        self._tell({"port": port, "log": str(log), "workspace": str(workspace), "deadly_call": deadly_call})
        self._process = psutil.Process(int(self._heard()))
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self.lives and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)

    @property
    def lives(self) -> bool:
        return self._process.status() != psutil.STATUS_ZOMBIE

    def kill(self) -> None:
        """With signal 9, where it has not died by itself; returns when it is gone."""
        os.kill(self._process.pid, 9)
        self._tell({})
        assert int(self._heard()) == 9, "it ended in another way"

    def _tell(self, order: dict[str, Any]) -> None:
        assert self.nursery.stdin is not None
        self.nursery.stdin.write(json.dumps(order) + "\n")

    def _heard(self) -> str:
        assert self.nursery.stdout is not None
        return self.nursery.stdout.readline()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                return True
        except OSError:
            return False


@pytest.fixture
def nursery() -> Iterator[subprocess.Popen[str]]:
    if not hasattr(os, "fork"):
        pytest.skip("This system cannot fork a process, and a new one for every kill would take minutes.")
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    found = subprocess.Popen([sys.executable, "-c", NURSERY], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes)
    yield found
    for child in psutil.Process(found.pid).children():  # of a test that failed
        child.kill()
    assert found.stdin is not None and found.stdout is not None
    found.stdin.close()
    found.wait(PATIENCE_S)
    found.stdout.close()


def test_a_server_killed_twenty_times_has_lost_no_epoch_and_changed_no_loss(
    browser: Browser, nursery: subprocess.Popen[str], tmp_path: Path
) -> None:
    chance, port, workspace = random.Random(20261126), free_port(), tmp_path / "workspace"
    page = patient(browser).new_page()
    never_killed = ready_run(workspace, epochs=N_EPOCHS)
    server = Server(nursery, port, workspace)
    resume(page, server, never_killed)
    until_ended(never_killed)
    server.kill()
    reference = loss_column(never_killed)
    assert never_killed.state == "finished" and len(reference) >= N_EPOCHS

    run, kept, within, kills = another(never_killed), 0, 0, 0
    while kills < N_KILLS:
        in_writing = kills % 2 == 1
        server = Server(nursery, port, workspace, chance.randint(1, 60) if in_writing else 0)
        resume(page, server, run)
        moment = time.monotonic() + (PATIENCE_S if in_writing else chance.uniform(0.0, 1.5))
        while server.lives and time.monotonic() < moment and run.state != "finished":
            time.sleep(0.005)
        server.kill()
        if run.state == "finished":  # it was quicker than the kill
            run, kept = another(never_killed), 0
            continue
        kills += 1
        within += in_writing
        until_let_go(run)
        assert run.state == "interrupted" and run.error() is None
        column, checkpoint = loss_column(run), run.checkpoint()
        assert column == reference[: len(column)]
        n_lines = checkpoint[1]["n_lines"] if checkpoint else 0
        assert kept <= n_lines <= len(column)
        since = [line["epoch_done"] for line in run.progress()[n_lines:]]  # looks within an epoch are told too
        assert sum(since) <= 1, "no epoch that was finished is lost, but one being kept"
        kept = n_lines
    assert within == N_KILLS // 2
    server = Server(nursery, port, workspace)
    resume(page, server, run)
    until_ended(run)
    server.kill()
    page.context.close()
    assert run.state == "finished" and loss_column(run) == reference
    assert (run.forecast() == never_killed.forecast()).all()
    said = workspace.with_name("server.log").read_text()
    assert not tracebacks(said), said


def another(run: Run) -> Run:
    """The same run once more, not begun."""
    return RunStore(run.store.folder.parent).create(replace(run.record, id=f"{run.id[:-4]}{secrets.token_hex(2)}"))


def resume(page: Page, server: Server, run: Run) -> None:
    """The page of the new server tells that the run was left and the last epoch that is kept; one click lets it go on."""
    lines, checkpoint = run.progress(), run.checkpoint()
    said = "so it begins anew" if lines else "This run has not begun"
    if checkpoint:
        last = lines[checkpoint[1]["n_lines"] - 1]
        said = f"What it had learned is kept, up to epoch {last['epoch']} of “{last['stage']}”."
    page.goto(f"{server.url}/train?run={run.id}")
    expect(page.get_by_text(said)).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name="Resume", exact=True).dispatch_event("click")


def until_let_go(run: Run) -> None:
    """A child that the server was about to start when it died has the lock, too, until it runs a program of its own."""
    until(lambda: run.holder() is None, patience_s=5)


def until_ended(run: Run) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while run.state != "finished":
        assert time.monotonic() < deadline and run.error() is None, run.error()
        time.sleep(0.02)


def loss_column(run: Run) -> list[tuple[Any, ...]]:
    """What is to be the same to the bit: all of progress but the clock and the memory."""
    names = ("stage", "epoch", "step", "train_loss", "valid_scores", "learning_rate")
    return [tuple(line[name] for name in names) for line in run.progress()]
