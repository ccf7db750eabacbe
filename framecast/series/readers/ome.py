"""What an OME-XML description says: which plane of which file is which time, channel and depth.

OME-TIFF (Open Microscopy Environment, "The OME-TIFF specification") may spread one recording over many files, each of which
names the others. Those names are foreign text: they are only compared with the names of files that a person gave, and never
opened. The description may also lie in one file of the set, to which the others point.
"""

import contextlib
import math
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Self
from xml.etree import ElementTree

from framecast.errors import SeriesError
from framecast.series.readers.contract import printable
from framecast.series.readers.moments import SECONDS

MOST_PLANES = 2**20
MOST_NAMED = 5


@dataclass(frozen=True)
class Planes:
    """One image of the description. Lengths are as claimed; `places` are as many as are there."""

    name: str
    n_times: int
    n_channels: int
    """Planes of each time and depth, so 1 where a plane holds all colours."""
    n_depths: int
    height: int
    width: int
    kind: str
    places: dict[tuple[int, int, int], tuple[str, int]] = field(default_factory=dict)
    """(time, channel, depth) to (name of the file, in small letters and without folders, page counted from 0). No name where
    it is the file of the description."""
    taken: dict[tuple[int, int, int], float] = field(default_factory=dict)
    """(time, channel, depth) to seconds after the first, of the planes that say it."""

    @property
    def n_planes(self) -> int:
        return self.n_times * self.n_channels * self.n_depths


@dataclass(frozen=True)
class Described:
    """`files` are the names of all files of the set, as written; `elsewhere` is the file that holds the description, where
    this one only points there."""

    images: tuple[Planes, ...] = ()
    files: tuple[str, ...] = ()
    elsewhere: str = ""
    timestep: tuple[str, str] = ("", "s")
    """Between times, with its unit."""

    @property
    def is_set(self) -> bool:
        return bool(self.elsewhere) or len(self.files) > 1

    @property
    def has_nameless(self) -> bool:
        return any(not name for image in self.images for name, _ in image.places.values())

    def told_by(self, file: str) -> Self:
        """The same, with `file` (as `bare` makes it) where a plane names none."""
        if not self.has_nameless:
            return self
        images = tuple(
            replace(one, places={at: (name or file, page) for at, (name, page) in one.places.items()}) for one in self.images
        )
        named = self.files if file in map(bare, self.files) else (*self.files, file)
        return replace(self, images=images, files=named)

    def missing(self, given: set[str]) -> list[str]:
        """Names of files of the set that are not among `given` (as `bare` makes them)."""
        return [name for name in (self.files or (self.elsewhere,)) if bare(name) not in given]


def described(text: str) -> Described:
    """Raises ElementTree.ParseError, ValueError or KeyError where the description is none."""
    if "<!DOCTYPE" in text:
        raise ValueError("a description with definitions of its own")
    root = ElementTree.fromstring(text)
    binary_only = next((one for one in root if _tag(one) == "BinaryOnly"), None)
    if binary_only is not None:
        return Described(elsewhere=binary_only.attrib["MetadataFile"])
    pixels = [
        (image.attrib.get("Name", f"image {index + 1}"), one)
        for index, image in enumerate(one for one in root if _tag(one) == "Image")
        for one in image
        if _tag(one) == "Pixels"
    ]
    names: dict[str, str] = {}
    for _, one in pixels:
        for name in _file_names(one):
            names.setdefault(bare(name), name)
    called = Counter(name for name, _ in pixels)
    images = tuple(
        _planes(name if called[name] == 1 else f"{name} ({index})", one) for index, (name, one) in enumerate(pixels, 1)
    )
    first = pixels[0][1].attrib if pixels else {}
    step = (first.get("TimeIncrement", ""), first.get("TimeIncrementUnit", "s"))
    return Described(images, tuple(names.values()), timestep=step)


