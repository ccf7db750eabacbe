"""The one door for foreign data: uploads or a path in, a checked series in the store out.

Headers first, then a look at the values where the type does not say all about them, then the frames, one by one, into the
store. Whatever is wrong is one sentence about the user's own files, and the store is then as it was.
"""

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from os.path import commonprefix
from pathlib import Path

from framecast.errors import SeriesError
from framecast.series import values
from framecast.series.readers.contract import READERS, Progress, Reader, Reading, Upload, is_text, readable
from framecast.series.readers.pictures import ignorable
from framecast.series.store import SeriesStore, StoredSeries
from framecast.series.writing import MIN_FRAMES, too_few

__all__ = ["Progress", "Upload", "ingest"]

HDF5 = b"\x89HDF\r\n\x1a\n"


def ingest(
    source: Path | Upload | Sequence[Upload],
    store: SeriesStore,
    *,
    name: str | None = None,
    units: str = "1",
    timestep: timedelta | None = None,
    progress: Progress | None = None,
) -> StoredSeries:
    """Read files into the store. `source` is a file, a folder, or uploads in any order; `name` defaults to theirs and
    `timestep` to what the file says.

    `progress(done, expected)` is called with 0 once the headers were checked and after each frame. Raises SeriesError, one
    sentence, and StorageError where the disk is full; nothing is then left behind.
    """
    files = _files(source)
    reader, chosen = _reader(files)
    name = name or _name(source, chosen)
    reading = reader.read(chosen)
    try:
        if reading.n_frames is not None and reading.n_frames < MIN_FRAMES:
            raise too_few(name, reading.n_frames)
        if progress is not None:
            progress(0, reading.n_frames)
        survey = _survey(name, reading)
        reading.warnings.extend(survey.warnings)
        with closing(reading.frames()) as frames:
            return store.add(
                name,
                values.converted(frames, survey),
                value_range=survey.value_range,
                units=units,
                timestep=timestep or reading.timestep,
                valid=survey.valid,
                expected=reading.n_frames,
                progress=progress,
                source=f"{reader.title}: {chosen[0].label}" if len(chosen) == 1 else f"{reader.title}: {len(chosen)} files",
                warnings=reading.warnings,
                names=reading.names,
            )
    finally:
        reading.close()


def _survey(name: str, reading: Reading) -> values.Survey:
    """What the frames become. Types that do not say it are looked through once before anything is written."""
    if values.keeps_dtype(reading.dtype):
        return values.stored_as_is(reading.dtype)
    with closing(reading.frames()) as frames:
        return values.survey(name, frames)


def _files(source: Path | Upload | Sequence[Upload]) -> list[Upload]:
    """What was given as a list of uploads, without what systems leave beside files."""
    if isinstance(source, Upload):
        return [source]
    if not isinstance(source, Path):
        files = [file for file in source if not ignorable(file)] or list(source)
        if not files:
            raise SeriesError("No file was given; at least one is needed. Choose the frames, or one file that holds them all.")
        return files
    if not source.exists():
        raise SeriesError(f"There is no file or folder '{source.name}'; a path to one is needed. Check the spelling.")
    if not source.is_dir():
        return [Upload.from_path(source)]
    inside = [Upload.from_path(path, path.relative_to(source).as_posix()) for path in source.rglob("*") if path.is_file()]
    files = [file for file in inside if not ignorable(file)]
    if not files:
        raise SeriesError(f"The folder '{source.name}' is empty; it must hold at least 2 pictures. Put the frames into it.")
    return files


def _reader(files: list[Upload]) -> tuple[Reader, list[Upload]]:
    """Who reads these: the reader of the one file that is a series in itself, else the reader of pictures."""
    if len(files) == 1:
        head = _head(files[0])
        for reader in READERS.values():
            if reader.sniff(head):
                return reader, files
        raise SeriesError(_unknown(files[0], head))
    pictures = READERS["pictures"]
    n_pictures = sum(file.path.suffix.lower().lstrip(".") in pictures.suffixes for file in files)
    if n_pictures >= MIN_FRAMES:
        return pictures, files
    whole = [(reader, file) for file in files for reader in READERS.values() if reader.sniff(_head(file))]
    if len(whole) == 1 and not n_pictures:
        return whole[0][0], [whole[0][1]]
    alone = [file for reader, file in whole if reader is not pictures]
    if alone:
        raise SeriesError(
            f"{len(files)} files were given together and {alone[0].label} is a series in itself; one such file alone or the "
            "pictures of one series are needed. Choose one of them."
        )
    return pictures, files


def _head(file: Upload) -> bytes:
    with readable(file, "a file"):
        return file.head()


def _unknown(file: Upload, head: bytes) -> str:
    suffix = file.path.suffix.lower().lstrip(".")
    known = next((reader.title for reader in READERS.values() if suffix in reader.suffixes), None)
    titles = "; ".join(f"{reader.title} ({', '.join(reader.suffixes)})" for reader in READERS.values())
    if not head:
        return f"{file.label} is empty; it must hold a series. Write or upload it again."
    if head.startswith(HDF5):
        return f"{file.label} is an HDF5 file that MATLAB did not write; arrays are read from .npy, .npz or .mat. Save one."
    content = "text" if is_text(head) else "something else"
    if known is not None:
        return f"{file.label} is named like a file of the kind '{known}' and holds {content}. Replace it by the real one."
    return f"{file.label} holds {content}, no format that is read. Convert it to one of these: {titles}."


def _name(source: Path | Upload | Sequence[Upload], files: list[Upload]) -> str:
    """A name for the series: of the one file, of the folder all files share, or what their names begin with."""
    if isinstance(source, Path) and source.is_dir():
        return source.resolve().name
    if len(files) == 1:
        return files[0].path.stem
    folders = {file.path.parts[:-1] for file in files}
    if len(folders) == 1 and (folder := next(iter(folders))):
        return folder[-1]
    start = re.sub(r"[\W_\d]+$", "", commonprefix([file.path.stem for file in files]))
    return start or "series"
