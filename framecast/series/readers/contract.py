"""What a reader is: one file format turned into a stream of frames, found by content and never by the file's name.

A reader looks at headers first, so that what cannot be used is refused before anything is decoded, and gives its frames one
by one, so that a series larger than memory can pass. Where a file leaves open which of its arrays is the series, or what an
axis means, it says what there is (`choice.py`) and waits for a Wish. It keeps values as they came; what becomes of 64-bit
floats and missing values is decided once, in `series/values.py`. Everything a reader meets is foreign: nothing in a file is
run or trusted, no name in it becomes a path, and a broken file is one sentence with the file's name in it.
"""

import contextlib
import io
import itertools
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import numpy as np

from framecast.errors import SeriesError, SettingError, StorageError
from framecast.files import OUT_OF_ROOM, bytes_in_words
from framecast.registry import Registry

if TYPE_CHECKING:
    from framecast.series.readers.choice import Contents

Frame = np.ndarray[Any, np.dtype[Any]]
"""(height, width, channel) in any boolean, integer or real dtype."""

FrameStream = Generator[Frame, None, None]
"""Frames in order of time. Closing it early closes the files and threads behind it."""

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and, where it is known, the number there are."""

HEAD_BYTES = 65536
MAX_PIXELS = 2**26
"""67 million: the largest frame that is decoded, whatever a header claims."""
MAX_FRAME_BYTES = 2**28
"""What one frame may take in memory: a few are held at a time."""

FOREIGN_ERRORS: tuple[type[Exception], ...] = (
    OSError, ValueError, TypeError, LookupError, EOFError, SyntaxError, RuntimeError, ArithmeticError, AttributeError,
    BufferError, struct.error, zlib.error, lzma.LZMAError, zipfile.BadZipFile,
)  # fmt: skip
"""What decoders raise on broken files. Caught only around calls into them, and always turned into a SeriesError."""


@dataclass(frozen=True)
class Upload:
    """One file as the browser or the disk gives it. Each call of `open` gives a new seekable binary stream at its start,
    which the reader closes; calls may come from several threads."""

    name: str
    open: Callable[[], BinaryIO]
    disk: Path | None = None
    """Where the file lies, for the libraries that read nothing else; None where it is a stream only."""
    n_bytes: int | None = None
    """How long it is, where that is known before reading."""

    @classmethod
    def from_bytes(cls, name: str, content: bytes) -> Self:
        return cls(name, lambda: io.BytesIO(content), n_bytes=len(content))

    @classmethod
    def from_path(cls, path: Path, name: str | None = None) -> Self:
        """Names on a disk may be bytes that are no text; where they are not, they are kept as text with question marks."""
        name = (name or path.name).encode("utf-8", "replace").decode("utf-8")
        return cls(name, lambda: path.open("rb"), path, path.stat().st_size if path.is_file() else None)

    @cached_property
    def path(self) -> PurePosixPath:
        """The name as a relative path, also where Windows wrote it. For ordering and messages; never opened."""
        return PurePosixPath(self.name.replace("\\", "/"))

    @property
    def label(self) -> str:
        """The file's own name in quotes, without folders, without what could break a line."""
        return f"'{printable(self.path.name)}'"

    def head(self, n_bytes: int = HEAD_BYTES) -> bytes:
        with self.open() as stream:
            return stream.read(n_bytes)

    def read(self) -> bytes:
        with self.open() as stream:
            return stream.read()


@dataclass(frozen=True)
class Wanted:
    """Which frames are to be read: from `start` on, before `stop`, every `every`-th. Counted from 0."""

    start: int = 0
    stop: int | None = None
    every: int = 1

    def __post_init__(self) -> None:
        if self.start < 0 or self.every < 1 or (self.stop is not None and self.stop <= self.start):
            last = "the last" if self.stop is None else f"{self.stop}"
            raise SettingError(
                f"Frames {self.start + 1} to {last}, every {self.every}, were asked for; the first counts from 1, the last "
                "is not before it, and the step is at least 1. Change them."
            )

    def count(self, n_frames: int | None) -> int | None:
        """How many of `n_frames` frames that is."""
        if n_frames is None:
            return None
        return len(range(self.start, min(n_frames, self.stop if self.stop is not None else n_frames), self.every))

    def of(self, frames: Iterable[Frame]) -> FrameStream:
        """Those of `frames`, whose source is closed with this stream."""
        try:
            yield from itertools.islice(frames, self.start, self.stop, self.every)
        finally:
            if isinstance(frames, Generator):
                frames.close()


SIZES = ("crop", "pad", "resize")
"""What can be done with pictures of several sizes."""


