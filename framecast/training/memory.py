"""How much memory a training step takes, and running out of it said in a sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import torch
from torch import Tensor, nn

from framecast.errors import DeviceMemoryError, memory_ran_out
from framecast.networks.rollout import unroll
from framecast.networks.wrap import padded_size
from framecast.training.loss import training_loss
from framecast.training.settings import TrainingSettings


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
    """Bytes of this process on the CPU; on a GPU the most that torch has held there since it began."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return int(psutil.Process().memory_info().rss)


def activation_bytes(
    build: Callable[[int, int], nn.Module], settings: TrainingSettings, context: int, channels: int, area: int, stride: int
) -> int:
    """Bytes that one training step keeps for its backward pass, at full unroll and batch, on frames of `area` pixels.

    Counted, not guessed: `build(height, width)` is unrolled over one window at two small sizes, every tensor that autograd
    saves is added up once, weights left out, and the line through both counts is followed to `area`. What a network holds
    grows with its area, and what it holds beside (casted weights) does not.
    """
    sides = [padded_size(side, stride) for side in (max(16, stride), max(32, 2 * stride))]
    small, large = (_saved_bytes(build(side, side), settings, context, channels, side) for side in sides)
    slope = (large - small) / (sides[1] ** 2 - sides[0] ** 2)
    return round(settings.batch_size * max(small, small + slope * (area - sides[0] ** 2)))


def _saved_bytes(network: nn.Module, settings: TrainingSettings, context: int, channels: int, side: int) -> float:
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    saved: dict[int, int] = {}
    kept = []  # keeps storages alive, so that no address is counted for two tensors

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)
        return tensor

    window = torch.zeros(1, context + settings.unroll, channels, side, side)
    burn_in = min(settings.burn_in or context, context)
    own = [t >= (settings.burn_in or 1) for t in range(window.shape[1])] if settings.sampling == "reverse" else None
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        forecast = unroll(network, window, burn_in=burn_in, context=context, truncate=settings.truncate, own=own)
        if settings.ssim_weight or settings.gradient_weight:
            training_loss(forecast, window[:, burn_in:], settings, spread=torch.ones(channels, 1, 1), data_range=1.0)
    return float(sum(saved.values()))
