"""Video: MP4, MOV, AVI, WebM, MKV. Every frame is decoded; the number a file claims is only used to show progress.

Colour stays colour even where its channels are equal, because a codec may make them differ in the next frame. Levels are the
full range of what a screen shows, and more than 8 bits stay more than 8. The container is told from the first bytes and not
left to FFmpeg's guess, which would also take lists of other files and addresses.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.look_ahead import in_order
from framecast.series.readers.contract import (
    FOREIGN_ERRORS,
    MAX_PIXELS,
    READERS,
    Frame,
    FrameStream,
    Reader,
    Reading,
    Upload,
    Wanted,
    Wish,
    check_size,
    readable,
    warn,
)
from framecast.series.readers.fitting import Size, agreed_size, fitted
from framecast.series.readers.pixels import three_axes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

WHAT = "a video"
UNEVEN = "The frames of the video are not evenly spaced in time; they are taken as evenly spaced all the same."
ITEMSIZE = {"gray": 1, "gray16le": 2, "rgb24": 3, "rgb48le": 6}
BUFFER_BYTES = 2**18
_own = threading.local()


def is_video(head: bytes) -> bool:
    return _container(head) is not None


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    (file,) = files
    notes: list[str] = []
    stamps: list[float] = []
    with _opened(file) as (container, video):
        pixel_format = video.format
        if (n_tracks := len(_tracks(container))) > 1:
            notes.append(f"The file holds {n_tracks} videos; the first, {video.width} x {video.height}, was read.")
        if not video.height or not video.width:
            raise ValueError("FFmpeg refuses its size")
        check_size(file.label, video.height, video.width, 3)
        n_frames = video.frames or None
        rate = video.average_rate
    grey = pixel_format is not None and pixel_format.name.startswith("gray")
    n_bits = max((component.bits for component in pixel_format.components), default=8) if pixel_format is not None else 8
    kind = ("gray16le" if n_bits > 8 else "gray") if grey else ("rgb48le" if n_bits > 8 else "rgb24")
    if pixel_format is not None and any(component.is_alpha for component in pixel_format.components):
        notes.append("The video says how opaque its pixels are; that was left out, and their colours are as they are written.")
    if 8 < n_bits < 16:
        notes.append(f"The video has {n_bits} bits a channel; its levels were widened to 16 bits.")

    def frames() -> FrameStream:
        with _opened(file) as (container, video):
            video.thread_type = "AUTO"
            stamps.clear()
            size = _one_size(file, wish, notes) if wish.sizes else None
            decoding = _Decoding(file, container, video, wish.wanted, notes, stamps)
            frame_bytes = video.height * video.width * ITEMSIZE[kind]
            wanted = decoding.frames() if size else _alike(file, wish, decoding)
            yield from in_order(partial(_pixels, kind=kind, size=size, way=wish.sizes), wanted, frame_bytes=frame_bytes)

    dtype = np.dtype(np.uint16 if kind.endswith(("16le", "48le")) else np.uint8)
    timestep = timedelta(seconds=float(1 / rate)) if rate else None
    return Reading(frames, dtype, wish.wanted.count(n_frames), timestep, times=stamps, warnings=notes)


def _container(head: bytes) -> str | None:
    """FFmpeg's name of the container that begins with these bytes."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "avi"
    return "matroska" if head.startswith(b"\x1a\x45\xdf\xa3") else None


@contextmanager
def _opened(file: Upload) -> "Iterator[tuple[InputContainer, VideoStream]]":
    import av

    container_format = _container(file.head(16))
    limits = {"max_pixels": str(MAX_PIXELS)}
    with (
        readable(file, WHAT, av.FFmpegError),
        file.open() as stream,
        av.open(stream, "r", format=container_format, options=limits, buffer_size=BUFFER_BYTES) as container,
    ):
        if not _tracks(container):
            raise SeriesError(f"{file.label} holds no picture, only sound; a series needs pictures. Give another video.")
        video = _tracks(container)[0]
        video.codec_context.options = limits
        yield container, video


def _tracks(container: "InputContainer") -> "list[VideoStream]":
    """The videos of a file, without pictures of its cover."""
    from av.stream import Disposition

    return [track for track in container.streams.video if not track.disposition & Disposition.attached_pic]


