"""SeriesStore: every series once, under the digest of its content, read through a memory map.

    workspace/series/<digest>/   frames.npy   (time, height, width, channel), native dtype
                                 series.json  what it is called and where it came from
                                 valid.npy    (height, width) bool, only where pixels are missing
                                 names.json   the names of the frames' files, only where each had one
                                 times.json   when they were taken, in seconds, only where each says it

Beside these may lie what was found out about a series or drawn from it; it can always be made again (`beside`).
Frames are written as they stream by, into a hidden folder that gets its name at the end: a reader never sees half a series,
and whatever ends the writing early leaves nothing behind. A folder that cannot be read is passed over and named by
`damaged`, so that one broken series never hides the others.
"""

import builtins
import contextlib
import dataclasses
import json
import math
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from framecast.errors import SeriesError, SettingError, UnknownNameError
from framecast.files import remove_folder, share_file, storage_errors, write_array, write_json
from framecast.series import each_frame
from framecast.series.digest import KINDS, NEWEST, OLDEST, Kind
from framecast.series.frames import DTYPES, FrameSeries
from framecast.series.hidden import settled
from framecast.series.lineage import Lineage, from_json, lineage_of, made_of
from framecast.series.readers.contract import Frame, Progress
from framecast.series.turns import turn
from framecast.series.unchanged import as_seen, note_seen
from framecast.series.writing import clean_name, file_bytes, map_frames, observed_range, write_frames

INCOMING = ".incoming-"
STALE_S = 24 * 3600


@dataclass(frozen=True)
class StoredSeries:
    """What a page says of a series without opening its frames."""

    digest: str
    name: str
    n_frames: int
    height: int
    width: int
    n_channels: int
    dtype: str
    value_range: tuple[float, float]
    units: str
    timestep: timedelta | None
    has_mask: bool
    created: str
    """ISO time in UTC, to the microsecond."""
    source: str
    """What it was made from, for a person."""
    warnings: tuple[str, ...]
    """What was assumed when it was read, one sentence each."""
    low: float
    high: float
    """The lowest and the highest value that occur."""
    made_from: str = ""
    """The digest of the series that this one was prepared from; empty where it came from files."""
    steps: tuple[str, ...] = ()
    """What was done to that series, one sentence each, in order."""
    made_of: Lineage = field(default_factory=dict)
    """Which frames of which series these are (lineage.py); empty where it came from files, and where it was not kept yet."""
    digest_kind: Kind = OLDEST
    """How its digest was made; series stored before there were two ways do not say it."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(time, height, width, channel)."""
        return self.n_frames, self.height, self.width, self.n_channels

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def to_mapping(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)
        values["timestep_s"] = None if self.timestep is None else self.timestep.total_seconds()
        del values["timestep"]
        return values

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> "StoredSeries":
        """Raises KeyError, TypeError or ValueError on what `to_mapping` cannot have written."""
        values = dict(values)
        seconds = values.pop("timestep_s")
        low, high = values["value_range"]
        values["timestep"] = None if seconds is None else timedelta(seconds=seconds)
        values["value_range"] = (float(low), float(high))
        values["warnings"] = tuple(values["warnings"])
        values["steps"] = tuple(values.get("steps", ()))
        values["made_of"] = from_json(values.get("made_of", {}))
        if values.get("digest_kind", OLDEST) not in KINDS:
            raise ValueError("no digest of a kind that is known")
        return cls(**values)


