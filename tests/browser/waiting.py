"""Waiting for what another process does."""

import time
from collections.abc import Callable

PATIENCE_S = 300.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)
