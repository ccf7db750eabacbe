"""`runs` keeps order without a browser: what is said is what is there, and a mistake changes nothing."""

import errno
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.errors import SettingError
from framecast.export.evidence import Evidence
from framecast.files import remove_folder
from framecast.runs.experiment import carry_out, plan
from framecast.runs.holding import take
from framecast.runs.notes import read_notes
from framecast.runs.record import new_id
from framecast.runs.run_folder import LOCK
from framecast.runs.store import Run, RunStore
from framecast.runs.trash import Trash
from framecast.series.store import SeriesStore


@dataclass(frozen=True)
class Printed:
    code: int
    out: str
    err: str


Command = Callable[..., Printed]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: object, workspace: str = "workspace") -> Printed:
        capsys.readouterr()
        code = main(["runs", *map(str, words), "--workspace", str(tmp_path / workspace)])
        return Printed(code, *capsys.readouterr())

    return run


@pytest.fixture
def both(tmp_path: Path) -> tuple[Run, Run]:
    """The older one forecasts by persistence, the newer one by climatology."""
    store = SeriesStore(tmp_path / "workspace")
    y, x = np.mgrid[:13, :15]
    blob = [np.exp(-((x - 2 - 0.5 * t) ** 2 + (y - 6) ** 2) / 8)[..., None] * 250 for t in range(20)]
    digest = store.add("a blob", np.rint(blob).astype(np.uint8)).digest
    made = []
    for forecaster in ("persistence", "climatology"):
        record = plan(store.open(digest), forecaster=forecaster, digest=digest, device="cpu", n_threads=1)
        made.append(RunStore(tmp_path / "workspace").create(record))
        list(carry_out(record, store.open(digest), made[-1]))
    return made[0], made[1]


def listed(done: Printed) -> list[str]:
    assert done.code == 0, done.err
    return [line.split()[0] for line in done.out.splitlines()[2:]]


def test_a_run_that_somebody_carries_out_is_at_work_and_interrupted_once_it_is_left(
    command: Command, both: tuple[Run, Run]
) -> None:
    record = replace(both[0].record, id=new_id("persistence", datetime.now(UTC)))
    run = RunStore(both[0].store.folder.parent).create(record)
    hold = take(run.folder / LOCK)
    assert hold is not None
    states = {line.split()[0]: line for line in command("list").out.splitlines()[2:]}
    assert "at work" in states[run.id] and not any("at work" in states[one.id] for one in both)
    assert listed(command("list", "--state", "at work")) == [run.id]
    assert listed(command("list", "--state", "interrupted")) == []
    assert f"{run.id}, at work" in command("show", run.id).out
    hold.leave()
    assert listed(command("list", "--state", "interrupted")) == [run.id]
    assert f"{run.id}, interrupted" in command("show", run.id).out


def test_the_list_is_filtered_and_sorted(command: Command, both: tuple[Run, Run]) -> None:
    old, new = (run.id for run in both)
    assert listed(command("list")) == [new, old]
    assert listed(command("list", "--reverse")) == [old, new]
    ssim = {run.id: next(one.values.mean() for one in run.scores() if one.metric == "ssim") for run in both}
    assert listed(command("list", "--sort", "ssim")) == sorted(ssim, key=lambda one: -ssim[one])
    assert listed(command("list", "--forecaster", "persistence")) == [old]
    assert listed(command("list", "--text", "CLIMATOLOGY blob")) == [new]
    assert listed(command("list", "--state", "failed")) == []
    assert listed(command("list", "--series", "a blob", "--tag", "good")) == []
    assert command("list", "--sort", "colour").code == 2
    mistyped = command("list", "--state", "finnished")
    assert mistyped.code == 2 and "No run is ever 'finnished'; runs are finished, failed" in mistyped.err
    mistyped = command("list", "--forecaster", "persistance")
    assert mistyped.code == 2 and "There is no forecaster 'persistance', nor a run of one" in mistyped.err


