"""Absorbing many frames in one call is absorbing them one by one, with fewer and larger convolutions."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from framecast.networks.contract import NETWORKS, State, answers_each
from framecast.networks.hoisting import AT_ONCE, hoisted
from framecast.networks.rollout import unroll
from framecast.networks.wrap import Padded, Residual, padded_size
from framecast.training.scaled import Scaled
from framecast.training.scaling import Scaler

SMALL: dict[str, dict[str, object]] = {
    "convlstm": {"hidden": 4},
    "predrnn": {"hidden": 4},
    "cnn_lstm": {"width": 4, "latent": 8, "depth": 2},
    "flatten_lstm": {"hidden": 8},
}


class OneByOne(nn.Module):
    """A network that does not say that it can answer after each frame."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        forecasts = []
        for frame in frames.split(1, dim=1):
            forecast, state = self.network(frame, state, fed_back=fed_back)
            forecasts.append(forecast)
        return forecasts[-1], state


def network_of(name: str, *, norm: bool = True) -> nn.Module:
    """Wrapped as in training, with a head that says something."""
    kind = NETWORKS[name]
    settings = kind.settings.from_mapping(SMALL[name] | ({} if name.endswith("_lstm") else {"norm": norm}))
    torch.manual_seed(0)
    stride = kind.stride(settings)
    padded = Padded(kind.build(settings, 2, padded_size(11, stride), padded_size(15, stride)), stride)
    network = Residual(Scaled(padded, Scaler((0.1, 0.2), (1.0, 2.0)), answers_change=True))
    nn.init.normal_(network.head.weight, std=0.1)
    return network


def window_of(n_frames: int) -> Tensor:
    return torch.rand(3, n_frames, 2, 11, 15, generator=torch.Generator().manual_seed(1))


def assert_close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_those_that_carry_a_memory_answer_each_and_no_others() -> None:
    assert {name for name, kind in NETWORKS.items() if answers_each(kind.build(kind.settings(), 1, 32, 32))} == set(SMALL)


@pytest.mark.parametrize("n_steps", [1, 3])
def test_the_two_halves_of_a_convolution_are_the_whole(n_steps: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(2 + 3, 7, 3, padding=1).double()
    inputs, hidden = torch.randn(n_steps, 2, 2, 5, 6).double(), torch.randn(2, 3, 5, 6).double()
    for one, step in zip(inputs, hoisted(layer, inputs), strict=True):
        torch.testing.assert_close(step(hidden), layer(torch.cat([one, hidden], dim=1)))
        torch.testing.assert_close(step(None), layer(torch.cat([one, torch.zeros_like(hidden)], dim=1)))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("answers", [1, 3, AT_ONCE + 3])
def test_an_answer_after_each_frame_is_that_of_as_many_calls(name: str, answers: int) -> None:
    network, frames = network_of(name), window_of(AT_ONCE + 3)
    with torch.no_grad():
        forecasts, whole = network(frames, None, answers=answers)
        state, steps = None, []
        for frame in frames.split(1, dim=1):
            forecast, state = network(frame, state)
            steps.append(forecast)
    assert_close(forecasts, torch.cat(steps, dim=1)[:, -answers:])
    for part, other in zip(whole, state, strict=True):
        assert_close(part, other)


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_forecasts_and_gradients_of_a_window_are_those_of_the_plain_form(name: str, norm: bool) -> None:
    network, window = network_of(name, norm=norm), window_of(9)
    found = []
    for form in (network, OneByOne(network)):
        network.zero_grad()
        forecast = unroll(form, window, burn_in=2, context=6)
        (forecast - window[:, 2:]).square().mean().backward()
        found.append((forecast, [weight.grad.clone() for weight in network.parameters() if weight.grad is not None]))
    assert answers_each(network) and not answers_each(OneByOne(network))
    (fast, fast_gradients), (plain, plain_gradients) = found
    assert_close(fast, plain)
    assert len(fast_gradients) == len(plain_gradients)
    for gradient, other in zip(fast_gradients, plain_gradients, strict=True):
        assert_close(gradient, other)


@pytest.mark.parametrize("name", ["convlstm", "predrnn"])
def test_truth_mixed_with_forecasts_is_given_frame_by_frame(name: str) -> None:
    network, window = network_of(name), window_of(8)
    own = [False, False, False, True, False, True, True, True]
    with torch.no_grad():
        mixed = unroll(network, window, burn_in=2, context=5, own=own)
        assert_close(mixed, unroll(OneByOne(network), window, burn_in=2, context=5, own=own))


@pytest.mark.parametrize("name", ["convlstm", "predrnn", "cnn_lstm"])
def test_absorbing_frames_takes_less_arithmetic_than_one_by_one(name: str) -> None:
    """Frames get no gradient, and a memory of zeros is not convolved."""
    network, window = network_of(name), window_of(7)
    n_flops = []
    for form in (network, OneByOne(network)):
        with FlopCounterMode(display=False) as counter:
            unroll(form, window, burn_in=2, context=6).sum().backward()
        n_flops.append(counter.get_total_flops())
    assert n_flops[0] < n_flops[1] * (0.95 if name != "cnn_lstm" else 1.0001)


@pytest.mark.parametrize("name", ["convlstm", "predrnn"])
def test_weights_have_the_names_and_shapes_they_always_had(name: str) -> None:
    """Checkpoints of earlier versions load."""
    kind = NETWORKS[name]
    cell = kind.build(kind.settings.from_mapping({"hidden": 4}), 1, 8, 8).cells[0]
    shapes = {key: tuple(weight.shape) for key, weight in cell.state_dict().items() if weight.ndim == 4}
    n_inputs = 16 + 4
    if name == "convlstm":
        assert shapes == {"gates.weight": (16, n_inputs, 3, 3), "peephole": (3, 4, 1, 1)}
    else:
        assert shapes == {
            "temporal.weight": (16, n_inputs, 3, 3),
            "spatial.weight": (12, n_inputs, 3, 3),
            "output.weight": (4, 8, 3, 3),
            "mix.weight": (4, 8, 1, 1),
        }
