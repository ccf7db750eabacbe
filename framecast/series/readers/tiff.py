"""TIFF: stacks of pages, ImageJ and OME files, BigTIFF; and the single page for `pictures`.

The axes are taken from the file's own description and not guessed from its shape: T is time, C or S are channels, and plain
pages without a description are frames. Where a file says otherwise (depth and no time, depth beside time, more than four
channels), what is time is for a person to say.
"""

import contextlib
import logging
import math
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

import numpy as np

from framecast.errors import SeriesError
from framecast.files import bytes_in_words
from framecast.series.look_ahead import in_order
from framecast.series.readers import tiff_unlike
from framecast.series.readers.axes import Layout, named
from framecast.series.readers.choice import Contents, Part, contents
from framecast.series.readers.contract import (
    MAX_FRAME_BYTES,
    READERS,
    Frame,
    FrameStream,
    Reader,
    Reading,
    Upload,
    Wanted,
    Wish,
    check_size,
    printable,
    readable,
)
from framecast.series.readers.jpeg_scans import check_part
from framecast.series.readers.laid_out import Array, LaidOut
from framecast.series.readers.moments import of_all, of_page, step_of
from framecast.series.readers.ome import Described, bare, described, incomplete
from framecast.series.readers.pixels import three_axes
from framecast.series.readers.tiff_colours import channels_meant, dtype_meant, meant, orientation
from framecast.series.readers.tiff_strips import parts_of, unpacked
from framecast.series.writing import too_few

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPageSeries

WHAT = "a TIFF file"
NAMES = {"T": "T", "Y": "height", "X": "width", "S": "colour", "C": "C (channel)", "Z": "Z (depth)"}
PAGES_AT_A_TIME = 32
JPEGS = (6, 7, 34892)
MOST_MISSING = 10_000
"""Strips and tiles that a page may do without: some programs leave empty ones out."""
BROKEN_LIST = ("page offset", "corrupted tag list", "circular reference")
"""What tifffile says where the list of pages breaks off."""
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def is_tiff(head: bytes) -> bool:
    return head.startswith(MAGIC)


def look(files: Sequence[Upload]) -> Contents:
    (file,) = files
    _check_alone(file)
    with opened(file) as tif:
        return Contents(file.label, ()) if _unlike(file, tif) else contents(file, [_part(_stack(file, tif))])


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    """A series of the pages of one file. Raises ChoiceNeededError where it is not plain which axis is time."""
    (file,) = files
    notes: list[str] = []
    said = _check_alone(file)
    with contextlib.ExitStack() as opening:
        tif = opening.enter_context(opened(file))
        if _unlike(file, tif):
            return tiff_unlike.reading(file, opened, frame_of, wish)
        stack = _stack(file, tif)
        part = _part(stack)
        if all(length == 1 for length, axis in zip(part.shape, stack.axes, strict=True) if axis not in "YXSC") and (
            stack.axes.count("C") == 0
        ):
            raise too_few(file.path.stem, 1)
        part, layout = contents(file, [part]).chosen(wish, notes)
        layout.check(file.label, part.shape, stack.dtype.itemsize)
        first = next(_frames(stack, layout, Wish(wanted=Wanted(stop=1), scratch=wish.scratch), file, notes))
        timestep, units = _timestep(tif), _units(tif)
        times = _described_times(stack, layout, wish, said) or _page_times(stack, layout, wish)
        still_open = opening.pop_all()
    ready = [stack]
    """Looking all pages up takes as long as unpacking a few, so that the first stream of frames goes on with this one."""

    def frames() -> FrameStream:
        if ready:
            with still_open:
                yield from _frames(ready.pop(), layout, wish, file, notes)
        else:
            with opened(file) as tif:
                yield from _frames(_stack(file, tif), layout, wish, file, notes)

    n_frames = wish.wanted.count(layout.length("T", part.shape))
    return Reading(
        frames, first.dtype, n_frames, timestep, units=units, times=times, warnings=notes, close=still_open.close
    )