def test_name_tags_note_and_pin_are_kept_and_shown(command: Command, both: tuple[Run, Run]) -> None:
    old, new = both
    assert command("rename", old.id, "A *new* name").code == 0
    assert command("tag", old.id, "--add", "good", "for the talk").code == 0
    assert command("tag", old.id, "--remove", "good").code == 0
    assert command("note", old.id, "it is\nstill").code == 0
    assert command("pin", old.id).code == 0
    assert listed(command("list")) == [old.id, new.id]
    assert listed(command("list", "--tag", "for the talk")) == [old.id]
    shown = command("show", old.id).out
    assert "A *new* name" in shown and "for the talk" in shown and "it is\n          still" in shown
    assert command("pin", old.id, "--off").code == 0 and listed(command("list")) == [new.id, old.id]
    assert command("rename", old.id, "").code == 0
    assert old.store.open(old.id).record == old.record
    assert command("note", old.id, "x" * 3000).code == 2
    assert read_notes(old.folder).note == "it is\nstill"


def test_deleted_runs_come_back(command: Command, both: tuple[Run, Run]) -> None:
    old, new = both
    assert command("delete", old.id, new.id).code == 0
    assert listed(command("list")) == []
    assert listed(command("trash")) == [new.id, old.id]
    assert command("undelete", old.id).code == 0
    assert listed(command("list")) == [old.id] and listed(command("trash")) == [new.id]
    assert command("undelete", "nothing").code == 2 and command("delete", "../series").code == 2
    said = command("clean")
    assert "1 deleted run in the trash" in said.out and "Nothing was removed" in said.err and listed(command("trash"))
    assert "were freed" in command("clean", "--yes").err and listed(command("trash")) == []
    assert listed(command("list")) == [old.id]


