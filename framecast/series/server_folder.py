"""Series that already lie on the machine that serves the app, below one folder that its owner has opened.

FRAMECAST_SERIES_ROOT names that folder; where it is not set there is no such way in. Nothing outside it is ever listed or
read: paths that climb and links that lead out are refused.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from framecast.errors import SeriesError
from framecast.series.readers.contract import READERS, Upload, printable, suffixes
from framecast.series.readers.pictures import ignorable

ROOT_VARIABLE = "FRAMECAST_SERIES_ROOT"
MOST_LISTED = 2000
DEEPEST = 6
_STILL = ("png", "jpg", "jpeg", "bmp", "dcm", "dicom", "ima", "ome")
"""Types of files that are rarely a series alone: they are offered by the folder."""


def series_root() -> Path | None:
    """The opened folder, None where none was named or the name is of no folder."""
    named = os.environ.get(ROOT_VARIABLE)
    root = Path(named).resolve() if named else None
    return root if root is not None and root.is_dir() else None


def listed(root: Path) -> list[str]:
    """What can be read below `root`, as relative paths, folders with a slash at the end: files that can be a series in
    themselves, and folders that hold pictures."""
    known, pictures = set(suffixes()) - set(_STILL), {*READERS["pictures"].suffixes, *READERS["dicom"].suffixes}
    found: list[str] = []
    for folder, files in _walked(root):
        inside = folder.relative_to(root).as_posix()
        prefix = "" if inside == "." else f"{inside}/"
        if sum(_suffix(name) in pictures for name in files) > 1:
            found.append(prefix or "./")
        found += [prefix + name for name in files if _suffix(name) in known]
        if len(found) >= MOST_LISTED:
            break
    return found[:MOST_LISTED]


def uploads_of(root: Path, chosen: str) -> list[Upload]:
    """The file, or all files of the folder, that `chosen` names below `root`. Raises SeriesError where that leads out."""
    place = (root / chosen).resolve()
    if not place.is_relative_to(root) or not place.exists():
        raise SeriesError(
            f"There is no '{printable(chosen)}' in the folder that this server offers; a file or folder in it is needed. "
            "Choose one from the list."
        )
    if place.is_file():
        return [Upload.from_path(place)]
    files = [folder / name for folder, names in _walked(place) for name in names]
    uploads = [Upload.from_path(file, file.relative_to(place.parent).as_posix()) for file in files]
    return [upload for upload in uploads if not ignorable(upload)]


def _walked(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and the names of their files, sorted; hidden ones, links and pipes are passed over."""
    for folder, folders, files in os.walk(root, followlinks=False):
        here = Path(folder)
        deep = len(here.relative_to(root).parts) >= DEEPEST
        folders[:] = [] if deep else _plain(here, folders)
        yield here, _plain(here, files)


def _plain(folder: Path, names: list[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith(".") and _is_plain(folder / name))


def _is_plain(path: Path) -> bool:
    """A file or a folder; whoever opens a pipe waits for the other end."""
    return not path.is_symlink() and (path.is_file() or path.is_dir())


def _suffix(name: str) -> str:
    return Path(name).suffix.lower().lstrip(".")
