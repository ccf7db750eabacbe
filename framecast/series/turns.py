"""Who gives series their names and places in one store does so one after the other, threads and processes alike.

The lock is the system's own, on a file beside the store that stays, and ends with the process that has it. On a disk that
knows no locks two processes could still choose one name in the same moment; nothing is lost then: a series is its digest.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_here = threading.Lock()


@contextlib.contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait until nobody else has the turn in `folder`. For short work."""
    with _here, contextlib.ExitStack() as leaving:
        with contextlib.suppress(OSError):  # who must not write there is told so by what is written in the turn
            _lock(leaving.enter_context(folder.with_name(f".{folder.name}.lock").open("ab")))
        yield


def _lock(handle: IO[bytes]) -> None:
    """Closing the file unlocks it."""
    if sys.platform == "win32":
        handle.seek(0)
        msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX)
