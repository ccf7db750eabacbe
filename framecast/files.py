"""Whole files or none: everything FrameCast keeps is written under a temporary name, flushed, and then renamed.

A crash, a full disk or a pulled plug leaves the old file or the new one, never a torn one. Temporary names begin with a dot
and end in ".part", so that whoever lists a folder can pass over what a crash left behind. Nothing here decides where things
are kept; the two stores do.
"""

import contextlib
import errno
import json
import math
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError

from framecast.errors import StorageError

WORKSPACE_VARIABLE = "FRAMECAST_WORKSPACE"
OUT_OF_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_ROOM_SIGNS = ("no space left", "not enough free space", "requested and", "file too large", "quota exceeded")
NOT_WRITABLE = (
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EIO, errno.ESTALE,
)  # fmt: skip
LONGEST_NAME = 255
"""Bytes that the name of a file may have."""


def default_workspace() -> Path:
    """The folder that series and runs are kept in unless another is named: FRAMECAST_WORKSPACE, else ./workspace."""
    return Path(os.environ.get(WORKSPACE_VARIABLE) or "workspace")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well, and vanishes when it does not.

    Raises StorageError where the disk is full or refuses.
    """
    part = _part(path)
    with storage_errors(path):
        try:
            with part.open("wb") as handle:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
        _sync_folder(path.parent)


def refusal(path: Path) -> str:
    """Why the system lets no file be written at `path`, in its words; empty where it does. Nothing is left behind."""
    part = _part(path)
    try:
        part.open("wb").close()
        part.unlink()
    except OSError as error:
        return str(error.strerror).lower()
    return ""


def write_text(path: Path, text: str) -> None:
    with writing(path) as handle:
        handle.write(text.encode())


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_text(path, json.dumps(plain_json(value), indent=2) + "\n")


def write_array(path: Path, array: np.ndarray[Any, Any]) -> None:
    with writing(path) as handle:
        np.save(handle, array, allow_pickle=False)


@contextlib.contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """An empty folder that becomes `path`, replacing what is there, when the block ends well.

    A folder cannot be swapped for another in one step everywhere: for a moment the old one stands under `set_aside(path)`.
    Whoever reads asks `standing` for it, and the next to write puts it back if a crash came in between. One process at a time
    may write. Raises StorageError where the disk is full or refuses.
    """
    part = _part(path)
    with storage_errors(path):
        try:
            part.mkdir(parents=True)
            yield part
            for file in part.rglob("*"):
                if file.is_file():
                    _sync_file(file)
                else:
                    _sync_folder(file)
            _sync_folder(part)
            settled(path)
            if path.exists():
                os.replace(path, set_aside(path))
            os.replace(part, path)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        _sync_folder(path.parent)
        shutil.rmtree(set_aside(path), ignore_errors=True)


def set_aside(path: Path) -> Path:
    """Where `writing_folder` puts the old folder while it moves the new one into place."""
    return path.with_name(f".{path.name}.old")


def standing(path: Path) -> Path:
    """Where what belongs at `path` is to be read: there, or set aside, where a replacement is under way or a crash cut one
    short. Nothing is touched, for it may be another process that is between its two renames."""
    return set_aside(path) if not path.exists() and set_aside(path).exists() else path


def below(folder: Path, inside: Path | None = None) -> Iterator[tuple[Path, Path]]:
    """All that is in `folder` and in its folders, in order, each with the path in `folder` that it belongs at: another than
    where it is if it is set aside. What else is hidden is passed over."""
    for path in sorted(folder.iterdir()):
        place = path
        if path.name.startswith("."):
            place = path.with_name(path.name.removeprefix(".").removesuffix(".old"))
            if standing(place) != path:
                continue
        belongs = (inside or Path()) / place.name
        yield path, belongs
        if path.is_dir():
            yield from below(path, belongs)


def settled(path: Path) -> Path:
    """`path`, after a replacement that a crash cut short was undone or cleared up. Only for the one process that may write
    there: it would take from another what that is about to replace."""
    old = set_aside(path)
    if old.exists():
        if path.exists():
            shutil.rmtree(old)
        else:
            os.replace(old, path)
    return path


def share_file(source: Path, target: Path) -> None:
    """The same file under a second name; copied where the disk knows no second names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def remove_folder(path: Path) -> None:
    """Delete a folder so that it is gone at once for whoever lists its parent, however long the deleting takes."""
    doomed = _part(path)
    with storage_errors(path):
        os.replace(path, doomed)
        shutil.rmtree(doomed)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write `path` into a StorageError that says what to do, and not where: a person at a
    browser is not told how the server's folders are called."""
    try:
        yield
    except SafetensorError as error:
        if any(sign in str(error).lower() for sign in _ROOM_SIGNS):
            raise _full(path) from error
        raise
    except OSError as error:
        # numpy says in words, and without a number, that it could not write all of an array
        if error.errno in OUT_OF_ROOM or (error.errno is None and any(sign in str(error).lower() for sign in _ROOM_SIGNS)):
            raise _full(path) from error
        if error.errno in NOT_WRITABLE:
            what = "The workspace" if path.name.startswith(".") else f"'{path.name}'"  # a name that nobody has seen
            raise StorageError(
                f"{what} cannot be written ({os.strerror(error.errno).lower()}); FrameCast must be able to write where it "
                "belongs. Allow it, or choose another workspace."
            ) from error
        raise


def plain_json(value: Any) -> Any:
    """`value` as JSON can hold it: not a number becomes null, the infinities the words "Infinity" and "-Infinity", numpy
    numbers and arrays plain ones, tuples lists."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def bytes_in_words(n_bytes: float) -> str:
    """27.6 GiB, 340 MiB, 12 KiB."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}" if n_bytes < 100 * size else f"{n_bytes / size:.0f} {unit}"
    return f"{n_bytes:.0f} bytes"


def _full(path: Path) -> StorageError:
    return StorageError(
        f"The disk is full: {_free(path)} are left where '{path.name}' had to be written. "
        "Free some space there, or choose another workspace; a quota or a limit on the size of files counts, too."
    )


def _part(path: Path) -> Path:
    name = os.fsencode(path.name)[: LONGEST_NAME - 15].decode(errors="ignore")  # it must not become too long by this
    return path.with_name(f".{name}.{uuid.uuid4().hex[:8]}.part")


def _free(path: Path) -> str:
    there = next(folder for folder in (path.parent, *path.absolute().parents) if folder.exists())
    return bytes_in_words(shutil.disk_usage(there).free)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def _sync_folder(path: Path) -> None:
    """Make a rename outlast a power cut; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
