"""A large file on its way to the disk: room is taken ahead of the writing, and what was written is sent on meanwhile.

Whoever is told that a file is stored may pull the plug, so it ends on the disk. Waiting for 700 MB at the end would take a
tenth of the time that decoding takes; a thread of its own sends them while frames are still coming.
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, Self

ROOM_BYTES = 2**26
"""No more room is taken at once."""
SEND_BYTES = 2**24
"""So much is written before it is sent on: what is left at the end is waited for."""


class Ahead:
    """Around the writing of `handle`, frame after frame; at the end the file is on the disk, as long as what was written."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="to-disk")
        self._sending: Future[None] | None = None
        self._sent = self._end = 0
        self._room: float = 0

    def write(self, content: memoryview) -> None:
        """Raises OSError where the disk is full or fails."""
        place = self._handle.tell() if self._end == 0 else self._end
        self._end = place + content.nbytes
        if self._end > self._room:
            self._take_room(place, max(content.nbytes, min(place, ROOM_BYTES)))
        self._handle.write(content)
        if self._end - self._sent >= SEND_BYTES and (self._sending is None or self._sending.done()):
            self._wait()
            self._sent = self._end
            self._handle.flush()
            self._sending = self._pool.submit(os.fsync, self._handle.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if error is None:
                self._wait()
                self._handle.truncate(self._end)
                self._handle.flush()
                os.fsync(self._handle.fileno())
        finally:
            self._pool.shutdown(wait=True)

    def _wait(self) -> None:
        if self._sending is not None:
            self._sending.result()

    def _take_room(self, place: int, n_bytes: int) -> None:
        """A third of what writing costs is looking for room, block by block. Where the system has no such way, or no room, the
        writing itself finds out."""
        self._room = float("inf")
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self._handle.fileno(), place, n_bytes)
            except OSError:
                return
            self._room = place + n_bytes
