"""torchrun lets several processes train one run: the same numbers, one folder, one voice, and all leave together."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.cluster import PORT, Place
from framecast.runs.experiment import carry_out, plan
from framecast.runs.repeat import repeat
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries, Split
from framecast.series.store import SeriesStore
from framecast.training.step import Stepper

ROOT = Path(__file__).parents[2]
WITHIN_S = 300.0
SAME = 1e-5
"""Of the mean loss of an epoch, in float32. One step of two processes has the gradient of one up to some 1e-6 (see
tests/training/test_distributed.py), and so have the few steps of these runs; measured are 2e-7 after six epochs."""
TITLE = '-two\'s "processes" of $HOME;\n& `ls` *'
HARD = {
    "context": 3, "unroll": 3, "batch_size": 5, "epochs": 3, "precision": "float32", "input_noise": 0.05, "crop": 16,
    "sampling": "scheduled", "flips": True, "refit": False,
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {"unet": {"width": 8, "levels": 2}, "convlstm": {"hidden": 8, "layers": 1}}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "it's a work space"


@pytest.fixture
def series(workspace: Path) -> FrameSeries:
    t, y, x = np.ogrid[:26, :24, :20]
    frames = (127 + 100 * np.sin(0.4 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None]
    store = SeriesStore(workspace)
    return store.open(store.add("waves", frames).digest)


def alone(workspace: Path, series: FrameSeries, forecaster: str, steps: int | None = None, **changes: Any) -> Run:
    """A run of this process; left after so many signs of life where `steps` says so."""
    record = plan(
        series,
        forecaster=forecaster,
        changes={**HARD, **SMALL[forecaster], **changes},
        split=Split(range(16), range(16, 20), range(20, 26)),
        device="cpu",
        n_threads=1,
        title=TITLE,
    )
    run = RunStore(workspace).create(record)
    with contextlib.closing(carry_out(record, series, run, rules=dict.fromkeys(FORECASTERS, ()))) as going:
        for index, _ in enumerate(going):
            if index == steps:
                break
    return run


def losses(run: Run) -> list[float]:
    return [row["train_loss"] for row in run.progress()]


def assert_same(run: Run, other: Run) -> None:
    assert len(losses(run)) == len(losses(other)) >= 3
    np.testing.assert_allclose(losses(run), losses(other), rtol=SAME)


@pytest.mark.parametrize("forecaster", ["unet", "convlstm"])
def test_what_a_run_exports_for_two_processes_makes_an_equal_run(
    workspace: Path, series: FrameSeries, forecaster: str, tmp_path: Path
) -> None:
    """The command line of the one, the batch file of the other, as a shell takes them. Masks, noise, crops and scheduled
    sampling are on, and batches are of five and of fewer."""
    run = alone(workspace, series, forecaster)
    found = repeat(run, workspace, Place(n_processes=2))
    batch = tmp_path / "job.sbatch"
    batch.write_text(found.batch_file)
    done = shell(found.command if forecaster == "unet" else f"bash {shlex.quote(str(batch))}")
    assert done.returncode == 0, done.stderr
    (other,) = [one for one in RunStore(workspace).runs() if one.id != run.id]  # one folder, not two
    assert other.record.question() == run.record.question() and other.record.n_processes == 2
    assert_same(run, other)
    np.testing.assert_allclose(other.forecast().astype(float), run.forecast(), atol=1)
    assert done.stdout.count("skill horizon") == 1 and done.stderr.count(": done, in") == 1, "one process speaks"
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr, done.stderr
    assert other.holder() is None


def test_two_processes_leave_together_and_one_goes_on(workspace: Path, series: FrameSeries) -> None:
    """SIGTERM, as a cluster sends it: one checkpoint, nobody left behind, and the losses of a run that was never left."""
    reference = alone(workspace, series, "unet", epochs=8)
    command = repeat(reference, workspace, Place(n_processes=2)).command
    going = subprocess.Popen(shlex.split(command), **quiet(), text=True, stderr=subprocess.PIPE, start_new_session=True)
    store = RunStore(workspace)
    until(lambda: going.poll() is not None or any(one.id != reference.id and one.progress() for one in store.runs()))
    children = offspring(going.pid)
    going.send_signal(signal.SIGTERM)
    _, said = going.communicate(timeout=WITHIN_S)
    (run,) = [one for one in store.runs() if one.id != reference.id]
    assert f"Go on with: runs resume {run.id}" in said, said
    assert run.state == "interrupted" and run.checkpoint() is not None and run.holder() is None and run.error() is None
    assert len(children) == 2 and not any(Path(f"/proc/{pid}").exists() for pid in children)
    assert main(["runs", "resume", run.id, "--workspace", str(workspace), "--quiet"]) == 0
    assert_same(run, reference)


def test_what_one_process_began_two_go_on_with(workspace: Path, series: FrameSeries) -> None:
    reference, run = alone(workspace, series, "unet"), alone(workspace, series, "unet", steps=2)
    assert run.state == "interrupted" and 0 < len(losses(run)) < len(losses(reference))
    done = torchrun("-m", "framecast", "runs", "resume", run.id, "--workspace", str(workspace))
    assert done.returncode == 0 and run.state == "finished", done.stderr
    assert_same(run, reference)


def test_an_error_of_one_process_ends_all_with_its_sentence(workspace: Path, series: FrameSeries) -> None:
    run = alone(workspace, series, "unet", steps=0)
    script = str(Path(__file__).with_name("failing_helper.py"))
    done = torchrun(script, "runs", "resume", run.id, "--workspace", str(workspace))
    assert done.returncode != 0 and run.state == "failed"
    assert run.error() is not None and run.error().startswith("The memory of")  # type: ignore[union-attr]
    assert done.stderr.count(str(run.error())) == 1, done.stderr
    assert "framecast/training" not in done.stderr, "no traceback of ours; torchrun adds its own report"


def test_the_clock_ends_both_processes_at_the_same_step(
    workspace: Path, series: FrameSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the first process looks at it: two that each did would part by a step, and one would wait for ever."""
    run = alone(workspace, series, "unet", steps=0, minutes=0.05, epochs=10**5, refit=True)
    (steps, weights), other = watched(run, workspace, tmp_path, monkeypatch)
    assert (steps, weights) == other and int(steps) > 0
    assert run.state == "finished" and run.summary()["ended_by_time"] and run.holder() is None