@dataclass(frozen=True)
class Wish:
    """What a person chose where files leave a choice; empty where they left it open."""

    variable: str = ""
    """Which array of a file that holds several."""
    axes: str = ""
    """What its axes mean, as `Layout.parse` reads it: "THWC"."""
    sizes: str = ""
    """One of SIZES."""
    wanted: Wanted = field(default_factory=Wanted)
    scratch: Path | None = None
    """A folder for files that are gone when the reading ends; None: wherever the system keeps such files."""


@dataclass(frozen=True, eq=False)
class Reading:
    """A file that was looked into. `frames()` starts at the first wanted frame each time it is called."""

    frames: Callable[[], FrameStream]
    dtype: np.dtype[Any]
    n_frames: int | None
    """How many `frames()` gives; None where only decoding tells, as in most videos."""
    timestep: timedelta | None = None
    """Between frames of the file, before some were left out."""
    units: str = ""
    """Of the values, where the file says it."""
    source: str = ""
    """What was read, for a person: "ZIP of pictures: seaice.zip"."""
    names: Sequence[str] = ()
    """Where every frame was a file of its own: their names in order of time, without folders."""
    times: Sequence[float] = ()
    """When each of the frames was taken, in seconds from any moment, where the files say it. May grow while frames are
    read."""
    warnings: list[str] = field(default_factory=list)
    """What was assumed. May grow while frames are read."""
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Reader:
    """An entry of READERS. `suffixes` are for file choosers; `sniff` decides, from the file's first bytes."""

    title: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    read: Callable[[Sequence[Upload], Wish], Reading]
    """Called with one file, or, where `many`, with any number of files of one frame each."""
    look: Callable[[Sequence[Upload]], "Contents"] | None = None
    """What the file holds, for formats that can hold several arrays or leave open what an axis means."""
    many: bool = False
    rather: Callable[[Upload], str] = lambda file: ""
    """The name of the reader that should have a file that this one knows by its first bytes, where those do not tell; "" where
    this one should."""


READERS: Registry[Reader] = Registry("reader", "framecast.series.readers")


def suffixes() -> list[str]:
    """Every suffix that some reader knows, without dots, sorted: what a file chooser offers."""
    return sorted({suffix for reader in READERS.values() for suffix in reader.suffixes})


def printable(text: str, longest: int = 80) -> str:
    """A foreign name on one line of a message: what cannot be printed becomes "?", the middle of a long one "..."."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= longest else f"{text[: longest // 2]}...{text[-longest // 3 :]}"


def is_text(head: bytes) -> bool:
    """Whether these bytes are printable ASCII, for messages only."""
    return all(9 <= byte <= 13 or 32 <= byte < 127 for byte in head)


def warn(warnings: list[str], sentence: str) -> None:
    """Keep `sentence` once."""
    if sentence not in warnings:
        warnings.append(sentence)


@contextlib.contextmanager
def readable(file: Upload, what: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn what decoders raise on a broken file into a SeriesError that names the file and what it should have been.

    `errors`: what this decoder raises beside FOREIGN_ERRORS.
    """
    try:
        yield
    except MemoryError as error:
        raise SeriesError(
            f"{file.label} does not fit into memory as a whole, as its layout needs. Save it as .npy with time first, as a "
            "video or as single pictures, which are read frame by frame."
        ) from error
    except (*FOREIGN_ERRORS, *errors) as error:
        if isinstance(error, OSError) and error.errno in OUT_OF_ROOM:
            raise StorageError(
                f"The disk is full: {file.label} has to be laid out there before it can be read frame by frame. Free some "
                "space."
            ) from error
        raise SeriesError(
            f"{file.label} cannot be read as {what}: it is damaged or cut short. It must be whole; write or upload it again."
        ) from error


def check_size(label: str, height: int, width: int, n_channels: int, itemsize: int = 1) -> None:
    """Refuse frames that no series can hold, from their header alone."""
    if height < 1 or width < 1:
        raise SeriesError(f"The frames of {label} are {height} x {width} pixels; at least one is needed. Export it again.")
    if height * width > MAX_PIXELS:
        side = int(MAX_PIXELS**0.5)
        raise SeriesError(
            f"The frames of {label} are {height} x {width} pixels; at most {MAX_PIXELS:,} pixels a frame are read. "
            f"Reduce them to {side} x {side} or smaller."
        )
    if not 1 <= n_channels <= 4:
        raise SeriesError(
            f"The frames of {label} have {n_channels} channels; a frame has 1 to 4. Keep the channels to be forecast only."
        )
    if height * width * n_channels * itemsize > MAX_FRAME_BYTES:
        raise SeriesError(
            f"A frame of {label} takes {bytes_in_words(height * width * n_channels * itemsize)}; at most "
            f"{bytes_in_words(MAX_FRAME_BYTES)} are read. Reduce the frames, or save them in a smaller type."
        )
