"""`queue` prepares runs and writes their jobs; each job carries out its own run once."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.runs import devices
from framecast.runs.notes import read_notes
from framecast.runs.store import RunStore

WITHIN_S = 300.0
SMALL = ["--set", "width=4", "--set", "levels=1", "--set", "refit=false", "--epochs", "1", "--test", "4"]


def queued(tmp_path: Path, *words: str, out: str = "my queue's jobs", n_threads: int | None = 1) -> tuple[RunStore, Path]:
    if not (tmp_path / "waves.npy").exists():
        t, y, x = np.ogrid[:20, :12, :16]
        np.save(tmp_path / "waves.npy", (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None])
    workspace = tmp_path / "work space"
    command = [
        "queue",
        str(tmp_path / "waves.npy"),
        *words,
        *SMALL,
        *(["--threads", str(n_threads)] if n_threads else []),
        "--workspace",
        str(workspace),
        "--out",
        str(tmp_path / out),
    ]
    assert main(command) == 0
    return RunStore(workspace), tmp_path / out


def test_each_job_of_the_array_carries_out_its_run_once(tmp_path: Path) -> None:
    store, folder = queued(tmp_path, "--forecaster", "unet", "persistence", "--seeds", "3", "4", "--device", "cpu")
    commands = (folder / "jobs.txt").read_text().splitlines()
    batch = (folder / "jobs.sbatch").read_text()
    assert f"#SBATCH --array=0-{len(commands) - 1}\n" in batch and "--gpus" not in batch
    ids = [shlex.split(command)[5] for command in commands]
    assert sorted(ids) == sorted(run.id for run in store.runs())
    runs = [store.open(one) for one in ids]
    assert [(run.record.forecaster, run.record.seed) for run in runs] == [("unet", 3), ("persistence", 3), ("unet", 4)]
    assert all(run.state == "interrupted" and read_notes(run.folder).tags == (folder.name,) for run in runs)

    for index in (2, 1):
        assert job(folder, index).returncode == 0
        assert [run.state for run in runs].count("finished") == 3 - index
        assert runs[index].state == "finished"
    before = {path: path.stat().st_mtime_ns for path in runs[1].folder.rglob("*")}
    again = job(folder, 1)
    assert again.returncode == 0 and "is finished already" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in runs[1].folder.rglob("*")} == before
    beyond = job(folder, 3)
    assert beyond.returncode == 2 and "no job 3 in the list; it has 0 to 2" in beyond.stderr


def test_settings_are_varied_in_all_combinations_for_another_machine(tmp_path: Path) -> None:
    """That machine has a GPU; this one need not have it."""
    vary = ["--vary", "learning_rate=0.001,0.002", "--vary", "batch_size=2,4", "--device", "cuda", "--size", "native"]
    store, folder = queued(tmp_path, "--forecaster", "unet", "--seeds", "0", "1", *vary)
    runs = store.runs()
    asked = {(run.record.settings["learning_rate"], run.record.settings["batch_size"], run.record.seed) for run in runs}
    assert asked == {(rate, batch, seed) for rate in (0.001, 0.002) for batch in (2, 4) for seed in (0, 1)}
    assert len({run.record.title for run in runs}) == len(runs) == 8 and {run.record.device for run in runs} == {"cuda"}
    batch = folder / "jobs.sbatch"
    assert "#SBATCH --gpus-per-node=1\n" in batch.read_text()
    assert subprocess.run(["bash", "-n", str(batch)], check=False).returncode == 0


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--vary", "learning_rate"], "must be KEY=VALUE,VALUE"),
        (["--vary", "nonsense=1,2"], "There is no setting 'nonsense'"),
        (["--vary", "batch_size=2,many"], "must be a whole number"),
        (["--out", "a\nb"], "has a line break in it"),
        (["--out", "taken"], "There are jobs in"),
        (["--out", "x" * 41], "a tag of at most 40. Choose a shorter --out"),
    ],
)
def test_a_mistake_prepares_nothing(
    tmp_path: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store, _ = queued(tmp_path, "--forecaster", "unet", "--device", "cpu", out="taken")
    capsys.readouterr()
    command = ["queue", "waves.npy", "--forecaster", "unet", "--out", "new", *words, "--workspace", str(store.folder.parent)]
    assert main([*command, "--device", "cpu"]) == 2
    assert sentence in capsys.readouterr().err
    assert len(store.runs()) == 1 and not (tmp_path / "new").exists() and not (tmp_path / ("x" * 41)).exists()


def test_what_this_machine_does_meanwhile_is_nothing_to_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it waited for: its load is not looked at, once for all runs or for each."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(devices, "n_cores", lambda: 3)
    monkeypatch.setattr(devices, "cores_taken", lambda: pytest.fail("the load of this machine was looked at"))
    store, folder = queued(tmp_path, "--forecaster", "unet", "persistence", "--device", "cpu", n_threads=None)
    assert {run.record.n_threads for run in store.runs()} == {3}
    assert "#SBATCH --cpus-per-task=3\n" in (folder / "jobs.sbatch").read_text()


def job(folder: Path, index: int) -> subprocess.CompletedProcess[str]:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(index), "PATH": programs, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        ["bash", str(folder / "jobs.sbatch")], env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
