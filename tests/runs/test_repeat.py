"""What is printed to repeat a run repeats it: command line and script are both carried out, and the scores are equal."""

import os
import shlex
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.runs.experiment import carry_out, plan
from framecast.runs.record import RunRecord
from framecast.runs.repeat import FOUND, SAID, command_line, repeat
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import SeriesStore

ROOT = Path(__file__).parents[2]
SMALL = {"context": 2, "width": 4, "levels": 1, "epochs": 1, "unroll": 2}


@pytest.fixture
def run(tmp_path: Path, series: FrameSeries, monkeypatch: pytest.MonkeyPatch) -> Run:
    """One in which nothing is as it would be by default: it starts from another run, learns from another series first, ends
    before the series does, and its title has what a shell might trip over."""
    monkeypatch.setenv("FRAMECAST_WORKSPACE", str(tmp_path))
    store, runs = SeriesStore(tmp_path), RunStore(tmp_path)
    digest = store.add(series.name, series.frames).digest
    other = store.add("an other 'one'", np.flip(series.frames, axis=2).copy()).digest
    before = Split(range(12), range(12, 14), range(14, 16))
    asked = {"changes": SMALL, "split": before, "preparation": Preparation(8), "device": "cpu"}
    source = made(runs, plan(series, forecaster="unet", **asked), series)
    record = plan(
        series,
        forecaster="unet",
        preset="question",
        changes={**SMALL, "epochs": 2, "learning_rate": 0.0123456789, "refit": False},
        split=Split(range(15), range(15, 18), range(18, 22)),
        preparation=Preparation(8),
        seed=7,
        device="cpu",
        n_threads=1,
        title="-what's \"left\" of $HOME; & `ls` *",
        digest=digest,
        start_from=source,
        others={other: store.open(other)},
    )
    return made(runs, record, series, {other: store.open(other)})


def made(runs: RunStore, record: RunRecord, series: FrameSeries, others: dict[str, FrameSeries] | None = None) -> Run:
    run = runs.create(record)
    list(carry_out(record, series, run, others=others))
    return run


def test_the_command_line_repeats_the_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = {one.id for one in run.store.runs()}
    words = shlex.split(repeat(run).command)
    assert words[:3] == ["python", "-m", "framecast"]
    assert main(words[3:]) == 0, capsys.readouterr().err
    assert_repeated(run, before)


def test_the_script_of_ten_lines_repeats_the_run(run: Run) -> None:
    before = {one.id for one in run.store.runs()}
    script = repeat(run).script
    assert len(script.splitlines()) == 10
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    new = assert_repeated(run, before)
    assert new.id in done.stdout and "unet ssim" in done.stdout


def assert_repeated(run: Run, before: set[str]) -> Run:
    (new,) = [one for one in run.store.runs() if one.id not in before]
    assert new.record.question() == run.record.question() and new.record.title == run.record.title
    assert new.record.n_threads == run.record.n_threads and new.record.settings == run.record.settings
    assert (new.folder / "scores.csv").read_bytes() == (run.folder / "scores.csv").read_bytes()
    np.testing.assert_array_equal(new.forecast(), run.forecast())
    return new


def test_every_field_of_a_record_is_asked_for_again_or_found_out_anew() -> None:
    """A field that a record came to have must be put into the command line and the script, or be named among the found."""
    assert {field.name for field in fields(RunRecord)} == {*SAID, *FOUND}


def test_every_setting_is_written_out_and_nothing_is_left_to_a_default(run: Run) -> None:
    record = run.record
    words = shlex.split(command_line(record))
    for name, value in record.settings.items():
        assert f"{name}={value}" in words
    options = {"--frames": "22", "--test": "4", "--valid": "3", "--size": "8", "--seed": "7", "--device": "cpu"}
    options |= {"--threads": "1", "--start-from": record.start_from, "--learn-from": record.learned_from[0]}
    for option, value in options.items():
        assert words[words.index(option) + 1] == value
    native = shlex.split(command_line(replace(record, preparation=Preparation())))
    assert native[native.index("--size") + 1] == "native"


def test_what_cannot_be_repeated_is_said(run: Run) -> None:
    run.write_summary({"stopped_early": True})
    assert any("stopped by hand" in note for note in repeat(run).notes)
    run.write_summary({"ended_by_time": True})
    assert any("time limit" in note for note in repeat(run).notes)
    run.store.delete(run.record.start_from)
    assert any("was deleted; without it" in note for note in repeat(run).notes)


def test_a_member_is_repeated_with_its_blend(run: Run) -> None:
    member = run.store.create(replace(run.record, id=run.id + "b", member_of=run.id, title="member"))
    found = repeat(member)
    assert found.command == repeat(run).command and "member of a blend" in found.notes[0]
    run.store.delete(run.id)
    lost = repeat(member)
    assert lost.command == lost.script == "" and "deleted" in lost.notes[0]
