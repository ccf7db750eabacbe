import copy

import pytest
import torch
from torch import nn

from framecast.training.averaging import Average
from framecast.training.settings import TrainingSettings


def layer() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_the_average_of_constant_weights_is_the_weights() -> None:
    network = layer()
    average = Average(network, TrainingSettings(averaging=0.1))
    for step in range(1, 50):
        average.update(step, step / 50)
    for name, weight in network.state_dict().items():
        torch.testing.assert_close(average.network.state_dict()[name], weight)


def test_the_average_forgets_the_start_and_lags_by_its_share_of_the_run() -> None:
    """Of a weight that grows by one a step the average is behind by about its length: a tenth of 1000 steps."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, -1e3)
    average = Average(network, TrainingSettings(averaging=0.1))
    for step in range(1, 1001):
        nn.init.constant_(network.weight, float(step))
        average.update(step, step / 1000)
    (mean,) = average.network.parameters()
    assert float(mean.detach()) == pytest.approx(1000 - 100, abs=10)
    average.hand_over()
    assert torch.equal(network.weight, mean)


def test_of_a_short_run_the_average_soon_forgets_the_start() -> None:
    """Whose weights are chance: after 20 steps of a run whose average reaches over all of them, little of it is left."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1000.0)
    average = Average(network, TrainingSettings(averaging=1.0))
    nn.init.constant_(network.weight, 0.0)
    for step in range(1, 21):
        average.update(step, step / 20)
    (mean,) = average.network.parameters()
    assert 0 < float(mean.detach()) < 1.0


def test_without_averaging_it_is_the_network_itself() -> None:
    network = layer()
    before = copy.deepcopy(network.state_dict())
    average = Average(network, TrainingSettings())
    average.update(1, 0.1)
    average.hand_over()
    assert average.network is network
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())