def test_a_share_that_is_no_number_sends_both_processes_back_to_the_same_weights(
    workspace: Path, series: FrameSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no number in the second process alone. The run goes on as one process would that had met it, from the same good
    weights at the same lower rate, and both end alike."""
    poison = 28
    with monkeypatch.context() as patch:
        step, taken = Stepper.__call__, 0

        def poisoned(self: Stepper, *asked: Any) -> Any:
            nonlocal taken
            taken += 1
            loss, norm = step(self, *asked)
            return (loss * np.nan, norm) if taken == poison else (loss, norm)

        patch.setattr(Stepper, "__call__", poisoned)
        reference = alone(workspace, series, "unet", epochs=12)
    run = alone(workspace, series, "unet", epochs=12, steps=0)
    checkpoint = run.checkpoint()
    assert checkpoint is not None
    first, second = watched(run, workspace, tmp_path, monkeypatch, poison=poison - checkpoint[1]["steps"])
    assert first == second
    rows = [[row["set_backs"] for row in one.progress()] for one in (run, reference)]
    assert rows[0] == rows[1] and rows[0][-1] == 1
    found = [[np.nan if loss is None else loss for loss in losses(one)] for one in (run, reference)]
    assert np.isnan(found[0]).sum() == 1
    np.testing.assert_allclose(found[0], found[1], rtol=SAME)


@pytest.mark.slow
def test_two_machines_meet_as_the_batch_file_says(workspace: Path, series: FrameSeries, tmp_path: Path) -> None:
    """srun is played by a script that starts the command twice; the rest is torchrun's."""
    run = alone(workspace, series, "unet")
    content = repeat(run, workspace, Place(n_processes=1, n_machines=2)).batch_file
    assert "#SBATCH --nodes=2" in content and content.count(f":{PORT}") == 1
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        batch = tmp_path / "job.sbatch"
        batch.write_text(content.replace(f":{PORT}", f":{free.getsockname()[1]}"))
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, lines in {"srun": 'shift\n"$@" &\n"$@"\nwait', "scontrol": "echo localhost\necho elsewhere"}.items():
        (programs / name).write_text(f"#!/bin/bash\n{lines}\n")
        (programs / name).chmod(0o755)
    done = shell(f"export SLURM_JOB_NODELIST=both PATH={shlex.quote(str(programs))}:$PATH; bash {shlex.quote(str(batch))}")
    assert done.returncode == 0, done.stderr
    (other,) = [one for one in RunStore(workspace).runs() if one.id != run.id]
    assert other.record.n_processes == 2
    assert_same(run, other)


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("series list", "which trains nothing"),
        ("run waves --forecaster persistence --device cpu", "Persistence has nothing to share"),
        ("run waves --forecaster auto --device cpu", "Auto trains several networks one after the other"),
        ("run waves --forecaster ensemble --device cpu", "trains several networks one after the other"),
        ("run waves --forecaster unet convlstm --device cpu", "torchrun trains one run, and 2 forecasters are given"),
    ],
)
def test_what_several_processes_cannot_share_is_refused(
    words: str,
    sentence: str,
    workspace: Path,
    series: FrameSeries,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    assert main([*words.split(), "--workspace", str(workspace)]) == 2
    assert sentence in capsys.readouterr().err
    assert RunStore(workspace).runs() == []


def watched(
    run: Run, workspace: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, poison: int = 0
) -> list[tuple[str, str]]:
    """Two processes go on with `run` to its end: the steps that each took, and a digest of the weights after each."""
    monkeypatch.setenv("POISON", str(poison))
    monkeypatch.setenv("FOLDER", str(folder))
    script = str(Path(__file__).with_name("watched_helper.py"))
    done = torchrun(script, "runs", "resume", run.id, "--workspace", str(workspace))
    assert done.returncode == 0, done.stderr
    steps_and_weights = [(folder / rank).read_text().split() for rank in "01"]
    return [(steps, weights) for steps, weights in steps_and_weights]


def torchrun(*words: str) -> subprocess.CompletedProcess[str]:
    return shell(shlex.join(["torchrun", "--standalone", "--nproc-per-node=2", *words]))


def shell(command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", command], **quiet(), capture_output=True, text=True, timeout=WITHIN_S, check=False)


def quiet() -> dict[str, Any]:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": programs, "PYTHONPATH": str(ROOT)}
    return {"cwd": ROOT, "env": environment}


def offspring(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
