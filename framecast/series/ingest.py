"""The one door for foreign data: uploads or a path in, a checked series in the store out.

Headers first, then a look at the values where the type does not say all about them, then the frames, one by one, into the
store. What the files leave open and a guess could get wrong is asked: ChoiceNeededError carries what there is. Whatever is
wrong is one sentence about the user's own files, and the store is then as it was.
"""

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from itertools import chain, islice
from os.path import commonprefix
from pathlib import Path

import numpy as np

from framecast.errors import SeriesError, SettingError
from framecast.series import values
from framecast.series.filling import filled
from framecast.series.readers.choice import Contents
from framecast.series.readers.contract import (
    READERS,
    SIZES,
    Frame,
    Progress,
    Reader,
    Reading,
    Upload,
    Wanted,
    Wish,
    is_text,
    printable,
    readable,
)
from framecast.series.readers.ome_set import companion
from framecast.series.readers.pictures import ignorable
from framecast.series.store import SeriesStore, StoredSeries
from framecast.series.writing import MIN_FRAMES, check_room, too_few

__all__ = ["Contents", "Progress", "Upload", "Wanted", "check_there", "ingest", "look"]


def check_there(path: Path) -> None:
    """Raises SeriesError where `path` is neither a file nor a folder. A pipe would be waited for without end."""
    if not path.exists():
        raise SeriesError(f"There is no file or folder '{path.name}'; a path to one is needed. Check the spelling.")
    if not path.is_file() and not path.is_dir():
        raise SeriesError(
            f"'{printable(path.name)}' is a pipe or a device; frames are read more than once and must lie in a file. Write "
            "them into one first."
        )


def look(source: Path | str | Upload | Sequence[Upload]) -> Contents:
    """What a file holds: its arrays with shapes and the layouts they can be read in. Empty for formats in which there is
    nothing to choose. Raises SeriesError as `ingest` does."""
    reader, chosen = _reader(_files(Path(source) if isinstance(source, str) else source))
    return reader.look(chosen) if reader.look is not None else Contents(chosen[0].label, ())


def first_frame(source: Path | Upload | Sequence[Upload], *, variable: str = "", axes: str = "", sizes: str = "") -> Frame:
    """The first frame (height, width, channel) as it would be read, before anything is stored. Raises as `ingest` does."""
    reader, chosen = _reader(_files(source))
    reading = reader.read(chosen, Wish(variable, axes, sizes, Wanted(stop=1)))
    try:
        with closing(reading.frames()) as frames:
            return next(frames)
    finally:
        reading.close()


def ingest(
    source: Path | str | Upload | Sequence[Upload],
    store: SeriesStore,
    *,
    name: str | None = None,
    units: str = "",
    timestep: timedelta | None = None,
    variable: str = "",
    axes: str = "",
    sizes: str = "",
    missing: str = "",
    wanted: Wanted | None = None,
    progress: Progress | None = None,
) -> StoredSeries:
    """Read files into the store. `source` is a file, a folder, or uploads in any order; `name` defaults to theirs, `units` and
    `timestep` to what the file says.

    Where a file holds several arrays, `variable` names one; `axes` says what its axes are ("THWC"; "T,3,H,W" takes the third
    slice of the second axis). `sizes` ("crop", "pad" or "resize") brings pictures of several sizes to one, `missing` ("mask"
    or "interpolate") deals with NaN that come and go, `wanted` takes a part of the frames. Where one of them is
    needed and not given, ChoiceNeededError says what there is to choose from.
    `progress(done, expected)` is called with 0 once the headers were checked and after each frame. Raises SeriesError, one
    sentence, and StorageError where the disk is full; nothing is then left behind.
    """
    source = Path(source) if isinstance(source, str) else source
    if isinstance(source, np.ndarray):
        raise SeriesError(
            f"An array {source.shape} of {source.dtype} was given; a path is needed. Write it by numpy.save and give that "
            "file."
        )
    wanted = wanted or Wanted()
    _check_choices(sizes, missing)
    files = _files(source)
    reader, chosen = _reader(files)
    name = name or _name(source, chosen)
    if (variable or axes) and not _can_choose(reader, chosen):
        raise SettingError(
            f"A variable or axes were chosen, and {chosen[0].label} ({reader.title}) has neither; these are for files that "
            "hold arrays. Leave them out."
        )
    with store.scratch() as scratch:
        reading = reader.read(chosen, Wish(variable, axes, sizes, wanted, scratch))
        try:
            if reading.n_frames is not None and reading.n_frames < MIN_FRAMES:
                raise _too_few(name, reading.n_frames, wanted)
            if progress is not None:
                progress(0, reading.n_frames)
            survey = _survey(name, reading, missing, scratch)
            reading.warnings.extend(survey.warnings)
            frames = filled(reading.frames(), scratch) if survey.has_gaps else reading.frames()
            step = timestep or reading.timestep
            with closing(frames):
                return store.add(
                    name,
                    values.converted(frames, survey),
                    value_range=survey.value_range,
                    units=units or reading.units or "1",
                    timestep=None if step is None else step * wanted.every,
                    valid=survey.valid,
                    expected=reading.n_frames,
                    progress=progress,
                    source=reading.source or _source(reader, chosen, variable),
                    warnings=reading.warnings,
                    names=reading.names,
                    times=reading.times,
                )
        finally:
            reading.close()