def still_header(file: Upload) -> tuple[int, int, int, np.dtype[Any], float | None]:
    """(height, width, channels, dtype, time in seconds) of a file of one page. Raises SeriesError for several pages."""
    with opened(file) as tif:
        if len(tif.pages) != 1:
            raise SeriesError(
                f"{file.label} holds {len(tif.pages)} pages; where several files are given, each must hold one frame. "
                "Upload the stack alone, or save its pages as single files."
            )
        page: Any = tif.pages.first
        turned = orientation(page) >= 5
        height, width = (page.imagewidth, page.imagelength) if turned else (page.imagelength, page.imagewidth)
        return int(height), int(width), channels_meant(page), dtype_meant(page), of_page(page)


def still(file: Upload, notes: list[str]) -> Frame:
    """The one page of a file: (height, width, channel)."""
    with opened(file) as tif:
        frame = _pixels(tif.pages.first, notes)
        return frame.astype(np.uint8) * np.uint8(255) if frame.dtype.kind == "b" else frame


@contextlib.contextmanager
def opened(file: Upload) -> Iterator["TiffFile"]:
    """The file, if its list of pages is whole. tifffile only logs where the list breaks off and would go on with fewer pages,
    in silence or, where nobody set up logging, with noise on the terminal; and it would open whatever other files an OME
    description names, anywhere on this machine."""
    from tifffile import TiffFile

    complaints = _Complaints()
    logger = logging.getLogger("tifffile")
    logger.addFilter(complaints)
    try:
        with readable(file, WHAT, AssertionError), file.open() as stream, TiffFile(stream, _multifile=False) as tif:
            n_pages = len(tif.pages)
            if any(sign in text for text in complaints.texts for sign in BROKEN_LIST):
                raise SeriesError(
                    f"{file.label} is damaged or cut short: its list of pages breaks off after {n_pages}; it must be whole. "
                    "Write or upload it again."
                )
            if tif.is_shaped and n_pages > 1 and len(tif.series) > 1:  # each page was written as an array of its own
                with file.open() as anew, TiffFile(anew, is_shaped=False) as pages:
                    yield pages
            else:
                yield tif
    finally:
        logger.removeFilter(complaints)


def ome_description(file: Upload) -> Described | None:
    """What an OME-TIFF says of its planes and of other files; None for other files, and for what says it in no way that is
    understood."""
    with opened(file) as tif:
        text = tif.ome_metadata if tif.is_ome else None
        if text is None:
            return None
        try:
            said = described(str(text))
        except (ParseError, ValueError, KeyError):
            return None
    return said


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


def _check_alone(file: Upload) -> Described | None:
    """What its description says. Raises SeriesError for one file of a set; one that was given another name and names itself
    only is no set."""
    said = ome_description(file)
    if said is not None and said.is_set:
        raise incomplete(file.label, said.missing({bare(file.name)}))
    return said


def _unlike(file: Upload, tif: "TiffFile") -> bool:
    with readable(file, WHAT):
        return bool(tiff_unlike.pages_of(file, tif))


def _stack(file: Upload, tif: "TiffFile") -> "TiffPageSeries":
    """The one stack of the file. Pages of different sizes fall into several stacks, which is refused."""
    stacks = sorted(tif.series, key=lambda stack: stack.size, reverse=True)
    if not stacks:
        raise ValueError("no page")
    if len(stacks) > 1:
        usual = stacks[0]
        page: Any = min((stack.keyframe for stack in stacks[1:]), key=lambda page: page.index)
        found, others = tiff_unlike.in_words(page, usual.keyframe)
        raise SeriesError(
            f"{file.label} holds images of different kinds: page {page.index + 1} is {found}, while {len(usual.pages)} pages "
            f"are {others}; all must be alike. Save the series alone in one file."
        )
    return stacks[0]


