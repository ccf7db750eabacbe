"""Video: MP4, MOV, AVI, WebM, MKV. Every frame is decoded; the number a file claims is only used to show progress.

Colour stays colour even where its channels are equal, because a codec may make them differ in the next frame.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import (
    FOREIGN_ERRORS,
    READERS,
    Frame,
    FrameStream,
    Reader,
    Reading,
    Upload,
    check_size,
    readable,
    warn,
)
from framecast.series.readers.pixels import three_axes

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

WHAT = "a video"
UNEVEN = "The frames of the video are not evenly spaced in time; they are taken as evenly spaced all the same."


def is_video(head: bytes) -> bool:
    box = head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
    return box or (head[:4] == b"RIFF" and head[8:12] == b"AVI ") or head.startswith(b"\x1a\x45\xdf\xa3")


def read(files: Sequence[Upload]) -> Reading:
    (file,) = files
    import av

    notes: list[str] = []
    with readable(file, WHAT, av.FFmpegError), file.open() as stream, av.open(stream, "r") as container:
        video = _video(file, container)
        pixel_format = video.format
        check_size(file.label, video.height, video.width, 3)
        n_frames = video.frames or None
        rate = video.average_rate
    grey = pixel_format is not None and pixel_format.name.startswith("gray")
    n_bits = max((component.bits for component in pixel_format.components), default=8) if pixel_format is not None else 8
    kind = "gray16le" if grey and n_bits > 8 else "gray" if grey else "rgb24"
    if n_bits > 8 and not grey:
        notes.append(f"The video has {n_bits} bits a channel; it is read with 8.")

    def frames() -> FrameStream:
        with readable(file, WHAT, av.FFmpegError), file.open() as stream, av.open(stream, "r") as container:
            video = _video(file, container)
            video.thread_type = "AUTO"
            yield from _decoded(file, container, video, kind, notes)

    dtype = np.dtype(np.uint16 if kind == "gray16le" else np.uint8)
    return Reading(frames, dtype, n_frames, timedelta(seconds=float(1 / rate)) if rate else None, warnings=notes)


def _video(file: Upload, container: "InputContainer") -> "VideoStream":
    if not container.streams.video:
        raise SeriesError(f"{file.label} holds no picture, only sound; a series needs pictures. Give another video.")
    return container.streams.video[0]


def _decoded(
    file: Upload, container: "InputContainer", video: "VideoStream", kind: str, notes: list[str]
) -> FrameStream:
    from av import FFmpegError

    n_done, last, shortest, longest = 0, None, float("inf"), 0.0
    decoding = container.decode(video)
    while True:
        try:
            decoded = next(decoding, None)
            frame = None if decoded is None else _pixels(decoded, kind)
        except (FOREIGN_ERRORS + (FFmpegError,)) as error:
            raise SeriesError(
                f"{file.label} breaks off after {n_done} frames; a video must be whole. Write or upload it again, or save the "
                "part that plays as a new file."
            ) from error
        if decoded is None or frame is None:
            break
        if decoded.time is not None and last is not None:
            shortest, longest = min(shortest, decoded.time - last), max(longest, decoded.time - last)
        last = decoded.time
        n_done += 1
        yield frame
    if n_done < video.frames:
        warn(notes, f"The video says it has {video.frames} frames and {n_done} were found; the end may be missing.")
    # Time stamps are whole ticks of the container's clock (1 ms in Matroska), so small differences mean nothing.
    if longest > 1.5 * shortest + 0.002:
        warn(notes, UNEVEN)


def _pixels(frame: "VideoFrame", kind: str) -> Frame:
    pixels: np.ndarray[Any, np.dtype[Any]] = three_axes(frame.to_ndarray(format=kind))
    quarter_turns = round(frame.rotation / 90) % 4
    return np.rot90(pixels, quarter_turns) if quarter_turns else pixels


READERS.add("video", Reader("Video", ("mp4", "mov", "avi", "webm", "mkv", "m4v"), is_video, read))
