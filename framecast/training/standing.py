"""Standing: where a training stands between two steps, so that it can be left and gone on with as if it had never been.

`train` keeps it up to date, and whoever drives `train` may take it at any yield. All that decides the next step is in it: the
weights, the moments of the optimiser, the running mean, the last good weights, where in the epoch it is, and the states of the
generators. The order of the windows is drawn again from the state that the generator had when the epoch began.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from framecast.training.averaging import Average
from framecast.training.copies import copied
from framecast.training.optimising import give_moments, moments_of, optimizer_of
from framecast.training.schedule import Budget
from framecast.training.settings import TrainingSettings
from framecast.training.validation import Validator

MOST_SET_BACKS = 3
GROWTH = 100.0
"""A loss that has grown to so many times what it was at first, in units of the spread at least, has exploded."""
GOOD_GROWTH = 10.0
"""Weights are good while the loss is below so many times the lowest there was."""
GOOD_EVERY = 20
"""Steps, at least, between two copies of good weights: the copying is not to be felt."""
COUNTED = ("step", "epoch", "place", "ended", "set_backs", "first_loss", "lowest_loss", "good_step")


class Standing:
    """Made empty for a training that begins, by `load` for one that goes on. With `weights`, `step` and `elapsed_s` it is a
    training that takes up another one that had come so far."""

    def __init__(self, *, step: int = 0, elapsed_s: float = 0.0, weights: Mapping[str, Tensor] | None = None) -> None:
        self.step, self.epoch = step, 0
        """Steps taken; epochs finished."""
        self.place = 0
        """Batches of this epoch that are done."""
        self.ended: bool | None = False
        """Whether the last step was taken, and with it all that ends a training; None where that was not written down."""
        self.losses: list[Tensor] = []
        self.norms: list[Tensor] = []
        """Of the steps since the last epoch ended or the last validation was made."""
        self.set_backs = 0
        """How often training went back to good weights, at half the rate each time."""
        self.first_loss: float | None = None
        self.lowest_loss: float | None = None
        self.good_step = step
        self._elapsed_s = elapsed_s
        self._loaded = {f"network.{name}": weight for name, weight in (weights or {}).items()}
        self._validated: tuple[float, ...] = ()
        self._good: dict[str, Tensor] = {}

    def begin(
        self,
        network: nn.Module,
        settings: TrainingSettings,
        validator: Validator,
        generator: torch.Generator,
        budget: Budget,
        stop_at: float,
    ) -> None:
        """Bind what is trained, and bring it to where this standing says. The clock of the budget runs from here on."""
        self.network, self.settings, self.validator = network, settings, validator
        self.generator, self.budget = generator, budget
        self._generator_at_epoch = generator.get_state()
        loaded = self._loaded
        if loaded:
            network.load_state_dict(part(loaded, "network"))
        self.average = Average(network, settings)
        self.optimizer = optimizer_of(network, settings)
        if "generator" in loaded:
            self._restore(loaded)
        else:
            self._good = self._copied() if _finite(network) else {}
        self._loaded = {}
        budget.begin(self._elapsed_s)  # not before: the first optimiser of a process takes seconds to import
        if self.ended is None:
            self.ended = budget.fraction(self.step) >= stop_at

    def epoch_begins(self) -> None:
        """Called before the order of the epoch's windows is drawn."""
        if self.place:
            self._generator_now, state = self.generator.get_state(), self._generator_at_epoch
            self.generator.set_state(state)
        else:
            self._generator_at_epoch = self.generator.get_state()

    def epoch_drawn(self) -> None:
        """Called when it is drawn: of an epoch that was left in the middle, the generator goes on from there."""
        if self.place:
            self.generator.set_state(self._generator_now)

    def judge(self, loss: float) -> bool:
        """Whether training may go on with these weights, whose mean loss this is; if so they are kept as good now and then."""
        first = loss if self.first_loss is None else self.first_loss
        if not loss < float("inf") or loss > GROWTH * max(1.0, first):
            return False
        self.first_loss = first
        lowest = loss if self.lowest_loss is None else min(loss, self.lowest_loss)
        self.lowest_loss = lowest
        if loss <= GOOD_GROWTH * lowest and self.step - self.good_step >= GOOD_EVERY and _finite(self.network):
            self._good, self.good_step = self._copied(), self.step
        return True

    def set_back(self) -> bool:
        """Go back to the last good weights at half the rate. False where there are none, or it was done too often."""
        if not self._good or self.set_backs == MOST_SET_BACKS:
            return False
        self.network.load_state_dict(part(self._good, "network"))
        if self.average.network is not self.network:
            self.average.network.load_state_dict(part(self._good, "average"))
        self.optimizer = optimizer_of(self.network, self.settings)  # its moments come from what went wrong
        self.set_backs += 1
        self.losses, self.norms = [], []
        return True

    @property
    def slower(self) -> float:
        """What the learning rate is multiplied by."""
        return 0.5**self.set_backs

    @property
    def elapsed_s(self) -> float:
        """Of the budget's time."""
        return self.budget.elapsed_s() if hasattr(self, "budget") else self._elapsed_s

    def save(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Numbers for JSON, and tensors, which are those of the training themselves: to be written at once."""
        numbers: dict[str, Any] = {name: getattr(self, name) for name in COUNTED}
        numbers |= {"elapsed_s": self.elapsed_s}
        if not hasattr(self, "budget"):
            return numbers, dict(self._loaded)
        numbers["validated"] = self.validator.counts
        tensors = {f"network.{name}": weight for name, weight in self.network.state_dict().items()}
        if self.average.network is not self.network:
            tensors |= {f"average.{name}": weight for name, weight in self.average.network.state_dict().items()}
        tensors |= {f"optimizer.{name}": moment for name, moment in moments_of(self.optimizer).items()}
        tensors |= {f"good.{name}": weight for name, weight in self._good.items()}
        tensors |= {"generator": self.generator.get_state(), "generator_at_epoch": self._generator_at_epoch}
        if self.losses:
            tensors |= {"losses": torch.stack(self.losses), "norms": torch.stack(self.norms)}
        return numbers, tensors

    @classmethod
    def load(cls, numbers: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> "Standing":
        """What `save` gave."""
        standing = cls(elapsed_s=float(numbers["elapsed_s"]))
        for name in COUNTED:
            setattr(standing, name, {"ended": None, **numbers}[name])
        standing._validated = tuple(numbers.get("validated", ()))
        standing._loaded = dict(tensors)
        return standing

    def _restore(self, loaded: Mapping[str, Tensor]) -> None:
        device = next(self.network.parameters()).device
        if self.average.network is not self.network:
            self.average.network.load_state_dict(part(loaded, "average"))
        give_moments(self.optimizer, part(loaded, "optimizer"))
        self._good = dict(part(loaded, "good"))
        self.generator.set_state(loaded["generator"])
        self._generator_at_epoch = loaded["generator_at_epoch"]
        if "losses" in loaded:
            self.losses, self.norms = (list(loaded[name].to(device).unbind()) for name in ("losses", "norms"))
        self.validator.counts = self._validated

    def _copied(self) -> dict[str, Tensor]:
        networks = {"network": self.network}
        if self.average.network is not self.network:
            networks["average"] = self.average.network
        weights = {f"{place}.{name}": one for place, net in networks.items() for name, one in net.state_dict().items()}
        return copied(weights, into=self._good)


def part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Those whose names begin with `name` and a dot, without it."""
    return {key.removeprefix(f"{name}."): tensor for key, tensor in tensors.items() if key.startswith(f"{name}.")}


def _finite(network: nn.Module) -> bool:
    return bool(torch.stack([torch.isfinite(weight).all() for weight in network.parameters()]).all())
