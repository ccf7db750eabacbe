"""The polite ends, SIGTERM and Ctrl-C: a checkpoint, then the process is gone within seconds, and the run can go on.

Also where it cannot be left: one step that takes longer than anybody waits is a call that no signal interrupts.
"""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.forecasters.catalog import FORECASTERS
from framecast.leaving import Left, left_when
from framecast.runs.experiment import STAGE_LOOK_BACK, STAGE_SCORE, carry_out
from framecast.runs.rules import known_rules
from framecast.runs.store import Run, RunStore

from .conftest import ROOT, stored_waves, tiny, until, waves

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


STUCK = """
import hashlib, sys
from pathlib import Path
from framecast.cli import carrying
from framecast.cli.main import main
from framecast.runs import keeping
from framecast.training import team

keeping.SAVING_SHARE = 1000.0  # a checkpoint after every epoch
carrying.CUT_OFF_S = 1.0
steps, step = [], team._step

def stuck_at_the_fortieth(*given, **named):
    steps.append(1)
    if len(steps) == 40:
        Path(sys.argv[1]).touch()
        hashlib.pbkdf2_hmac("sha256", b"a step", b"of ten minutes", 10**9)  # in C, as a step of training is
    return step(*given, **named)

team._step = stuck_at_the_fortieth
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_step_that_outlasts_the_wait_is_cut_off_and_comes_again_the_same(tmp_path: Path) -> None:
    np.save(tmp_path / "waves.npy", waves())
    settings = [*SETTINGS, "epochs=20", "refit=False"]
    words = ["run", str(tmp_path / "waves.npy"), "--forecaster", "unet", "--device", "cpu", "--threads", "1"]
    words += [word for setting in settings for word in ("--set", setting)]
    place, reached = ("--workspace", str(tmp_path / "workspace"), "--quiet"), tmp_path / "reached"
    command = subprocess.Popen(
        [sys.executable, "-c", STUCK, str(reached), *words, *place], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert command.stderr is not None
    until(lambda: reached.exists() or command.poll() is not None)
    assert command.poll() is None, command.stderr.read()
    command.send_signal(signal.SIGTERM)
    assert command.wait(GONE_WITHIN_S) == 130
    assert "kept as of its last checkpoint" in command.stderr.read()
    command.stderr.close()
    (run,) = RunStore(tmp_path / "workspace").runs()
    assert run.state == "interrupted" and run.holder() is None
    checkpoint = run.checkpoint()
    assert checkpoint is not None and checkpoint[1]["n_lines"] == len(run.progress()) > 0, "no finished epoch is lost"
    assert main(["runs", "resume", run.id, *place]) == 0
    assert main([*words, "--workspace", str(tmp_path / "never_left"), "--quiet"]) == 0
    (once,) = RunStore(tmp_path / "never_left").runs()
    assert losses(run) == losses(once)


def losses(run: Run) -> list[float]:
    return [row["train_loss"] for row in run.progress()]


BUSY_PAGE = """
import hashlib, sys, threading
from pathlib import Path
from framecast.runs import jobs

jobs.LEAVE_WITHIN_S = 1.0
jobs.job_manager(Path(sys.argv[1]))
threading.Thread(target=hashlib.pbkdf2_hmac, args=("sha256", b"a page", b"that computes", 10**9)).start()
"""


def test_a_page_that_computes_does_not_keep_an_ending_server_alive(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", BUSY_PAGE, str(tmp_path)], cwd=ROOT, timeout=60).returncode == 0


@pytest.mark.parametrize("turn", [40, 110])
def test_a_run_left_in_the_middle_of_a_validation_or_a_step_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turn: int
) -> None:
    monkeypatch.setattr("framecast.runs.keeping.SAVING_SHARE", 1000.0)
    series = stored_waves(tmp_path)
    once, left = (RunStore(tmp_path).create(replace(tiny(series), id=name)) for name in ("once", "left"))
    list(carry_out(once.record, series, once, rules=dict.fromkeys(FORECASTERS, ())))
    turns = iter(range(1, 10**9))
    with left_when(lambda: next(turns) >= turn), pytest.raises(Left):
        list(carry_out(left.record, series, left, rules=dict.fromkeys(FORECASTERS, ())))
    n_before = len(left.progress())
    assert left.state == "interrupted" and 0 < n_before < len(once.progress())
    checkpoint = left.checkpoint()
    assert checkpoint is not None and checkpoint[1]["n_lines"] == n_before, "no finished epoch is lost"
    list(carry_out(left.record, series, left, rules=dict.fromkeys(FORECASTERS, ())))
    assert losses(left) == losses(once) and (left.forecast() == once.forecast()).all()


def test_a_run_that_is_scored_can_be_finished_at_once(tmp_path: Path) -> None:
    series = stored_waves(tmp_path)
    run = RunStore(tmp_path).create(tiny(series, epochs=1))
    seen: list[str] = []
    for progress in carry_out(run.record, series, run, hurry=lambda: STAGE_SCORE in seen):
        seen.append(progress.stage)
    assert run.state == "finished" and STAGE_LOOK_BACK not in seen[seen.index(STAGE_LOOK_BACK) + 1 :]
    assert {"unet", "persistence", "climatology"} <= {curve.forecaster for curve in run.scores()}
    left_out = run.summary()["left_out"]
    assert "was left early" in left_out["optical_flow"] and not {"persistence", "climatology"} & set(left_out)
    known = known_rules([run], tiny(series, epochs=1))
    assert known.keys() == {"persistence", "climatology"}, "another run must not take these for all rules"
