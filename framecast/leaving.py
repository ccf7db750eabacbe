"""Leaving long work within seconds: whoever drives it says when it is to be left, and loops that take long ask.

A fit is left at its signs of life, where all of it can be kept. Between two of these a forecast over many leads, or the scores
of large frames, may take longer than anybody waits who pressed Ctrl-C. So such loops call `may_be_left` at every turn. Nothing
can be kept in the middle of one: the run then stands where it was kept last, and what came after comes again, the same.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

PATIENCE_S = 2.0
"""That drivers wait for a sign of life before work is left in the middle."""


class Left(BaseException):
    """Raised in the middle of work that is to be left. No error, and no Exception, so that nobody takes it for one."""


_ASKED: ContextVar[Callable[[], bool]] = ContextVar("_ASKED", default=lambda: False)


@contextlib.contextmanager
def left_when(asked: Callable[[], bool]) -> Iterator[None]:
    """Within the block `may_be_left` raises Left once `asked()` says so, or whoever asked around it; in this thread only. No
    generator may yield from within: the caller would be left, too."""
    around = _ASKED.get()
    token = _ASKED.set(lambda: asked() or around())
    try:
        yield
    finally:
        _ASKED.reset(token)


def may_be_left() -> None:
    """Called at every turn of a loop that may take long."""
    if _ASKED.get()():
        raise Left
