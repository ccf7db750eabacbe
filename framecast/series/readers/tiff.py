"""TIFF: stacks of pages, ImageJ and OME files, BigTIFF; and the single page for `pictures`.

The axes are taken from the file's own description and not guessed from its shape: T is time, C or S are channels, and where
there is no T the one remaining axis is taken as time. Depth (Z) beside time is refused: which slice is meant is the user's
to say.
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import READERS, Frame, FrameStream, Reader, Reading, Upload, check_size, readable
from framecast.series.readers.pixels import over_white, three_axes

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

WHAT = "a TIFF file"
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_tiff(head: bytes) -> bool:
    return head.startswith(MAGIC)


def read(files: Sequence[Upload]) -> Reading:
    """A series of the pages of one file. Raises SeriesError where its axes are not those of a series."""
    (file,) = files
    notes: list[str] = []
    with _opened(file) as tif:
        stack = _stack(file, tif, notes)
        time, channel = _axes(file, stack, notes)
        n_frames = stack.shape[time] if time is not None else 1
        first = next(_frames(stack, time, channel))
        timestep = _timestep(tif)
    check_size(file.label, *first.shape)

    def frames() -> FrameStream:
        with _opened(file) as tif:
            yield from _frames(_stack(file, tif, notes), time, channel)

    return Reading(frames, first.dtype, n_frames, timestep, warnings=notes)


def still_header(file: Upload) -> tuple[int, int, int, np.dtype[Any]]:
    """(height, width, channels, dtype) of a file of one page. Raises SeriesError for several pages."""
    with _opened(file) as tif:
        if len(tif.pages) != 1:
            raise SeriesError(
                f"{file.label} holds {len(tif.pages)} pages; where several files are given, each must hold one frame. "
                "Upload the stack alone, or save its pages as single files."
            )
        page: Any = tif.pages.first
        n_samples = page.samplesperpixel - (1 if page.extrasamples and page.samplesperpixel in (2, 4) else 0)
        palette = page.photometric.name == "PALETTE"
        dtype = np.dtype(np.uint8) if palette or page.dtype is None or page.dtype.kind == "b" else page.dtype.newbyteorder("=")
        return page.imagelength, page.imagewidth, 3 if palette else n_samples, dtype


def still(file: Upload) -> Frame:
    """The one page of a file: (height, width, channel)."""
    with _opened(file) as tif:
        frame = _pixels(tif.pages.first)
        return frame.astype(np.uint8) * np.uint8(255) if frame.dtype.kind == "b" else frame


@contextlib.contextmanager
def _opened(file: Upload) -> Iterator["TiffFile"]:
    """The file, if its list of pages is whole. tifffile only logs where the list breaks off and would go on with fewer pages,
    in silence or, where nobody set up logging, with noise on the terminal."""
    from tifffile import TiffFile

    complaints = _Complaints()
    logger = logging.getLogger("tifffile")
    logger.addFilter(complaints)
    try:
        with readable(file, WHAT, AssertionError), file.open() as stream, TiffFile(stream) as tif:
            n_pages = len(tif.pages)
            if any(sign in text for text in complaints.texts for sign in ("page offset", "corrupted tag list")):
                raise SeriesError(
                    f"{file.label} is damaged or cut short: its list of pages breaks off after {n_pages}; it must be whole. "
                    "Write or upload it again."
                )
            yield tif
    finally:
        logger.removeFilter(complaints)


class _Complaints(logging.Filter):
    """Keeps what this thread logs, and keeps it from the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._thread = logging.makeLogRecord({}).thread

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        self.texts.append(record.getMessage())
        return False


def _stack(file: Upload, tif: "TiffFile", notes: list[str]) -> "TiffPageSeries":
    """The stack with the most pages. Pages of different sizes fall into several stacks, which is refused."""
    stacks = sorted(tif.series, key=lambda stack: stack.size, reverse=True)
    if len(stacks) > 1:
        usual = stacks[0]
        page: Any = min((stack.keyframe for stack in stacks[1:]), key=lambda page: page.index)
        raise SeriesError(
            f"{file.label} holds images of different kinds: page {page.index + 1} is {page.imagelength} x {page.imagewidth} "
            f"{page.dtype}, while {len(usual.pages)} pages are {usual.keyframe.imagelength} x {usual.keyframe.imagewidth} "
            f"{usual.dtype}; all must be alike. Save the series alone in one file."
        )
    return stacks[0]


