"""What each architecture claims of itself: its size, its formula, its paper."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from framecast.errors import SettingError
from framecast.networks.cnn_lstm import CnnLstm
from framecast.networks.contract import NETWORKS, QUESTION_OPTIONS
from framecast.networks.convlstm import ConvLstm, ConvLstmCell, ConvLstmSettings
from framecast.networks.flatten_lstm import FlattenLstm
from framecast.networks.lstm import LstmLayer
from framecast.networks.unet import UNet
from framecast.networks.wrap import count_weights


def test_the_posted_layout_has_1_851_005_275_weights() -> None:
    with torch.device("meta"):
        network = FlattenLstm(3, 785, 785)
    assert count_weights(network) == 1_851_005_275
    assert count_weights(network.lstm.layers[0]) == 1_479_100_800
    assert count_weights(network.lstm.layers[1]) == 320_800
    assert count_weights(network.head) == 371_583_675


def test_convlstm_at_the_published_setting_has_the_published_convolutions() -> None:
    """OpenSTL's (c74deb5) for Moving MNIST with 3 channels counts 15,497,216 weights. 3,407,872 of them are two convolutions
    in each cell that it makes and never calls, 6,144 its 1 x 1 read-out of the top layer. The others, which compute the
    gates, are ours; beside them ours has the biases and peepholes of Shi et al. and a 3 x 3 read-out of all layers."""
    with torch.device("meta"):
        network = ConvLstm(3, n_hidden=128, n_layers=4, patch=4, kernel=5, norm=False)
    never_called, their_read_out = 4 * (256 * 128 * 25 + 256 * 128), 128 * 48
    gates = sum(cell.gates.weight.numel() for cell in network.cells)
    assert gates == 15_497_216 - never_called - their_read_out
    biases, peepholes, head = 4 * 512, 4 * 3 * 128, 4 * 128 * 48 * 9 + 48
    assert count_weights(network) == gates + biases + peepholes + head


def test_lstm_layer_computes_what_torch_computes() -> None:
    torch.manual_seed(0)
    layer, reference = LstmLayer(5, 4), nn.LSTM(5, 4, batch_first=True)
    reference.load_state_dict(
        {
            "weight_ih_l0": layer.input_weights,
            "weight_hh_l0": layer.recurrent_weights,
            "bias_ih_l0": layer.bias,
            "bias_hh_l0": torch.zeros(16),
        }
    )
    inputs, hidden, cell = torch.rand(3, 6, 5), torch.rand(3, 4), torch.rand(3, 4)
    outputs, hidden_after, cell_after = layer(inputs, hidden, cell)
    expected, (expected_hidden, expected_cell) = reference(inputs, (hidden[None], cell[None]))
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(hidden_after, expected_hidden[0])
    torch.testing.assert_close(cell_after, expected_cell[0])


def test_lstm_layer_starts_as_matlab_does() -> None:
    torch.manual_seed(0)
    layer = LstmLayer(50, 20)
    assert layer.bias.tolist() == [0.0] * 20 + [1.0] * 20 + [0.0] * 40
    torch.testing.assert_close(layer.recurrent_weights.T @ layer.recurrent_weights, torch.eye(20), atol=1e-5, rtol=0)
    bound = math.sqrt(6 / (50 + 80))  # Glorot: variance 2 / (inputs + 4 x hidden)
    assert layer.input_weights.abs().max() <= bound
    assert layer.input_weights.var().item() == pytest.approx(2 / (50 + 80), rel=0.05)


def test_presets_of_the_question_mend_one_cause_at_a_time() -> None:
    presets = NETWORKS["flatten_lstm"].presets
    posted, warm, sequences = (presets[name] for name in ("as posted", "fixed warm-up", "fixed sequences"))
    assert posted.items() >= QUESTION_OPTIONS.items()
    assert posted["context"] == posted["unroll"] == 1 and posted["zero_block"] is True
    assert {key for key in posted if posted[key] != warm[key]} == {"zero_block"}
    assert {key for key in warm if warm[key] != sequences[key]} == {"context", "truncate", "batch_size", "drop_last"}


def test_convlstm_cell_is_the_formula_of_the_paper() -> None:
    """Shi et al. 2015, equation 3, written out pixel by pixel with zeros beyond the border."""
    torch.manual_seed(0)
    n_inputs, n_hidden, height, width = 2, 3, 4, 5
    cell = ConvLstmCell(n_inputs, n_hidden).double()
    nn.init.normal_(cell.peephole)
    x = torch.randn(n_inputs, height, width, dtype=torch.float64)
    h, c = torch.randn(2, n_hidden, height, width, dtype=torch.float64)
    weight, bias = cell.gates.weight.detach(), cell.gates.bias.detach()
    w_xi, w_xf, w_xc, w_xo = weight[:, :n_inputs].chunk(4)
    w_hi, w_hf, w_hc, w_ho = weight[:, n_inputs:].chunk(4)
    b_i, b_f, b_c, b_o = bias.chunk(4)
    w_ci, w_cf, w_co = cell.peephole.detach()[..., 0, 0]

    def convolve(kernels: torch.Tensor, maps: torch.Tensor, k: int, row: int, column: int) -> float:
        total = 0.0
        for m in range(maps.shape[0]):
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    if 0 <= row + dy < height and 0 <= column + dx < width:
                        total += (kernels[k, m, 1 + dy, 1 + dx] * maps[m, row + dy, column + dx]).item()
        return total

    def sigmoid(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    outputs, cells = cell.absorb(x[None, None], h[None], c[None])
    hidden, memory = outputs[0, 0].detach(), cells[0].detach()
    for k in range(n_hidden):
        for row in range(height):
            for column in range(width):
                at = (k, row, column)
                old = c[at].item()
                i = sigmoid(convolve(w_xi, x, *at) + convolve(w_hi, h, *at) + w_ci[k].item() * old + b_i[k].item())
                f = sigmoid(convolve(w_xf, x, *at) + convolve(w_hf, h, *at) + w_cf[k].item() * old + b_f[k].item())
                g = math.tanh(convolve(w_xc, x, *at) + convolve(w_hc, h, *at) + b_c[k].item())
                new = f * old + i * g
                o = sigmoid(convolve(w_xo, x, *at) + convolve(w_ho, h, *at) + w_co[k].item() * new + b_o[k].item())
                assert memory[at].item() == pytest.approx(new, abs=1e-12)
                assert hidden[at].item() == pytest.approx(o * math.tanh(new), abs=1e-12)


@pytest.mark.parametrize("norm", [False, True])
def test_convlstm_cell_starts_with_a_memory_that_lasts(norm: bool) -> None:
    cell = ConvLstmCell(1, 4, norm=norm)
    offset = cell.norm.bias if norm else cell.gates.bias
    assert offset is not None and offset[4:8].tolist() == [1.0] * 4


def test_convlstm_moves_with_the_picture() -> None:
    """Away from the border a shift by whole patches of the past shifts the forecast: weights are the same everywhere."""
    torch.manual_seed(0)
    network = ConvLstm(1, n_hidden=4, patch=2, norm=False)
    past = torch.zeros(1, 3, 1, 48, 48)
    past[..., 20:24, 20:24] = torch.rand(4, 4)
    forecast, _ = network(past)
    moved, _ = network(past.roll((2, 4), dims=(-2, -1)))
    inner = (..., slice(18, 32), slice(18, 32))
    torch.testing.assert_close(moved[inner], forecast.roll((2, 4), dims=(-2, -1))[inner])


def test_an_even_kernel_is_refused_with_the_odd_ones_beside_it() -> None:
    with pytest.raises(SettingError, match="kernel is 4; .* must be odd. Choose 3 or 5."):
        ConvLstmSettings(kernel=4)


@pytest.mark.parametrize("n_layers, kernel, norm, patch", [(1, 1, False, 1), (3, 5, True, 8)])
def test_convlstm_settings_reach_the_network(n_layers: int, kernel: int, norm: bool, patch: int) -> None:
    settings = ConvLstmSettings(layers=n_layers, kernel=kernel, norm=norm, patch=patch, hidden=6)
    kind = NETWORKS["convlstm"]
    assert kind.stride(settings) == patch
    network = kind.build(settings, 2, 16, 16)
    forecast, state = network(torch.rand(1, 2, 2, 16, 16))
    assert forecast.shape == (1, 1, 2, 16, 16)
    assert len(state) == 2 * n_layers and state[0].shape == (1, 6, 16 // patch, 16 // patch)


@pytest.mark.parametrize("n_levels, patch, n_maps", [(1, 1, 4), (2, 4, 12), (4, 2, 7)])
def test_unet_serves_any_number_of_scales(n_levels: int, patch: int, n_maps: int) -> None:
    size = patch * 2 ** (n_levels - 1)
    network = UNet(3, n_context=2, n_maps=n_maps, patch=patch, n_levels=n_levels)
    forecast, _ = network(torch.rand(2, 2, 3, size, 2 * size))
    assert forecast.shape == (2, 1, 3, size, 2 * size)


def test_unet_repeats_the_first_frame_where_the_context_is_short() -> None:
    torch.manual_seed(0)
    network, frames = UNet(1, n_context=4), torch.rand(1, 2, 1, 8, 8)
    short, state = network(frames)
    full, _ = network(torch.cat([frames[:, :1], frames[:, :1], frames], dim=1))
    assert torch.equal(short, full)
    assert torch.equal(state[0], frames)


def test_unet_sees_nothing_before_its_context() -> None:
    torch.manual_seed(0)
    network, frames = UNet(1, n_context=3), torch.rand(1, 6, 1, 8, 8)
    changed = frames.clone()
    changed[:, :3] = 0
    assert torch.equal(network(frames)[0], network(changed)[0])


def test_unet_is_small() -> None:
    assert count_weights(UNet(1)) < 400_000


def test_cnn_lstm_passes_everything_through_one_vector() -> None:
    network = CnnLstm(1, 32, 48, n_latent=7, n_layers=2)
    _, state = network(torch.rand(3, 2, 1, 32, 48))
    assert state is not None and [part.shape for part in state] == [(3, 7)] * 4


def test_cnn_lstm_encoder_and_decoder_mirror_each_other() -> None:
    network = CnnLstm(2, 32, 48)
    coarse = network.encoder(torch.rand(1, 2, 32, 48))
    assert coarse.shape == (1, *network.coarse)
    assert F.interpolate(coarse, scale_factor=8.0).shape[-2:] == network.decoder(coarse).shape[-2:]
