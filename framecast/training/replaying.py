"""Training steps on a GPU, asked for once and replayed.

A step calls the network some twenty times, forwards and back, and a call is a hundred small operations. A GPU is done with
each of them, on frames as small as those of a short series, before the processor has asked for the next: a step at 64 px took
0.1 s on an H100 that could have done its arithmetic in 50 microseconds. So what a step asks for is recorded once, as a CUDA
graph, and replayed from then on. The numbers are those of the step itself: the same operations in the same order.

A recording knows only addresses. The windows are copied to where they lay when it was made, gradients are set to nothing and
never given away, and where a weight or a gradient lies elsewhere than then, recordings are made anew. What cannot be recorded
is taken as it is, and so are all steps that follow.
"""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from framecast.errors import FrameCastError, memory_ran_out
from framecast.networks.contract import pop_penalties
from framecast.training.batches import Batch
from framecast.training.settings import TrainingSettings

Gradient = Callable[[Batch, float, float], Tensor]
"""Adds the gradient of some windows to the weights': of these, the portion of the batch that they are, and the data range; the
loss, counted as that portion."""
Recorder = Callable[[Callable[[], Tensor]], Callable[[], Tensor]]
"""What some work, which is not done by it, becomes when it is recorded."""
AS_THEY_ARE = 2
"""Steps of a form that are taken as they are, before one is recorded: libraries choose their ways meanwhile."""
MOST_FORMS = 8
"""Recordings that are kept: of an unroll those of a whole batch and of the last one, and of some frames pushed before."""
MOST_RECORDINGS = 64
"""That are made in one training. Where forms change so often, recording takes longer than it saves."""
LARGEST = 2**26
"""Numbers in the windows of a step above which a GPU is busy without."""


def may_replay(settings: TrainingSettings, device: torch.device) -> bool:
    """Whether steps on `device` are to be recorded. "off" is for somebody who looks for what goes wrong."""
    return device.type == "cuda" and settings.compile == "auto" and not settings.recompute


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
        form = _form(part, portion, data_range)
        self._seen[form] += 1
        if not self._fits(part) or self._seen[form] <= AS_THEY_ARE:
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

    def _fits(self, part: Batch) -> bool:
        """Frames that are exchanged by chance give nearly every step a form of its own."""
        return not self.note and part.own is None and part.window.numel() <= LARGEST

    def _made(self, part: Batch, portion: float, data_range: float) -> "_Recorded | None":
        if self._n_made == MOST_RECORDINGS:
            return None
        self._n_made += 1
        held = _Held.of(part)
        try:
            return _Recorded(held, self._record(lambda: self._gradient(held.batch, portion, data_range)))
        except FrameCastError:
            raise
        except Exception as error:
            pop_penalties(self._network)
            self._recorded = {}
            why = "too little memory" if memory_ran_out(error) else type(error).__name__
            self.note = f"Training steps could not be recorded on this GPU ({why}), so they took longer."
            return None


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
        for name in ("window", "given", "mask", "counted"):
            there, new = getattr(self.batch, name), getattr(part, name)
            if there is not None and not (name == "given" and there is self.batch.window):
                there.copy_(new, non_blocking=True)


class _Recorded:
    def __init__(self, held: _Held, replay: Callable[[], Tensor]) -> None:
        self._held, self._replay = held, replay

    def __call__(self, part: Batch) -> Tensor:
        self._held.take(part)
        return self._replay().clone()  # the next replay writes there


def recorder_on(device: torch.device) -> Recorder:
    """Records as CUDA graphs, which share the memory of what lies between their first operation and their last: they are never
    replayed at the same time."""
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    pool = torch.cuda.graph_pool_handle()

    def record(work: Callable[[], Tensor]) -> Callable[[], Tensor]:
        graph = torch.cuda.CUDAGraph()
        # of this thread: others may use the GPU meanwhile
        with torch.cuda.graph(graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            loss = work()

        def replay() -> Tensor:
            graph.replay()
            return loss

        return replay

    return record


def _form(part: Batch, portion: float, data_range: float) -> Hashable:
    """All that a recording is bound to, beside the addresses."""
    masks = tuple(None if mask is None else mask.shape for mask in (part.mask, part.counted))
    seen = (part.window.shape, _is_one(part.window, part.given), part.pushed)
    return *seen, masks, part.counted is part.mask, portion, data_range


def _is_one(window: Tensor, given: Tensor) -> bool:
    return window is given or (window.data_ptr() == given.data_ptr() and window.shape == given.shape)


def _addresses(network: nn.Module) -> tuple[int, ...]:
    """Where weights and their gradients lie."""
    weights = list(network.parameters())
    return tuple(0 if tensor is None else tensor.data_ptr() for w in weights for tensor in (w, w.grad))
