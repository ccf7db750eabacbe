"""A file that one process holds: whoever carries a run out holds it, so that no other process carries it out too.

The lock is the system's own, on an open file. It ends with the process that holds it, however that ends, so it cannot go
stale and needs no heartbeat; who holds it is written into the file for people to read, and believed only while it is held.
It also keeps two holders within one process apart.
"""

import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FAR = 2**30
"""On Windows the byte that is locked; behind all that is written, so that others can read who holds the file."""
TRIES, PAUSE_S = 20, 0.01
"""Of a file that seems held: somebody who only looks, as `holder` does, holds it for a moment."""


@dataclass(frozen=True)
class Holder:
    """Who holds a file, for people."""

    pid: int
    host: str
    since: str
    """ISO 8601, UTC."""

    @property
    def words(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}" if self.pid else "another process"


class Hold:
    """A file held by this process until `leave`."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle: IO[bytes] | None = handle

    def leave(self) -> None:
        """May be called twice."""
        if self._handle is not None:
            _unlock(self._handle)
            self._handle.close()
        self._handle = None


def take(path: Path) -> Hold | None:
    """Hold the file at `path`, which is made where there is none; None where somebody else holds it."""
    handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    for attempt in range(TRIES):
        if _lock(handle):
            break
        if attempt == TRIES - 1:
            handle.close()
            return None
        time.sleep(PAUSE_S)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    handle.truncate()
    handle.write(json.dumps(asdict(Holder(os.getpid(), socket.gethostname(), now))).encode())
    handle.flush()
    return Hold(handle)


def holder(path: Path) -> Holder | None:
    """Who holds the file at `path` now; None where nobody does."""
    try:
        with path.open("r+b") as handle:
            if _lock(handle):
                _unlock(handle)
                return None
    except OSError:  # no such file, or one that must not be written here: then nobody here can carry the run out
        return None
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # held, and by somebody who has not written yet
        return Holder(0, "", "")


def _lock(handle: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            handle.seek(FAR)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            handle.seek(0)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _unlock(handle: IO[bytes]) -> None:
    if sys.platform == "win32":
        handle.seek(FAR)
        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_UN)
