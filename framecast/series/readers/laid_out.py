"""Arrays whose bytes lie one after the other in a stream: .npy, members of .npz, variables of .mat.

Where time is the slowest axis, frames are cut off the stream one by one. Where it is not, the stream is laid out once in a
file without a name, which the system clears away whatever happens, and frames are gathered from there a block at a time.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from framecast.errors import StorageError
from framecast.files import bytes_in_words
from framecast.series.readers.axes import Layout
from framecast.series.readers.contract import MAX_FRAME_BYTES, FrameStream, Upload, Wish

Array = np.ndarray[Any, np.dtype[Any]]
COPY_BYTES = 2**22


@dataclass(frozen=True)
class LaidOut:
    """An array as it lies in a stream."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    """As stored, with its byte order."""
    order: Literal["C", "F"]
    """C: the last axis runs fastest."""

    @property
    def n_bytes(self) -> int:
        n_bytes = self.dtype.itemsize
        for length in self.shape:  # no numpy: a header can claim more than 64 bits hold
            n_bytes *= length
        return n_bytes

    def frames(self, stream: BinaryIO, layout: Layout, wish: Wish, becomes: np.dtype[Any]) -> FrameStream:
        """The wanted frames (height, width, channel) of `becomes` from the stream, which stands at the array's first byte."""
        time = layout.place("T")
        n_frames = self.shape[time]
        slab_bytes = self.n_bytes // max(1, n_frames)
        slowest = 0 if self.order == "C" else len(self.shape) - 1
        if time == slowest and slab_bytes <= MAX_FRAME_BYTES:
            yield from self._one_by_one(stream, layout, wish, becomes, slab_bytes)
            return
        free = shutil.disk_usage(wish.scratch or tempfile.gettempdir()).free
        if self.n_bytes > free:
            raise StorageError(
                f"Time is not the first axis of this array, so all of its {bytes_in_words(self.n_bytes)} must be laid out on "
                f"disk, where {bytes_in_words(free)} are free. Free some space, or save it with time first."
            )
        with tempfile.TemporaryFile(dir=wish.scratch) as file:
            for start in range(0, self.n_bytes, COPY_BYTES):
                file.write(read_exactly(stream, min(COPY_BYTES, self.n_bytes - start)))
            file.flush()
            array: Array = np.memmap(file, self.dtype, "r", shape=self.shape, order=self.order)
            for block in layout.blocks(array, wish.wanted):
                yield from block.astype(becomes)

    def _one_by_one(
        self, stream: BinaryIO, layout: Layout, wish: Wish, becomes: np.dtype[Any], slab_bytes: int
    ) -> FrameStream:
        time, wanted = layout.place("T"), wish.wanted
        slab_shape = tuple(1 if axis == time else length for axis, length in enumerate(self.shape))
        stop = self.shape[time] if wanted.stop is None else min(wanted.stop, self.shape[time])
        for index in range(stop):
            content = read_exactly(stream, slab_bytes)
            if index < wanted.start or (index - wanted.start) % wanted.every:
                continue
            slab = np.frombuffer(content, self.dtype).reshape(slab_shape, order=self.order)
            yield layout.frames_first(slab)[0].astype(becomes, copy=False)


def read_exactly(stream: BinaryIO, n_bytes: int) -> bytes:
    """So many bytes; EOFError where the stream ends first."""
    content = stream.read(n_bytes)
    if len(content) < n_bytes:
        raise EOFError(f"{n_bytes} bytes were promised and {len(content)} are there")
    return content


@contextmanager
def on_disk(file: Upload, scratch: Path | None) -> Iterator[Path]:
    """A path under which a library can read the file; a copy that is gone at the end where it is a stream only."""
    if file.disk is not None:
        yield file.disk.resolve()
        return
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        place = Path(folder) / "upload"
        with file.open() as stream, place.open("wb") as copy:
            shutil.copyfileobj(stream, copy, COPY_BYTES)
        yield place
