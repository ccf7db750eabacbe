"""The ZIP of a run as it comes in from outside: what is in it, before anything of it is unpacked.

Only the files that a run has are let in, each under its very path: an unknown name, a link, a second file of the same name, a
path that leads elsewhere or more bytes than the disk and a run have room for is refused with the whole ZIP.
"""

import contextlib
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from framecast.errors import InputError
from framecast.files import bytes_in_words
from framecast.series import each_frame

RUN_FILES = (
    "record.json", "notes.json", "summary.json", "progress.jsonl", "scores.csv", "members.csv", "weights.csv", "forecast.npy",
    "spread.npy", "error.txt", "remedies.json", "extensions.json", "backtest.csv", "diagnosis.json",
)  # fmt: skip
SERIES_FILES = ("series.json", "frames.npy", "valid.npy", *each_frame.FILES)
"""Those that a series is. What a page has made of it since stays where it was made."""
README = "README.txt"
"""What the ZIP says about itself to a person; passed over on the way in. Older exports have none."""
MADE_AGAIN = ("health.json", "renditions.bin")
"""Older exports took these along with the series; they are passed over."""
RUN_PATH = re.compile(
    r"(?P<id>[A-Za-z0-9][A-Za-z0-9_-]{0,99})/"
    rf"(?P<path>({'|'.join(map(re.escape, RUN_FILES))})"
    r"|checkpoint/(best|last)/([a-z0-9_]{1,40}/){0,4}[a-z0-9_]{1,40}\.(json|safetensors|npy))"
)
RUN_FOLDER = re.compile(r"(?P<id>[A-Za-z0-9][A-Za-z0-9_-]{0,99})/(checkpoint/((best|last)/([a-z0-9_]{1,40}/){0,4})?)?")
SERIES_PATH = re.compile(rf"series/(?P<digest>[0-9a-f]{{16}})/(?P<path>{'|'.join(map(re.escape, SERIES_FILES))})")
SERIES_BESIDE = re.compile(rf"series/[0-9a-f]{{16}}/({'|'.join(map(re.escape, MADE_AGAIN))})")
SERIES_FOLDER = re.compile(r"series/([0-9a-f]{16}/)?")
MOST_FILES = 5000
MOST_BYTES = {".json": 2**26, ".jsonl": 2**28, ".csv": 2**28, ".txt": 2**22}
"""Of one file, unpacked. Arrays and weights are held against their own heads instead."""
FREE_RATIO, FREE_BYTES = 100, 2**30
"""A ZIP may unpack to so many times its size and so many bytes more: real frames and weights are packed far less densely."""
SPARE_BYTES = 2**28
"""That must stay free on the disk."""
TORN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
CHUNK = 2**20


def is_of_run(path: str, *, folder: bool) -> bool:
    """Whether a run has such a file or folder; the path begins with the id of the run."""
    return bool(RUN_FOLDER.fullmatch(f"{path}/") if folder else RUN_PATH.fullmatch(path))


@dataclass(frozen=True)
class Contents:
    """An open ZIP whose list of files is that of a run."""

    label: str
    """What messages call it."""
    archive: zipfile.ZipFile
    run_id: str
    files: Mapping[str, zipfile.ZipInfo]
    """Path in the run folder to file."""
    folders: tuple[str, ...]
    """Paths in the run folder; some are empty."""
    series: Mapping[str, Mapping[str, zipfile.ZipInfo]]
    """Digest to its files by their names."""

    @contextlib.contextmanager
    def open(self, file: zipfile.ZipInfo) -> Iterator["Checked"]:
        with contextlib.ExitStack() as leaving:
            with _torn(self.label, file.filename):
                stream = leaving.enter_context(self.archive.open(file))
            yield Checked(self.label, file.filename, stream)

    def text(self, file: zipfile.ZipInfo) -> str:
        with self.open(file) as stream, _torn(self.label, file.filename):
            return stream.read().decode()

    def unpack(self, file: zipfile.ZipInfo, target: Path) -> None:
        """Its bytes, as many as its head promises."""
        target.parent.mkdir(parents=True, exist_ok=True)
        n_bytes = 0
        with target.open("wb") as written, self.open(file) as stream:
            while chunk := stream.read(CHUNK):
                n_bytes += written.write(chunk)
        if n_bytes != file.file_size:
            raise InputError(f"{self.label} is damaged: {file.filename} is cut short. Export the run again.")


@dataclass(frozen=True)
class Checked:
    """A stream out of a ZIP whose damage is a sentence."""

    label: str
    name: str
    stream: IO[bytes]

    def read(self, n_bytes: int = -1) -> bytes:
        with _torn(self.label, self.name):
            return self.stream.read(n_bytes)


