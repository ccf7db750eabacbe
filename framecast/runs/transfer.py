"""A run as one ZIP: taken away with or without its series, and brought in on another machine.

What comes in is a foreign file. Nothing of it is trusted: only the files that a run has are taken, under the very paths that a
run has them (framecast.runs.foreign checks their content); no link, no path that leads elsewhere, no more bytes than a run of
this shape has; and it is whole or not at all. A run that is here already is never written over.

    <run id>/...                  the run folder
    series/<digest>/...           its series, if it was taken along
    README.txt                    for a person: what is in it and what was left out (framecast.runs.zip_readme)
"""

import contextlib
import filecmp
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from framecast.errors import BusyError, InputError, StorageError, UnknownNameError
from framecast.files import storage_errors, writing_folder
from framecast.runs.archive import SERIES_FILES, Contents, contents_of
from framecast.runs.foreign import check_run
from framecast.runs.foreign_series import add_series
from framecast.runs.notes import FILE as NOTES
from framecast.runs.record import RunRecord
from framecast.runs.store import Run, RunStore
from framecast.runs.zip_readme import readme
from framecast.series.store import SeriesStore


@dataclass(frozen=True)
class Imported:
    run: Run
    was_here: bool
    """The same run was here before, with the same content; nothing was written."""
    series_added: tuple[str, ...]
    """Digests."""
    missing: str
    """Which series is not here, and what that means, as a sentence; empty where it is here."""


def export_run(run: Run, target: Path, *, with_series: bool = False) -> tuple[str, ...]:
    """Write the ZIP whole or not at all, with all series that the run learned from if they are to come along, and return what
    of the run's folder was left out as no file of a run. Raises UnknownNameError where the series that it forecasts was
    deleted, BusyError where the run is being written meanwhile."""
    store = SeriesStore(run.store.folder.parent)
    here = {one.digest: one.name for one in store.list()}
    along: list[str] = []
    if with_series:
        if run.record.series not in here:
            raise UnknownNameError(
                f"The series '{run.record.series_name}' of run '{run.id}' is not here any more, so it cannot be taken along. "
                "Export the run without it."
            )
        along = [digest for digest in run.record.all_series if digest in here]
    beside = {f"series/{digest}/{name}": store.folder / digest / name for digest in along for name in SERIES_FILES}
    words = partial(readme, run, here, along)
    try:
        return _zipped(run, target, beside, words)
    except BusyError:  # a file has taken the place of another; the next one mostly takes a while
        return _zipped(run, target, beside, words)


def exported(run: Run, *, with_series: bool = False) -> bytes:
    """The same ZIP as bytes, for whoever sends it on."""
    with tempfile.TemporaryDirectory() as folder:
        export_run(run, Path(folder) / "run.zip", with_series=with_series)
        return (Path(folder) / "run.zip").read_bytes()


def import_run(source: Path | BinaryIO, workspace: Path, name: str = "") -> Imported:
    """Bring in what `export_run` wrote; `name` is what messages call it. Raises InputError, one sentence, for whatever is not
    that, and the workspace is then as it was before."""
    label = f"'{name or (source.name if isinstance(source, Path) else 'the file')}'"
    runs, stored = RunStore(workspace), SeriesStore(workspace)
    with contents_of(source, label, Path(workspace)) as contents, contextlib.ExitStack() as undo:
        folder = runs.folder / contents.run_id
        was_here = folder.exists()
        with _staging(folder, was_here) as part:
            _unpack(contents, part)
            record = check_run(part, contents.run_id, label)
            if was_here and not _same(part, folder):
                raise InputError(
                    f"There is a run '{contents.run_id}' here with other content than the one in {label}; a run is never "
                    "written over. Delete the one that is here first."
                )
            added = _add_series(contents, record, stored, undo)
        undo.pop_all()
    return Imported(runs.open(contents.run_id), was_here, added, _missing(record, stored))


def _zipped(
    run: Run, target: Path, beside: Mapping[str, Path], words: Callable[[list[str]], str]
) -> tuple[str, ...]:
    try:
        return run.export(target, beside, words)
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError) and target.absolute().parent.is_dir():
            raise BusyError(f"Run '{run.id}' is just being written and was not whole at this moment. Try again.") from error
        raise


@contextlib.contextmanager
def _staging(folder: Path, was_here: bool) -> Iterator[Path]:
    """Where the ZIP is unpacked to: becomes `folder` if all goes well and nothing was there; else it vanishes."""
    if not was_here:
        with writing_folder(folder) as part:
            yield part
        return
    with storage_errors(folder), tempfile.TemporaryDirectory(prefix=".incoming-", dir=folder.parent) as place:
        yield Path(place)


def _unpack(contents: Contents, part: Path) -> None:
    for inside in contents.folders:
        (part / inside).mkdir(parents=True, exist_ok=True)
    for inside, file in contents.files.items():
        contents.unpack(file, part / inside)


def _same(one: Path, other: Path) -> bool:
    """The same files with the same content, whatever a person has noted down beside them."""
    names = [{path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()} for top in (one, other)]
    mine, theirs = ({name for name in found if name != NOTES and "/." not in f"/{name}"} for found in names)
    return mine == theirs and all(filecmp.cmp(one / name, other / name, shallow=False) for name in mine)


def _add_series(
    contents: Contents, record: RunRecord, store: SeriesStore, undo: contextlib.ExitStack
) -> tuple[str, ...]:
    """Store the series that came along. What was added goes again where `undo` is left."""
    here = {one.digest for one in store.list()}
    added = []
    for digest, files in contents.series.items():
        if digest not in (record.series, *record.learned_from):
            raise InputError(
                f"{contents.label} holds the series {digest}, which the run in it does not name; only its own series come "
                "along. Export the run again."
            )
        stored = add_series(contents, digest, files, store, undo)
        if stored not in here:
            added.append(stored)
    return tuple(added)


def _missing(record: RunRecord, store: SeriesStore) -> str:
    if any(one.digest == record.series for one in store.list()):
        return ""
    return (
        f"Its series '{record.series_name}' ({record.series}) is not here: the scores can be read, but the forecast cannot be "
        "compared with the truth, nor go on from it. Add the files of the series, or import the run with its series."
    )
