"""RunStore: a run is its folder, and all that is known of it is read off its files.

    <run id>/  record.json      written once, when the run is created
               progress.jsonl   one line an epoch, appended
               checkpoint/best/ what the forecaster saved when it was best
               summary.json     seconds, and what was left out and why
               forecast.npy     (lead, height, width, channel), native units and size
               spread.npy       the same of its standard deviation, where the forecaster has members (framecast.runs.members)
               members.csv      what the members scored, alone and together
               weights.csv      of a blend: the weight of each forecaster in it, lead by lead (framecast.runs.blend_members)
               scores.csv       written last: there is no finished run without it
               error.txt        a sentence, an empty line, the traceback; only if it failed

No status is stored, so none can go stale: a crash cannot leave "running" behind. Paths of runs are joined here only.
"""

import contextlib
import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar, cast

import numpy as np

from framecast.errors import FrameCastError, StorageError, UnknownNameError
from framecast.files import (
    plain_json,
    remove_folder,
    settled,
    storage_errors,
    write_array,
    write_json,
    write_text,
    writing,
    writing_folder,
)
from framecast.forecasters.contract import Forecaster
from framecast.runs.record import RunRecord
from framecast.series.frames import Frames

if TYPE_CHECKING:
    from framecast.evaluation.scores import ScoreCurve

State = Literal["finished", "failed", "interrupted"]
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
T = TypeVar("T")
Array = np.ndarray[Any, np.dtype[Any]]
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, FrameCastError)