def _part(stack: "TiffPageSeries") -> Part:
    axes: str = stack.axes
    letters = "".join({"Y": "H", "X": "W", "S": "C", "I": "?", "Q": "?", "H": "Z", "W": "Z"}.get(axis, axis) for axis in axes)
    if letters.count("C") > 1 and axes.endswith("S"):  # channels of colour pictures: which one is for a person to say
        letters = letters.replace("C", "Z", letters.count("C") - 1)
    guess, options = named(letters, stack.shape)
    return Part("", tuple(stack.shape), str(stack.dtype), guess, tuple(options), tuple(NAMES.get(axis, axis) for axis in axes))


def _frames(stack: "TiffPageSeries", layout: Layout, wish: Wish, file: Upload, notes: list[str]) -> FrameStream:
    """Frame after frame, on all cores; page by page where the file has its pages listed, else from the array they make."""
    keyframe: Any = stack.keyframe
    check_size(file.label, keyframe.imagelength, keyframe.imagewidth, 1, keyframe.dtype.itemsize)
    chosen = _chosen(stack, layout, wish.wanted)
    if chosen is None:
        yield from _from_array(stack, layout, wish, file, notes)
        return
    handle = stack.keyframe.parent.filehandle
    handle.set_lock(True)

    def listed_pages() -> Iterator[list[Any]]:
        """Looked up several at a time, since that waits for the threads that unpack."""
        for start in range(0, len(chosen), PAGES_AT_A_TIME):
            with handle.lock:  # tifffile looks a page up without it, and would move the file under those threads
                listed = [[stack.pages[int(index)] for index in row] for row in chosen[start : start + PAGES_AT_A_TIME]]
            yield from listed

    page_bytes = keyframe.imagelength * keyframe.imagewidth * keyframe.samplesperpixel * keyframe.dtype.itemsize
    yield from in_order(partial(frame_of, notes=notes), listed_pages(), frame_bytes=page_bytes * chosen.shape[1])


def _chosen(stack: "TiffPageSeries", layout: Layout, wanted: Wanted) -> Array | None:
    """(frame, page of it): indices of the pages of each wanted frame; None where the file does not list its pages so."""
    keyframe: Any = stack.keyframe
    n_lead = len(stack.shape) - len(keyframe.axes)
    lead, roles = stack.shape[:n_lead], layout.roles[:n_lead]
    listed = len(stack.pages) == int(np.prod(lead, dtype=np.int64)) and stack.axes.endswith(keyframe.axes)
    if not listed or "T" not in roles or {"H", "W"} & set(roles):
        return None
    order = np.arange(len(stack.pages)).reshape(lead)[tuple(role if isinstance(role, int) else slice(None) for role in roles)]
    letters = [role for role in roles if isinstance(role, str)]
    order = order.transpose([letters.index(letter) for letter in "TC" if letter in letters])
    chosen: Array = order.reshape(len(order), -1)[wanted.start : wanted.stop : wanted.every]
    return chosen


def frame_of(pages: Sequence[Any], notes: list[str]) -> Frame:
    planes = [_pixels(page, notes) for page in pages]
    return planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)


def _from_array(stack: "TiffPageSeries", layout: Layout, wish: Wish, file: Upload, notes: list[str]) -> FrameStream:
    """Where one directory stands for all pages, as in ImageJ's stacks beyond 4 GB, or a page holds several axes."""
    keyframe: Any = stack.keyframe
    native = stack.dtype.newbyteorder("=")
    if stack.dataoffset is not None:
        with file.open() as stream:
            stream.seek(stack.dataoffset)
            dtype = np.dtype(stack.dtype).newbyteorder(keyframe.parent.byteorder)
            for frame in LaidOut(tuple(stack.shape), dtype, "C").frames(stream, layout, wish, native):
                yield meant(frame, keyframe, notes)
        return
    if stack.nbytes > MAX_FRAME_BYTES:
        raise SeriesError(
            f"{file.label} keeps several axes in a page, and all of its {bytes_in_words(stack.nbytes)} would have to be "
            "unpacked at once. Save it with one page a frame."
        )
    for block in layout.blocks(stack.asarray(), wish.wanted):
        for frame in block:
            yield meant(frame.astype(native, copy=False), keyframe, notes)


