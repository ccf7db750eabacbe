"""One step of training: windows in, new weights out, by one process or by several that share the windows.

The forecast of a whole window and its loss are one forward call of one module, although the network is called many times in
it, partly without gradient and with state handed on. That is what DistributedDataParallel can wrap: it counts one forward and
one backward a step, and adds each gradient up when all of it is known.
"""

import contextlib
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from framecast.networks.rollout import unroll
from framecast.training.batches import Batch
from framecast.training.compiling import Compiled
from framecast.training.distributed import Group
from framecast.training.loss import penalty_of, training_loss
from framecast.training.optimising import autocast, clip_gradient
from framecast.training.replaying import Recorder, Replayed
from framecast.training.settings import TrainingSettings


@dataclass(frozen=True)
class Share:
    """The windows of a batch that one process takes. `weight` is how much they count of the whole: nothing where there are
    fewer windows than processes, and one is then computed so that all processes do the same."""

    windows: slice
    weight: float

    @classmethod
    def of(cls, n_windows: int, rank: int, size: int) -> "Share":
        first, last = n_windows * rank // size, n_windows * (rank + 1) // size
        return cls(slice(first, last) if last > first else slice(0, 1), (last - first) / n_windows)


class Objective(nn.Module):
    """What a step makes small, as one forward call."""

    def __init__(
        self, network: nn.Module, settings: TrainingSettings, context: int, spread: Tensor, compiled: Compiled | None = None
    ) -> None:
        super().__init__()
        self.network = network
        self._called = compiled or network
        self._settings, self._context, self._spread = settings, context, spread

    def forward(self, batch: Batch, data_range: float) -> tuple[Tensor, Tensor]:
        """The loss with the penalties that parts of the network may add to it, and without."""
        settings = self._settings
        with autocast(batch.window.device, settings.precision):
            forecast = unroll(
                self._called,
                batch.given,
                burn_in=min(settings.burn_in or self._context, self._context),
                context=self._context,
                truncate=settings.truncate,
                pushed=batch.pushed,
                own=batch.own,
                recompute=settings.recompute,
                mask=batch.held,
            )
        truth = batch.window[:, -forecast.shape[1] :]
        loss = training_loss(
            forecast, truth, settings, spread=self._spread, data_range=data_range, mask=batch.mask, counted=batch.counted
        )
        penalty = penalty_of(self.network)
        return loss if penalty is None else loss + penalty, loss


class Stepper:
    """Takes steps. With a `group` every process of it takes the same ones, each with its share of the windows, and all end
    with the weights that one process would have got from the whole batch. Steps are `compiled` as far as that works, or taken
    once and replayed by what `record` makes of them."""

    def __init__(
        self,
        network: nn.Module,
        settings: TrainingSettings,
        context: int,
        spread: Tensor,
        group: Group | None = None,
        compiled: Compiled | None = None,
        record: Recorder | None = None,
    ) -> None:
        assert group is None or (compiled is None and record is None), "all processes of a group take the same step"
        self._network, self._settings, self._group, self._compiled = network, settings, group, compiled
        self._objective: nn.Module = Objective(network, settings, context, spread, compiled)
        self._replayed = Replayed(network, partial(_add_gradient, self._objective), record) if record else None
        if group is not None:
            with group.together():  # it compares shapes and sends weights
                self._objective = DistributedDataParallel(
                    self._objective,
                    process_group=group.gradients,
                    forward_sync_buffers=False,  # none of them changes
                )

    @property
    def note(self) -> str:
        """What is to be said to a person of how steps are taken."""
        return next((way.note for way in (self._compiled, self._replayed) if way and way.note), "")

    def __call__(
        self, optimizer: torch.optim.Optimizer, batch: Batch, data_range: float, weight: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """The loss of the whole batch, without penalties, and the length of its gradient. `weight` is that of the share. The
        windows are taken in as many parts as the settings say, whose gradients add up to that of all."""
        losses = self._tried(optimizer, batch, data_range, weight)
        if losses is None:  # out here, where an error holds on to nothing any more
            penalty_of(self._network)
            losses = self._gradient(optimizer, batch, data_range, weight)
        loss = losses[0] if len(losses) == 1 else torch.stack(losses).sum()
        norm = clip_gradient(self._network, self._settings)
        optimizer.step()
        return loss if self._group is None else self._group.sum(loss * weight), norm.detach()

    def _tried(
        self, optimizer: torch.optim.Optimizer, batch: Batch, data_range: float, weight: float
    ) -> list[Tensor] | None:
        """As `_gradient`; None where it is to be taken again, without what was tried to be quicker."""
        try:
            return self._gradient(optimizer, batch, data_range, weight)
        except Exception as error:
            way = self._compiled or self._replayed
            if way is None:
                raise
            way.give_up(error)
            return None

    def _gradient(
        self, optimizer: torch.optim.Optimizer, batch: Batch, data_range: float, weight: float
    ) -> list[Tensor]:
        """Of all windows of the batch, in place of the one there was: the losses of its parts."""
        recorded = self._replayed is not None and not self._replayed.note
        optimizer.zero_grad(set_to_none=not recorded)  # a recorded gradient stays where it is
        parts = batch.parts(self._settings.parts)
        return [self._add_gradient(*part, data_range, weight, last=part is parts[-1]) for part in parts]

    def _add_gradient(self, part: Batch, portion: float, data_range: float, weight: float, *, last: bool) -> Tensor:
        """Of some windows of the batch, which are such a portion of it: their loss, counted as that portion."""
        if self._replayed is not None:
            return self._replayed(part, portion, data_range)
        objective, more = self._objective, not last
        with objective.no_sync() if isinstance(objective, DistributedDataParallel) and more else contextlib.nullcontext():
            scale = 1.0 if self._group is None else weight * self._group.size  # the gradients of all processes are averaged
            return _add_gradient(objective, part, portion, data_range, scale)


def _add_gradient(objective: nn.Module, part: Batch, portion: float, data_range: float, scale: float = 1.0) -> Tensor:
    """The gradient of some windows, `scale` times, to that of the weights; their loss, counted as their portion of all."""
    wanted, loss = objective(part, data_range)
    (wanted if portion * scale == 1.0 else wanted * (portion * scale)).backward()
    counted: Tensor = loss.detach() * portion
    return counted
