"""Who takes the steps of a training: this process alone, or with the helpers that torchrun started.

The first process tells its helpers all that a step is made of, the generator's state among it, so that every process draws the
same chance for the whole batch and then computes its share. Helpers have nothing of their own: no order of windows, no
validation, no schedule. The numbers of a run are therefore those of one process with the same batch, up to the order in which
sums are taken, and a checkpoint does not know how many made it.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from framecast.training.batches import TrainingData, cut
from framecast.training.compiling import Compiled
from framecast.training.distributed import Group
from framecast.training.optimising import give_moments, moments_of, optimizer_of
from framecast.training.replaying import OnGPU, may_replay
from framecast.training.scaling import Scaler
from framecast.training.settings import TrainingSettings
from framecast.training.step import Share, Stepper


class Team:
    """The first process's side. As a context manager it lets the helpers go when the training is left, however that is.
    `shown` is what they need to know of the data; see `NetworkFit.help`."""

    def __init__(self, group: Group | None = None, **shown: Any) -> None:
        self._group, self._shown = group, shown

    def __enter__(self) -> "Team":
        if self._group is not None:
            self._group.tell("train", **self._shown)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        if self._group is not None and not (self._group.broken or self._group.released):
            self._group.tell("leave")

    @property
    def alone(self) -> bool:
        return self._group is None

    def begin(
        self,
        network: nn.Module,
        settings: TrainingSettings,
        context: int,
        scaler: Scaler,
        optimizer: torch.optim.Optimizer,
        compiled: Compiled | None = None,
    ) -> None:
        """Before the first step."""
        self._network, self._settings, self._context = network, settings, context
        self._spread = _spread_of(scaler, network)
        device = self._spread.device
        record = OnGPU(device) if self.alone and compiled is None and may_replay(settings, device) else None
        self._stepper = Stepper(network, settings, context, self._spread, self._group, compiled, record)
        self.begin_again(optimizer)

    @property
    def note(self) -> str:
        """What is to be said to a person of how steps are taken."""
        return self._stepper.note

    def begin_again(self, optimizer: torch.optim.Optimizer) -> None:
        """Weights and optimiser are others than the last step left."""
        if self._group is not None:
            self._group.tell("weights", moments_of(optimizer))
            with self._group.together():
                self._group.share(list(self._network.state_dict().values()))

    def step(
        self,
        optimizer: torch.optim.Optimizer,
        series: Sequence[TrainingData],
        index: int,
        chosen: Tensor,
        n_unroll: int,
        mixing: float,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor, int]:
        """A step on windows of `series[index]`: the loss, the length of the gradient, and the frames that were looked at."""
        if self._group is not None:
            rate = optimizer.param_groups[0]["lr"]
            tensors = {"chosen": chosen, "generator": generator.get_state()}
            self._group.tell("step", tensors, index=index, n_unroll=n_unroll, mixing=mixing, rate=rate)
        return _step(
            self._stepper, self._group, optimizer, series[index], chosen, self._context, n_unroll, self._settings, mixing,
            self._spread, generator,
        )  # fmt: skip


def help_train(
    group: Group, network: nn.Module, series: Sequence[TrainingData], settings: TrainingSettings, context: int, scaler: Scaler
) -> str:
    """A helper's side of one training, until the first process leaves it or ends; which of the two."""
    network.train()
    spread = _spread_of(scaler, network)
    stepper, generator = Stepper(network, settings, context, spread, group), torch.Generator()
    optimizer = optimizer_of(network, settings)
    while (order := group.hear()).word not in ("leave", "end"):
        if order.word == "weights":
            optimizer = optimizer_of(network, settings)
            give_moments(optimizer, order.tensors)
            with group.together():
                group.share(list(network.state_dict().values()))
            continue
        assert order.word == "step", order.word
        for one in optimizer.param_groups:
            one["lr"] = order.values["rate"]
        generator.set_state(order.tensors["generator"])
        data, n_unroll, mixing = series[order.values["index"]], order.values["n_unroll"], order.values["mixing"]
        _step(stepper, group, optimizer, data, order.tensors["chosen"], context, n_unroll, settings, mixing, spread, generator)
    return order.word


def _step(
    stepper: Stepper,
    group: Group | None,
    optimizer: torch.optim.Optimizer,
    data: TrainingData,
    chosen: Tensor,
    context: int,
    n_unroll: int,
    settings: TrainingSettings,
    mixing: float,
    spread: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, int]:
    share = Share.of(len(chosen), group.rank, group.size) if group else Share(slice(None), 1.0)
    batch = cut(
        data, chosen, context, n_unroll, settings, mixing=mixing, spread=spread, generator=generator, share=share.windows
    )
    n_frames = len(chosen) * batch.window.shape[1]
    if group is None:
        return *stepper(optimizer, batch, data.data_range), n_frames
    with group.together():
        return *stepper(optimizer, batch, data.data_range, share.weight), n_frames


def _spread_of(scaler: Scaler, network: nn.Module) -> Tensor:
    """(c, 1, 1), where the network is."""
    return torch.tensor(scaler.spread, device=next(network.parameters()).device).view(-1, 1, 1)