@dataclass
class _Decoding:
    """One pass over a video: its wanted frames, undeveloped, and what is noticed on the way."""

    file: Upload
    container: "InputContainer"
    video: "VideoStream"
    wanted: Wanted
    notes: list[str]
    stamps: list[float]
    """When each wanted frame is shown, in seconds; one is lacking where a frame does not say it."""
    n_done: int = 0
    times: list[float] = field(default_factory=lambda: [float("inf"), 0.0])
    """Shortest and longest time between frames, in seconds."""

    def frames(self) -> "Iterator[VideoFrame]":
        """Raises SeriesError where the video breaks off."""
        from av import FFmpegError

        last: float | None = None
        decoding = self.container.decode(self.video)
        while self.wanted.stop is None or self.n_done < self.wanted.stop:
            try:
                frame = next(decoding, None)
            except (FOREIGN_ERRORS + (FFmpegError,)) as error:
                raise SeriesError(
                    f"{self.file.label} breaks off after {self.n_done} frames; a video must be whole. Write or upload it "
                    "again, or save the part that plays as a new file."
                ) from error
            if frame is None:
                self._say_what_is_missing(last)
                break
            check_size(self.file.label, frame.height, frame.width, 3)
            if frame.is_corrupt:
                raise SeriesError(
                    f"Frame {self.n_done + 1} of {self.file.label} is damaged; a video must be whole. Write it again."
                )
            if frame.time is not None and last is not None:
                self.times = [min(self.times[0], frame.time - last), max(self.times[1], frame.time - last)]
            last = frame.time
            index, self.n_done = self.n_done, self.n_done + 1
            if index >= self.wanted.start and (index - self.wanted.start) % self.wanted.every == 0:
                if frame.time is not None:
                    self.stamps.append(frame.time)
                yield frame
        # Time stamps are whole ticks of the container's clock (1 ms in Matroska), so small differences mean nothing.
        if self.times[1] > 1.5 * self.times[0] + 0.002:
            warn(self.notes, UNEVEN)

    def _say_what_is_missing(self, last: float | None) -> None:
        """By the number of frames that the file claims or, in formats without one, by its length."""
        if self.n_done < self.video.frames:
            said = f"The video says it has {self.video.frames} frames and {self.n_done} were found; the end may be missing."
            warn(self.notes, said)
        elif not self.video.frames and self.container.duration and len(self.container.streams) == 1:
            length, end = self.container.duration / 1e6, (last or 0.0) + self.times[1]
            if length > end + 2 * self.times[1] + 0.1:
                said = f"The video says it lasts {length:.4g} s and ends after {end:.4g} s; the end may be missing."
                warn(self.notes, said)


def _alike(file: Upload, wish: Wish, decoding: _Decoding) -> "Iterator[VideoFrame]":
    """The frames, while all are of one size; only where they are not are all looked at, to name the odd ones."""
    first: Size | None = None
    for frame in decoding.frames():
        first = first or _size(frame)
        if _size(frame) != first:
            _one_size(file, wish, [])
        yield frame


def _one_size(file: Upload, wish: Wish, notes: list[str]) -> Size:
    """That all wanted frames are brought to. Raises ChoiceNeededError where they are of several and no way was chosen."""
    with _opened(file) as (container, video):
        video.thread_type = "AUTO"
        sizes = [_size(frame) for frame in _Decoding(file, container, video, wish.wanted, [], []).frames()]
    labels = [f"frame {1 + wish.wanted.start + index * wish.wanted.every}" for index in range(len(sizes))]
    return agreed_size(labels, sizes, f"frames of {file.label}", wish.sizes, notes) if sizes else (0, 0)


def _size(frame: "VideoFrame") -> Size:
    """(height, width) as it is to be seen."""
    return (frame.width, frame.height) if _quarter_turns(frame) % 2 else (frame.height, frame.width)


def _quarter_turns(frame: "VideoFrame") -> int:
    return round(frame.rotation / 90) % 4


def _pixels(frame: "VideoFrame", kind: str, size: Size | None, way: str) -> Frame:
    """(height, width, channel), as a player shows it; brought to `size` where one was agreed on."""
    from av.video.reformatter import VideoReformatter

    if not hasattr(_own, "reformatter"):  # one a thread: it keeps its tables from frame to frame, and cannot be shared
        _own.reformatter = VideoReformatter()
    pixels: np.ndarray[Any, np.dtype[Any]] = three_axes(_own.reformatter.reformat(frame, format=kind, threads=1).to_ndarray())
    seen = np.rot90(pixels, turns) if (turns := _quarter_turns(frame)) else pixels
    return seen if size is None else fitted(seen, size, way)


READERS.add("video", Reader("Video", ("mp4", "mov", "avi", "webm", "mkv", "m4v"), is_video, read))
