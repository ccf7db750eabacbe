"""The classical flow inside a network is the optical flow rule's, and the learned flow may begin as that rule."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from framecast.forecasters.baselines.motion import joint_motion, small_frames
from framecast.forecasters.baselines.optical_flow import Flow, OpticalFlow
from framecast.networks.advect import Advect, warp
from framecast.networks.classical_flow import WINDOW, classical_flow
from framecast.networks.contract import NETWORKS
from framecast.networks.rollout import rollout, unroll
from framecast.networks.wrap import Padded, Residual
from framecast.series.frames import Frames
from tests.forecasters.test_optical_flow import drifting

SIDE = 64


def tensor(frames: Frames) -> Tensor:
    """(t, h, w, c) as (1, t, c, h, w) float32."""
    return torch.from_numpy(frames.astype(np.float32)).permute(0, 3, 1, 2).unsqueeze(0)


@pytest.mark.parametrize("velocity", [(0.6, -1.1), (-2.7, 0.0)])
def test_it_is_the_joint_motion_of_the_rule(velocity: tuple[float, float]) -> None:
    frames = drifting(4, shape=(SIDE, SIDE), velocity=velocity).frames
    rule = joint_motion(small_frames(frames), WINDOW * SIDE)
    own = classical_flow(tensor(frames), warp)[0].numpy()
    assert np.abs(own - rule)[:, 8:-8, 8:-8].max() < 0.05
    assert np.abs(np.median(own, axis=(1, 2)) + velocity).max() < 0.1, "backward, a tenth of a pixel"


def test_each_of_a_batch_has_its_own_and_scale_and_channels_do_not_matter() -> None:
    one, other = (tensor(drifting(4, shape=(32, 40), velocity=v).frames) for v in ((0.5, 0.0), (0.0, -1.0)))
    both = classical_flow(torch.cat([one, other]), warp)
    torch.testing.assert_close(both[:1], classical_flow(one, warp), rtol=0, atol=1e-4)
    scaled = torch.cat([other, other], dim=2) / 255 - 3
    torch.testing.assert_close(both[1:], classical_flow(scaled, warp), rtol=0, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 64, 64), (4, 1, 64), (4, 11, 11)])
def test_where_there_is_too_little_to_see_nothing_moves(shape: tuple[int, int, int]) -> None:
    n_frames, height, width = shape
    frames = torch.rand(2, n_frames, 1, height, width)
    assert torch.equal(classical_flow(frames, warp), torch.zeros(2, 2, height, width))


def test_what_stands_still_has_no_motion_to_the_bit() -> None:
    still = torch.rand(1, 1, 3, 20, 30).expand(-1, 4, -1, -1, -1)
    assert torch.equal(classical_flow(still, warp), torch.zeros(1, 2, 20, 30))


def born(stride: int = 8) -> nn.Module:
    torch.manual_seed(0)
    return Residual(Padded(Advect(1, n_maps=8, from_classical=True), stride))


def test_at_birth_the_learned_flow_forecasts_what_the_optical_flow_rule_does() -> None:
    past = drifting(4, shape=(SIDE, SIDE)).frames
    rule = OpticalFlow.forecast_by(Flow("joint", 3, WINDOW * SIDE, 1.0), past, 10)
    own = rollout(born(), tensor(past), 10)[0].permute(0, 2, 3, 1).numpy()
    still = np.abs(rule - past[-1].astype(np.float32))
    inside = np.s_[:, 16:-16, 16:-16]
    assert still[-1].mean() > 20, "the picture moves"
    assert np.abs(own - rule)[inside].max() < 3.0 and np.abs(own - rule)[inside].mean() < 0.5, "grey levels of 255"


def test_the_rollout_keeps_the_motion_of_the_true_frames() -> None:
    """What is fed back is a picture made by the motion; it must not be asked for it again."""
    network, past = Advect(1, n_maps=8, from_classical=True), tensor(drifting(4, shape=(32, 32)).frames)
    with torch.no_grad():
        forecast, state = network(past, None)
        assert state is not None
        first = state[4]
        for _ in range(3):
            forecast, state = network(forecast * 0, state, fed_back=True)
            assert state is not None and torch.equal(state[4], first)


def test_it_learns_what_the_classical_flow_does_not_know() -> None:
    """A drift that brightens: one batch, and the loss falls to a third of what the classical flow leaves."""
    frames = tensor(drifting(7, shape=(32, 32), velocity=(0.5, -0.5)).frames) / 64
    window = frames * (1 + 0.05 * torch.arange(7.0).view(1, -1, 1, 1, 1))
    network = born()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = (unroll(network, window, burn_in=4, context=4) - window[:, 4:]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3


def test_the_setting_builds_it_and_is_off() -> None:
    kind = NETWORKS["advect"]
    settings = kind.settings()
    assert not kind.build(settings, 1, 16, 16).from_classical
    assert kind.build(kind.settings.from_mapping({"flow_start": "optical flow"}), 1, 16, 16).from_classical
