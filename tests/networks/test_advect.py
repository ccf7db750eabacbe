"""The learned flow carries the last true frame in one piece, however far the lead."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.networks.advect import FASTEST, Advect, AdvectSettings, warp
from framecast.networks.contract import NETWORKS, motion_of
from framecast.networks.rollout import chunks, rollout, unroll
from framecast.networks.wrap import Padded, Residual


def texture(height: int, width: int, channels: int = 1) -> Tensor:
    """Smooth noise (1, c, h, w), periodic at both sides."""
    noise = torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(2))
    for _ in range(2):
        noise = F.avg_pool2d(F.pad(noise, (1, 1, 1, 1), mode="circular"), 3, stride=1)
    return (noise - noise.mean()) / noise.std()


def constant(*values: float, height: int = 16, width: int = 16) -> Tensor:
    return torch.tensor(values).view(1, -1, 1, 1).expand(1, -1, height, width)


class Steady(nn.Module):
    """Answers always with the same flow and change."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = answer
        self.head = nn.Conv2d(1, 1, 1)

    def forward(self, frames: Tensor, state: object = None, **_: object) -> tuple[Tensor, tuple[Tensor]]:
        return self.answer.unsqueeze(1), (frames[:, -1:],)


def steady(down: float, right: float, change: float = 0.0, *, height: int = 16, width: int = 16) -> Advect:
    """A network whose flow is the same everywhere and always."""
    network = Advect(1)
    fastest = FASTEST * min(height, width)
    flow = fastest * torch.atanh(torch.tensor([down, right]) / fastest)
    network.unet = Steady(constant(*flow.tolist(), change, height=height, width=width))  # type: ignore[assignment]
    return network


def test_no_displacement_gives_the_maps_to_the_bit() -> None:
    maps = texture(13, 17, 3)
    assert torch.equal(warp(maps, torch.zeros(1, 2, 13, 17)), maps)


@pytest.mark.parametrize("height, width", [(9, 14), (1, 5), (6, 1)])
def test_warp_is_bilinear_sampling_with_the_border_continued(height: int, width: int) -> None:
    maps, generator = torch.rand(2, 3, height, width), torch.Generator().manual_seed(0)
    displacement = 4 * torch.randn(2, 2, height, width, generator=generator)
    rows = torch.arange(height)[:, None] + displacement[:, 0]
    columns = torch.arange(width) + displacement[:, 1]
    grid = torch.stack([2 * columns / max(width - 1, 1) - 1, 2 * rows / max(height - 1, 1) - 1], dim=-1)
    if 1 in (height, width):  # a share of no length says nothing; only the other side moves
        grid = torch.stack([grid[..., 0] if width > 1 else 0 * columns, grid[..., 1] if height > 1 else 0 * rows], dim=-1)
    expected = F.grid_sample(maps, grid, padding_mode="border", align_corners=True)
    torch.testing.assert_close(warp(maps, displacement), expected, rtol=0, atol=1e-5)


def test_gradient_reaches_frame_and_displacement() -> None:
    maps = torch.rand(1, 1, 5, 6, dtype=torch.float32, requires_grad=True)
    displacement = (0.3 + 0.3 * torch.rand(1, 2, 5, 6)).requires_grad_()
    (warp(maps, displacement) * torch.rand(1, 1, 5, 6)).sum().backward()
    assert maps.grad is not None and maps.grad[..., 1:4, 1:5].all()
    assert displacement.grad is not None and displacement.grad[..., :4, :5].all()


def test_positions_stay_exact_under_autocast() -> None:
    frames = texture(200, 200)
    shifted = constant(0.0, 100.25, height=200, width=200)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = warp(frames, shifted)
    assert torch.equal(reduced, warp(frames, shifted))


def test_a_number_that_is_none_becomes_a_loss_that_is_none() -> None:
    """and not an index out of bounds: training then says what to do."""
    assert warp(texture(8, 8), torch.full((1, 2, 8, 8), torch.nan)).isnan().all()