@contextlib.contextmanager
def _torn(label: str, name: str) -> Iterator[None]:
    try:
        yield
    except TORN as error:
        raise InputError(f"{label} is damaged: {_quoted(name)} cannot be unpacked. Export the run again.") from error


@contextlib.contextmanager
def contents_of(source: Path | BinaryIO, label: str, disk: Path) -> Iterator[Contents]:
    """The ZIP at `source`, looked through but not unpacked. `disk` is where it is to be unpacked. Raises InputError."""
    with contextlib.ExitStack() as leaving:
        try:
            archive = leaving.enter_context(zipfile.ZipFile(source))
        except TORN as error:
            raise InputError(
                f"{label} is no ZIP file that can be read; it must be an exported run. Export the run again."
            ) from error
        yield _listed(archive, label, disk)


def _listed(archive: zipfile.ZipFile, label: str, disk: Path) -> Contents:
    infos = archive.infolist()
    _check_sizes(infos, label, archive, disk)
    files: dict[str, zipfile.ZipInfo] = {}
    folders: list[str] = []
    series: dict[str, dict[str, zipfile.ZipInfo]] = {}
    ids, seen = set[str](), set[str]()
    for info in infos:
        name = info.orig_filename
        _check_kind(info, label)
        if name.casefold() in seen:
            raise InputError(f"{label} holds {_quoted(name)} twice; each file of a run is there once. Export the run again.")
        seen.add(name.casefold())
        if name == README or SERIES_FOLDER.fullmatch(name) or SERIES_BESIDE.fullmatch(name):
            continue
        if match := SERIES_PATH.fullmatch(name):
            series.setdefault(match["digest"], {})[match["path"]] = info
        elif match := RUN_PATH.fullmatch(name):
            files[match["path"]] = info
            ids.add(match["id"])
        elif match := RUN_FOLDER.fullmatch(name):
            folders.append(name.partition("/")[2])
            ids.add(match["id"])
        else:
            raise InputError(
                f"{label} holds {_quoted(name)}, which is no file of a run; an exported run holds nothing else. "
                "Export the run again, and leave the ZIP as it is."
            )
    if len(ids) != 1 or "record.json" not in files:
        found = "no run" if not ids else "several runs" if len(ids) > 1 else "no record.json"
        raise InputError(f"{label} holds {found}; it must hold one run with its record. Export the run again.")
    return Contents(label, archive, ids.pop(), files, tuple(folders), series)


def _check_kind(info: zipfile.ZipInfo, label: str) -> None:
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"{label} holds {_quoted(info.orig_filename)} as a link; a run has files only. Export the run again.")
    if info.flag_bits & 1:
        raise InputError(f"{label} is locked with a password; it must be readable. Make a ZIP without a password.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{label} is packed in a way that FrameCast does not write. Export the run again.")


def _check_sizes(infos: list[zipfile.ZipInfo], label: str, archive: zipfile.ZipFile, disk: Path) -> None:
    if len(infos) > MOST_FILES:
        raise InputError(f"{label} holds {len(infos):,} files; a run has at most {MOST_FILES:,}. Export the run again.")
    for info in infos:
        most = MOST_BYTES.get(Path(info.filename).suffix.lower())
        if most is not None and info.file_size > most:
            raise InputError(
                f"{label} holds {_quoted(info.orig_filename)} of {bytes_in_words(info.file_size)}; such a file has at most "
                f"{bytes_in_words(most)}. Export the run again."
            )
    packed, whole = _length(archive), sum(info.file_size for info in infos)
    if sum(info.compress_size for info in infos) > packed or whole > FREE_RATIO * packed + FREE_BYTES:
        raise InputError(
            f"{label} has {bytes_in_words(packed)} and claims to unpack to {bytes_in_words(whole)}; no run is packed so "
            "densely. Export the run again; where its series is nearly empty, without the series, and add its files here."
        )
    free = shutil.disk_usage(next(folder for folder in (disk, *disk.absolute().parents) if folder.exists())).free
    if whole > free - SPARE_BYTES:
        raise InputError(
            f"{label} unpacks to {bytes_in_words(whole)} and {bytes_in_words(free)} are free on the disk. "
            "Free some space first."
        )


def _length(archive: zipfile.ZipFile) -> int:
    file = archive.fp
    assert file is not None
    return file.seek(0, 2)


def _quoted(name: str) -> str:
    """A name out of a foreign file, short and on one line."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f"'{shown[:60]}{'…' if len(shown) > 60 else ''}'"
