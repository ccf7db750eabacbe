"""Training steps on a GPU, asked for once and replayed.

A step calls the network some twenty times, forwards and back, and a call is a hundred small operations. A GPU is done with
each of them, on frames as small as those of a short series, before the processor has asked for the next: a step at 64 px took
0.1 s on an H100 that could have done its arithmetic in 50 microseconds. So what a step asks for is recorded once, as a CUDA
graph, and replayed from then on. The numbers are those of the step itself: the same operations in the same order.

A recording knows only addresses. The windows are copied to where they lay when it was made, gradients are set to nothing and
never given away, and where a weight or a gradient lies elsewhere than then, recordings are made anew. What cannot be recorded
is taken as it is, and so are all steps that follow.
"""

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from framecast.errors import FrameCastError, memory_ran_out
from framecast.networks.contract import pop_penalties
from framecast.training.batches import Batch
from framecast.training.settings import TrainingSettings

Gradient = Callable[[Batch, float, float], Tensor]
"""Adds the gradient of some windows to the weights': of these, the portion of the batch that they are, and the data range; the
loss, counted as that portion."""
AS_THEY_ARE = 2
"""Times that a form is taken as it is, before it is recorded: libraries choose their ways meanwhile."""
MOST_FORMS = 8
"""Recordings that are kept: of an unroll those of a whole batch and of the last one, and of some frames pushed before."""
MOST_RECORDINGS = 64
"""That are made in one training. Where forms change so often, recording takes longer than it saves."""
LARGEST = 2**26
"""Numbers in the windows of a part above which a GPU is busy without."""
NO_ROOM = "too little memory"
_one_at_a_time = threading.Lock()
"""The driver lets a process record on one GPU at a time."""


def may_replay(settings: TrainingSettings, device: torch.device) -> bool:
    """Whether steps on `device` are to be recorded. "off" is for somebody who looks for what goes wrong."""
    return device.type == "cuda" and settings.compile == "auto" and not settings.recompute


def steps_until_replayed(settings: TrainingSettings, device: torch.device) -> int:
    """Steps of one form until they take the time that all others will."""
    return AS_THEY_ARE + 1 if may_replay(settings, device) else 1


class Recorder(Protocol):
    """Makes recordings."""

    def has_room(self) -> bool:
        """Whether there is memory for one more, which keeps what a step holds at its most, and for steps beside it."""

    def __call__(self, work: Callable[[], Tensor], *, anew: bool) -> Callable[[], Tensor]:
        """What `work`, which is not done by it, becomes when it is recorded. `anew`: no earlier recording lives any more."""


class Replayed:
    """`gradient` of `network`, to be called like it."""

    def __init__(self, network: nn.Module, gradient: Gradient, record: Recorder) -> None:
        self._network, self._gradient, self._record = network, gradient, record
        self._seen: Counter[Hashable] = Counter()
        self._recorded: dict[Hashable, _Recorded] = {}
        self._addresses: tuple[int, ...] = ()
        self._n_made = 0
        self.note = ""
        """What is to be said of it to a person, once it has failed."""

    def __call__(self, part: Batch, portion: float, data_range: float) -> Tensor:
        # frames that are exchanged by chance give nearly every step a form of its own
        if self.note or part.own is not None or part.window.numel() > LARGEST:
            return self._gradient(part, portion, data_range)
        form = _form(part, portion, data_range)
        self._seen[form] += 1
        if self._seen[form] <= AS_THEY_ARE:
            return self._gradient(part, portion, data_range)
        if self._addresses != (addresses := _addresses(self._network)):
            self._recorded, self._addresses = {}, addresses
        recorded = self._recorded.pop(form, None) or self._made(part, portion, data_range)
        if recorded is None:
            return self._gradient(part, portion, data_range)
        self._recorded[form] = recorded  # the last one used is the last to be dropped
        if len(self._recorded) > MOST_FORMS:
            del self._recorded[next(iter(self._recorded))]
        return recorded(part)

    def give_up(self, error: Exception) -> None:
        """Drop all recordings and make no more. To be called with what went wrong in a step, which is then taken again: what
        they hold may be what it lacked. Raises `error` where a second try would be of no use."""
        if not (self._recorded and memory_ran_out(error)):
            raise error
        self._stop(NO_ROOM)

    def _made(self, part: Batch, portion: float, data_range: float) -> "_Recorded | None":
        if self._n_made == MOST_RECORDINGS:
            return None
        self._n_made += 1
        try:
            if not self._record.has_room():
                self._stop(NO_ROOM)
                return None
            held = _Held.of(part)
            work = self._record(lambda: self._gradient(held.batch, portion, data_range), anew=not self._recorded)
            return _Recorded(held, work)
        except FrameCastError:
            raise
        except Exception as error:  # that of ending a recording may hide the one that ended it
            full = any(memory_ran_out(one) for one in (error, error.__context__) if isinstance(one, Exception))
            self._stop(NO_ROOM if full else type(error).__name__)
            return None

    def _stop(self, why: str) -> None:
        pop_penalties(self._network)
        self._recorded = {}
        self.note = f"Training steps could not be recorded on this GPU ({why}), so they took longer."


