"""OME-TIFF spread over several files that were given together, in a folder, a ZIP or one upload: one recording.

Which page of which file is which time is taken from the description and not from the order of names. All files must be there.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import ParseError

from framecast.errors import SeriesError
from framecast.series.look_ahead import in_order
from framecast.series.readers import tiff
from framecast.series.readers.axes import Layout, named
from framecast.series.readers.choice import Contents, Part, contents
from framecast.series.readers.contract import FrameStream, Reading, Upload, Wanted, Wish, check_size, readable
from framecast.series.readers.ome import Described, Planes, bare, described, incomplete

if TYPE_CHECKING:
    from tifffile import TiffFile

AXES = ("T", "C (channel)", "Z (depth)", "height", "width")
MOST_OPEN = 8 * ((os.cpu_count() or 1) + 1)
"""More files than pages are unpacked at a time, so that none is closed under the thread that unpacks it."""
MAX_DESCRIPTION = 2**26
MOST_LOOKED = 20
"""A TIFF that names others is among so many files, or they are no set: of 100,000 pictures not each is opened for this."""


def found(files: Sequence[Upload]) -> Described | None:
    """What the first of these TIFF files says of the set it belongs to; None where it says of none. Raises SeriesError where
    files of the set are missing."""
    first = next((file for file in files[:MOST_LOOKED] if _is_tiff(file)), None)
    said = tiff.ome_description(first) if first is not None else None
    if first is None or said is None or not said.is_set:
        return None
    given = {bare(file.name): file for file in files}
    if said.elsewhere:
        if missing := said.missing(set(given)):
            raise incomplete(first.label, missing)
        said = _description(given[bare(said.elsewhere)])
    if missing := said.missing(set(given)):
        raise incomplete(first.label, missing)
    return said


def look(files: Sequence[Upload], said: Described) -> Contents:
    return contents(files[0], [_part(image) for image in said.images])


def read(files: Sequence[Upload], said: Described, wish: Wish) -> Reading:
    """The recording. Raises ChoiceNeededError where it holds several images or it is not plain which axis is time."""
    notes: list[str] = []
    given = {bare(file.name): file for file in files}
    part, layout = look(files, said).chosen(wish, notes)
    image = next(one for one in said.images if one.name == part.name)
    check_size(files[0].label, image.height, image.width, 1)
    if len(image.places) != image.n_planes:
        raise SeriesError(
            f"The set of {files[0].label} says where {len(image.places)} of its {image.n_planes} planes are; all are needed. "
            "Export it again."
        )
    if not {"H", "W"} <= set(layout.roles[3:]):
        raise SeriesError(f"The planes of {files[0].label} are its frames, height x width. Write the axes so, as in TCZHW.")
    of_the_set = {bare(name) for name in said.files}
    if others := [file for file in files if bare(file.name) not in of_the_set and _is_tiff(file)]:
        notes.append(f"{others[0].label} is not of the set that the others make; {len(others)} such were left out.")

    def frames(wanted: Wanted = wish.wanted) -> FrameStream:
        with _Files(given) as opened, readable(files[0], tiff.WHAT):
            items = (opened.pages(places) for places in _places(image, layout, wanted))
            frame_bytes = 8 * image.height * image.width * image.n_channels
            yield from in_order(partial(tiff.frame_of, notes=notes), items, frame_bytes=frame_bytes)

    first = next(frames(Wanted(stop=1)))
    n_frames = wish.wanted.count(layout.length("T", part.shape))
    return Reading(frames, first.dtype, n_frames, tiff.step_of(*said.timestep), warnings=notes)


def _places(image: Planes, layout: Layout, wanted: Wanted) -> Iterator[list[tuple[str, int]]]:
    """For each wanted frame, where the planes of its channels are."""
    time, lengths = layout.place("T"), (image.n_times, image.n_channels, image.n_depths)
    channels: Sequence[int | None] = range(layout.length("C", lengths + (0, 0))) if "C" in layout.roles else (None,)
    for index in range(lengths[time])[wanted.start : wanted.stop : wanted.every]:
        chosen = []
        for channel in channels:
            at = [{"T": index, "C": channel}.get(role) if isinstance(role, str) else role for role in layout.roles[:3]]
            chosen.append(image.places[at[0] or 0, at[1] or 0, at[2] or 0])
        yield chosen


class _Files:
    """The files of the set, opened when they are needed; a few stay open."""

    def __init__(self, given: dict[str, Upload]) -> None:
        self._given = given
        self._opened: OrderedDict[str, tuple[ExitStack, TiffFile]] = OrderedDict()

    def pages(self, places: Sequence[tuple[str, int]]) -> list[Any]:
        return [self._page(name, index) for name, index in places]

    def __enter__(self) -> "_Files":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        while self._opened:
            self._close_oldest()

    def _page(self, name: str, index: int) -> Any:
        if name not in self._opened:
            stack = ExitStack()
            tif = stack.enter_context(tiff.opened(self._given[name]))
            tif.filehandle.set_lock(True)
            self._opened[name] = stack, tif
            if len(self._opened) > MOST_OPEN:
                self._close_oldest()
        self._opened.move_to_end(name)
        tif = self._opened[name][1]
        with tif.filehandle.lock:  # as in `tiff`: looking up and unpacking share one place in the file
            return tif.pages[index]

    def _close_oldest(self) -> None:
        self._opened.popitem(last=False)[1][0].close()


def _part(image: Planes) -> Part:
    shape = (image.n_times, image.n_channels, image.n_depths, image.height, image.width)
    guess, options = named("TCZHW", shape)
    return Part(image.name, shape, image.kind, guess, tuple(options), AXES)


def _description(file: Upload) -> Described:
    """Of the file that the others point to: a TIFF, or the description alone."""
    if _is_tiff(file):
        said = tiff.ome_description(file)
    else:
        with readable(file, "a description of images (OME-XML)", ParseError):
            if (file.n_bytes or 0) > MAX_DESCRIPTION:
                raise ValueError("too long")
            said = described(file.head(MAX_DESCRIPTION).decode("utf-8"))
    if said is None or said.elsewhere:
        raise SeriesError(f"{file.label} does not describe the images of its set, as they say. Export the set again.")
    return said


def _is_tiff(file: Upload) -> bool:
    return tiff.is_tiff(_head(file))


def _head(file: Upload) -> bytes:
    with readable(file, "a file"):
        return file.head(16)
