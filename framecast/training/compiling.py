"""Training steps compiled by torch where that is asked for, and taken as they are where it cannot be done.

What is compiled is the call of the network and not the whole step: the call that absorbs the true frames of a window and those
that go on from a forecast are the same at every unroll, so that an unroll that grows compiles nothing anew.
The network itself stays as it is: names of weights, checkpoints and forecasts know nothing of it. Forecasts after training are
never compiled: one takes less time than compiling it, and a fresh process must give the same bits.

Compiling needs more than training does: a C++ compiler, on a GPU Triton, and operations that it knows. Where it fails the step
is taken again uncompiled, so are all that follow, and the run says so.
"""

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from framecast.errors import FrameCastError, memory_ran_out
from framecast.networks.contract import State, answers_each
from framecast.networks.wrap import Padded
from framecast.training.settings import TrainingSettings

MOST_FORMS = 8
"""Shapes that a call is compiled for; what has another one is computed uncompiled. A run on one series has up to five."""


def asked_for(settings: TrainingSettings) -> bool:
    """Whether steps are to be compiled. Never by itself: on a GPU replaying them (replaying.py) gains more and costs less than
    a second, and on a CPU some thousand steps are needed to win the time back."""
    return settings.compile == "on" and not settings.recompute


class Compiled:
    """`network`, to be called like it. No module: it has no weights of its own."""

    def __init__(self, network: nn.Module, *, backend: Any = "inductor", replay: bool = False) -> None:
        """With `replay` a rollout on a GPU is one graph of operations that is replayed, which holds memory of its own."""
        self._network = network
        self._padded = [part for part in network.modules() if isinstance(part, Padded)]
        self.note = ""
        """What is to be said of it to a person, once it has failed."""

        def call(frames: Tensor, state: State = None, **asked: Any) -> tuple[Tensor, State]:
            answer: tuple[Tensor, State] = network(frames, state, **asked)
            return answer

        known = inspect.signature(torch.compile).parameters  # torch 2.11 has neither limit nor isolation, and a default of 8
        limits = {"recompile_limit": MOST_FORMS, "isolate_recompiles": True}
        made: Any = {"dynamic": False, "backend": backend, **{name: one for name, one in limits.items() if name in known}}
        self._call: Any = torch.compile(call, **made)
        on_gpu = next(network.parameters()).device.type == "cuda"
        self._replayed: Any = torch.compile(call, **made, mode="reduce-overhead") if on_gpu and replay else None

    @property
    def answers_each(self) -> bool:
        return answers_each(self._network)

    def __call__(self, frames: Tensor, state: State = None, **asked: Any) -> tuple[Tensor, State]:
        if self.note:
            answer: tuple[Tensor, State] = self._network(frames, state, **asked)
            return answer
        answer = self._call(frames.contiguous(), state, **asked)  # cut from a window they would have a stride of its length
        return answer

    def forecasting(self, frames: Tensor, state: State = None, **asked: Any) -> tuple[Tensor, State]:
        """The same for a rollout. Compiled is what a forecast is fed back to, nearly all of it and of one shape.
        The true frames before come in blocks of any length and are absorbed uncompiled; so is a forecast in tiles, which
        would be laid out one after the other, and one that memory ran out for, which may go over to tiles."""
        in_tiles = any(part.tile_size for part in self._padded)
        if not (self.note or in_tiles) and asked.get("fed_back"):
            try:
                return self._replay(frames, state, asked) if self._replayed else self(frames, state, **asked)
            except Exception as error:  # one of the network itself comes again below
                if not memory_ran_out(error):
                    self.give_up(error)
        answer: tuple[Tensor, State] = self._network(frames, state, **asked)
        return answer

    def give_up(self, error: Exception) -> None:
        """Call the network as it is from now on. To be called with whatever went wrong in a compiled step, which is then taken
        again: compilers fail in ways of their own, and an error of the step itself comes again. Raises `error` where a second
        try would be of no use."""
        if self.note or isinstance(error, FrameCastError) or memory_ran_out(error):
            raise error
        self.note = f"Training steps could not be compiled on this machine ({_reason(error)}), so they were taken uncompiled."

    def _replay(self, frames: Tensor, state: State, asked: dict[str, Any]) -> tuple[Tensor, State]:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        forecast, new = self._replayed(frames, state, **asked)
        return forecast.clone(), None if new is None else tuple(part.clone() for part in new)  # the next replay writes there


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _reason(error: Exception) -> str:
    """In a few words, for somebody who has never compiled anything."""
    text = " ".join(f"{type(one).__name__} {one}" for one in _with_causes(error)).lower()
    if "invalidcxxcompiler" in text or "no working c++ compiler" in text:
        return "there is no C++ compiler"
    if "triton" in text:
        return "Triton, which compiles for this GPU, is not there or does not know it"
    return "torch does not know how to compile this network here"
