"""RunStore: the runs of a workspace. A run is its folder (framecast.runs.run_folder); paths of runs are joined in these two
files only."""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from framecast.errors import StorageError, UnknownNameError
from framecast.files import remove_folder, write_json, writing_folder
from framecast.runs.holding import take
from framecast.runs.notes import read_notes
from framecast.runs.reading import UNREADABLE, Array
from framecast.runs.record import RunRecord
from framecast.runs.run_folder import LOCK, RUN_ID, Run, State
from framecast.runs.taking_over import done_folder, settle_extension

__all__ = ["Array", "DamagedRun", "Run", "RunStore", "State"]


@dataclass(frozen=True)
class DamagedRun:
    """A folder among the runs whose record cannot be read. It can be looked at and deleted."""

    id: str
    folder: Path
    sentence: str


def read_run(folder: Path, run_id: str) -> Run | DamagedRun:
    """The run of this id in `folder`, with the title that a person gave it since, if any."""
    path = folder / "record.json"
    _settle(folder)
    try:
        record = RunRecord.from_mapping(json.loads(path.read_text(encoding="utf-8")))
    except UNREADABLE as error:
        sentence = (
            f"Run '{run_id}' cannot be read: its record.json is {'missing' if not path.exists() else 'damaged'} "
            f"({type(error).__name__}). Restore the file, or delete the run."
        )
        return DamagedRun(run_id, folder, sentence)
    if record.id != run_id:
        sentence = f"Run '{run_id}' holds the record of '{record.id}'. Rename the folder to that, or delete the run."
        return DamagedRun(run_id, folder, sentence)
    title = read_notes(folder).title
    return Run(folder, replace(record, title=title) if title else record)


def _settle(folder: Path) -> None:
    """End a taking over that a crash cut short. Where somebody holds the run, it is that one's to end, and where the disk is
    not to be written, it stays: the run is then read as it is, with its result before or parts of the new one."""
    if done_folder(folder).is_dir():
        with contextlib.suppress(OSError):
            if (hold := take(folder / LOCK, tries=1)) is not None:
                with hold:
                    settle_extension(folder)


class RunStore:
    """The runs of a workspace. Making one does not touch the disk."""

    def __init__(self, workspace: Path) -> None:
        self.folder = Path(workspace) / "runs"

    def create(self, record: RunRecord) -> Run:
        """A new run folder that holds its record and nothing else; it appears whole or not at all."""
        folder = self._folder(record.id)
        assert not folder.exists(), f"two runs with the id {record.id}"
        with writing_folder(folder) as part:
            write_json(part / "record.json", record.to_mapping())
        return Run(folder, record)

    def runs(self) -> list[Run]:
        """Every run whose record can be read, newest first, and each member of a blend after the run of the blend, in the
        order they were made. The others are in `damaged`."""
        found = {run.id: run for run in self._look() if isinstance(run, Run)}
        below: dict[str, list[Run]] = {}
        for run in sorted(found.values(), key=lambda run: (run.record.created, run.id)):
            below.setdefault(run.record.member_of if run.record.member_of in found else "", []).append(run)
        return [one for run in reversed(below.get("", [])) for one in (run, *below.get(run.id, []))]

    def members_of(self, run: Run) -> list[Run]:
        """The members of a run's blend that are here as runs of their own, of each the newest run."""
        return list({one.record.forecaster: one for one in self.runs() if one.record.member_of == run.id}.values())

    def damaged(self) -> list[DamagedRun]:
        return [run for run in self._look() if isinstance(run, DamagedRun)]

    def open(self, run_id: str) -> Run:
        """The run of this id. Raises UnknownNameError where there is none, StorageError where its record is damaged."""
        folder = self._folder(run_id)
        if not folder.is_dir():
            known = ", ".join(run.id for run in self.runs()[:5]) or "none yet"
            raise UnknownNameError(f"There is no run '{run_id}'. The newest runs are: {known}.")
        run = read_run(folder, run_id)
        if isinstance(run, DamagedRun):
            raise StorageError(run.sentence)
        return run

    def delete(self, run_id: str) -> None:
        """Remove the run and all it found, damaged or not. A live one must be stopped first."""
        folder = self._folder(run_id)
        if not folder.is_dir():
            raise UnknownNameError(f"There is no run '{run_id}' to delete. List the runs to see which there are.")
        remove_folder(folder)

    def folder_of(self, run_id: str) -> Path:
        """Of a run that is here, damaged or not. Raises UnknownNameError where there is none."""
        folder = self._folder(run_id)
        if not folder.is_dir():
            raise UnknownNameError(f"There is no run '{run_id}'. List the runs to see which there are.")
        return folder

    def _look(self) -> list[Run | DamagedRun]:
        if not self.folder.is_dir():
            return []
        folders = sorted(path for path in self.folder.iterdir() if path.is_dir() and RUN_ID.fullmatch(path.name))
        return [read_run(folder, folder.name) for folder in folders]

    def _folder(self, run_id: str) -> Path:
        if not RUN_ID.fullmatch(run_id):  # keeps "../" and the like out of the path
            raise UnknownNameError(f"There is no run '{run_id}'. A run id has letters, digits, '-' and '_' only.")
        return self.folder / run_id
