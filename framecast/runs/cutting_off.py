"""The end of a process that is stuck in a step: a thread that watches, for nothing else has a turn then."""

import threading
from collections.abc import Callable


def cut_off(
    begins: Callable[[], bool],
    left: threading.Event,
    within_s: float,
    end: Callable[[], object],
    afterwards: Callable[[], object] = lambda: None,
) -> None:
    """Call `end` in a thread, so long after `begins` has returned true, unless `left` is set by then. The main thread may be
    in the middle of a step of training, where no signal reaches Python and no clock interrupts."""

    def watch() -> None:
        if begins() and not left.wait(within_s):
            end()
        afterwards()

    threading.Thread(target=watch, name="framecast-cut-off", daemon=True).start()
