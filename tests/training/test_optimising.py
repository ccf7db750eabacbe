"""What the optimiser is, and what becomes of a gradient on its way to it."""

import pytest
import torch
from torch import nn

from framecast.training.optimising import clip_gradient, optimizer_of
from framecast.training.settings import TrainingSettings


def with_gradients(*lengths: float) -> nn.Module:
    """A weight array for each length, whose gradient has it."""
    network = nn.ParameterList([nn.Parameter(torch.zeros(2, 2)) for _ in lengths])
    for weight, length in zip(network, lengths, strict=True):
        weight.grad = torch.tensor([[0.6, 0.0], [0.8, 0.0]]) * length
    return network


def lengths_of(network: nn.Module) -> list[float]:
    return [float(weight.grad.norm()) for weight in network.parameters() if weight.grad is not None]


@pytest.mark.parametrize(
    ("clip", "mode", "left"),
    [
        (0.0, "global", [3.0, 4.0]),
        (0.0, "per weight", [3.0, 4.0]),
        (10.0, "global", [3.0, 4.0]),
        (1.0, "global", [0.6, 0.8]),
        (3.5, "per weight", [3.0, 3.5]),
        (3.5, "global", [2.1, 2.8]),
    ],
)
def test_a_gradient_longer_than_the_threshold_is_shortened_to_it(clip: float, mode: str, left: list[float]) -> None:
    """The whole of it, or each array by itself; what is told is how long it was."""
    network = with_gradients(3.0, 4.0)
    assert float(clip_gradient(network, TrainingSettings(clip=clip, clip_mode=mode))) == pytest.approx(5.0, rel=1e-5)
    assert lengths_of(network) == pytest.approx(left, rel=1e-4)


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam)])
def test_weight_arrays_decay_and_biases_do_not(name: str, kind: type[torch.optim.Optimizer]) -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.GroupNorm(1, 2))
    optimizer = optimizer_of(network, TrainingSettings(optimizer=name, weight_decay=0.3, learning_rate=0.02))
    assert type(optimizer) is kind
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {key: decay[id(p)] for key, p in network.named_parameters()} == {
        "0.weight": 0.3, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0,
    }  # fmt: skip
    assert all(group["lr"] == 0.02 for group in optimizer.param_groups)


def test_decay_of_adamw_pulls_at_weights_and_that_of_adam_at_the_gradient() -> None:
    """Without any gradient of the loss AdamW shrinks by rate times decay; Adam, which scales what it is given, by the rate."""
    for name, expected in (("adamw", 1.0 * (1 - 0.1 * 0.5)), ("adam", 1.0 - 0.1)):
        network = nn.Linear(1, 1, bias=False)
        nn.init.ones_(network.weight)
        network.weight.grad = torch.zeros(1, 1)
        optimizer_of(network, TrainingSettings(optimizer=name, weight_decay=0.5, learning_rate=0.1)).step()
        assert float(network.weight.detach()) == pytest.approx(expected, abs=1e-5)
