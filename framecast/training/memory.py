"""Running out of memory, said in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from framecast.errors import DeviceMemoryError

_SIGNS = ("out of memory", "not enough memory", "can't allocate memory")


@contextmanager
def memory_errors(device: str) -> Iterator[None]:
    """Turns an allocation that failed on `device` into DeviceMemoryError; other errors pass."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(sign in str(error).lower() for sign in _SIGNS):
            raise
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
        raise DeviceMemoryError(
            f"The memory of {device} is full. Choose a smaller working size, a smaller batch or a shorter unroll."
        ) from error
