"""What a network holds in memory while it trains and while it forecasts: counted event by event, not guessed.

A training step is really taken, on zeros and at sizes so small that it costs next to nothing, and after every operation the
bytes of all living tensors are noted. The operations are the same at every size, and what they hold has a fixed part, one for
each window, one for each pixel and one for each pixel of each window; so four such steps tell the bytes after each operation
at any batch and any size, and the largest is the peak. The operations are followed one by one because where the peak lies
moves with the size, from the gradients of the weights (small frames) to the intermediate results (large ones).
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from framecast.networks.rollout import chunks, frames_at_once, unroll
from framecast.networks.wrap import Padded, Residual, padded_size
from framecast.training.loss import penalty_of, training_loss
from framecast.training.optimising import autocast
from framecast.training.scaled import Scaled
from framecast.training.scaling import Scaler
from framecast.training.settings import TrainingSettings

Build = Callable[[int, int], nn.Module]
"""(height, width) to a network."""
Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, eq=False)
class Footprint:
    """Bytes beside weights, optimiser and copies, after each operation of a training step and of a forecast. The gradients
    are among them."""

    steps: tuple[Array, Array, Array, Array]
    """(operation,) each, of (one pixel area, 2 windows), (the larger area, 2), (the one, 3), (the larger, 3). Not of a single
    window, which is spared the copies that put several in another order."""
    rollouts: tuple[Array, Array]
    """Of a forecast that has absorbed as many frames as it does at once, at the one area and the larger."""
    areas: tuple[int, int]

    def peak_bytes(self, area: int, batch: int, whole: int | None = None) -> int:
        """The most that is held at any moment with windows of `area` pixels, padded, and `batch` of them a step. Forecasts are
        of frames of `whole` pixels where windows are crops of them."""
        one, larger, two, both = _alike(self.steps)
        low, high = self.areas
        x, y, z = (area - low) / (high - low), batch - 2, ((whole or area) - low) / (high - low)
        step = one + x * (larger - one) + y * (two - one) + x * y * (both - larger - two + one)
        quiet, loud = _alike(self.rollouts)
        return round(max(float(step.max()), float((quiet + z * (loud - quiet)).max())))


def footprint(
    build: Build, settings: TrainingSettings, context: int, block: int, channels: int, stride: int, device: torch.device
) -> Footprint:
    """Of training the network of `build` at full unroll. Numbers have the format that `device` would train in."""
    sides = [padded_size(side, stride) for side in (max(16, stride), max(32, 2 * stride))]
    held = [
        _held(_blank(build, side), settings, context, block, channels, side, batch, device)
        for batch in (2, 3)
        for side in sides
    ]
    one, larger, two, both = (step for step, _ in held)
    return Footprint((one, larger, two, both), (held[0][1], held[1][1]), (sides[0] ** 2, sides[1] ** 2))


def _alike(counted: Sequence[Array]) -> Sequence[Array]:
    """The counts, one for each operation; where the operations depend on the size, the peaks alone."""
    if len({len(one) for one in counted}) == 1:
        return counted
    return [one.max(keepdims=True) for one in counted]


def _blank(build: Build, side: int) -> nn.Module:
    """A network of zeros: nothing is drawn by chance, which would take time and disturb the chance of others."""
    with torch.device("meta"):
        network = build(side, side)
    network = network.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            tensor.zero_()
    return network


def _held(
    network: nn.Module,
    settings: TrainingSettings,
    context: int,
    block: int,
    channels: int,
    side: int,
    batch: int,
    device: torch.device,
) -> tuple[Array, Array]:
    """Bytes after each operation of a training step, those of the gradients of the parts before until the backward pass
    begins, and after each of a forecast."""
    one = (1.0,) * channels
    network = Scaled(Padded(network, 1), Scaler((0.0,) * channels, one), answers_change=settings.residual)
    if settings.residual:
        network = Residual(network)
    gradients = 4.0 * sum(weight.numel() for weight in network.parameters())
    n_unroll = max(settings.unroll, block)
    burn_in = min(settings.burn_in or context, context)
    n_frames = context + n_unroll
    own = [t >= (settings.burn_in or 1) for t in range(n_frames)] if settings.sampling == "reverse" else None
    noted = _Living(network)
    with noted:
        window = torch.zeros(batch, n_frames, channels, side, side)
        given = window + 0.0 if settings.input_noise else window
        with autocast(device, settings.precision, computed_on=window.device):
            forecast = unroll(
                network,
                given,
                burn_in=burn_in,
                context=context,
                truncate=settings.truncate,
                own=own,
                recompute=settings.recompute,
            )
        truth = window[:, -forecast.shape[1] :]
        spread = torch.ones(channels, 1, 1)
        loss = training_loss(forecast, truth, settings, spread=spread, data_range=1.0)
        penalty = penalty_of(network)
        begun = len(noted.bytes)
        (loss if penalty is None else loss + penalty).backward()  # type: ignore[no-untyped-call]
    step = np.array(noted.bytes, dtype=np.float64)
    step[:begun] += gradients if settings.parts > 1 else 0.0
    del window, given, forecast, truth, loss, penalty
    network.zero_grad(set_to_none=True)
    noted = _Living(network)
    with noted:
        n_frames = frames_at_once(network, context, tiled=bool(settings.tile))
        past = torch.zeros(1, n_frames, channels, side, side)
        for number, _ in enumerate(chunks(network, past, block + 1, warm_block=n_frames)):
            if number:
                break
    return step, np.array(noted.bytes, dtype=np.float64)


class _Living(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes after each operation how many bytes the tensors have that were made inside and are still alive."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes: list[float] = []
        self._now = 0
        self._known = WeakIdKeyDictionary()
        for tensor in (*network.parameters(), *network.buffers()):  # what they hold is counted elsewhere, views of them too
            self._known[tensor.untyped_storage()] = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        for one in (outputs,) if isinstance(outputs, Tensor) else tree_leaves(outputs):
            if isinstance(one, Tensor):
                self._note(one.untyped_storage())
        self.bytes.append(float(self._now))
        return outputs

    def _note(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:  # a view of what there was
            return
        self._known[storage] = None
        self._now += storage.nbytes()
        weakref.finalize(storage, self._forget, storage.nbytes())

    def _forget(self, n_bytes: int) -> None:
        self._now -= n_bytes
