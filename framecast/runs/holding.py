"""A file that one process holds: whoever carries a run out holds it, so that no other process carries it out too.

The lock is the system's own, on an open file. It ends with the process that holds it, however that ends, so on one machine it
cannot go stale; who holds it is written into the file, for people to read. It also keeps two holders within one process apart.

Not every disk that machines share tells one of them of the locks of another. So a holder on another machine is believed by
what it writes: it empties the file when it leaves, and touches it while it is there. Where it has done neither for a quarter
of an hour it is gone; at once where this machine held it and has been started anew since. A process number says nothing from
another machine and is never asked for. What it does is written over what it did, in one block, so that there is no moment at
which the file is empty and the holder seems to have left.
"""

import contextlib
import hashlib
import json
import os
import socket
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Self

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FAR = 2**30
"""On Windows the byte that is locked; behind all that is written, so that others can read who holds the file."""
AT_WORK = "at work"
BEAT_S, ALIVE_S = 30.0, 900.0
"""How often a holder touches the file at most, and how old that may be. Scoring a large frame may keep it for minutes."""
BOOT = Path("/proc/sys/kernel/random/boot_id")
UPTIME = Path("/proc/uptime")
INSTALLATION = Path("/etc/machine-id")
BLOCK = 512
"""Bytes that the words of a holder are padded to; a longer one is not to be left over behind a shorter one."""
TRIES, PAUSE_S = 20, 0.01
"""Of a file that seems held: somebody who only looks, as `holder` does, holds it for a moment."""


@dataclass(frozen=True)
class Holder:
    """Who holds a file, for people."""

    pid: int
    host: str
    since: str
    """ISO 8601, UTC."""
    machine: str = ""
    """The same for all whose locks the same system keeps: containers have host names of their own. Behind a slash, where it is
    known, what stays when that system is started anew."""
    doing: str = AT_WORK
    """AT_WORK, "waiting" in the queue, or "paused"."""

    @property
    def words(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}" if self.pid else "another process"


class Hold:
    """A file held by this process until `leave`, or to the end of a `with`. Should another machine have taken it meanwhile,
    which sees no lock and was told nothing for long (this machine slept, or had no network), it is left as that wrote it."""

    def __init__(self, path: Path, handle: IO[bytes]) -> None:
        self._path = path
        self._handle: IO[bytes] | None = handle
        self._mine = (os.getpid(), _machine())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.leave()

    def ours(self) -> bool:
        """Whether the file says still that this process holds it."""
        if self._handle is None:
            return False
        try:
            said = _said(self._path.read_bytes())
        except OSError:
            return False
        return said is not None and (said.pid, said.machine) == self._mine

    def beat(self) -> None:
        """Tell other machines that it is held, as `beat` does."""
        if _is_due(self._path) and self.ours():
            beat(self._path)

    def tell(self, doing: str) -> None:
        """Let others read what this process does with it. Where the disk does not take it, they read what it did before."""
        if self._handle is not None and self.ours():
            with contextlib.suppress(OSError):
                _write(self._handle, doing)

    def leave(self) -> None:
        """May be called twice. On a disk that refuses, other machines see it a quarter of an hour later."""
        if self._handle is not None:
            with contextlib.suppress(OSError), self._handle as handle:
                with contextlib.suppress(OSError):
                    if self.ours():
                        handle.truncate(0)
                _unlock(handle)
        self._handle = None


def take(path: Path, tries: int = TRIES) -> Hold | None:
    """Hold the file at `path`, which is made where there is none; None where somebody else holds it."""
    handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    for attempt in range(tries):
        if _lock(handle):
            break
        if attempt == tries - 1:
            handle.close()
            return None
        time.sleep(PAUSE_S)
    if _at_work_elsewhere(handle) is not None:
        _unlock(handle)
        handle.close()
        return None
    try:
        _write(handle, AT_WORK)
    except OSError:
        handle.close()
        raise
    return Hold(path, handle)


def beat(path: Path) -> None:
    """Tell other machines that the holder is there. It may be asked for at every step."""
    if _is_due(path):
        with contextlib.suppress(OSError):
            os.utime(path)


def holder(path: Path) -> Holder | None:
    """Who holds the file at `path` now; None where nobody does."""
    try:
        with path.open("r+b") as handle:
            if _lock(handle, to_look=True):
                other = _at_work_elsewhere(handle)
                _unlock(handle)
                return other
    except OSError:  # no such file, or one that must not be written here: then nobody here can carry the run out
        return None
    try:
        found = _said(path.read_bytes())
    except OSError:
        found = None
    return found or Holder(0, "", "")  # held, and by somebody who has not written yet


def _is_due(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > BEAT_S
    except OSError:  # deleted meanwhile, or a disk that is gone: the writer of a file will say so
        return False


def _at_work_elsewhere(handle: IO[bytes]) -> Holder | None:
    """Who holds the file on another machine, whose lock is not seen here."""
    handle.seek(0)
    other = _said(handle.read())
    if other is None or not other.machine:
        return None
    touched_s = os.fstat(handle.fileno()).st_mtime
    (boot, _, system), (own_boot, _, own) = other.machine.partition("/"), _machine().partition("/")
    # containers of one image may be called the same: who touched the file since this machine was started is another one
    was_here = boot == own_boot or (system == own != "" and touched_s < _started_s())
    return None if was_here or time.time() - touched_s >= ALIVE_S else other


def _said(words: bytes) -> Holder | None:
    """What a holder has written; None where that is nothing, as it is when it has left."""
    try:
        return Holder(**json.loads(words[:BLOCK].decode("utf-8")))
    except (ValueError, TypeError):
        return None


@cache
def _machine() -> str:
    try:
        boot = BOOT.read_text().strip()
    except OSError:  # no Linux: the host name stays, too
        return socket.gethostname()
    try:
        installation = INSTALLATION.read_text().strip()
    except OSError:
        installation = ""
    # machines of one image differ in their names; the number itself is not for others to see
    known = hashlib.sha256(f"{installation} {socket.gethostname()}".encode()).hexdigest()[:32] if installation else ""
    return f"{boot}/{known}"


def _started_s() -> float:
    """When this machine was started; 0 where that is not known."""
    try:
        return time.time() - float(UPTIME.read_text().split()[0])
    except (OSError, ValueError, LookupError):
        return 0.0


def _write(handle: IO[bytes], doing: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    words = json.dumps(asdict(Holder(os.getpid(), socket.gethostname(), now, _machine(), doing)))
    handle.seek(0)
    handle.write(words.encode().ljust(BLOCK))


def _lock(handle: IO[bytes], *, to_look: bool = False) -> bool:
    """Whether it was got. Those who only look share the lock, or each would take another for a holder; Windows has no such
    lock, so that there two that look in the same moment may."""
    try:
        if sys.platform == "win32":
            handle.seek(FAR)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            handle.seek(0)
        else:
            fcntl.flock(handle, (fcntl.LOCK_SH if to_look else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _unlock(handle: IO[bytes]) -> None:
    if sys.platform == "win32":
        handle.seek(FAR)
        msvcrt.locking(handle.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_UN)
