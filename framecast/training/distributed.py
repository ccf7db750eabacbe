"""Several processes that `torchrun` started for one run: who they are, and how the first one tells the others what to do.

The first process is the program: it alone reads the command, decides, validates and writes. The others are its helpers: they
hear what is to be computed, compute it, and hear again, until they are told that the fit has ended. So there is nothing that
two processes could decide differently, and none can wait for a step that another one does not take.

Orders go over the network (gloo); gradients and losses over NCCL between GPUs, and over gloo between CPUs. A helper that
cannot go on leaves a sentence where the first process finds it. All of them read the same workspace.
"""

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import load, save
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from framecast.errors import FrameCastError, LeftAloneError, SettingError, memory_ran_out

PATIENCE = timedelta(days=7)
"""Helpers wait while the first process validates or looks at a signal; torchrun ends them when another process has died."""
GPU_PATIENCE = timedelta(minutes=20)
"""Of one step between GPUs."""
FAILED = "failed"
_ORDER = "order"


@dataclass(frozen=True)
class Order:
    """What a helper is told: one word, with numbers and tensors that belong to it."""

    word: str
    values: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)


class Group:
    """The processes of one torchrun, joined by `joined`. The first has rank 0."""

    def __init__(self, rank: int, size: int, local_rank: int, store: Store) -> None:
        self.rank, self.size, self.local_rank = rank, size, local_rank
        self.broken = False
        """A process ended in the middle of something that all do together: nothing can be said any more."""
        self.released = False
        self.gradients: dist.ProcessGroup | None = None
        """What gradients go over; None for the group of the orders."""
        self._store = store

    def tell(self, word: str, tensors: Mapping[str, Tensor] | None = None, **values: Any) -> None:
        """The first process: say it to all helpers. `values` are what JSON holds."""
        content = torch.frombuffer(bytearray(json.dumps([word, values]).encode()), dtype=torch.uint8)
        blob = save({_ORDER: content, **{name: one.detach().cpu().contiguous() for name, one in (tensors or {}).items()}})
        with self.together():
            dist.broadcast(torch.tensor([len(blob)]), 0)
            dist.broadcast(torch.frombuffer(bytearray(blob), dtype=torch.uint8), 0)

    def hear(self) -> Order:
        """A helper: wait for what is said next."""
        with self.together():
            length = torch.zeros(1, dtype=torch.int64)
            dist.broadcast(length, 0)
            blob = torch.zeros(int(length), dtype=torch.uint8)
            dist.broadcast(blob, 0)
        tensors = load(blob.numpy().tobytes())
        word, values = json.loads(tensors.pop(_ORDER).numpy().tobytes())
        return Order(word, values, tensors)

    def use_device(self, device: str) -> None:
        """All processes: let gradients go over what suits this device, "cpu" or "cuda". Of several GPUs each process takes
        its own. Raises SettingError where there are fewer."""
        if device == "cpu":
            return
        if self.local_rank >= (n_gpus := torch.cuda.device_count()):
            raise SettingError(
                f"This machine has {n_gpus} GPUs and process {self.local_rank + 1} on it found none left; each needs one. "
                f"Start torchrun with --nproc-per-node {max(1, n_gpus)}, or choose --device cpu."
            )
        torch.cuda.set_device(self.local_rank)
        with self.together():
            self.gradients = dist.new_group(backend="nccl", timeout=GPU_PATIENCE)

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes, on each of them."""
        dist.all_reduce(value, group=self.gradients)
        return value

    def share(self, weights: list[Tensor]) -> None:
        """Give every process what the first one has."""
        for weight in weights:
            dense = weight.detach().contiguous()
            dist.broadcast(dense, 0, group=self.gradients)
            weight.detach().copy_(dense)

    def release(self) -> None:
        """The first process: let the helpers end. May be called twice."""
        if not self.broken and not self.released:
            self.tell("end")
        self.released = True

    def fail(self, sentence: str) -> None:
        """A helper that cannot go on: leave the sentence for the first process, which then hears of it."""
        self._store.set(FAILED, sentence)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Around what all processes do at the same time. Whatever ends it early ends the work of all: the first process then
        raises what the helper said that could not go on, where one did."""
        try:
            yield
        except BaseException as error:
            self.broken = True
            if not isinstance(error, RuntimeError) or isinstance(error, FrameCastError):
                raise
            if self._store.check([FAILED]):
                raise LeftAloneError(self._store.get(FAILED).decode()) from error
            if memory_ran_out(error) or not _lost(error):
                raise
            raise LeftAloneError(
                "Another process of this run ended without a word; all must be there to the end. It was killed, or its "
                "machine was lost. Go on from the last checkpoint with runs resume."
            ) from error


@contextlib.contextmanager
def joined() -> Iterator[Group]:
    """This process joined with the others that torchrun started, which say so in the environment."""
    store, rank, size = next(iter(rendezvous("env://", timeout=PATIENCE)))
    dist.init_process_group("gloo", store=store, rank=rank, world_size=size, timeout=PATIENCE)
    warnings.filterwarnings("ignore", "Grad strides do not match")  # of depthwise layers; it costs one copy of few weights
    group = Group(rank, size, int(os.environ["LOCAL_RANK"]), PrefixStore("framecast", store))
    try:
        yield group
    finally:
        if rank == 0:
            with contextlib.suppress(LeftAloneError):  # then there is nobody to be let go
                group.release()
        if not group.broken:
            dist.destroy_process_group()


def _lost(error: RuntimeError) -> bool:
    """Whether gloo or NCCL says here that another process is gone."""
    text = str(error).lower()
    signs = ("gloo", "nccl", "connection closed", "connection reset", "broken pipe")
    return isinstance(error, dist.DistError) or any(sign in text for sign in signs)
