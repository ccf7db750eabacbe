"""OME-TIFF spread over several files that were given together, in a folder, a ZIP or one upload: one recording.

Which page of which file is which time is taken from the description and not from the order of names. It lies in a TIFF of the
set or in a companion file (`.companion.ome`) beside them. All files must be there.
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
from framecast.series.readers.contract import (
    HEAD_BYTES,
    FrameStream,
    Reading,
    Upload,
    Wanted,
    Wish,
    check_size,
    readable,
)
from framecast.series.readers.moments import of_all, step_of
from framecast.series.readers.ome import Described, Planes, bare, described, incomplete, is_description

if TYPE_CHECKING:
    from tifffile import TiffFile

AXES = ("T", "C (channel)", "Z (depth)", "height", "width")
MOST_OPEN = 8 * ((os.cpu_count() or 1) + 1)
"""More files than pages are unpacked at a time, so that none is closed under the thread that unpacks it."""
MAX_DESCRIPTION = 2**26
MOST_LOOKED = 20
"""A TIFF that names others is among so many files, or they are no set: of 100,000 pictures not each is opened for this."""


def found(files: Sequence[Upload]) -> Described | None:
    """What is said of the set that these files make: by a TIFF that names others, or by a description that was given beside
    TIFF files which may know nothing of it. None where nothing is said. Raises SeriesError where files of the set are missing
    or are there twice."""
    tiffs = [file for file in files[:MOST_LOOKED] if _is_tiff(file)]
    told = ((file, said) for file in tiffs if (said := tiff.ome_description(file)) is not None and said.is_set)
    teller, said = next(told, (None, None))
    if teller is None or said is None:
        teller = companion(files)
        if teller is None:
            return None
        said = Described(elsewhere=teller.path.name)
    given = _by_name(files, said)
    if said.elsewhere:
        if missing := said.missing(set(given)):
            raise incomplete(teller.label, missing)
        teller = given[bare(said.elsewhere)]
        said = _description(teller)
    said = _with_names(said, teller, files)
    if missing := said.missing(set(_by_name(files, said))):
        raise incomplete(teller.label, missing)
    return said


def companion(files: Sequence[Upload]) -> Upload | None:
    """The one file that is a description and nothing else."""
    named = [file for file in files if file.path.suffix.lower() in (".ome", ".xml")]
    found = [file for file in named if is_description(_head(file, HEAD_BYTES))]
    if len(found) > 1:
        raise SeriesError(
            f"{found[0].label} and {found[1].label} each describe a recording (OME-XML); one is needed. Give the files of one "
            "recording only."
        )
    return found[0] if found else None


def look(files: Sequence[Upload], said: Described) -> Contents:
    return contents(files[0], [_part(image) for image in said.images])


def read(files: Sequence[Upload], said: Described, wish: Wish) -> Reading:
    """The recording. Raises ChoiceNeededError where it holds several images or it is not plain which axis is time."""
    notes: list[str] = []
    given = _by_name(files, said)
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
            items = (opened.pages([image.places[at] for at in planes]) for planes in _planes_of_frames(image, layout, wanted))
            frame_bytes = 8 * image.height * image.width * image.n_channels
            yield from in_order(partial(tiff.frame_of, notes=notes), items, frame_bytes=frame_bytes)

    first = next(frames(Wanted(stop=1)))
    n_frames = wish.wanted.count(layout.length("T", part.shape))
    times = of_all(image.taken.get(at) for at, *_ in _planes_of_frames(image, layout, wish.wanted))
    step, source = step_of(*said.timestep), f"OME recording: {len(of_the_set)} file{'s' * (len(of_the_set) != 1)}"
    return Reading(frames, first.dtype, n_frames, step, source=source, times=times, warnings=notes)


def _planes_of_frames(image: Planes, layout: Layout, wanted: Wanted) -> Iterator[list[tuple[int, int, int]]]:
    """For each wanted frame, the (time, channel, depth) of the planes of its channels."""
    time, lengths = layout.place("T"), (image.n_times, image.n_channels, image.n_depths)
    channels: Sequence[int | None] = range(layout.length("C", lengths + (0, 0))) if "C" in layout.roles else (None,)
    for index in range(lengths[time])[wanted.start : wanted.stop : wanted.every]:
        chosen = []
        for channel in channels:
            at = [{"T": index, "C": channel}.get(role) if isinstance(role, str) else role for role in layout.roles[:3]]
            chosen.append((at[0] or 0, at[1] or 0, at[2] or 0))
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


def _by_name(files: Sequence[Upload], said: Described) -> dict[str, Upload]:
    """The files of the set as its description calls them, without folders."""
    wanted = {bare(name) for name in (*said.files, said.elsewhere) if name}
    of_the_set = [file for file in files if bare(file.name) in wanted]
    given = {bare(file.name): file for file in of_the_set}
    if len(given) < len(of_the_set):
        twice = next(file for file in of_the_set if given[bare(file.name)] is not file)
        raise SeriesError(
            f"Two files are called {twice.label}, and a description of images (OME-XML) tells files apart by that alone. Give "
            "the files of one recording only."
        )
    return given


def _with_names(said: Described, teller: Upload, files: Sequence[Upload]) -> Described:
    """What `teller` says, with a file for every plane: a plane of which it says none is in itself, or in the one TIFF."""
    if said.has_nameless:
        tiffs = [teller] if _is_tiff(teller) else [file for file in files if _is_tiff(file)]
        if len(tiffs) != 1:
            raise SeriesError(
                f"{teller.label} does not say which file holds which plane, and {len(tiffs)} TIFF files were given; it can "
                "only be one then. Export the recording again."
            )
        said = said.told_by(bare(tiffs[0].name))
    if not said.files:
        raise SeriesError(
            f"{teller.label} describes no plane that lies in a TIFF file; that is where frames are read from. Export the "
            "recording as OME-TIFF."
        )
    return said


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


def _head(file: Upload, n_bytes: int = 16) -> bytes:
    with readable(file, "a picture"):
        return file.head(n_bytes)