class SeriesStore:
    """The stored series of a workspace, by digest or name. Making one does not touch the disk."""

    def __init__(self, workspace: Path) -> None:
        self.folder = Path(workspace) / "series"

    def add(
        self,
        name: str,
        frames: Iterable[Frame],
        *,
        value_range: tuple[float, float] | None = None,
        units: str = "1",
        timestep: timedelta | None = None,
        valid: np.ndarray[Any, np.dtype[np.bool_]] | None = None,
        expected: int | None = None,
        progress: Progress | None = None,
        source: str = "",
        warnings: Sequence[str] = (),
        names: Sequence[str] = (),
        times: Sequence[float] = (),
        made_from: str = "",
        steps: Sequence[str] = (),
        made_of: Lineage | None = None,
        digest_kind: Kind | None = None,
    ) -> StoredSeries:
        """Write frames (height, width, channel) of uint8, uint16 or float32, one at a time, and say what was stored.

        Content that is there already is not stored again; what was stored then is returned. `expected` is the number of
        frames, for `progress(done, expected)`; `warnings` and `times` (see `times`) are read at the end and may grow until
        then; `names` are of the frames' files. A series prepared from another says it by `made_from`, `steps`, `made_of`.
        `digest_kind` is given for a series known by its digest already; of others the mask is filled (`hidden.py`). Without
        `value_range`: 0 to 255 for uint8, 0 to the smallest usual camera depth for uint16, lowest to highest for float32.
        Raises SeriesError on frames that make no series, StorageError where the disk is full; the store is then as before.
        """
        name = clean_name(name)
        with storage_errors(self.folder / "frames.npy"), self.incoming() as incoming:
            given = frames if digest_kind else settled(frames, valid)
            written = write_frames(incoming / "frames.npy", name, given, expected, progress, digest_kind or NEWEST)
            chosen, notes = observed_range(written, value_range)
            digest = written.digest.finish(written.n_frames, chosen, valid)
            series = FrameSeries(name, map_frames(incoming), chosen, units, timestep, valid)  # checks that they fit
            existing = self._read(self.folder / digest) or (None if digest_kind else self._under_old_digest(series))
            if existing is not None:
                return existing
            height, width, n_channels = written.shape
            stored = StoredSeries(
                digest=digest, name=name, n_frames=written.n_frames, height=height, width=width,
                n_channels=n_channels, dtype=written.dtype.name, value_range=chosen, units=units, timestep=timestep,
                has_mask=valid is not None, created=_now(), source=source, warnings=(*warnings, *notes),
                low=written.low, high=written.high, made_from=made_from, steps=tuple(steps),
                made_of=made_of or {}, digest_kind=digest_kind or NEWEST,
            )  # fmt: skip
            if valid is not None:
                write_array(incoming / "valid.npy", valid)
            each_frame.keep(incoming, written.n_frames, names, times)
            note_seen(incoming)
            return self._settled(incoming, stored)

    def list(self) -> "builtins.list[StoredSeries]":
        """All readable series, newest first."""
        found = [stored for folder in self._folders() if (stored := self._read(folder)) is not None]
        return sorted(found, key=lambda stored: stored.created, reverse=True)

    def damaged(self) -> "builtins.list[str]":
        """Names of the folders that hold no readable series."""
        return [folder.name for folder in self._folders() if self._read(folder) is None]

    def info(self, digest_or_name: str) -> StoredSeries:
        """The series of this digest or name. Raises UnknownNameError where there is none, or several of the name."""
        known = self.list()
        for stored in known:
            if stored.digest == digest_or_name:
                return stored
        named = [stored for stored in known if stored.name == digest_or_name]
        if len(named) == 1:
            return named[0]
        if named:
            digests = ", ".join(stored.digest for stored in named)
            raise UnknownNameError(f"{len(named)} series are named {digest_or_name!r}. Choose one by its digest: {digests}.")
        names = ", ".join(sorted(stored.name for stored in known)) or "none yet"
        raise UnknownNameError(f"There is no series {digest_or_name!r}. Stored series: {names}. Choose one, or add it first.")

    def open(self, digest_or_name: str) -> FrameSeries:
        """The series, its frames a read-only memory map."""
        stored = self.info(digest_or_name)
        folder = self.folder / stored.digest
        try:
            valid = np.load(folder / "valid.npy", allow_pickle=False) if stored.has_mask else None
            frames = map_frames(folder)
        except (OSError, ValueError) as error:
            raise _damaged(stored) from error
        if frames.shape != stored.shape or frames.dtype != stored.dtype:
            raise _damaged(stored)
        made_of = self.lineage(stored.digest)
        series = FrameSeries(stored.name, frames, stored.value_range, stored.units, stored.timestep, valid, made_of)
        self._check_frames(stored, series)
        return series

    def check_unchanged(self, digest: str) -> None:
        """Raises SeriesError where the frames are no longer those last opened. Takes no time; a deleted series is passed over,
        since whoever has it open still has its frames."""
        with contextlib.suppress(FileNotFoundError):
            if as_seen(self.folder / digest) is False:
                self.open(digest)

    def _check_frames(self, stored: StoredSeries, series: FrameSeries) -> None:
        """Frames whose file was touched since it was last looked at must still have the digest that names them."""
        seen = as_seen(self.folder / stored.digest)
        if seen is False and series.digest(stored.digest_kind) != stored.digest:
            raise _damaged(stored)
        if not seen:
            note_seen(self.folder / stored.digest)

    def lineage(self, digest: str) -> Lineage:
        """Which frames of other series those of this one are, as far as it is known; nothing of one that is not here."""
        return lineage_of(digest, lambda one: self._read(self.folder / one))

    def note_lineage(self, stored: StoredSeries, lineage: Lineage) -> StoredSeries:
        """Keep what was not known yet of a series: that it can be made of another one in this way, too."""
        known = {one: spans for one, spans in stored.made_of.items() if spans is not None}
        found = {**{one: spans for one, spans in lineage.items() if one != stored.digest}, **known}
        if found == stored.made_of:
            return stored
        noted = dataclasses.replace(stored, made_of=found)
        write_json(self.folder / stored.digest / "series.json", noted.to_mapping())
        return noted

    def names(self, digest: str) -> tuple[str, ...]:
        """The names of the frames' files in order of time; empty where the frames had none."""
        stored = self.info(digest)
        return each_frame.names(self.folder / stored.digest, stored.n_frames)

    def times(self, digest: str) -> tuple[float, ...]:
        """When the frames were taken, in seconds from any moment; empty where they do not say it."""
        stored = self.info(digest)
        return each_frame.times(self.folder / stored.digest, stored.n_frames)

    def beside(self, digest: str, file: str) -> Path:
        """Where something that can be made again from a series is kept; it goes when the series goes."""
        assert re.fullmatch(r"[a-z]+\.[a-z]+", file), file
        return self.folder / self.info(digest).digest / file

    def rename(self, digest: str, name: str) -> StoredSeries:
        """Give a series another name; its digest, and with it every run made on it, stays."""
        stored = self.info(digest)
        if (name := clean_name(name)) == stored.name:
            return stored
        with turn(self.folder):
            renamed = dataclasses.replace(stored, name=self._free_name(name))
            write_json(self.folder / stored.digest / "series.json", renamed.to_mapping())
        return renamed

    def declare_range(self, digest: str, low: float, high: float, *, replace: bool = False) -> StoredSeries:
        """The same frames under another value range, and so under another digest. The file of frames is shared, not written
        again.

        Scores depend on the range, so the old series stays for the runs made on it; `replace` removes it, for a series
        without runs. Values beyond the range are kept as they are. Raises SettingError where the range is none.
        """
        stored, series = self.info(digest), self.open(digest)
        low, high = float(low), float(high)
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise SettingError(f"The value range is {low:g} to {high:g}; the first must be below the second. Change one.")
        if (low, high) == stored.value_range:
            return stored
        with storage_errors(self.folder / "frames.npy"), self.incoming() as incoming:
            source = self.folder / stored.digest
            for file in ("frames.npy", "valid.npy", *each_frame.FILES):
                if (source / file).exists():
                    share_file(source / file, incoming / file)
            changed = dataclasses.replace(series, value_range=(low, high)).digest()
            # what was said of the old range when it was found is true no more
            said = [one for one in stored.warnings if "value range" not in one]
            said.append(f"The value range, {low:.6g} to {high:.6g}, was chosen by hand; scores that need a data range use it.")
            if (existing := self._read(self.folder / changed)) is None:
                existing = dataclasses.replace(
                    stored, digest=changed, digest_kind=NEWEST, value_range=(low, high), created=_now(), warnings=tuple(said)
                )
                existing = self._settled(incoming, existing, keep_name=replace)
        existing = self.note_lineage(existing, made_of(stored.digest, series.made_of, range(stored.n_frames)))
        if replace:
            self.delete(stored.digest)
        return existing

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder for files that are needed while a series is read, on the disk where series are kept; gone when the block
        ends."""
        with storage_errors(self.folder / "scratch"), self.incoming() as folder:
            yield folder

    def incoming_folder(self) -> Path:
        """A new hidden folder in the store, for the caller to remove; what a killed process leaves is cleared a day later."""
        folder = self.folder / f"{INCOMING}{uuid.uuid4().hex[:12]}"
        with storage_errors(folder):
            self._clear_stale()
            folder.mkdir(parents=True)
        return folder

    @contextlib.contextmanager
    def incoming(self) -> Iterator[Path]:
        """A hidden folder in the store that is gone when the block ends, unless it was moved to its place."""
        folder = self.incoming_folder()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def delete(self, digest: str) -> None:
        """Remove a series for good. Runs made on it keep their forecasts and scores. A damaged one is removed by its
        folder's name."""
        if digest not in self.damaged():
            digest = self.info(digest).digest
        remove_folder(self.folder / digest)

    def _folders(self) -> "builtins.list[Path]":
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))

    def _read(self, folder: Path) -> StoredSeries | None:
        """What `folder` holds, if its files are there and as long as they should be."""
        try:
            stored = StoredSeries.from_mapping(json.loads((folder / "series.json").read_text(encoding="utf-8")))
            whole = (folder / "frames.npy").stat().st_size == file_bytes(stored.shape, np.dtype(stored.dtype))
            whole = whole and (not stored.has_mask or (folder / "valid.npy").is_file())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return stored if whole and stored.digest == folder.name and stored.dtype in DTYPES else None

    def _free_name(self, name: str) -> str:
        taken = {stored.name for stored in self.list()}
        numbered = (f"{name} ({count})" for count in range(2, len(taken) + 3))
        return name if name not in taken else next(other for other in numbered if other not in taken)

    def _settled(self, incoming: Path, stored: StoredSeries, *, keep_name: bool = False) -> StoredSeries:
        """Describe what lies in `incoming` and give it its place, under a name that is free. Where the same content came in
        meanwhile by another way, that one stays."""
        final = self.folder / stored.digest
        with turn(self.folder):
            if not keep_name:
                stored = dataclasses.replace(stored, name=self._free_name(stored.name))
            write_json(incoming / "series.json", stored.to_mapping())
            if (existing := self._read(final)) is not None:
                return existing
            if final.exists():
                remove_folder(final)
            try:
                os.replace(incoming, final)
            except OSError:  # another process was faster
                if (existing := self._read(final)) is not None:
                    return existing
                raise
        if os.name != "nt":
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        return stored

    def _under_old_digest(self, series: FrameSeries) -> StoredSeries | None:
        """The same content as it was named before there were two ways to name it; only what could be it is hashed again."""
        asked = (series.frames.shape, series.frames.dtype.name, series.value_range, series.valid is not None)
        for one in self.list():
            old = (one.shape, one.dtype, one.value_range, one.has_mask) == asked and one.digest_kind != NEWEST
            if old and series.digest(one.digest_kind) == one.digest:
                return one
        return None

    def _clear_stale(self) -> None:
        """Remove what a process that was killed while writing left behind."""
        for path in self.folder.glob(f"{INCOMING}*"):
            with contextlib.suppress(OSError):  # another process has moved it to its place meanwhile
                if time.time() - path.stat().st_mtime > STALE_S:
                    shutil.rmtree(path, ignore_errors=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _damaged(stored: StoredSeries) -> SeriesError:
    return SeriesError(
        f"The stored frames of series '{stored.name}' ({stored.digest}) are damaged; they must be as they were written. "
        "Delete the series and add it again."
    )