def _survey(name: str, reading: Reading, missing: str, scratch: Path) -> values.Survey:
    """What the frames become. Types that do not say it are looked through once before anything is written, unless even a byte
    a value has no room: a header can claim more frames than can be looked through in a lifetime."""
    if values.keeps_dtype(reading.dtype):
        return values.stored_as_is(reading.dtype)
    with closing(reading.frames()) as frames:
        first = list(islice(frames, 1))
        if first:
            check_room(scratch / "frames.npy", first[0].size, reading.n_frames)
        return values.survey(name, chain(first, frames), missing)


def _too_few(name: str, n_frames: int, wanted: Wanted) -> SeriesError:
    """Of the frames that a person asked for, or of all."""
    if wanted == Wanted():
        return too_few(name, n_frames)
    last = "the last" if wanted.stop is None else f"{wanted.stop:,}"
    every = f", one in {wanted.every:,}," if wanted.every > 1 else ""
    there = "one of them is there" if n_frames else "none of them is there"
    return SeriesError(
        f"Frames {wanted.start + 1:,} to {last}{every} of series '{name}' were asked for and {there}; at least {MIN_FRAMES} "
        "are needed. Ask for others."
    )


def _check_choices(sizes: str, missing: str) -> None:
    for word, known, what in ((sizes, SIZES, "pictures of several sizes"), (missing, values.MISSING, "missing values")):
        if word and word not in known:
            raise SettingError(f"'{word[:40]}' is no way to deal with {what}; choose one of: {', '.join(known)}.")


def _can_choose(reader: Reader, files: list[Upload]) -> bool:
    """Whether there is anything to choose; the readers of many files mostly have nothing, and say so."""
    if reader.look is None:
        return False
    found = reader.look(files)
    return bool(found.parts or found.others)


def _source(reader: Reader, chosen: list[Upload], variable: str) -> str:
    if len(chosen) > 1:
        return f"{reader.title}: {len(chosen)} files"
    return f"{reader.title}: {chosen[0].label}" + (f", {printable(variable)}" if variable else "")


def _files(source: Path | Upload | Sequence[Upload]) -> list[Upload]:
    """What was given as a list of uploads, without what systems leave beside files."""
    if isinstance(source, Upload):
        return [source]
    if not isinstance(source, Path):
        files = [file for file in source if not ignorable(file)] or list(source)
        if not files:
            raise SeriesError("No file was given; at least one is needed. Choose the frames, or one file that holds them all.")
        return files
    check_there(source)
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
                return _or_rather(reader, files[0]), files
        raise SeriesError(_unknown(files[0], head))
    pictures = READERS["pictures"]
    for reader in READERS.values():
        if reader.many and reader is not pictures and all(reader.sniff(_head(file)) for file in files):
            return reader, files
    n_pictures = sum(file.path.suffix.lower().lstrip(".") in pictures.suffixes for file in files)
    if n_pictures >= MIN_FRAMES or companion(files) is not None:
        return pictures, files
    whole = [(reader, file) for file in files for reader in READERS.values() if reader.sniff(_head(file))]
    if len(whole) == 1 and not n_pictures:
        return _or_rather(*whole[0]), [whole[0][1]]
    alone = [file for reader, file in whole if reader is not pictures]
    if alone:
        raise SeriesError(
            f"{len(files)} files were given together and {alone[0].label} is a series in itself; one such file alone or the "
            "pictures of one series are needed. Choose one of them."
        )
    return pictures, files


def _or_rather(reader: Reader, file: Upload) -> Reader:
    return READERS[rather] if (rather := reader.rather(file)) else reader


def _head(file: Upload) -> bytes:
    with readable(file, "a file"):
        return file.head()


def _unknown(file: Upload, head: bytes) -> str:
    suffix = file.path.suffix.lower().lstrip(".")
    known = next((reader.title for reader in READERS.values() if suffix in reader.suffixes), None)
    titles = "; ".join(f"{reader.title} ({', '.join(reader.suffixes)})" for reader in READERS.values())
    if not head:
        return f"{file.label} is empty; it must hold a series. Write or upload it again."
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
    if described := [file.path.name for file in files if file.path.suffix.lower() == ".ome"]:
        return re.sub(r"(?i)(\.companion)?\.ome$", "", described[0]) or "series"
    folders = {file.path.parts[:-1] for file in files}
    if len(folders) == 1 and (folder := next(iter(folders))):
        return folder[-1]
    start = re.sub(r"[\W_\d]+$", "", commonprefix([file.path.stem for file in files]))
    return start or "series"
