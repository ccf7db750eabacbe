"""PredRNN is the paper's: its cell by its equations, its size by its published count, its memory by the way it takes."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.errors import SettingError
from framecast.networks.contract import NETWORKS
from framecast.networks.predrnn import PredRnn, PredRnnSettings, SpatioTemporalCell
from framecast.networks.rollout import rollout, unroll
from framecast.networks.wrap import count_weights

PUBLISHED = {"n_hidden": 128, "n_layers": 4, "patch": 4, "kernel": 5, "norm": False}
"""Moving MNIST in OpenSTL (c74deb5), frames of 3 channels."""
PUBLISHED_COUNT = 24_559_616
THEIR_READ_OUT = 128 * 48
"""1 x 1, without a bias; ours is 3 x 3 with one."""


def test_the_published_setting_has_the_published_convolutions() -> None:
    """The cells hold 24,559,616 weights less the read-out; beside them ours has the biases of the equations, which OpenSTL
    leaves out (128 for each of 7 gates in a cell), and its own head."""
    with torch.device("meta"):
        network = PredRnn(3, **PUBLISHED)
    kernels = sum(weight.numel() for weight in network.cells.parameters() if weight.ndim == 4)
    assert kernels == PUBLISHED_COUNT - THEIR_READ_OUT
    biases, head = 4 * 7 * 128, 128 * 48 * 9 + 48
    assert count_weights(network) == kernels + biases + head


def test_the_second_version_adds_one_adapter_for_all_layers() -> None:
    with torch.device("meta"):
        first, second = PredRnn(3, **PUBLISHED), PredRnn(3, **PUBLISHED, decoupling=0.05)
    assert count_weights(second) - count_weights(first) == 128 * 128


@pytest.mark.parametrize("n_inputs, n_hidden, kernel", [(1, 2, 1), (5, 3, 3), (48, 16, 5)])
def test_a_cell_has_the_weights_of_its_equations(n_inputs: int, n_hidden: int, kernel: int) -> None:
    from_x, from_h, from_m, from_memories = 7 * n_inputs, 4 * n_hidden, 3 * n_hidden, 2 * n_hidden
    convolutions = n_hidden * kernel**2 * (from_x + from_h + from_m + from_memories)
    cell = SpatioTemporalCell(n_inputs, n_hidden, kernel=kernel)
    assert count_weights(cell) == convolutions + 2 * n_hidden * n_hidden + 7 * n_hidden


def test_the_cell_is_the_formula_of_the_paper() -> None:
    """Each gate as its own convolutions, one by one."""
    torch.manual_seed(0)
    n, a = 3, 2
    cell = SpatioTemporalCell(a, n, kernel=3).double()
    x = torch.randn(2, a, 4, 5, dtype=torch.float64)
    h, c, m = torch.randn(3, 2, n, 4, 5, dtype=torch.float64)

    def gate(layer: nn.Conv2d, index: int, beside: Tensor) -> Tensor:
        rows = slice(index * n, (index + 1) * n)
        bias = layer.bias[rows].view(-1, 1, 1)
        return F.conv2d(x, layer.weight[rows, :a], padding=1) + F.conv2d(beside, layer.weight[rows, a:], padding=1) + bias

    i, f, g, o = (gate(cell.temporal, index, h) for index in range(4))
    expected_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    i_m, f_m, g_m = (gate(cell.spatial, index, m) for index in range(3))
    expected_m = torch.sigmoid(f_m) * m + torch.sigmoid(i_m) * torch.tanh(g_m)
    w_co, w_mo = cell.output.weight[:, :n], cell.output.weight[:, n:]
    o = torch.sigmoid(o + F.conv2d(expected_c, w_co, padding=1) + F.conv2d(expected_m, w_mo, padding=1))
    expected_h = o * torch.tanh(F.conv2d(torch.cat([expected_c, expected_m], dim=1), cell.mix.weight))
    hidden, memory, shared, increment, increment_shared = cell(x, h, c, m)
    torch.testing.assert_close(hidden, expected_h)
    torch.testing.assert_close(memory, expected_c)
    torch.testing.assert_close(shared, expected_m)
    torch.testing.assert_close(increment, torch.sigmoid(i) * torch.tanh(g))
    torch.testing.assert_close(increment_shared, torch.sigmoid(i_m) * torch.tanh(g_m))


@pytest.mark.parametrize("norm", [False, True])
def test_both_memories_last_before_they_are_learned(norm: bool) -> None:
    cell = SpatioTemporalCell(1, 4, norm=norm)
    for offset in (cell.norms[0].bias, cell.norms[1].bias) if norm else (cell.temporal.bias, cell.spatial.bias):
        assert offset[4:8].tolist() == [1.0] * 4


def test_the_shared_memory_zigzags() -> None:
    """Within a frame it is handed up; the bottom of the next frame gets it from the top of this one."""
    network = PredRnn(1, n_hidden=4, n_layers=3)
    given: list[Tensor] = []
    given_on: list[Tensor] = []

    def note(_: nn.Module, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...]) -> None:
        given.append(inputs[3])
        given_on.append(outputs[2])

    for cell in network.cells:
        cell.register_forward_hook(note)
    _, state = network(torch.rand(1, 2, 1, 8, 8))
    assert len(given) == 6 and not given[0].any()
    assert all(one is other for one, other in zip(given_on, given[1:], strict=False))
    assert state[-1] is given_on[-1] and len(state) == 7


def penalty_of(network: PredRnn, frames: Tensor) -> Tensor:
    network(frames)
    return network.pop_penalty()


def test_the_penalty_is_the_mean_cosine_of_what_both_memories_take_in() -> None:
    torch.manual_seed(0)
    network, frames = PredRnn(1, n_hidden=4, n_layers=2, decoupling=0.5), torch.rand(2, 3, 1, 16, 16)
    cosines: list[Tensor] = []

    def note(_: nn.Module, __: object, outputs: tuple[Tensor, ...]) -> None:
        one, other = (torch.einsum("ka,bayx->bkyx", network.adapter.weight[..., 0, 0], part) for part in outputs[3:])
        product = (one * other).sum(dim=(2, 3))
        cosines.append((product / one.square().sum(dim=(2, 3)).sqrt() / other.square().sum(dim=(2, 3)).sqrt()).abs())

    for cell in network.cells:
        cell.register_forward_hook(note)
    penalty = penalty_of(network, frames)
    assert len(cosines) == 6
    torch.testing.assert_close(penalty, 0.5 * torch.stack(cosines).mean())


def test_the_penalty_is_asked_for_once() -> None:
    network, frames = PredRnn(1, n_hidden=4, decoupling=1.0), torch.rand(1, 3, 1, 8, 8)
    assert network.pop_penalty() == 0
    assert 0 < penalty_of(network, frames) <= 1
    assert network.pop_penalty() == 0


def test_the_penalty_gathers_the_calls_of_a_sequence_and_lets_go_of_the_one_before() -> None:
    network, frames = PredRnn(1, n_hidden=4, decoupling=1.0), torch.rand(1, 6, 1, 8, 8)
    whole = penalty_of(network, frames)
    network(torch.rand(1, 9, 1, 8, 8))
    _, state = network(frames[:, :4])
    network(frames[:, 4:], state)
    torch.testing.assert_close(network.pop_penalty(), whole)


@pytest.mark.parametrize("size", [8, 4])
def test_forecasting_and_weight_zero_gather_nothing(size: int) -> None:
    frames = torch.rand(1, 3, 1, size, size)
    network = PredRnn(1, n_hidden=4, decoupling=1.0)
    rollout(network, frames, 2)  # without gradient
    assert network.pop_penalty() == 0
    network.eval()
    assert penalty_of(network, frames) == 0
    assert penalty_of(PredRnn(1, n_hidden=4, decoupling=0.0), frames) == 0
    copy.deepcopy(network)  # the best so far is kept so


def test_the_penalty_drives_the_memories_apart() -> None:
    torch.manual_seed(0)
    network, frames = PredRnn(1, n_hidden=8, decoupling=1.0), torch.rand(2, 4, 1, 32, 32)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    penalties = []
    for _ in range(25):
        unroll(network, frames, burn_in=2, context=2)
        penalty = network.pop_penalty()
        optimiser.zero_grad()
        penalty.backward()
        optimiser.step()
        penalties.append(penalty.item())
    assert penalties[-1] < penalties[0] / 2


def test_moves_with_the_picture() -> None:
    """Away from the border a shift by whole patches of the past shifts the forecast: weights are the same everywhere."""
    torch.manual_seed(0)
    network = PredRnn(1, n_hidden=4, patch=2, norm=False, n_layers=1)
    past = torch.zeros(1, 2, 1, 64, 64)
    past[..., 28:32, 28:32] = torch.rand(4, 4)
    forecast, moved = network(past)[0], network(past.roll((2, 4), dims=(-2, -1)))[0]
    inner = (..., slice(24, 42), slice(24, 42))
    torch.testing.assert_close(moved[inner], forecast.roll((2, 4), dims=(-2, -1))[inner])


def test_settings_reach_the_network() -> None:
    settings = PredRnnSettings(layers=3, kernel=5, norm=False, patch=2, hidden=6, decoupling=0.0)
    kind = NETWORKS["predrnn"]
    assert kind.stride(settings) == 2
    network = kind.build(settings, 2, 16, 16)
    _, state = network(torch.rand(1, 2, 2, 16, 16))
    assert len(state) == 7 and state[0].shape == (1, 6, 8, 8)
    assert network.adapter is None and network.cells[0].temporal.kernel_size == (5, 5)
    with pytest.raises(SettingError, match="kernel is 2; .* must be odd. Choose 1 or 3."):
        PredRnnSettings(kernel=2)
