"""What a workspace takes on the disk, and what of it can go without loss.

Can go: the trash, and what a crash left behind while it was writing; where it is asked for, also the checkpoints of finished
runs, which are needed only to train them further. Runs and series are never cleaned up by themselves.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from framecast.errors import BusyError, StorageError, UnknownNameError
from framecast.files import bytes_in_words, remove_folder, set_aside
from framecast.runs.overview import file_bytes, folder_bytes
from framecast.runs.store import Run, RunStore
from framecast.runs.trash import Trash

NOTHING_KEPT = timedelta(0)
TORN_S = 24 * 3600.0
"""What was begun longer ago than this and never got its name will not get it any more."""


@dataclass(frozen=True)
class DiskUse:
    """Bytes."""

    runs: int
    series: int
    trash: int
    torn: int
    """Left behind by crashes; counted neither with the runs nor with the series."""
    other: int
    """Whatever else lies in the workspace."""

    @property
    def total(self) -> int:
        return self.runs + self.series + self.trash + self.torn + self.other


def disk_use(workspace: Path) -> DiskUse:
    workspace = Path(workspace)
    torn = {path: _bytes(path) for path in _torn(workspace)}
    parts = {name: _bytes(workspace / name) for name in ("runs", "series", "trash")}
    for path, n_bytes in torn.items():
        if (top := path.relative_to(workspace).parts[0]) in parts:
            parts[top] -= n_bytes
    n_torn = sum(torn.values())
    return DiskUse(**parts, torn=n_torn, other=max(0, _bytes(workspace) - sum(parts.values()) - n_torn))


@dataclass(frozen=True)
class CleanUp:
    """What a clean-up removes: said before it is done, and the same thing that is done."""

    n_runs: int
    trash_bytes: int
    torn: tuple[Path, ...]
    torn_bytes: int
    checkpoints: tuple[str, ...] = ()
    """Ids of finished runs that could be trained further."""
    checkpoint_bytes: int = 0

    @property
    def n_bytes(self) -> int:
        return self.trash_bytes + self.torn_bytes

    def of_checkpoints(self) -> str:
        """What finished runs keep, as a sentence; empty where they keep nothing."""
        if not self.checkpoints:
            return ""
        n = len(self.checkpoints)
        return (
            f"{n} finished run{' keeps' if n == 1 else 's keep'} {bytes_in_words(self.checkpoint_bytes)} to be trained "
            "further; without it only that is lost."
        )

    def sentence(self) -> str:
        if not self.n_runs and not self.torn:
            return "There is nothing to clean up: the trash is empty, and no crash left anything behind."
        parts = []
        if self.n_runs:
            runs = f"{self.n_runs} deleted run{'' if self.n_runs == 1 else 's'}"
            parts.append(f"{runs} in the trash ({bytes_in_words(self.trash_bytes)}), which cannot come back then")
        if self.torn:
            parts.append(f"what crashes left behind ({bytes_in_words(self.torn_bytes)})")
        return f"Frees {bytes_in_words(self.n_bytes)}: {' and '.join(parts)}. Runs and series stay."


def planned_clean_up(workspace: Path) -> CleanUp:
    trash, torn = Trash(workspace), tuple(_torn(Path(workspace)))
    ended = [run for run in RunStore(workspace).runs() if _ended(run) and run.holder() is None]
    kept = {run.id: _bytes(run.folder / "checkpoint" / "last") for run in ended}
    kept = {run_id: n_bytes for run_id, n_bytes in kept.items() if n_bytes}
    torn_bytes = sum(_bytes(path) for path in torn)
    return CleanUp(len(trash.list()), _bytes(trash.folder), torn, torn_bytes, tuple(kept), sum(kept.values()))


def clean_up(workspace: Path, planned: CleanUp, *, checkpoints: bool = False) -> None:
    """Remove the trash and what was `planned` beside it, the checkpoints of finished runs only where that is asked for. Runs
    that were deleted or damaged since, or that somebody trains further, are passed over. Raises StorageError where the disk
    refuses."""
    for run_id in planned.checkpoints if checkpoints else ():
        run = _found(workspace, run_id)
        if run is not None:
            _drop_checkpoint(run)
    Trash(workspace).empty(NOTHING_KEPT)
    for path in planned.torn:
        if not _is_torn(path):  # any more: what was set aside is needed where what took its place is gone
            continue
        if path.is_dir():
            remove_folder(path)
        else:
            path.unlink(missing_ok=True)


def _found(workspace: Path, run_id: str) -> Run | None:
    try:
        return RunStore(workspace).open(run_id)
    except (UnknownNameError, StorageError):
        return None


def _drop_checkpoint(run: Run) -> None:
    """Held, so that nobody begins to train it further meanwhile."""
    try:
        hold = run.hold()
    except BusyError:
        return
    with hold:
        if _ended(run):  # still
            run.drop_checkpoint()


def _ended(run: Run) -> bool:
    """Whether it is finished, was not stopped early, and no training goes on beside its result: its checkpoint serves nothing
    else."""
    return run.state == "finished" and not run.summary_if_whole().get("stopped_early") and run.staged() is None


def _torn(workspace: Path) -> Iterator[Path]:
    """Files and folders under a temporary name that nobody has written to for a day, and old folders beside the new ones."""
    before = time.time() - TORN_S
    for top in ("runs", "series", "trash"):
        for root, folders, names in os.walk(workspace / top):
            for name in (*folders, *names):
                path = Path(root, name)
                if _is_torn(path) and _newest(path) < before:
                    yield path
            folders[:] = [name for name in folders if not name.startswith(".")]


def _is_torn(path: Path) -> bool:
    name = path.name
    if not name.startswith("."):
        return False
    new = path.with_name(name.removeprefix(".").removesuffix(".old"))
    return name.endswith(".part") or name.startswith(".incoming-") or (set_aside(new) == path and new.exists())


def _newest(path: Path) -> float:
    """When it or anything in it was last written to: now where something of it vanishes meanwhile, for somebody is at work."""
    below = (Path(root, name) for root, folders, names in os.walk(path) for name in (*folders, *names))
    try:
        return max(file.lstat().st_mtime for file in (path, *below))
    except FileNotFoundError:
        return time.time()


def _bytes(path: Path) -> int:
    return folder_bytes(path) if path.is_dir() else file_bytes(path)