@dataclass(frozen=True)
class Run:
    """One run folder with a readable record. Reading never changes it; the writers are for whoever carries the run out."""

    folder: Path
    record: RunRecord

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def store(self) -> "RunStore":
        """Where this run is kept, with others beside it."""
        return RunStore(self.folder.parent.parent)

    @property
    def state(self) -> State:
        """Read off the files at this moment. A run that is live right now reads "interrupted"; the jobs know better."""
        if (self.folder / "scores.csv").exists():
            return "finished"
        return "failed" if (self.folder / "error.txt").exists() else "interrupted"

    def progress(self) -> list[dict[str, Any]]:
        """One mapping per finished epoch, as FitProgress.to_mapping gives it. A line torn by a crash is passed over."""
        path = self.folder / "progress.jsonl"
        if not path.exists():
            return []
        lines = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return [line for line in lines if isinstance(line, dict)]

    def scores(self) -> list["ScoreCurve"]:
        """The ScoreCurves of this run and of every rule; empty until it is finished."""
        from framecast.evaluation.scores import read_scores

        path = self.folder / "scores.csv"
        if not path.exists():
            return []
        return _readable(self.id, path.name, lambda: read_scores(path))

    def forecast(self) -> Frames:
        """(lead, height, width, channel), the series' dtype, units and size; a read-only memory map."""
        path = self.folder / "forecast.npy"
        if not path.exists():
            raise StorageError(f"Run '{self.id}' has no forecast; it is {self.state}. Choose a finished run, or run it again.")
        return _readable(self.id, path.name, lambda: cast(Frames, np.load(path, mmap_mode="r", allow_pickle=False)))

    def spread(self) -> Frames | None:
        """(lead, height, width, channel), how far the forecast may be off: a standard deviation in units of the series,
        float16 or float32; a read-only memory map. None of a run whose forecaster has no members."""
        path = self.folder / "spread.npy"
        if not path.exists():
            return None
        return _readable(self.id, path.name, lambda: cast(Frames, np.load(path, mmap_mode="r", allow_pickle=False)))

    def members(self) -> list["ScoreCurve"]:
        """What the members scored together (forecaster "ensemble") and alone ("member 1", ...); empty where there are none."""
        from framecast.evaluation.scores import read_scores

        path = self.folder / "members.csv"
        return _readable(self.id, path.name, lambda: read_scores(path)) if path.exists() else []

    def weights(self) -> dict[str, Array]:
        """Of a blend, the heaviest first: name in FORECASTERS to its weight at each lead, (lead,). Empty for other runs."""
        path = self.folder / "weights.csv"
        return _readable(self.id, path.name, lambda: _read_weights(path)) if path.exists() else {}

    def summary(self) -> dict[str, Any]:
        """Seconds to fit and to forecast, whether it was stopped early, which rules were left out; empty until scored."""
        path = self.folder / "summary.json"
        if not path.exists():
            return {}
        return _readable(self.id, path.name, lambda: dict(json.loads(path.read_text(encoding="utf-8"))))

    def error(self) -> str | None:
        """The sentence that says why the run failed."""
        text = self._error_text()
        return None if text is None else text.split("\n\n")[0].strip()

    def traceback(self) -> str | None:
        """Where in the code it failed, for a report."""
        text = self._error_text()
        return None if text is None else text.partition("\n\n")[2].strip()

    def forecaster(self) -> Forecaster:
        """What was best, loaded from the run folder alone."""
        from framecast.forecasters.catalog import FORECASTERS

        return FORECASTERS[self.record.forecaster].load(self.saved())

    def saved(self) -> Path:
        """The folder that the forecaster saved what was best in."""
        folder = settled(self.folder / "checkpoint" / "best")
        if not folder.is_dir():
            raise StorageError(
                f"Run '{self.id}' has saved nothing to forecast with; it is {self.state}. "
                "Choose a finished run, or run it again."
            )
        return folder

    def source(self) -> "Run | None":
        """The run that this one starts from, which lies beside it; None where it starts by chance. Raises UnknownNameError
        where that run was deleted."""
        return self.store.open(self.record.start_from) if self.record.start_from else None

    def append_progress(self, line: Mapping[str, Any]) -> None:
        path = self.folder / "progress.jsonl"
        with storage_errors(path), path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(plain_json(line)) + "\n")

    def save_forecaster(self, forecaster: Forecaster) -> None:
        with writing_folder(self.folder / "checkpoint" / "best") as folder:
            forecaster.save(folder)

    def write_forecast(self, forecast: Frames) -> None:
        write_array(self.folder / "forecast.npy", forecast)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[IO[bytes]]:
        """A file without a name on the disk of the run; gone when the block or the process ends."""
        with storage_errors(self.folder / "members"), tempfile.TemporaryFile(dir=self.folder) as file:
            yield file

    @contextlib.contextmanager
    def writing_spread(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[Callable[[Frames], None]]:
        """spread.npy, whole or not at all, filled frame by frame with what is yielded."""
        with writing(self.folder / "spread.npy") as handle:
            header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(handle, header)
            yield lambda frame: _write(handle, frame.astype(dtype))

    def write_members(self, curves: Iterable["ScoreCurve"]) -> None:
        from framecast.evaluation.scores import write_scores

        write_scores(self.folder / "members.csv", curves)

    def write_weights(self, weights: Mapping[str, Array]) -> None:
        lines = [
            f"{name},{lead},{weight!r}" for name, one in weights.items() for lead, weight in enumerate(one.tolist(), start=1)
        ]
        write_text(self.folder / "weights.csv", "\n".join(("forecaster,lead,weight", *lines, "")))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        write_json(self.folder / "summary.json", summary)

    def write_scores(self, curves: Iterable["ScoreCurve"]) -> None:
        """The last thing a run writes."""
        from framecast.evaluation.scores import write_scores

        with storage_errors(self.folder / "scores.csv"):
            write_scores(self.folder / "scores.csv", list(curves))

    def write_error(self, sentence: str, traceback: str) -> None:
        write_text(self.folder / "error.txt", f"{sentence}\n\n{traceback}")

    def export(self, target: Path) -> None:
        """Everything in the run folder as one ZIP, the run's id as its top folder."""
        with writing(target) as handle, zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            for path in sorted(self.folder.rglob("*")):
                inside = path.relative_to(self.folder)
                if not any(part.startswith(".") for part in inside.parts):
                    archive.write(path, Path(self.id) / inside)  # folders too: what a rule saves is an empty one

    def _error_text(self) -> str | None:
        path = self.folder / "error.txt"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None


@dataclass(frozen=True)
class DamagedRun:
    """A folder among the runs whose record cannot be read. It can be looked at and deleted."""

    id: str
    folder: Path
    sentence: str


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
        """The members of a run's blend that are here as runs of their own."""
        return [one for one in self.runs() if one.record.member_of == run.id]

    def damaged(self) -> list[DamagedRun]:
        return [run for run in self._look() if isinstance(run, DamagedRun)]

    def open(self, run_id: str) -> Run:
        """The run of this id. Raises UnknownNameError where there is none, StorageError where its record is damaged."""
        folder = self._folder(run_id)
        if not folder.is_dir():
            known = ", ".join(run.id for run in self.runs()[:5]) or "none yet"
            raise UnknownNameError(f"There is no run '{run_id}'. The newest runs are: {known}.")
        run = _read(folder)
        if isinstance(run, DamagedRun):
            raise StorageError(run.sentence)
        return run

    def delete(self, run_id: str) -> None:
        """Remove the run and all it found, damaged or not. A live one must be stopped first."""
        folder = self._folder(run_id)
        if not folder.is_dir():
            raise UnknownNameError(f"There is no run '{run_id}' to delete. List the runs to see which there are.")
        remove_folder(folder)

    def _look(self) -> list[Run | DamagedRun]:
        if not self.folder.is_dir():
            return []
        folders = sorted(path for path in self.folder.iterdir() if path.is_dir() and RUN_ID.fullmatch(path.name))
        return [_read(folder) for folder in folders]

    def _folder(self, run_id: str) -> Path:
        if not RUN_ID.fullmatch(run_id):  # keeps "../" and the like out of the path
            raise UnknownNameError(f"There is no run '{run_id}'. A run id has letters, digits, '-' and '_' only.")
        return self.folder / run_id


def _read_weights(path: Path) -> dict[str, Array]:
    found: dict[str, list[float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        name, _, weight = line.split(",")
        found.setdefault(name, []).append(float(weight))
    return {name: np.array(weights) for name, weights in found.items()}


def _write(handle: IO[bytes], array: Frames) -> None:
    handle.write(array.tobytes())


def _read(folder: Path) -> Run | DamagedRun:
    path = folder / "record.json"
    try:
        record = RunRecord.from_mapping(json.loads(path.read_text(encoding="utf-8")))
    except UNREADABLE as error:
        sentence = (
            f"Run '{folder.name}' cannot be read: its record.json is {'missing' if not path.exists() else 'damaged'} "
            f"({type(error).__name__}). Restore the file, or delete the run."
        )
        return DamagedRun(folder.name, folder, sentence)
    if record.id != folder.name:
        sentence = f"Run '{folder.name}' holds the record of '{record.id}'. Rename the folder to that, or delete the run."
        return DamagedRun(folder.name, folder, sentence)
    return Run(folder, record)


def _readable(run_id: str, name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except UNREADABLE as error:
        raise StorageError(
            f"{name} of run '{run_id}' is damaged ({type(error).__name__}: {error}); it must be whole to be shown. "
            "Restore the file, or delete the run and run it again."
        ) from error