def test_a_deleted_run_that_cannot_be_removed_blocks_nothing(
    command: Command, both: tuple[Run, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trash, long_ago = Trash(tmp_path / "workspace"), datetime(2020, 1, 1, tzinfo=UTC)
    trash.put(both[0].id, now=long_ago)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        done = command("list")
        assert listed(done) == [both[1].id] and "could not be emptied" in done.err and both[0].id in done.err
    assert [one.run_id for one in trash.list()] == [both[0].id]

    def gone(path: Path) -> None:
        shutil.rmtree(path)  # another process was quicker
        remove_folder(path)

    trash.put(both[1].id, now=long_ago)
    monkeypatch.setattr("framecast.runs.trash.remove_folder", gone)
    assert trash.empty() == 0 and not trash.list()


def refuse(*given: object) -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def test_the_scores_of_a_run_are_shown_also_when_its_series_was_deleted(command: Command, both: tuple[Run, Run]) -> None:
    run, store = both[0], SeriesStore(both[0].store.folder.parent)
    before = command("show", run.id)
    store.delete(run.record.series)
    after = command("show", run.id, "--openstl")
    table = [line for line in before.out.splitlines() if line.startswith(("persistence", "climatology", "forecaster"))]
    assert len(table) == 3 and set(table) < set(after.out.splitlines())
    assert "'a blob': frames 17 to 20, forecast from frame 16" in after.out and "Why it is as it is" in after.out
    assert after.code == 0 and after.out.endswith("which is not stored any more. Add its files again.\n")


def test_what_only_a_finished_run_can_is_refused_in_the_same_words(command: Command, both: tuple[Run, Run]) -> None:
    run, workspace = both[0], both[0].store.folder.parent
    (run.folder / "scores.csv").unlink()
    words = f"Run '{run.id}' is interrupted; only a finished run can "
    assert f"{words}be scored again. Finish it first." in command("backtest", run.id).err
    with pytest.raises(SettingError, match=f"{words}be exported. Finish it first."):
        Evidence.of(run, SeriesStore(workspace))
    with pytest.raises(SettingError, match=f"{words}forecast. Finish it first."):
        run.refuse_unfinished("forecast")


def test_what_differs_is_told(command: Command, both: tuple[Run, Run]) -> None:
    done = command("diff", both[0].id, both[1].id)
    assert "Persistence" in done.out and "Climatology" in done.out and "Mean SSIM" in done.out and "Seed" not in done.out
    assert command("diff", both[0].id).code == 2


def test_a_run_travels(command: Command, both: tuple[Run, Run], tmp_path: Path) -> None:
    old, _ = both
    assert command("export", old.id, "--out", tmp_path / "run.zip", "--with-series").code == 0
    done = command("import", tmp_path / "run.zip", workspace="away")
    assert done.code == 0 and done.out.strip() == old.id and "Its series came with it" in done.err
    assert RunStore(tmp_path / "away").open(old.id).record == old.record
    assert "was here before" in command("import", tmp_path / "run.zip", workspace="away").err
    assert command("export", old.id, "--out", tmp_path / "run.zip").code == 0
    assert "'a blob'" in command("import", tmp_path / "run.zip", workspace="farther").err
    for wrong in (tmp_path / "none.zip", Path(__file__)):
        done = command("import", wrong, workspace="away")
        assert done.code == 2 and done.err.count("\n") == 1


def test_the_way_to_repeat_a_run_is_printed_and_works(command: Command, both: tuple[Run, Run]) -> None:
    """As it stands, in a shell that knows nothing of the workspace."""
    old, _ = both
    done = command("show", old.id, "--repeat")
    line, _, script = done.out.partition("\n")
    assert "carry_out" in script and line.startswith("python -m framecast run ")
    assert main(shlex.split(line)[3:]) == 0
    new = next(run for run in old.store.runs() if run.record.forecaster == "persistence" and run.id != old.id)
    assert (new.folder / "scores.csv").read_bytes() == (old.folder / "scores.csv").read_bytes()


@pytest.mark.parametrize(
    "words, sentence",
    [
        (("show", "--sbatch", "job.sbatch"), "--sbatch says how a run is to be repeated.* Add --repeat"),
        (("show", "--processes", 2), "--processes says .* Add --repeat"),
        (("show", "--machines", 1), "--machines says .* Add --repeat"),
        (("show", "--on", "gpu"), "--on says .* Add --repeat"),
        (("show", "--repeat", "--processes", 0), "0 processes on each of 1 machines are asked for; choose 1 to"),
        (("show", "--repeat", "--machines", 0), "1 processes on each of 0 machines are asked for; choose 1 to"),
        (("backtest", "--minutes", -1), "limit is -1 minutes; it must be 0 or more"),
        (("backtest", "--minutes", "nan"), "limit is nan minutes; it must be 0 or more"),
    ],
    ids=str,
)
def test_an_option_that_would_do_nothing_is_refused(
    command: Command, both: tuple[Run, Run], words: tuple[object, ...], sentence: str
) -> None:
    done = command(words[0], both[0].id, *words[1:])
    assert done.code == 2 and done.out == "" and re.search(sentence, done.err), done
    assert done.err.count("\n") == 1


def test_an_old_run_is_scored_from_other_origins(command: Command, both: tuple[Run, Run]) -> None:
    run = both[1]
    (run.folder / "backtest.csv").unlink()
    printed = command("backtest", run.id)
    assert printed.code == 0 and (run.folder / "backtest.csv").exists()
    rows = [line.split() for line in printed.out.splitlines()[2:]]
    assert {(row[-4], row[0]) for row in rows} >= {("climatology", "in"), ("climatology", "before"), ("persistence", "in")}
    assert all(float(row[-2]) <= float(row[-3]) <= float(row[-1]) for row in rows)


def test_a_reader_that_leaves_early_meets_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "framecast", "runs", "list", "--workspace", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]) as started:
        assert started.stdout is not None and started.stderr is not None
        started.stdout.close()
        complaint = started.stderr.read()
    assert complaint == b"" and started.returncode == 0
