"""A run is its folder, and all that is known of it is read off its files.

    <run id>/  record.json      written once, when the run is created
               progress.jsonl   one line an epoch, appended
               checkpoint/best/ what the forecaster saved when it was best
               checkpoint/last/ where the fit stands, so that it can go on (framecast.runs.keeping)
               summary.json     seconds, and what was left out and why
               forecast.npy     (lead, height, width, channel), native units and size
               spread.npy       the same of its standard deviation, where the forecaster has members (framecast.runs.members)
               members.csv      what the members scored, alone and together
               weights.csv      of a blend: the weight of each forecaster in it, lead by lead (framecast.runs.blend_members)
               scores.csv       written last: there is no finished run without it
               error.txt        a sentence, an empty line, the traceback; only if it failed
               remedies.json    beside it: settings with which it may not fail again, where they are known
               extensions.json  by how much it was trained further than its record says, if it was
               .film            small pictures to look at it with (framecast.runs.filming); it can be made again
               notes.json       what a person says of it since (framecast.runs.notes)
               extension/       a finished run that goes on works here, so that its result stays until the new one is whole
               extension.done/  then this, for the moment in which its files take the place of the old ones
               .lock            held by whoever carries the run out (framecast.runs.holding)

No status is stored, so none can go stale: a crash cannot leave "running" behind. Paths of runs are joined here and in
framecast.runs.store only.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import numpy as np

from framecast.errors import BusyError, SettingError, StorageError
from framecast.files import (
    below,
    plain_json,
    remove_folder,
    settled,
    standing,
    storage_errors,
    write_array,
    write_json,
    write_text,
    writing,
    writing_folder,
)
from framecast.forecasters.contract import Forecaster, ResumableForecaster
from framecast.runs.archive import README, is_of_run
from framecast.runs.holding import AT_WORK, Hold, Holder, beat, holder, take
from framecast.runs.reading import UNREADABLE, Array, mapping, progress_line, read_weights, readable
from framecast.runs.record import RunRecord
from framecast.runs.taking_over import STAGE, done_folder, settle_extension
from framecast.series.frames import Frames

if TYPE_CHECKING:
    from framecast.evaluation.scores import ScoreCurve
    from framecast.runs.store import RunStore

State = Literal["finished", "failed", "interrupted"]
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
RESERVE, RESERVED = ".reserve", 2**15
"""A file of so many bytes that is there while the run is carried out: it makes room to say that the disk is full."""
LOCK = ".lock"


@dataclass(frozen=True)
class Run:
    """One run folder with a readable record. Reading never changes it; the writers are for whoever carries the run out."""

    folder: Path
    record: RunRecord
    home: Path | None = None
    """The folder of the run where `folder` is the extension in it; see `staged`."""

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def store(self) -> "RunStore":
        """Where this run is kept, with others beside it."""
        from framecast.runs.store import RunStore

        return RunStore((self.home or self.folder).parent.parent)

    @property
    def state(self) -> State:
        """Read off the files at this moment. A run that is live right now reads "interrupted"; the jobs know better."""
        if (self.folder / "scores.csv").exists():
            return "finished"
        return "failed" if (self.folder / "error.txt").exists() else "interrupted"

    def refuse_unfinished(self, what: str) -> None:
        """Raises SettingError where it is not finished and so cannot do `what`."""
        if self.state != "finished":
            raise SettingError(f"Run '{self.id}' is {self.state}; only a finished run can {what}. Finish it first.")

    def progress(self) -> list[dict[str, Any]]:
        """One mapping per finished epoch, as FitProgress.to_mapping gives it. A line torn by a crash, or damaged, is
        passed over."""
        path = self.folder / "progress.jsonl"
        if not path.exists():
            return []
        lines = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(*UNREADABLE):
                lines.append(progress_line(line))
        return lines

    def scores(self) -> list["ScoreCurve"]:
        """The ScoreCurves of this run and of every rule; empty until it is finished."""
        from framecast.evaluation.scores import read_scores

        path = self.folder / "scores.csv"
        if not path.exists():
            return []
        return readable(self.id, path.name, lambda: read_scores(path, self.record.split.horizon))

    def forecast(self) -> Frames:
        """(lead, height, width, channel), the series' dtype, units and size; a read-only memory map."""
        path = self.folder / "forecast.npy"
        if not path.exists():
            raise StorageError(
                f"Run '{self.id}' has no forecast (forecast.npy); it is {self.state}. Choose a finished run, or run it again."
            )
        return readable(self.id, path.name, lambda: cast(Frames, np.load(path, mmap_mode="r", allow_pickle=False)))

    def spread(self) -> Frames | None:
        """(lead, height, width, channel), how far the forecast may be off: a standard deviation in units of the series,
        float16 or float32; a read-only memory map. None of a run whose forecaster has no members."""
        path = self.folder / "spread.npy"
        if not path.exists():
            return None
        return readable(self.id, path.name, lambda: cast(Frames, np.load(path, mmap_mode="r", allow_pickle=False)))

    def members(self) -> list["ScoreCurve"]:
        """What the members scored together (forecaster "ensemble") and alone ("member 1", ...); empty where there are none."""
        from framecast.evaluation.scores import read_scores

        path = self.folder / "members.csv"
        return readable(self.id, path.name, lambda: read_scores(path, self.record.split.horizon)) if path.exists() else []

    def weights(self) -> dict[str, Array]:
        """Of a blend, the heaviest first: name in FORECASTERS to its weight at each lead, (lead,). Empty for other runs."""
        path = self.folder / "weights.csv"
        return readable(self.id, path.name, lambda: read_weights(path)) if path.exists() else {}

    def summary(self) -> dict[str, Any]:
        """Seconds to fit and to forecast, whether it was stopped early, which rules were left out; empty until scored."""
        path = self.folder / "summary.json"
        if not path.exists():
            return {}
        return readable(self.id, path.name, lambda: mapping(path))

    def summary_if_whole(self) -> dict[str, Any]:
        """The same for lists of many runs, of which one that is damaged must not keep the others from being shown."""
        try:
            return self.summary()
        except StorageError:
            return {}

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

        folder, kind = self.saved(), FORECASTERS[self.record.forecaster]
        return readable(self.id, "checkpoint/best", lambda: kind.load(folder))

    def saved(self) -> Path:
        """The folder that the forecaster saved what was best in."""
        folder = standing(self.folder / "checkpoint" / "best")
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

    def extensions(self) -> list[dict[str, Any]]:
        """By how much it was trained further, in the order of asking: {"epochs": 20} each, or "steps" or "minutes"."""
        path = self.folder / "extensions.json"
        if not path.exists():
            return []
        return readable(self.id, path.name, lambda: [dict(one) for one in mapping(path)["extensions"]])

    def remedies(self) -> list[dict[str, Any]]:
        """Of a failed run: changes of its settings with which it may not fail again, each as `Remedy` gives it."""
        path = self.folder / "remedies.json"
        if not path.exists():
            return []
        return readable(self.id, path.name, lambda: [dict(one) for one in mapping(path)["remedies"]])

    def checkpoint(self) -> tuple[Path, dict[str, Any]] | None:
        """The folder in which the forecaster saved where its fit stands, and the run's own numbers beside; None where the fit
        would begin anew."""
        folder = standing(self.folder / "checkpoint" / "last")
        if not folder.is_dir():
            return None
        return readable(self.id, "checkpoint/last", lambda: (folder / "fit", mapping(folder / "run.json")))

    def hold(self) -> Hold:
        """Keep all others from carrying this run out, until the hold is left. What a crash left half done is mended then.
        Raises BusyError where somebody has it, StorageError where the disk refuses."""
        path = (self.home or self.folder) / LOCK
        with storage_errors(path):
            found = take(path)
        if found is None:
            other = self.holder()
            raise BusyError(
                f"Run '{self.id}' is {other.doing if other else AT_WORK} in {other.words if other else 'another process'}; a "
                "run is carried out once at a time. Wait for it to end, or stop it there."
            )
        try:
            with storage_errors(path):
                _mend(self.home or self.folder)
        except BaseException:
            found.leave()
            raise
        return found

    def beat(self) -> None:
        """Whoever carries the run out is at work: asked now and then, for other machines to see."""
        beat((self.home or self.folder) / LOCK)

    def holder(self) -> Holder | None:
        """Who carries this run out now, in this process or another; None where nobody does."""
        return holder((self.home or self.folder) / LOCK)

    def staged(self) -> "Run | None":
        """The same run going on beside its finished result, in a folder of its own; None where it does not."""
        folder = standing(self.folder / STAGE)
        return Run(folder, self.record, home=self.folder) if folder.is_dir() else None

    def stage(self, extension: Mapping[str, Any] | None = None) -> "Run":
        """Let this finished run go on from its checkpoint, by `extension` further if one is given: its files stay as they are
        until `take_over`."""
        with writing_folder(self.folder / STAGE) as part:
            last = standing(self.folder / "checkpoint" / "last")
            shutil.copytree(last, part / "checkpoint" / "last")
            if (self.folder / "progress.jsonl").exists():
                shutil.copyfile(self.folder / "progress.jsonl", part / "progress.jsonl")
            extensions = [*self.extensions(), *([extension] if extension else [])]
            write_json(part / "extensions.json", {"extensions": extensions})
        return Run(self.folder / STAGE, self.record, home=self.folder)

    def take_over(self) -> "Run":
        """Put the files of a finished `staged` run in the place of the old ones. For whoever holds the run."""
        assert self.home is not None and self.state == "finished"
        with storage_errors(self.home):
            os.replace(self.folder, done_folder(self.home))
            settle_extension(self.home)
        return Run(self.home, self.record)

    def append_progress(self, line: Mapping[str, Any]) -> None:
        path = self.folder / "progress.jsonl"
        with storage_errors(path), path.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(plain_json(line)) + "\n")

    def go_on(self, n_lines: int) -> None:
        """Forget what came after the first `n_lines` of progress, and that the run failed: both are about to come anew."""
        path = self.folder / "progress.jsonl"
        if path.exists():
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[:n_lines]
            write_text(path, "".join(f"{line}\n" for line in lines))
        for name in ("error.txt", "remedies.json"):
            (self.folder / name).unlink(missing_ok=True)
        with storage_errors(self.folder / RESERVE):
            (self.folder / RESERVE).write_bytes(bytes(RESERVED))

    def save_checkpoint(self, forecaster: ResumableForecaster, numbers: Mapping[str, Any]) -> None:
        with writing_folder(self.folder / "checkpoint" / "last") as folder:
            (folder / "fit").mkdir()
            forecaster.save_state(folder / "fit")
            (folder / "run.json").write_text(json.dumps(plain_json(numbers)), encoding="utf-8")

    def resume_fit(self, forecaster: ResumableForecaster, folder: Path) -> None:
        """Let the forecaster read where its fit stands."""
        readable(self.id, "checkpoint/last", lambda: forecaster.resume(folder))

    def drop_checkpoint(self) -> None:
        """Forget where the fit stands: the run can then not go on, nor be extended."""
        folder = settled(self.folder / "checkpoint" / "last")
        if folder.is_dir():
            remove_folder(folder)

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
        (self.folder / RESERVE).unlink(missing_ok=True)

    def write_error(self, sentence: str, traceback: str) -> None:
        (self.folder / RESERVE).unlink(missing_ok=True)
        write_text(self.folder / "error.txt", f"{sentence}\n\n{traceback}")

    def write_remedies(self, remedies: Iterable[Mapping[str, Any]]) -> None:
        write_json(self.folder / "remedies.json", {"remedies": list(remedies)})

    def export(
        self, target: Path, beside: Mapping[str, Path] | None = None, readme: Callable[[list[str]], str] | None = None
    ) -> tuple[str, ...]:
        """The run as one ZIP, its id as the top folder, and the files `beside` it, those that exist, by their paths in the
        ZIP. What is only on its way, a training that goes on beside the result, stays here, and so does what is no file of a
        run and would be refused on the way in: its paths are returned. `readme` makes of them what README.txt says."""
        left_out: list[str] = []
        with (
            writing(target) as handle,
            zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED, compresslevel=3, strict_timestamps=False) as archive,
        ):
            for path, inside in below(self.folder):
                if inside.parts[0] in (STAGE, done_folder(self.folder).name):
                    continue
                if is_of_run(f"{self.id}/{inside.as_posix()}", folder=path.is_dir()):
                    archive.write(path, Path(self.id) / inside)  # folders too: what a rule saves is an empty one
                elif path.is_file():
                    left_out.append(inside.as_posix())
            for name, path in (beside or {}).items():
                if path.is_file():
                    archive.write(path, name)
            if readme is not None:
                archive.writestr(README, readme(left_out).encode(errors="replace"))  # names of files may be no text
        return tuple(left_out)

    def _error_text(self) -> str | None:
        path = self.folder / "error.txt"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else None


def _mend(folder: Path) -> None:
    """End what a process that was killed began in a run folder: put back what it left set aside between two renames, and the
    files of an extension in their place."""
    stage = settled(folder / STAGE)
    for home in (folder, stage):
        for name in ("best", "last"):
            settled(home / "checkpoint" / name)
    settle_extension(folder)


def _write(handle: IO[bytes], array: Frames) -> None:
    handle.write(array.tobytes())
