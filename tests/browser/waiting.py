"""Waiting for what another process does."""

import time
from collections.abc import Callable

PATIENCE_S = 300.0


def until(true: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
