"""Whether stored frames are those that were stored, without reading them: a digest is made again only of a file that somebody
has touched since it was last looked at.

    .seen.json   what the file of frames was like then: its size, when it was written, and which file it is
"""

import contextlib
import json
from pathlib import Path

from framecast.errors import StorageError
from framecast.files import write_json

SEEN = ".seen.json"
"""Hidden, so that it stays on this machine when the series goes to another."""


def as_seen(folder: Path) -> bool | None:
    """Whether the frames in `folder` are as when they were last known to be right; None where nobody has looked yet. Raises
    FileNotFoundError where there are none."""
    try:
        seen = [int(part) for part in json.loads((folder / SEEN).read_text(encoding="utf-8"))["stamp"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return seen == _stamp(folder)


def note_seen(folder: Path) -> None:
    """The frames are right as they are now."""
    with contextlib.suppress(OSError, StorageError):  # a disk that takes nothing: they are looked at again next time
        write_json(folder / SEEN, {"stamp": _stamp(folder)})


def _stamp(folder: Path) -> list[int]:
    found = (folder / "frames.npy").stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