@dataclass(frozen=True, eq=False)
class _Held:
    """Windows that stay where they are, for others to be copied there."""

    batch: Batch

    @classmethod
    def of(cls, part: Batch) -> "_Held":
        window = part.window.clone()
        given = window if _is_one(part.window, part.given) else part.given.clone()
        mask = None if part.mask is None else part.mask.clone()
        counted = mask if part.counted is part.mask else None if part.counted is None else part.counted.clone()
        return cls(replace(part, window=window, given=given, mask=mask, counted=counted))

    def take(self, part: Batch) -> None:
        filled: list[Tensor] = []
        for name in ("window", "given", "mask", "counted"):
            there, new = getattr(self.batch, name), getattr(part, name)
            if there is not None and not any(there is one for one in filled):
                there.copy_(new, non_blocking=True)
                filled.append(there)


class _Recorded:
    def __init__(self, held: _Held, replay: Callable[[], Tensor]) -> None:
        self._held, self._replay = held, replay

    def __call__(self, part: Batch) -> Tensor:
        self._held.take(part)
        return self._replay().clone()  # the next replay writes there


class OnGPU:
    """Recordings are CUDA graphs. They share the memory of what lies between their first operation and their last, since they
    are never replayed at the same time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        # What another run of this process once held says nothing of a step of this one, and would leave no room for ever.
        torch.cuda.reset_peak_memory_stats(device)
        self._pool: Any = None

    def has_room(self) -> bool:
        free, _ = torch.cuda.mem_get_info(self._device)
        held = torch.cuda.memory_allocated(self._device)
        step = torch.cuda.max_memory_allocated(self._device) - held
        return free + torch.cuda.memory_reserved(self._device) - held >= 3 * step

    def __call__(self, work: Callable[[], Tensor], *, anew: bool) -> Callable[[], Tensor]:
        if anew:
            self._pool = torch.cuda.graph_pool_handle()
        graph, stream = torch.cuda.CUDAGraph(), _stream(self._device)
        # torch does not go back to the stream there was where a recording breaks off, hence its own context around it;
        # other threads may use the GPU meanwhile
        with (
            _one_at_a_time,
            torch.cuda.device(self._device),
            torch.cuda.stream(stream),
            torch.cuda.graph(graph, pool=self._pool, stream=stream, capture_error_mode="thread_local"),
        ):
            loss = work()

        def replay() -> Tensor:
            graph.replay()
            return loss

        return replay


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    """One for all recordings on a GPU: libraries keep memory for each stream that they were called on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def _form(part: Batch, portion: float, data_range: float) -> Hashable:
    """All that a recording is bound to, beside the addresses. A forecast made meanwhile turns the switches of cuDNN."""
    masks = tuple(None if mask is None else mask.shape for mask in (part.mask, part.counted))
    seen = (part.window.shape, _is_one(part.window, part.given), part.pushed)
    switches = (torch.backends.cudnn.deterministic, torch.backends.cudnn.allow_tf32)
    return *seen, masks, part.counted is part.mask, portion, data_range, *switches


def _is_one(window: Tensor, given: Tensor) -> bool:
    return window is given or (window.data_ptr() == given.data_ptr() and window.shape == given.shape)


def _addresses(network: nn.Module) -> tuple[int, ...]:
    """Where weights and their gradients lie."""
    weights = list(network.parameters())
    return tuple(0 if tensor is None else tensor.data_ptr() for w in weights for tensor in (w, w.grad))
