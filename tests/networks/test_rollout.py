"""Feeding back, seen on networks whose every forecast is known."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.networks.contract import NETWORKS, State, answers_each
from framecast.networks.rollout import decisive, frames_at_once, rollout, unroll
from framecast.networks.wrap import padded_size


class Recorder(nn.Module):
    """Forecasts `n` frames, each one more than the frame before; remembers what it was given."""

    def __init__(self, n: int = 1) -> None:
        super().__init__()
        self.n = n
        self.given: list[list[float]] = []

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        self.given.append(frames[0, :, 0, 0, 0].tolist())
        steps = torch.arange(1.0, self.n + 1).reshape(1, -1, 1, 1, 1)
        return frames[:, -1:] + steps, (torch.zeros(frames.shape[0]),)


class Gain(nn.Module):
    """h' = weight * (h + x) is both state and forecast."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5, dtype=torch.float64))

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        hidden = torch.zeros_like(frames[:, :1]) if state is None else state[0]
        for frame in frames.split(1, dim=1):
            hidden = self.weight * (hidden + frame)
        return hidden, (hidden,)


def counting(n_frames: int) -> Tensor:
    """Frames of one pixel with the values 0, 10, 20, ..."""
    return torch.arange(0.0, 10 * n_frames, 10).reshape(1, n_frames, 1, 1, 1)


def values(frames: Tensor) -> list[float]:
    return frames.flatten().tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 9])
def test_rollout_gives_exactly_the_horizon(n: int) -> None:
    network = Recorder(n)
    assert values(rollout(network, counting(4), 7)) == [31, 32, 33, 34, 35, 36, 37]


def test_the_past_is_absorbed_in_blocks() -> None:
    network = Recorder()
    rollout(network, counting(5), 3, warm_block=2)
    assert network.given == [[0, 10], [20, 30], [40], [41], [42]]


def test_zero_block_repeats_the_mistake_of_the_question() -> None:
    network = Recorder()
    assert values(rollout(network, counting(3), 2, zero_block=5, warm_block=3)) == [1, 2]
    assert network.given == [[0, 10, 20], [0, 0, 0], [0, 0], [1]]


def test_clamped_forecasts_are_what_is_fed_back() -> None:
    network = Recorder()
    clamp = (torch.zeros(1, 1, 1), torch.full((1, 1, 1), 32.0))
    assert values(rollout(network, counting(4), 4, clamp=clamp)) == [31, 32, 32, 32]
    assert network.given[1:] == [[31], [32], [32]]


def test_rollout_needs_a_true_frame() -> None:
    with pytest.raises(AssertionError, match="at least one true frame"):
        rollout(Recorder(), iter(()), 3)


def test_unroll_is_given_truth_inside_the_context_and_itself_beyond() -> None:
    network = Recorder()
    assert values(unroll(network, counting(7), burn_in=2, context=4)) == [11, 21, 31, 32, 33]
    assert network.given == [[0, 10], [20], [30], [31], [32]]


def test_unroll_of_a_context_within_the_burn_in_is_a_rollout() -> None:
    network = Recorder()
    assert values(unroll(network, counting(7), burn_in=4, context=1)) == [31, 32, 33]
    assert network.given == [[0, 10, 20, 30], [31], [32]]


def test_unroll_of_single_steps_is_teacher_forcing() -> None:
    network = Recorder()
    assert values(unroll(network, counting(2), burn_in=1, context=1)) == [1]
    assert network.given == [[0]]


def test_unroll_of_chunks_mixes_truth_and_forecast_at_the_border() -> None:
    network = Recorder(n=3)
    assert values(unroll(network, counting(9), burn_in=2, context=4)) == [11, 12, 13, 14, 15, 16, 17]
    assert network.given == [[0, 10], [20, 30, 13], [14, 15, 16]]


@pytest.mark.parametrize("context", [1, 2, 4])
def test_gradient_is_that_of_the_whole_computation(context: int) -> None:
    network, window = Gain(), torch.rand(1, 6, 1, 1, 1, dtype=torch.float64)

    def loss(weight: Tensor) -> Tensor:
        hidden = weight * window[0, 0]
        total = hidden.sum()
        for t in range(1, 5):
            hidden = weight * (hidden + (window[0, t] if t < context else hidden))
            total = total + hidden.sum()
        return total

    unroll(network, window, burn_in=1, context=context).sum().backward()
    (expected,) = torch.autograd.grad(loss(network.weight), network.weight)
    torch.testing.assert_close(network.weight.grad, expected)