def _axes(file: Upload, stack: "TiffPageSeries", notes: list[str]) -> tuple[int | None, int | None]:
    """Positions of time and channel among the stack's axes."""
    axes: str = stack.axes
    free = [axis for axis, length in zip(axes, stack.shape, strict=True) if axis not in "YX" and length > 1]
    channel = "S" if "S" in free else "C" if "C" in free and len(free) > 1 and stack.shape[axes.index("C")] <= 4 else None
    others = [axis for axis in free if axis != channel]
    time = "T" if "T" in others else others[0] if len(others) == 1 else None
    if len(others) > 1:
        lengths = ", ".join(f"{axis}: {stack.shape[axes.index(axis)]}" for axis in axes)
        raise SeriesError(
            f"{file.label} has more axes than time and channels ({lengths}); a series has one frame a moment. "
            "Choose one slice, or project the others, and save a stack over time."
        )
    if time in ("Z", "C"):
        notes.append(f"The file calls its {stack.shape[axes.index(time)]} pages {time} and no axis T; they are taken as time.")
    return axes.index(time) if time else None, axes.index(channel) if channel else None


def _frames(stack: "TiffPageSeries", time: int | None, channel: int | None) -> FrameStream:
    """Frame after frame; page by page where the file has its pages listed, else from the whole array."""
    keyframe = stack.keyframe
    lead = stack.shape[: len(stack.shape) - len(keyframe.axes)]
    if len(stack.pages) != int(np.prod(lead, dtype=int)) or not stack.axes.endswith(keyframe.axes):
        yield from _from_array(stack, time, channel)
        return
    order = np.arange(len(stack.pages)).reshape(lead)
    if channel is not None and channel < len(lead):
        order = np.moveaxis(order, channel, -1)
    order = order.reshape(stack.shape[time] if time is not None else 1, -1)
    for pages in order:
        yield np.concatenate([_pixels(stack.pages[int(index)]) for index in pages], axis=2)


def _from_array(stack: "TiffPageSeries", time: int | None, channel: int | None) -> FrameStream:
    pixels = stack.asarray()
    kept = [axis for axis in (time, stack.axes.index("Y"), stack.axes.index("X"), channel) if axis is not None]
    pixels = pixels.transpose(kept + [axis for axis in range(pixels.ndim) if axis not in kept])
    if time is None:
        pixels = pixels[None]
    yield from pixels.reshape(*pixels.shape[:3], -1)


def _pixels(page: Any) -> Frame:
    """One page as (height, width, channel): palette looked up, white-is-zero turned round, alpha laid over white."""
    keyframe = page.keyframe
    photometric = keyframe.photometric.name
    if photometric == "SEPARATED":
        raise ValueError("CMYK inks")
    pixels: np.ndarray[Any, np.dtype[Any]] = page.asarray()
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if keyframe.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    if photometric == "PALETTE":
        colours: Frame = np.moveaxis(keyframe.colormap[:, pixels], 0, -1)
        return (colours >> 8).astype(np.uint8)
    if photometric == "MINISWHITE" and pixels.dtype.kind in "bu":
        pixels = ~pixels
    pixels = three_axes(pixels)
    if keyframe.extrasamples and pixels.shape[2] in (2, 4) and pixels.dtype in (np.uint8, np.uint16):
        pixels, _ = over_white(pixels)
    return pixels


def _timestep(tif: "TiffFile") -> timedelta | None:
    interval = (tif.imagej_metadata or {}).get("finterval")
    return timedelta(seconds=float(interval)) if isinstance(interval, int | float) and interval > 0 else None


READERS.add("tiff", Reader("TIFF stack", ("tif", "tiff"), is_tiff, read))
