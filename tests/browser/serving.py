"""A server of a test's own, to be killed, ended and started again; and runs that are set up on disk for it to carry out."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from framecast.runs.experiment import plan
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore

from .conftest import ROOT, free_port, tracebacks, wait_until_healthy

FEEDER = """
import os, sys, threading, time
from pathlib import Path
from streamlit.web import bootstrap
from framecast.runs import jobs, preflight
from framecast.runs.jobs import job_manager
from framecast.runs.store import RunStore

jobs.NICENESS = 0  # beside a dozen other programs the worker, which lets all go first, would have no turn for minutes

def feed():
    workspace = Path(os.environ["FRAMECAST_WORKSPACE"])
    manager = job_manager(workspace)
    for run in sorted(RunStore(workspace).runs(), key=lambda run: run.id[-8:]):  # by chance: all kinds among the first
        manager.resume(run.id)
        while manager.snapshot(run.id):
            time.sleep(0.01)

if {feeding}:
    threading.Thread(target=feed, daemon=True).start()
{changed}
port = int(sys.argv[sys.argv.index("--server.port") + 1])
bootstrap.load_config_options({{"server_port": port, "server_headless": True}})
bootstrap.run("app.py", False, [], {{}})
"""
"""The app, which carries out what is unfinished in its workspace without being asked, one run after the other, or is `changed`
by a line of Python."""
TINY = {"context": 3, "width": 4, "levels": 1, "unroll": 2, "batch_size": 3, "minutes": 0, "precision": "float32"}


@contextlib.contextmanager
def serving(workspace: Path, *, feeding: bool = False, changed: str = "") -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Address and process of an app on this workspace; it is gone when the block ends."""
    script = FEEDER.format(feeding=feeding, changed=changed)
    command = ("-c", script) if feeding or changed else ("-m", "streamlit", "run", "app.py")
    port = free_port()
    url, log = f"http://127.0.0.1:{port}", workspace.with_name(f"server_{port}.log")
    words = [sys.executable, *command, "--server.port", str(port), "--server.headless", "true"]
    with log.open("wb") as sink:
        environment = {**os.environ, "FRAMECAST_WORKSPACE": str(workspace)}
        server = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        try:
            wait_until_healthy(url, server, log)
            yield url, server
        finally:
            server.terminate()
            try:
                server.wait(60)
            finally:
                server.kill()
    assert not tracebacks(log.read_text()), log.read_text()


def ready_run(workspace: Path, forecaster: str = "unet", seed: int = 0, title: str | None = None, **changes: object) -> Run:
    """A run of a tiny network on a tiny series, which nobody has begun."""
    store = SeriesStore(workspace)
    t, y, x = np.ogrid[:24, :16, :20]
    frames = (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None]
    digest = next((one.digest for one in store.list()), None) or store.add("waves", frames).digest
    changes = {**TINY, **changes} if forecaster == "unet" else changes
    series = store.open(digest)
    record = plan(series, forecaster=forecaster, device="cpu", seed=seed, changes=changes, n_threads=1, title=title)
    return RunStore(workspace).create(record)