def test_truncation_changes_the_gradient_and_not_the_forecast() -> None:
    window = torch.rand(1, 6, 1, 1, 1, dtype=torch.float64)
    forecasts, gradients = [], []
    for truncate in (0, 1, 2, 5):
        network = Gain()
        forecast = unroll(network, window, burn_in=1, context=3, truncate=truncate)
        forecast.sum().backward()
        forecasts.append(values(forecast))
        assert network.weight.grad is not None
        gradients.append(network.weight.grad.item())
    assert forecasts[1:] == forecasts[:1] * 3
    assert gradients[1] < gradients[2] < gradients[0] == gradients[3]


def test_truncated_to_one_step_each_forecast_sees_only_its_own_product() -> None:
    network, window = Gain(), torch.ones(1, 4, 1, 1, 1, dtype=torch.float64)
    forecast = unroll(network, window, burn_in=1, context=1, truncate=1)  # h doubles into itself: w, w (2 h), w (2 h)
    forecast.sum().backward()
    h = values(forecast)
    assert network.weight.grad is not None
    assert network.weight.grad.item() == pytest.approx(1 + 2 * h[0] + 2 * h[1])


def test_pushed_frames_are_fed_back_and_not_given() -> None:
    network = Recorder()
    assert values(unroll(network, counting(8), burn_in=2, context=3, pushed=3)) == [24, 25]
    assert network.given == [[0, 10, 20], [21], [22], [23], [24]]


@pytest.mark.parametrize("n", [2, 3, 5])
def test_pushed_chunks_give_the_frames_after_the_pushed_ones(n: int) -> None:
    forecast = unroll(Recorder(n), counting(9), burn_in=2, context=3, pushed=3)
    assert values(forecast) == [24, 25, 26]


def test_what_is_pushed_carries_no_gradient() -> None:
    """The gradient is that of the last steps alone, begun at a state that is taken as it is."""
    network, window = Gain(), torch.rand(1, 7, 1, 1, 1, dtype=torch.float64)
    forecast = unroll(network, window, burn_in=1, context=3, pushed=2)
    with torch.no_grad():
        hidden = unroll(network, window[:, :5], burn_in=3, context=3)[:, -1:]
    first = network.weight * 2 * hidden
    expected = torch.cat([first, network.weight * 2 * first], dim=1)
    torch.testing.assert_close(forecast, expected)
    (found,) = torch.autograd.grad(forecast.sum(), network.weight)
    torch.testing.assert_close(found, torch.autograd.grad(expected.sum(), network.weight)[0])


def test_memory_does_not_grow_with_what_is_pushed() -> None:
    saved = []
    for pushed in (1, 20):
        network, count = Gain(), [0]

        def note(tensor: Tensor, count: list[int] = count) -> Tensor:
            count[0] += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            unroll(network, torch.rand(1, 5 + pushed, 1, 1, 1, dtype=torch.float64), burn_in=3, context=3, pushed=pushed)
        saved.append(count[0])
    assert saved[0] == saved[1] > 0


def test_every_weight_learns_after_pushed_frames_in_another_number_format() -> None:
    class Layer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1)

        def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
            return self.layer(frames[:, -1:]), None

    network = Layer()
    with torch.autocast("cpu", torch.bfloat16):
        forecast = unroll(network, torch.rand(1, 6, 1, 1, 1), burn_in=3, context=3, pushed=2)
    forecast.float().sum().backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_given_all_true_frames_unroll_is_teacher_forcing_and_given_none_a_rollout() -> None:
    forced, rolled = Recorder(), Recorder()
    assert values(unroll(forced, counting(6), burn_in=2, context=3, own=[False] * 6)) == [11, 21, 31, 41]
    assert forced.given == [[0, 10], [20], [30], [40]]
    own = [t >= 3 for t in range(6)]
    mixed = unroll(rolled, counting(6), burn_in=2, context=3, own=own)
    assert torch.equal(mixed, unroll(Recorder(), counting(6), burn_in=2, context=3))


