"""All runs of a workspace at a glance, fast enough to be asked for at every click.

What a line says of a run is read from its files once and kept as long as they do not change, which the times of a few files
tell: a look at 500 runs is then some thousand questions to the file system and no reading. Who keeps it passes it in.
"""

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from framecast.errors import FrameCastError, StorageError
from framecast.runs.holding import holder
from framecast.runs.notes import RunNotes, read_notes
from framecast.runs.record import RunRecord
from framecast.runs.run_folder import LOCK, RUN_ID
from framecast.runs.store import DamagedRun, Run, RunStore, State, read_run

REFERENCE, SKILL_IN = "persistence", "mse"
WATCHED = (".", "record.json", "scores.csv", "progress.jsonl", "checkpoint")
"""What FrameCast writes is renamed into place, which the time of the folder tells; the others change otherwise too."""
Signature = tuple[int, ...]


@dataclass(frozen=True)
class RunLine:
    """One run."""

    record: RunRecord
    notes: RunNotes
    state: State
    """Read off the files, so "interrupted" for one that is live."""
    means: Mapping[str, float]
    """Metric to its mean over all leads; empty until the run is finished."""
    skill: float | None
    skill_horizon: int | None
    fit_seconds: float | None
    n_bytes: int
    """Of the whole folder."""
    trouble: str = ""
    """Why there are no scores to show where there should be."""

    folder: Path = Path()

    @property
    def id(self) -> str:
        return self.record.id

    def held(self) -> str:
        """What somebody does with it at this moment, in this process or another, as Holder says; empty where nobody does."""
        found = holder(self.folder / LOCK) if self.state == "interrupted" else None
        return found.doing if found else ""


@dataclass
class Overview:
    """What is known of the runs by now. The same object is asked again and again; it reads what changed since."""

    workspace: Path
    known: dict[str, tuple[Signature, RunLine | DamagedRun]] = field(default_factory=dict)

    def lines(self) -> list[RunLine]:
        """Newest first."""
        found = [one for one in self.look() if isinstance(one, RunLine)]
        return sorted(found, key=lambda line: (line.record.created, line.id), reverse=True)

    def damaged(self) -> list[DamagedRun]:
        """Those among what the last look found."""
        return [one for _, one in self.known.values() if isinstance(one, DamagedRun)]

    def look(self) -> list[RunLine | DamagedRun]:
        """All of them by id, those that changed read anew."""
        folder = RunStore(self.workspace).folder
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and RUN_ID.fullmatch(entry.name))
        except FileNotFoundError:
            names = []
        known = {}
        for name in names:
            signature = tuple(_changed(folder / name / watched) for watched in WATCHED)
            before = self.known.get(name)
            known[name] = before if before and before[0] == signature else (signature, read_line(folder / name))
        self.known = known
        return [one for _, one in known.values()]


def read_line(folder: Path) -> RunLine | DamagedRun:
    """What there is to say of the run in `folder`, its files read anew."""
    run = read_run(folder, folder.name)
    if isinstance(run, DamagedRun):
        return run
    means: dict[str, float] = {}
    skill, horizon, seconds, trouble = None, None, None, ""
    if run.state == "finished":
        try:
            means, skill, horizon = _scores(run)
            seconds = run.summary().get("fit_seconds", {}).get(run.record.forecaster)
        except FrameCastError as error:
            trouble = str(error)
    found = (means, skill, horizon, seconds)
    return RunLine(run.record, read_notes(folder), run.state, *found, folder_bytes(folder), trouble, folder)


def folder_bytes(folder: Path) -> int:
    """All files below it."""
    return sum(file_bytes(Path(root, name)) for root, _, names in os.walk(folder) for name in names)


def file_bytes(path: Path) -> int:
    """What vanishes meanwhile counts for nothing."""
    try:
        return path.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _scores(run: Run) -> tuple[dict[str, float], float | None, int | None]:
    """Of this run's forecaster: its means, skill and skill horizon. A file of scores holds every rule, too; only the lines
    that are asked for are read, or hundreds of runs would take seconds."""
    from framecast.evaluation.skill import skill, skill_horizon
    from framecast.metrics import METRICS

    own, path = run.record.forecaster, run.folder / "scores.csv"
    starts = tuple(f"{name}," for name in (own, REFERENCE))
    found: dict[tuple[str, str], list[float]] = {}
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(starts)]
        for forecaster, metric, origin, lead, value in csv.reader(lines):
            if (int(origin), int(lead)) >= (0, 1):
                found.setdefault((forecaster, metric), []).append(float(value))
    except (OSError, ValueError) as error:
        raise StorageError(f"scores.csv of run '{run.id}' is damaged ({type(error).__name__}). Run it again.") from error
    means = {metric: float(np.mean(values)) for (name, metric), values in found.items() if name == own and metric in METRICS}
    if any(len(values) != run.record.split.horizon for (name, _), values in found.items() if name == own):
        raise StorageError(f"scores.csv of run '{run.id}' is damaged (it ends before the last lead). Run it again.")
    if not means:
        raise StorageError(f"scores.csv of run '{run.id}' has no scores of its own forecaster. Run it again.")
    mine, zero = (np.array(found.get((name, SKILL_IN), [])) for name in (own, REFERENCE))
    if len(mine) != len(zero) or not len(mine):
        return means, None, None
    perfect = METRICS[SKILL_IN].perfect
    gained = float(skill(mine.mean(), zero.mean(), perfect=perfect))
    return means, gained, skill_horizon(skill(mine, zero, perfect=perfect))


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
