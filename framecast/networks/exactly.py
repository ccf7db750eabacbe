"""Convolutions of a GPU in full float32, and the same bits each time, as long as somebody asks for that.

cuDNN, which makes them, otherwise rounds what it multiplies to TF32, ten bits of the fraction, and may add up in another order
each time. Both are switches of the whole process. So the first who asks turns them and the last who leaves turns them back:
were each to put back what it had found, two forecasts in two threads, of which the first begun ends first, would leave them
turned for good. Training that goes on beside is exact meanwhile, and slower. On a CPU there is nothing to turn.
"""

import contextlib
import threading
from collections.abc import Iterator

import torch

_lock = threading.Lock()
_turned: list[contextlib.ExitStack] = []
"""What turns them back, once for each who asks; only the first has something to do."""


@contextlib.contextmanager
def exactly() -> Iterator[None]:
    """Inside the block networks compute exactly."""
    with _lock:
        back = _turned[0] if _turned else contextlib.ExitStack()
        if not _turned:
            back.enter_context(
                torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
            )
        _turned.append(back)
    try:
        yield
    finally:
        with _lock:
            _turned.pop()
            if not _turned:
                back.close()