def _pixels(page: Any, notes: list[str]) -> Frame:
    """One page as (height, width, channel)."""
    _check_parts(page)
    pixels = unpacked(page)
    if pixels is None:
        if page.keyframe.compression in JPEGS:
            for part in parts_of(page):
                check_part(part, math.prod(page.keyframe.chunks))
        pixels = np.asarray(page.asarray(maxworkers=1))
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if page.keyframe.axes == "SYX":
        pixels = np.moveaxis(pixels, 0, -1)
    return meant(pixels if page.keyframe.photometric.name == "PALETTE" else three_axes(pixels), page.keyframe, notes)


def _check_parts(page: Any) -> None:
    """Refuse a page that is far larger than what is there of it: tifffile would go through all that is not."""
    keyframe = page.keyframe
    check_size("a TIFF file", int(keyframe.imagelength), int(keyframe.imagewidth), 1, keyframe.dtype.itemsize)
    if int(np.prod(keyframe.chunked)) > len(page.dataoffsets) + MOST_MISSING:
        raise ValueError("strips or tiles are missing")


def _timestep(tif: "TiffFile") -> timedelta | None:
    """As ImageJ or OME wrote it."""
    imagej = tif.imagej_metadata or {}
    interval, unit = imagej.get("finterval"), str(imagej.get("tunit", "s"))
    if tif.is_ome:
        text = str(tif.ome_metadata)
        found = re.search(r'\bTimeIncrement="([0-9.eE+-]{1,30})"', text)
        said = re.search(r'\bTimeIncrementUnit="([^"]{1,12})"', text)
        return step_of(found[1] if found else "", said[1] if said else "s")
    return step_of(interval, unit)


def _described_times(
    stack: "TiffPageSeries", layout: Layout, wish: Wish, said: Described | None
) -> list[float]:
    """When the wanted frames were taken, as an OME description says of each plane; empty where it does not."""
    if said is None or len(said.images) != 1 or not said.images[0].taken:
        return []
    taken, place = said.images[0].taken, dict(zip(stack.axes, layout.roles, strict=True))
    wanted = range(layout.length("T", stack.shape))[wish.wanted.start : wish.wanted.stop : wish.wanted.every]

    def at(axis: str, index: int) -> int:
        role = place.get(axis, 0)
        return index if role == "T" else role if isinstance(role, int) else 0

    return of_all(taken.get((at("T", index), at("C", index), at("Z", index))) for index in wanted)


def _page_times(stack: "TiffPageSeries", layout: Layout, wish: Wish) -> list[float]:
    """When the wanted frames were taken, where each of their pages says it. Looking at a page costs time, so that a few are
    asked first."""
    chosen = _chosen(stack, layout, wish.wanted)
    if chosen is None:
        return []

    def moments(indices: Array) -> Iterator[float | None]:
        listed: Any = stack.pages
        return (of_page(listed[int(index)].aspage()) for index in indices)

    pages = chosen[:, 0]
    return of_all(moments(pages)) if of_all(moments(pages[[0, len(pages) // 2, -1]])) else []


def _units(tif: "TiffFile") -> str:
    """What ImageJ calls the values, where it has not calibrated them by a formula, which is not applied here."""
    imagej = tif.imagej_metadata or {}
    unit = str(imagej.get("vunit", ""))
    return "" if "cf" in imagej or unit.lower() in ("", "gray value", "pixel") else printable(unit, 30)


READERS.add("tiff", Reader("TIFF stack", ("tif", "tiff"), is_tiff, read, look))
