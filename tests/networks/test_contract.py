"""What every network must keep, whatever it is made of. Walks NETWORKS, so a new file is tested the moment it exists."""

import pytest
import torch
from torch import Tensor, nn

from framecast.networks.contract import NETWORKS, State
from framecast.networks.rollout import rollout, unroll
from framecast.networks.wrap import Padded, Residual, padded_size

NAMES = sorted(NETWORKS)


def make(name: str, channels: int, height: int, width: int, *, residual: bool = False, **changes: object) -> nn.Module:
    """The network `name` with default settings and `changes`, padded to its stride; weights from seed 0."""
    kind = NETWORKS[name]
    settings = kind.settings.from_mapping(changes)
    stride = kind.stride(settings)
    torch.manual_seed(0)
    network = Padded(kind.build(settings, channels, padded_size(height, stride), padded_size(width, stride)), stride)
    return Residual(network) if residual else network


def n_at_once(name: str) -> int:
    """Frames that a call gives with default settings."""
    return int(NETWORKS[name].settings().to_mapping().get("block", 1))


def series(batch: int, n_frames: int, channels: int, height: int, width: int) -> Tensor:
    return torch.rand(batch, n_frames, channels, height, width, generator=torch.Generator().manual_seed(1))


def assert_same(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels, height, width", [(1, 37, 53), (3, 5, 7), (2, 1, 1), (4, 9, 1)])
def test_serves_any_frame_size_and_channel_count(name: str, channels: int, height: int, width: int) -> None:
    network = make(name, channels, height, width)
    forecast, state = network(series(2, 3, channels, height, width), None)
    assert forecast.shape == (2, n_at_once(name), channels, height, width)
    assert forecast.dtype == torch.float32 and forecast.isfinite().all()
    assert isinstance(state, tuple) and all(part.shape[0] == 2 for part in state)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("context", range(1, 13))
def test_serves_any_context_length(name: str, context: int) -> None:
    network = make(name, 1, 8, 8, context=context)
    for n_given in (1, context):
        assert rollout(network, series(1, n_given, 1, 8, 8), 2).shape == (1, 2, 1, 8, 8)


@pytest.mark.parametrize("name", NAMES)
def test_rollout_is_calling_step_by_step(name: str) -> None:
    network, past = make(name, 2, 8, 12), series(2, 7, 2, 8, 12)
    state: State = None
    with torch.no_grad():
        for frame in past.split(1, dim=1):
            forecast, state = network(frame, state)
        steps = [forecast]
        for _ in range(4):
            forecast, state = network(forecast, state, fed_back=True)
            steps.append(forecast)
    horizon = 5 * n_at_once(name)
    for warm_block in (1, 3, 32):
        assert_same(rollout(network, past, horizon, warm_block=warm_block), torch.cat(steps, dim=1))
    assert_same(rollout(network, past.split(2, dim=1), horizon), torch.cat(steps, dim=1))


@pytest.mark.parametrize("name", NAMES)
def test_carried_state_is_the_state_recomputed(name: str) -> None:
    network, frames = make(name, 1, 8, 8), series(1, 9, 1, 8, 8)
    with torch.no_grad():
        whole, state_of_whole = network(frames, None)
        for n_first in (1, 5):
            _, state = network(frames[:, :n_first], None)
            forecast, state = network(frames[:, n_first:], state)
            assert_same(forecast, whole)
            for part, part_of_whole in zip(state, state_of_whole, strict=True):
                assert_same(part, part_of_whole)


@pytest.mark.parametrize("name", NAMES)
def test_state_does_not_grow_with_the_past(name: str) -> None:
    network = make(name, 1, 8, 8)
    sizes = []
    with torch.no_grad():
        for n_frames in (20, 40):
            _, state = network(series(1, n_frames, 1, 8, 8), None)
            sizes.append([part.shape for part in state])
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("name", NAMES)
def test_residual_form_is_persistence_at_birth(name: str) -> None:
    past = series(2, 5, 3, 9, 11)
    forecast = rollout(make(name, 3, 9, 11, residual=True), past, 4)
    assert torch.equal(forecast, past[:, -1:].expand(-1, 4, -1, -1, -1))


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_every_weight(name: str) -> None:
    network, window = make(name, 2, 16, 16, residual=True), series(2, 6, 2, 16, 16)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    for _ in range(2):  # the first update reaches only the head, which starts at zero
        optimiser.zero_grad()
        loss = (unroll(network, window, burn_in=3, context=4) - window[:, 3:]).square().mean()
        penalties = [part.pop_penalty() for part in network.modules() if hasattr(part, "pop_penalty")]
        torch.stack([loss, *penalties]).sum().backward()
        optimiser.step()
    silent = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert silent == []


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_and_same_weights_forecast_the_same_bits(name: str) -> None:
    past = series(1, 5, 1, 8, 8)
    network, twin, stranger = make(name, 1, 8, 8), make(name, 1, 8, 8), make(name, 1, 8, 8)
    forecast = rollout(network, past, 3)
    assert torch.equal(rollout(twin, past, 3), forecast)
    for weight in stranger.parameters():
        nn.init.normal_(weight)
    stranger.load_state_dict(network.state_dict())
    assert torch.equal(rollout(stranger, past, 3), forecast)


@pytest.mark.parametrize("name", NAMES)
def test_the_future_never_changes_a_forecast(name: str) -> None:
    network, window = make(name, 1, 8, 8), series(1, 8, 1, 8, 8)
    with torch.no_grad():
        forecast = unroll(network, window, burn_in=2, context=5)
        for t in range(2, 8):
            changed = window.clone()
            changed[:, t:] = series(1, 8 - t, 1, 8, 8) + 7.0
            assert torch.equal(unroll(network, changed, burn_in=2, context=5)[:, : t - 1], forecast[:, : t - 1])
        changed = window.clone()
        changed[:, 5:] = 7.0
        assert torch.equal(unroll(network, changed, burn_in=2, context=5), forecast)


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_not_changed(name: str) -> None:
    network, past = make(name, 1, 6, 6), series(1, 4, 1, 6, 6)
    before = past.clone()
    forecast, state = network(past, None)
    kept = [part.clone() for part in state]
    network(forecast, state)
    assert torch.equal(past, before)
    assert all(torch.equal(part, copy) for part, copy in zip(state, kept, strict=True))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("residual", [True, False])
def test_one_batch_can_be_overfitted(name: str, residual: bool) -> None:
    """In 80 steps the error on one batch of noise falls to a twentieth of what it was."""
    network, window = make(name, 1, 8, 8, residual=residual), series(2, 4, 1, 8, 8)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(80):
        loss = (unroll(network, window, burn_in=3, context=3) - window[:, 3:]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20


@pytest.mark.parametrize("name", NAMES)
def test_reduced_precision_stays_near(name: str) -> None:
    """Under autocast to bfloat16 the change is reduced, the frame that it is added to stays float32. On noise a pixel's
    neighbour differs by up to 1, so that rounded flow costs more than a rounded change."""
    network, past = make(name, 1, 16, 16, residual=True), series(1, 6, 1, 16, 16)
    nn.init.normal_(network.head.weight, std=0.05)
    full = rollout(network, past, 3)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = rollout(network, past, 3)
    assert reduced.dtype == torch.float32
    assert (reduced - full).abs().max() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_entry_says_what_a_card_and_a_form_need(name: str) -> None:
    kind = NETWORKS[name]
    assert kind.title and kind.summary.endswith(".") and kind.use_when.endswith(".")
    assert set(kind.presets) <= set(kind.preset_help)
    fields = kind.settings.fields()
    assert fields[0].name == "context"
    assert all(field.label and field.help.endswith(".") for field in fields)


@pytest.mark.parametrize("name", NAMES)
def test_can_be_counted_without_memory(name: str) -> None:
    kind = NETWORKS[name]
    settings = kind.settings()
    size = padded_size(785, kind.stride(settings))
    with torch.device("meta"):
        network = kind.build(settings, 3, size, size)
    assert all(weight.is_meta for weight in network.parameters())