def is_description(head: bytes) -> bool:
    """Whether a file that begins so is OME-XML and nothing else."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"<") and (b"<OME" in start or b":OME" in start)


def bare(name: str) -> str:
    """How names of files are compared: without folders, capital letters like small ones."""
    return PurePosixPath(name.replace("\\", "/")).name.lower()


def incomplete(label: str, missing: list[str]) -> SeriesError:
    named = ", ".join(f"'{printable(PurePosixPath(name).name)}'" for name in missing[:MOST_NAMED])
    more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    are = "is" if len(missing) == 1 else "are"
    return SeriesError(
        f"{label} is one of a set of files that hold one recording (OME-TIFF), and {named}{more} {are} missing; all of "
        "them are needed, under the names they had. Upload them together, or as a folder or ZIP."
    )


def _planes(name: str, pixels: ElementTree.Element) -> Planes:
    said = pixels.attrib
    samples = max([1, *(int(one.attrib.get("SamplesPerPixel", "1")) for one in pixels if _tag(one) == "Channel")])
    lengths = {"T": int(said["SizeT"]), "C": -(-int(said["SizeC"]) // samples), "Z": int(said["SizeZ"])}
    if min(lengths.values()) < 1:
        raise ValueError("an axis without length")
    found = Planes(
        printable(name), lengths["T"], lengths["C"], lengths["Z"], int(said["SizeY"]), int(said["SizeX"]), said["Type"]
    )
    order = said["DimensionOrder"][2:]
    if sorted(order) != ["C", "T", "Z"] or found.n_planes > MOST_PLANES:
        raise ValueError("axes that cannot be")
    n_said = 0
    for data in (one for one in pixels if _tag(one) == "TiffData"):
        uuid = next((one for one in data if _tag(one) == "UUID"), None)
        file = bare(uuid.attrib.get("FileName", "")) if uuid is not None else ""
        page = int(data.attrib.get("IFD", "0"))
        n_pages = int(data.attrib.get("PlaneCount", "1" if "IFD" in data.attrib else str(found.n_planes)))
        first = {axis: int(data.attrib.get(f"First{axis}", "0")) for axis in order}
        place = _flat(first, order, lengths)
        n_pages = max(0, min(n_pages, found.n_planes - place))
        if (n_said := n_said + n_pages) > MOST_PLANES:
            raise ValueError("planes that are told again and again")
        for offset in range(n_pages):
            at = _unflat(place + offset, order, lengths)
            found.places.setdefault((at["T"], at["C"], at["Z"]), (file, page + offset))
    found.taken.update(_taken(pixels))
    return found


def _taken(pixels: ElementTree.Element) -> dict[tuple[int, int, int], float]:
    """When the planes were taken, of those that say it (DeltaT) in a unit that is known."""
    taken = {}
    for plane in (one.attrib for one in pixels if _tag(one) == "Plane" and "DeltaT" in one.attrib):
        with contextlib.suppress(ValueError):
            seconds = float(plane["DeltaT"]) * SECONDS.get(plane.get("DeltaTUnit", "s").strip().lower(), math.nan)
            if math.isfinite(seconds):
                taken[int(plane.get("TheT", "0")), int(plane.get("TheC", "0")), int(plane.get("TheZ", "0"))] = seconds
    return taken


def _flat(at: dict[str, int], order: str, lengths: dict[str, int]) -> int:
    """How many planes come before this one; the first axis of `order` runs fastest."""
    place = 0
    for axis in reversed(order):
        if not 0 <= at[axis] < lengths[axis]:
            raise ValueError("a plane beyond the end of its axis")
        place = place * lengths[axis] + at[axis]
    return place


def _unflat(place: int, order: str, lengths: dict[str, int]) -> dict[str, int]:
    at = {}
    for axis in order:
        place, at[axis] = divmod(place, lengths[axis])
    return at


def _file_names(pixels: ElementTree.Element) -> list[str]:
    uuids = [one for data in pixels if _tag(data) == "TiffData" for one in data if _tag(one) == "UUID"]
    return [uuid.attrib["FileName"] for uuid in uuids if uuid.attrib.get("FileName")]


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
