"""What a reader is: one file format turned into a stream of frames, found by content and never by the file's name.

A reader looks at headers first, so that what cannot be used is refused before anything is decoded, and gives its frames one
by one, so that a series larger than memory can pass. It keeps values as they came; what becomes of 64-bit floats and missing
values is decided once, in `series/values.py`. Everything a reader meets is foreign: nothing in a file is run or trusted, no
name in it becomes a path, and a broken file is one sentence with the file's name in it.
"""

import contextlib
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Self

import numpy as np

from framecast.errors import SeriesError
from framecast.registry import Registry

Frame = np.ndarray[Any, np.dtype[Any]]
"""(height, width, channel) in any boolean, integer or real dtype."""

FrameStream = Generator[Frame, None, None]
"""Frames in order of time. Closing it early closes the files and threads behind it."""

Progress = Callable[[int, int | None], None]
"""Called with the number of frames done and, where it is known, the number there are."""

HEAD_BYTES = 65536
MAX_PIXELS = 2**26
"""67 million: the largest frame that is decoded, whatever a header claims."""

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

    @classmethod
    def from_bytes(cls, name: str, content: bytes) -> Self:
        return cls(name, lambda: io.BytesIO(content))

    @classmethod
    def from_path(cls, path: Path, name: str | None = None) -> Self:
        return cls(name or path.name, lambda: path.open("rb"))

    @property
    def path(self) -> PurePosixPath:
        """The name as a relative path, also where Windows wrote it. For ordering and messages; never opened."""
        return PurePosixPath(self.name.replace("\\", "/"))

    @property
    def label(self) -> str:
        """The file's own name in quotes, without folders, without what could break a line."""
        return "'" + "".join(letter if letter.isprintable() else "?" for letter in self.path.name) + "'"

    def head(self, n_bytes: int = HEAD_BYTES) -> bytes:
        with self.open() as stream:
            return stream.read(n_bytes)

    def read(self) -> bytes:
        with self.open() as stream:
            return stream.read()


@dataclass(frozen=True, eq=False)
class Reading:
    """A file that was looked into. `frames()` starts at the first frame each time it is called."""

    frames: Callable[[], FrameStream]
    dtype: np.dtype[Any]
    n_frames: int | None
    """None where only decoding tells, as in most videos."""
    timestep: timedelta | None = None
    source: str = ""
    """What was read, for a person: "ZIP of pictures: seaice.zip"."""
    names: Sequence[str] = ()
    """Where every frame was a file of its own: their names in order of time, without folders."""
    warnings: list[str] = field(default_factory=list)
    """What was assumed. May grow while frames are read."""
    close: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Reader:
    """An entry of READERS. `suffixes` are for file choosers; `sniff` decides, from the file's first bytes."""

    title: str
    suffixes: tuple[str, ...]
    sniff: Callable[[bytes], bool]
    read: Callable[[Sequence[Upload]], Reading]
    """Called with one file, or, where `many`, with any number of files of one frame each."""
    many: bool = False


READERS: Registry[Reader] = Registry("reader", "framecast.series.readers")


def suffixes() -> list[str]:
    """Every suffix that some reader knows, without dots, sorted: what a file chooser offers."""
    return sorted({suffix for reader in READERS.values() for suffix in reader.suffixes})


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
        raise SeriesError(
            f"{file.label} cannot be read as {what}: it is damaged or cut short. It must be whole; write or upload it again."
        ) from error


def check_size(label: str, height: int, width: int, n_channels: int) -> None:
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
