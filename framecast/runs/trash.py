"""Trash: a deleted run is moved aside, and kept for 30 days so that it can come back.

    workspace/trash/<moment of deletion>_<run id>/   the run folder, whole as it was

Moving is one rename on one disk, so a run is in the store or in the trash and never in neither. When it was deleted is in
the name of its folder, so nothing has to be written for it. A live run is held by whoever carries it out
(framecast.runs.holding) and stays where it is.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from framecast.errors import BusyError, SettingError, StorageError, UnknownNameError
from framecast.files import remove_folder, storage_errors
from framecast.runs.holding import holder
from framecast.runs.record import utc_now
from framecast.runs.run_folder import LOCK
from framecast.runs.store import DamagedRun, Run, RunStore, read_run

KEPT = timedelta(days=30)
STAMP = "%Y%m%dT%H%M%S%f"
NAME = re.compile(r"(\d{8}T\d{12})_([A-Za-z0-9][A-Za-z0-9_-]*)")


@dataclass(frozen=True)
class Trashed:
    """A deleted run. `found` is what its folder holds, whole or damaged."""

    name: str
    run_id: str
    deleted: datetime
    found: Run | DamagedRun

    @property
    def title(self) -> str:
        return self.found.record.title if isinstance(self.found, Run) else self.run_id

    @property
    def until(self) -> datetime:
        """The moment from which on it may be removed for good."""
        return self.deleted + KEPT


class Trash:
    """The deleted runs of a workspace. Making one does not touch the disk."""

    def __init__(self, workspace: Path) -> None:
        self.folder = Path(workspace) / "trash"
        self.store = RunStore(workspace)

    def put(self, run_id: str, *, now: datetime | None = None) -> Trashed:
        """Move a run here, damaged or not. Raises BusyError for a live one, in this process or another, UnknownNameError where
        there is none, StorageError where the disk refuses."""
        folder = self.store.folder_of(run_id)
        if (holding := holder(folder / LOCK)) is not None:
            raise BusyError(
                f"Run '{run_id}' is live in {holding.words}; it can be deleted once it has ended. Stop it there, or wait."
            )
        deleted = now or utc_now()
        target = self.folder / f"{deleted.strftime(STAMP)}_{run_id}"
        with storage_errors(target):
            self.folder.mkdir(parents=True, exist_ok=True)
            os.replace(folder, target)
        return Trashed(target.name, run_id, deleted, read_run(target, run_id))

    def list(self) -> "list[Trashed]":
        """Deleted last first."""
        found = [_trashed(path, match) for path, match in self._entries()]
        return sorted(found, key=lambda one: one.name, reverse=True)

    def restore(self, name: str) -> str:
        """Put a run back among the others and return its id. `name` is the one it has here, or its run id: then the one that
        was deleted last. Raises UnknownNameError where it is not here, SettingError where a run of its id is back already."""
        entries = sorted((path.name, path, match) for path, match in self._entries() if name in (path.name, match[2]))
        if not entries:
            raise UnknownNameError(f"There is no run '{name}' in the trash. List the trash to see what can come back.")
        _, path, match = entries[-1]
        target = self.store.folder / match[2]
        if target.exists():
            raise SettingError(
                f"There is a run '{match[2]}' already; two cannot have one id. Delete that one first, then bring this back."
            )
        with storage_errors(target):
            self.store.folder.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        return match[2]

    def empty(self, older_than: timedelta = KEPT, now: datetime | None = None) -> int:
        """Remove for good what was deleted longer ago than this; returns how many runs that were. One that another process
        removes or restores meanwhile is passed over."""
        before = (now or utc_now()) - older_than
        old = [path for path, match in self._entries() if _moment(match) <= before]
        n_removed = 0
        for path in old:
            try:
                remove_folder(path)
            except StorageError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
            else:
                n_removed += 1
        return n_removed

    def _entries(self) -> Iterator[tuple[Path, re.Match[str]]]:
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            match = NAME.fullmatch(path.name)
            if match and path.is_dir() and _is_moment(match[1]):
                yield path, match


def _trashed(path: Path, match: re.Match[str]) -> Trashed:
    return Trashed(path.name, match[2], _moment(match), read_run(path, match[2]))


def _is_moment(text: str) -> bool:
    try:
        return bool(datetime.strptime(text, STAMP))
    except ValueError:
        return False


def _moment(match: re.Match[str]) -> datetime:
    return datetime.strptime(match[1], STAMP).replace(tzinfo=UTC)
