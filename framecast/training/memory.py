"""How much memory is in use, and running out of it said in a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

from framecast.errors import DeviceMemoryError, memory_ran_out


@contextmanager
def memory_errors(device: str) -> Iterator[None]:
    """Turns an allocation that failed on `device` into DeviceMemoryError; other errors pass."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not memory_ran_out(error):
            raise
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
        raise DeviceMemoryError(
            f"The memory of {device} is full. Choose a smaller working size, a smaller batch or a shorter unroll."
        ) from error


def memory_in_use(device: torch.device) -> int:
    """Bytes of this process on the CPU; on a GPU the most that torch has held there since its peak
    was last counted anew, as it is where a training on a GPU begins."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)
