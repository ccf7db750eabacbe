"""Where the output cannot be written the command says so, or nothing, in no traceback, and ends as it would have."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.export.arrays import check_target
from framecast.runs.store import RunStore
from framecast.series.store import SeriesStore

ROOT = Path(__file__).parents[2]
needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def shell(tmp_path: Path, words: str) -> subprocess.CompletedProcess[str]:
    command = f"'{sys.executable}' -m framecast {words.format(workspace=tmp_path)}"
    return subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("series list --workspace '{workspace}' >&-", 0),
        ("series show nope --workspace '{workspace}' 2>&-", 2),
        ("series list --workspace '{workspace}' >&- 2>&- <&-", 0),
        pytest.param("series show nope --workspace '{workspace}' 2>/dev/full", 2, marks=needs_dev_full),
    ],
)
def test_a_closed_or_full_stream_changes_no_exit_code(tmp_path: Path, words: str, code: int) -> None:
    done = shell(tmp_path, words)
    assert done.returncode == code and "Traceback" not in done.stderr + done.stdout


@needs_dev_full
@pytest.mark.parametrize("words", ["forecasters >/dev/full", "series list --workspace '{workspace}' >/dev/full"])
def test_output_without_room_is_one_sentence(tmp_path: Path, words: str) -> None:
    done = shell(tmp_path, words)
    assert done.returncode == 1
    assert done.stderr.startswith("What there is to say could not be written (no space left on device)")
    assert done.stderr.count("\n") == 1


def test_a_target_that_cannot_be_written_is_refused_before_the_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "still.npy", np.full((12, 12, 12), 7, np.uint8))
    monkeypatch.setattr("framecast.export.arrays.refusal", lambda path: "read-only file system")
    for option, name in (("--out", "forecast.npy"), ("--json", "scores.json")):
        target, workspace = tmp_path / name, tmp_path / "workspace"
        words = ("run", tmp_path / "still.npy", "--forecaster", "persistence", option, target, "--workspace", workspace)
        assert main([*map(str, words)]) == 2
        assert f"'{target}' cannot be written (read-only file system)" in capsys.readouterr().err
        assert not SeriesStore(workspace).list() and not RunStore(workspace).runs()


def test_no_file_is_left_where_it_was_tried_whether_one_can_be_written(tmp_path: Path) -> None:
    check_target(tmp_path / "scores.json", (".json",))
    assert not list(tmp_path.iterdir())


def test_a_forecast_never_takes_the_place_of_its_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "still.npy"
    np.save(path, np.full((12, 12, 12), 7, np.uint8))
    before = path.read_bytes()
    words = ("run", path, "--forecaster", "persistence", "--out", tmp_path / "." / "still.npy", "--workspace", tmp_path / "w")
    assert main([*map(str, words)]) == 2
    assert "holds the series itself" in capsys.readouterr().err and path.read_bytes() == before


@pytest.mark.parametrize("imported", ["torch", "framecast.cli.main"])
def test_ctrl_c_while_modules_are_imported_meets_no_traceback(tmp_path: Path, imported: str) -> None:
    code = f"""
import runpy, sys

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == {imported!r}:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Pressed())
sys.argv[1:] = ["run", "nothing", "--workspace", {str(tmp_path)!r}]
runpy.run_module("framecast", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr
