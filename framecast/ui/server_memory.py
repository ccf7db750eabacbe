"""Memory that uploads took, given back to the system; for glibc on Linux, elsewhere nothing is done.

Streamlit keeps each upload as one piece of bytes. By default glibc soon stops keeping such pieces apart: they lie between
short-lived ones, and while 400 files arrive the server takes twice their size. While an upload box is open, pieces from a
quarter of a megabyte on are kept apart; training, which makes and frees such pieces all the time, is served better without.
"""

import ctypes
import gc
import sys
from functools import cache
from typing import Any

_MMAP_THRESHOLD = -3
"""The name of this setting in glibc's malloc.h."""
APART_BYTES = 2**18
USUAL_BYTES = 2**25


def expect_uploads() -> None:
    """Large pieces are kept apart from now on."""
    _set_threshold(APART_BYTES)


def uploads_are_done() -> None:
    """Give back what they left, and go on as usual."""
    gc.collect()
    trim = getattr(_libc(), "malloc_trim", None)
    if trim is not None:
        trim(0)
    _set_threshold(USUAL_BYTES)


def _set_threshold(n_bytes: int) -> None:
    change = getattr(_libc(), "mallopt", None)
    if change is not None:
        change(_MMAP_THRESHOLD, n_bytes)


@cache
def _libc() -> Any:
    """glibc; musl has no such calls, and other systems are left alone."""
    return ctypes.CDLL(None) if sys.platform == "linux" else None
