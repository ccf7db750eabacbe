"""The polite ends, SIGTERM and Ctrl-C: a checkpoint, then the process is gone within seconds, and the run can go on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.runs.store import RunStore

from .conftest import ROOT, until, waves

GONE_WITHIN_S = 30.0
"""Ten on a machine that is quiet: see docs/reliability.md for what was measured."""
SETTINGS = ("context=3", "width=4", "levels=1", "unroll=2", "batch_size=3", "epochs=100000", "precision=float32")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_leaves_a_checkpoint_and_the_run_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    np.save(tmp_path / "waves.npy", waves())
    words = [sys.executable, "-m", "framecast", "run", str(tmp_path / "waves.npy"), "--forecaster", "unet", "--device", "cpu"]
    words += [word for setting in SETTINGS for word in ("--set", setting)]
    store = RunStore(tmp_path / "workspace")
    command = subprocess.Popen([*words, "--workspace", str(store.folder.parent)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert command.stderr is not None
    until(lambda: (command.poll() is None and store.runs() and store.runs()[0].progress()) or command.poll() is not None)
    assert command.poll() is None, command.stderr.read()
    asked = time.monotonic()
    command.send_signal(number)
    assert command.wait(GONE_WITHIN_S) == 130
    print(f"gone {time.monotonic() - asked:.1f} s after {number.name}")
    said = command.stderr.read()
    command.stderr.close()
    (run,) = store.runs()
    assert f"Go on with: runs resume {run.id}" in said and "Traceback" not in said
    assert run.state == "interrupted" and run.holder() is None
    checkpoint = run.checkpoint()
    assert checkpoint is not None and checkpoint[1]["n_lines"] == len(run.progress()) > 0, "no finished epoch is lost"
    if number == signal.SIGTERM:
        assert main(["runs", "finish", run.id, "--workspace", str(store.folder.parent), "--quiet"]) == 0
        assert run.state == "finished"
