"""A running mean of the weights, which forecasts in place of the last ones where it is asked for."""

import copy

import torch
from torch import nn

from framecast.training.settings import TrainingSettings


class Average:
    """An exponential moving average of a network's weights. With `averaging` 0 it is the network itself.

    The average reaches back over about the share `averaging` of the run: after step k of a run of n the decay is
    1 - 1 / (averaging n), ramped by (1 + k) / (10 + k) so that the random start is soon forgotten. n is what the fraction of
    the budget that is used says, so that it serves a time limit too.
    """

    def __init__(self, network: nn.Module, settings: TrainingSettings) -> None:
        self._trained = network
        self._share = settings.averaging
        self.network = copy.deepcopy(network) if self._share else network
        """What to validate and to keep."""

    @torch.no_grad()
    def update(self, step: int, fraction: float) -> None:
        """Take in the weights after `step` steps, at this fraction of the budget."""
        if not self._share:
            return
        length = max(1.0, self._share * step / fraction)
        decay = min(1 - 1 / length, (1 + step) / (10 + step))
        mean, trained = self.network.state_dict(), self._trained.state_dict()
        for name, weight in mean.items():
            if weight.is_floating_point():
                weight.lerp_(trained[name], 1 - decay)
            else:
                weight.copy_(trained[name])

    @torch.no_grad()
    def hand_over(self) -> None:
        """Give the trained network the averaged weights: the end of its training."""
        if self._share:
            self._trained.load_state_dict(self.network.state_dict())
