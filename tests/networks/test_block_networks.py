"""SimVP, TAU and the ConvNeXt U-Net: their published sizes, and what holds where several frames are forecast at once."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from framecast.networks.contract import NETWORKS
from framecast.networks.convnext_unet import ConvNextBlock, ConvNextUNet
from framecast.networks.rollout import rollout, unroll
from framecast.networks.simvp import LargeKernelGate, MotionLayer, SimVp
from framecast.networks.tau import TemporalAttention
from framecast.networks.wrap import count_weights

BLOCK_NETWORKS = ["convnext_unet", "convnext_unet by weights", "simvp", "tau"]
SMALL: dict[str, object] = {"width": 4, "hidden": 8, "depth": 2}


def make(name: str, channels: int = 1, **changes: object) -> nn.Module:
    name, _, way_up = name.partition(" by ")
    kind = NETWORKS[name]
    changes = {"way_up": way_up or "repeat"} | changes
    known = {field.name for field in kind.settings.fields()}
    torch.manual_seed(0)
    values = {key: value for key, value in (SMALL | changes).items() if key in known}
    return kind.build(kind.settings.from_mapping(values), channels, 16, 16)


@pytest.mark.parametrize(
    ("name", "stride", "n_weights"), [("simvp", 4, 46_770_947), ("tau", 4, 44_657_283), ("convnext_unet", 16, 18_573_453)]
)
def test_the_published_preset_has_the_published_number_of_weights(name: str, stride: int, n_weights: int) -> None:
    """OpenSTL's models at Moving MNIST's setting: 10 frames of 3 channels, hid_S 64, hid_T 512, N_S 4, N_T 8, kernels 3; and
    The Well's UNetConvNext at that of its benchmark: 4 frames of 3 channels in, one out, init_features 42, blocks_per_stage 2.
    """
    kind = NETWORKS[name]
    names = {field.name for field in kind.settings.fields()}
    settings = kind.settings.from_mapping({key: value for key, value in kind.presets["published"].items() if key in names})
    assert kind.stride(settings) == stride
    with torch.device("meta"):
        assert count_weights(kind.build(settings, 3, 64, 64)) == n_weights


def test_a_convnext_block_of_96_maps_has_the_published_number_of_weights() -> None:
    """The three blocks of the first stage of ConvNeXt-T have 237,888."""
    assert 3 * count_weights(ConvNextBlock(96)) == 237_888


@pytest.mark.parametrize("weighted_up", [False, True])
@pytest.mark.parametrize(
    ("channels", "k", "n", "m", "p", "levels", "layers"),
    [(3, 4, 1, 42, 1, 5, 2), (1, 12, 5, 8, 4, 1, 3), (2, 3, 2, 8, 2, 2, 1)],
)
def test_the_convnext_unet_has_the_weights_of_its_parts(
    channels: int, k: int, n: int, m: int, p: int, levels: int, layers: int, weighted_up: bool
) -> None:
    with torch.device("meta"):
        network = ConvNextUNet(
            channels, n_context=k, n_block=n, n_maps=m, patch=p, n_levels=levels, n_layers=layers, weighted_up=weighted_up
        )

    def block(w: int) -> int:  # depthwise 7 x 7, layer norm, to 4 w and back, scale
        return (49 * w + w) + 2 * w + (4 * w * w + 4 * w) + (4 * w * w + w) + w

    widths = [m * 2**level for level in range(levels)]
    stem, head = 9 * k * channels * p * p * m + m, 9 * m * n * channels * p * p + n * channels * p * p
    down = sum(2 * a + 4 * a * 2 * a + 2 * a for a in widths[:-1])
    if weighted_up and levels > 1:
        blocks = layers * (sum(map(block, widths[:-1])) + sum(map(block, widths[1:]))) + block(widths[-1])
        up = sum(2 * b + 4 * b * (b // 2) + b // 2 for b in widths[1:])
        join = sum(2 * b * b + b for b in widths[1:-1])
    else:
        blocks, up = layers * (sum(map(block, widths)) + sum(map(block, widths[:-1]))), 0
        join = sum((a + 2 * a) * a + a for a in widths[:-1])
    assert count_weights(network) == stem + head + down + join + blocks + up


def test_each_scale_of_the_weighted_way_up_is_joined_with_what_came_into_it() -> None:
    torch.manual_seed(0)
    network = ConvNextUNet(1, n_context=1, n_maps=4, patch=1, n_levels=4, n_layers=1, weighted_up=True)
    came: list[torch.Tensor] = []
    for down in network.down:
        down.register_forward_hook(lambda _module, _given, made: came.append(made))
    joined: list[torch.Tensor] = []
    for join in network.join:
        join.register_forward_pre_hook(lambda _module, given: joined.append(given[0]))
    assert network(torch.rand(1, 1, 1, 16, 16))[0].shape == (1, 1, 1, 16, 16)
    assert [maps.shape[1:] for maps in came] == [(8, 8, 8), (16, 4, 4), (32, 2, 2)]
    assert [maps.shape[1:] for maps in joined] == [(32, 4, 4), (16, 8, 8)]  # not the coarsest, and not the finest
    for maps, skip in zip(joined, came[-2::-1], strict=True):
        assert torch.equal(maps[:, skip.shape[1] :], skip)


def test_every_weight_of_the_weighted_way_up_takes_part() -> None:
    network = make("convnext_unet", levels=3, blocks=2, context=2, way_up="weights")
    network(torch.rand(1, 2, 1, 16, 16))[0].square().sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and weight.grad.abs().amax() > 0, name


@pytest.mark.parametrize("name", BLOCK_NETWORKS)
@pytest.mark.parametrize(("context", "block"), [(1, 4), (3, 1), (3, 3), (5, 2), (2, 7)])
def test_context_and_block_are_free(name: str, context: int, block: int) -> None:
    network = make(name, 2, context=context, block=block)
    past = torch.rand(2, 9, 2, 16, 16)
    chunk, state = network(past)
    assert chunk.shape == (2, block, 2, 16, 16)
    assert state is not None and torch.equal(state[0], past[:, -context:])
    assert rollout(network, past, 8).shape == (2, 8, 2, 16, 16)


@pytest.mark.parametrize("name", BLOCK_NETWORKS)
def test_the_first_frame_is_repeated_where_the_context_is_short(name: str) -> None:
    network, frames = make(name, context=4, block=3), torch.rand(1, 2, 1, 16, 16)
    short, state = network(frames)
    full, _ = network(torch.cat([frames[:, :1], frames[:, :1], frames], dim=1))
    assert torch.equal(short, full)
    assert state is not None and torch.equal(state[0], frames)


@pytest.mark.parametrize("name", BLOCK_NETWORKS)
def test_frames_before_the_context_are_not_seen(name: str) -> None:
    network, frames = make(name, context=3, block=2), torch.rand(1, 6, 1, 16, 16)
    changed = frames.clone()
    changed[:, :3] = 0
    assert torch.equal(network(frames)[0], network(changed)[0])


@pytest.mark.parametrize("name", BLOCK_NETWORKS)
def test_every_frame_of_the_context_and_of_the_block_takes_part(name: str) -> None:
    """Each forecast frame of a block depends on each context frame, so that none is left out of the gradient."""
    network = make(name, context=3, block=4)
    frames = torch.rand(1, 3, 1, 16, 16, requires_grad=True)
    chunk, _ = network(frames)
    for frame in chunk.unbind(dim=1):
        (gradient,) = torch.autograd.grad(frame.square().sum(), frames, retain_graph=True)
        assert gradient.abs().amax(dim=(0, 2, 3, 4)).gt(0).all()


@pytest.mark.parametrize("name", BLOCK_NETWORKS)
def test_one_step_of_training_changes_every_frame_of_the_block(name: str) -> None:
    network, window = make(name, context=3, block=4), torch.rand(2, 7, 1, 16, 16)
    before = unroll(network, window, burn_in=3, context=3)
    before.retain_grad()
    (before - window[:, 3:]).square().mean().backward()
    assert before.grad is not None and before.grad.abs().amax(dim=(0, 2, 3, 4)).gt(0).all()
    torch.optim.SGD(network.parameters(), lr=0.1).step()
    after = unroll(network, window, burn_in=3, context=3)
    assert (after - before).abs().amax(dim=(0, 2, 3, 4)).gt(0).all()


@pytest.mark.parametrize(("patch", "n_frame_layers"), [(1, 1), (1, 3), (2, 4), (4, 2)])
def test_simvp_serves_any_patch_and_number_of_frame_layers(patch: int, n_frame_layers: int) -> None:
    size = patch * 2 ** (n_frame_layers // 2)
    kind = NETWORKS["simvp"]
    assert kind.stride(kind.settings(patch=patch, frame_layers=n_frame_layers)) == size
    network = SimVp(
        3, n_context=2, n_block=3, n_maps=4, n_hidden=8, n_frame_layers=n_frame_layers, n_motion_layers=2, patch=patch
    )
    assert network(torch.rand(2, 2, 3, size, 3 * size))[0].shape == (2, 3, 3, size, 3 * size)


def test_a_large_kernel_sees_23_by_23_positions() -> None:
    torch.manual_seed(0)
    gate = LargeKernelGate(2)
    maps = torch.rand(1, 2, 41, 41, requires_grad=True)
    (gradient,) = torch.autograd.grad(gate(maps)[0, :, 20, 20].sum(), maps)
    rows, columns = gradient.abs().sum(dim=(0, 1)).nonzero().unbind(dim=1)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (9, 31, 9, 31)


def test_the_gate_is_a_product_of_two_maps_a_channel() -> None:
    torch.manual_seed(0)
    gate, maps = LargeKernelGate(3), torch.rand(1, 3, 8, 8)
    looked = gate.look(maps)
    for channel in range(3):
        expected = looked[0, channel] / (1 + torch.exp(-looked[0, 3 + channel]))
        torch.testing.assert_close(gate(maps)[0, channel], expected)


def test_temporal_attention_is_the_formula_of_the_paper() -> None:
    torch.manual_seed(0)
    attention, maps = TemporalAttention(8), torch.rand(2, 8, 6, 5)
    squeeze, _, excite, _ = attention.dynamic
    weights = torch.sigmoid(F.relu(maps.mean(dim=(2, 3)) @ squeeze.weight.T) @ excite.weight.T)
    expected = attention.static(maps) * weights.reshape(2, 8, 1, 1) * maps
    torch.testing.assert_close(attention(maps), expected)


@pytest.mark.parametrize("attention", [LargeKernelGate, TemporalAttention])
def test_a_motion_layer_adds_what_its_scales_let_through(attention: type[nn.Module]) -> None:
    torch.manual_seed(0)
    layer, maps = MotionLayer(8, attention, expansion=2), torch.randn(2, 8, 9, 9)
    nn.init.zeros_(layer.scales[1])
    change = layer(maps) - maps
    nn.init.zeros_(layer.scales[0][:4])
    torch.testing.assert_close(layer(maps)[:, :4], maps[:, :4])
    torch.testing.assert_close((layer(maps) - maps)[:, 4:], change[:, 4:])