@pytest.mark.parametrize("down, right", [(0.0, 0.4), (0.25, -0.3)])
def test_a_steady_flow_samples_once_however_far_the_lead(down: float, right: float) -> None:
    """Ten steps of .4 pixels are four pixels: the forecast is the true frame moved, with nothing of its sharpness lost."""
    picture = texture(32, 32)
    network = steady(down, right, height=32, width=32)
    forecast = rollout(network, picture.unsqueeze(1), 10)
    for lead in (5, 10):
        expected = warp(picture, lead * constant(down, right, height=32, width=32))
        torch.testing.assert_close(forecast[:, lead - 1], expected, rtol=0, atol=1e-4)
    sharpness = [frame[..., 8:24, 8:24].std().item() for frame in (picture, forecast[:, 9])]
    again = picture
    for _ in range(10):
        again = warp(again, constant(down, right, height=32, width=32))
    assert again[..., 8:24, 8:24].std().item() < sharpness[1] - 0.05


def test_what_moves_in_crops_moves_as_far_in_whole_frames() -> None:
    network = NETWORKS["advect"].build(AdvectSettings(context=2, width=4), 1, 128, 96)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.fill_(3.5)  # near the longest flow there would be in the crop by itself
        (_, of_crop), (_, of_whole) = network(texture(32, 32)[None]), network(texture(128, 96)[None])
    displacement = motion_of(network, of_whole)[0]
    assert torch.equal(motion_of(network, of_crop)[0], displacement[..., :32, :32])
    torch.testing.assert_close(displacement, torch.full_like(displacement, 12 * math.tanh(3.5 / 12)))


def test_a_steady_change_adds_up() -> None:
    forecast = rollout(steady(0.0, 0.0, 0.5), torch.zeros(1, 3, 1, 16, 16), 4)
    torch.testing.assert_close(forecast[0, :, 0, 3, 3], torch.tensor([0.5, 1.0, 1.5, 2.0]))


def test_each_true_frame_begins_the_count_again() -> None:
    network, window = steady(0.0, 1.0), torch.cat([texture(16, 16).roll(-t, -1)[:, None] for t in range(6)], dim=1)
    forecast = unroll(network, window, burn_in=2, context=4)  # frames 2, 3, 4 from the frame before; 5 from 3
    inner = slice(0, 12)
    torch.testing.assert_close(forecast[..., inner], window[:, 2:, ..., inner], rtol=0, atol=1e-4)
    steps = list(chunks(network, window, 3))
    for lead, (_, state) in enumerate(steps, start=1):
        motion = motion_of(network, state)
        assert motion is not None
        torch.testing.assert_close(motion[0], lead * constant(0.0, 1.0))


def test_wrappers_pass_the_motion_on_and_it_makes_the_forecast() -> None:
    torch.manual_seed(3)
    network = Residual(Padded(Advect(2, n_maps=8), 8))
    nn.init.normal_(network.head.weight, std=0.05)
    past = torch.rand(1, 4, 2, 13, 18)
    for chunk, state in chunks(network, past, 5):
        motion = motion_of(network, state)
        assert motion is not None and state is not None
        made = warp(state[1], motion[0]) + motion[1]  # at padded size
        torch.testing.assert_close(made[..., :13, :18], chunk[:, 0], rtol=0, atol=1e-5)
    assert motion[0].abs().max() > 0.1


def test_a_moving_texture_is_learned_as_flow() -> None:
    """From one batch, to a tenth of a pixel: the source could explain it too, but the flow does so for every frame."""
    pictures = torch.cat([texture(32, 32), texture(32, 32).flip(-1)])
    window = torch.cat([pictures.roll((-t, t), (-2, -1))[:, None] for t in range(7)], dim=1)
    torch.manual_seed(0)
    network = Residual(Advect(1, n_maps=16))
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(120):
        loss = (unroll(network, window, burn_in=4, context=4) - window[:, 4:])[..., 4:-4, 4:-4].square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        _, state = network(window[:, 1:5])
        motion = motion_of(network, state)
    assert motion is not None
    flow = motion[0][..., 6:-6, 6:-6].mean(dim=(0, 2, 3))
    torch.testing.assert_close(flow, torch.tensor([1.0, -1.0]), rtol=0, atol=0.1)