def test_own_forecasts_within_the_context_are_absorbed_without_being_given_back() -> None:
    network = Recorder()
    own = [False, True, False, True, True, True]
    assert values(unroll(network, counting(6), burn_in=3, context=3, own=own)) == [21, 22, 23]
    assert network.given == [[0], [1], [20], [21], [22]]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_what_is_left_of_the_past_decides_the_forecast_to_the_bit(name: str) -> None:
    """In whatever blocks it is absorbed: of a network without a memory the frames before its window, too, change nothing."""
    kind = NETWORKS[name]
    settings = kind.settings()
    stride = kind.stride(settings)
    torch.manual_seed(0)
    network = kind.build(settings, 1, padded_size(16, stride), padded_size(16, stride)).eval()
    past = torch.rand(1, settings.context + 37, 1, padded_size(16, stride), padded_size(16, stride))
    seen = decisive(network, past, settings.context)
    assert seen.shape[1] == (past.shape[1] if answers_each(network) else settings.context)
    whole = rollout(network, past, 3)
    for tiled in (False, True):
        at_once = frames_at_once(network, settings.context, tiled=tiled)
        torch.testing.assert_close(rollout(network, seen, 3, warm_block=at_once), whole, rtol=1e-4, atol=1e-4)
    if not answers_each(network):
        assert torch.equal(rollout(network, seen, 3), whole)


class Sum(nn.Module):
    """Forecasts `n` frames, each pixel the sum of the frame before plus one; remembers what it was fed back."""

    def __init__(self, n: int = 1, *, answers_each: bool = False) -> None:
        super().__init__()
        self.n, self.answers_each = n, answers_each
        self.fed_back: list[Tensor] = []

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, answers: int = 1
    ) -> tuple[Tensor, State]:
        if fed_back:
            self.fed_back.append(frames.detach())
        last = frames[:, -answers:].float()
        forecast = torch.cat([last + i for i in range(1, self.n + 1)], dim=1) + last.sum(dim=(-2, -1), keepdim=True)
        return forecast, (torch.zeros(len(frames)),)


MASK = torch.tensor([[1.0, 0.0, 1.0]])


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float32])
@pytest.mark.parametrize("zero_block", [0, 3])
def test_what_is_masked_stays_along_a_rollout_what_it_last_was(n: int, dtype: torch.dtype, zero_block: int) -> None:
    past = torch.tensor([[1, 5, 2], [3, 7, 4]], dtype=torch.float32).reshape(1, 2, 1, 1, 3).to(dtype)
    clamp = (torch.zeros(1, 1, 1), torch.full((1, 1, 1), 6.0))
    for asked in ({}, {"clamp": clamp}):
        network = Sum(n)
        forecast = rollout(network, past.split(1, dim=1), 5, mask=MASK, zero_block=zero_block, **asked)
        assert forecast.dtype == torch.float32 and forecast.shape == (1, 5, 1, 1, 3)
        assert all((one[..., 1] == 7).all() for one in (forecast, *network.fed_back)) and len(network.fed_back) >= 2
    free = Sum(n)
    rollout(free, past, 5)
    assert all((one[..., 1] != 7).all() for one in free.fed_back), "which it would not have stayed"


@pytest.mark.parametrize("asked", [
    {}, {"truncate": 2}, {"pushed": 2}, {"recompute": True}, {"own": [False, False, True, False, True, True, False, True]},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("network", [Sum(), Sum(2), Sum(answers_each=True)], ids=["plain", "block", "each"])
def test_each_window_is_trained_on_with_its_own_pixels_held(network: Sum, asked: dict[str, Any]) -> None:
    network.fed_back = []
    masks = torch.stack([MASK, MASK.roll(1, dims=1)])[:, None, None]  # (b, 1, 1, h, w)
    window = torch.rand(2, 8, 1, 1, 3, generator=torch.Generator().manual_seed(0))
    filled = torch.where(masks > 0, window, torch.tensor(9.0))
    forecast = unroll(network, filled, burn_in=2, context=3, mask=masks, **asked)
    for one in (forecast, *network.fed_back):
        assert torch.equal(one == 9, (masks == 0).expand_as(one))
    assert network.fed_back
    moving = unroll(network, window, burn_in=2, context=4, mask=masks)
    steps = (masks == 0).expand(2, 2, 1, 1, 3)
    if network.n == 1:  # of true frames each is held as in the frame before, no later one
        assert torch.equal(moving[:, :2][steps], window[:, 1:3][steps])


def test_a_mask_of_all_pixels_changes_no_bit() -> None:
    window, every = torch.rand(2, 8, 1, 4, 4), torch.ones(4, 4)
    asked = {"burn_in": 2, "context": 3}
    assert torch.equal(unroll(Sum(), window, **asked, mask=every), unroll(Sum(), window, **asked))
    assert torch.equal(rollout(Sum(), window, 4, mask=every), rollout(Sum(), window, 4))
