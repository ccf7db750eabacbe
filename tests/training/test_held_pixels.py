"""What a network is given under the mask in training and validation is what it will be given there in a forecast."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from framecast.metrics.contract import METRICS
from framecast.networks.contract import State
from framecast.networks.rollout import decisive, rollout
from framecast.networks.wrap import Wrapper
from framecast.training.batches import TrainingData, cut
from framecast.training.optimising import optimizer_of
from framecast.training.settings import TrainingSettings
from framecast.training.step import Stepper
from framecast.training.validation import Validator
from tests.training.test_saving_memory import SPREAD, network_of

FILLING = 250.0
"""Under the mask, and nowhere else."""
VARIED: tuple[dict[str, Any], ...] = (
    {},
    {"crop": 16, "flips": True, "turns": True, "parts": 2},
    {"input_noise": 0.5, "flips": True, "parts": 3},
    {"pushforward": 3, "truncate": 2},
    {"sampling": "scheduled", "recompute": True},
    {"sampling": "reverse", "burn_in": 1},
)


class Noting(Wrapper):
    """Remembers the frames that it is given, and whether they are its own."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__(network)
        self.given: list[tuple[Tensor, bool]] = []

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, **asked: int
    ) -> tuple[Tensor, State]:
        self.given.append((frames.detach().float(), fed_back))
        answer: tuple[Tensor, State] = self.network(frames, state, fed_back=fed_back, **asked)
        return answer


def data_of(**changes: Any) -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 200, (30, 1, 18, 20), dtype=torch.uint8, generator=generator)
    mask = torch.ones(18, 20)
    mask[4:11, 3:12] = 0
    frames = torch.where(mask > 0, frames, torch.tensor(FILLING, dtype=torch.uint8))
    return replace(TrainingData(frames, range(24), range(24, 30), 255.0, mask), **changes)


def given_in_training(name: str, data: TrainingData, changes: dict[str, Any]) -> list[tuple[Tensor, bool]]:
    settings = TrainingSettings(**{"precision": "float32", "loss": "mse", **changes})
    network = Noting(network_of(name)).train()
    batch = cut(
        data, torch.arange(6), 4, 4, settings, mixing=0.5, spread=SPREAD, generator=torch.Generator().manual_seed(1)
    )
    Stepper(network, settings, 4, SPREAD)(optimizer_of(network, settings), batch, data.data_range)
    assert batch.mask is not None
    masks = batch.mask.expand(len(batch.window), 1, 1, *batch.window.shape[-2:])
    size = -(-len(masks) // settings.parts)
    sizes = [len(part) for part in torch.split(masks, size)]
    assert [len(frames) for frames, _ in network.given if len(frames) not in sizes] == []
    return network.given


@pytest.mark.parametrize("changes", VARIED, ids=str)
@pytest.mark.parametrize("name", ["unet", "convlstm", "advect"])
def test_all_that_is_given_in_a_step_holds_the_filling(name: str, changes: dict[str, Any]) -> None:
    given = given_in_training(name, data_of(), changes)
    assert any(fed_back for _, fed_back in given)
    free = given_in_training(name, data_of(holds=False), changes)
    shares = [[float((frames == FILLING).float().mean()) for frames, _ in one] for one in (given, free)]
    first = next(share for share, (_, fed_back) in zip(shares[0], given, strict=True) if not fed_back)
    assert first > 0.05, "some of it is masked"
    for frames, fed_back in given:
        held = (frames == FILLING).float().mean(dim=(-3, -2, -1))
        assert torch.equal(held, held[:, :1].expand_as(held)), "in every frame of a window as many pixels"
        assert not fed_back or held.max() > 0
    assert all(share == 0 for share, (_, fed_back) in zip(shares[1], free, strict=True) if fed_back), "or none does"


@pytest.mark.parametrize("name", ["unet", "convlstm", "advect"])
@pytest.mark.parametrize("holds", [True, False])
def test_a_validation_holds_them_too(name: str, holds: bool) -> None:
    data, network = data_of(holds=holds), Noting(network_of(name))
    assert data.mask is not None
    Validator(network, data, TrainingSettings(clamp=False), 4)(network, 0.5)
    fed_back = [frames for frames, own in network.given if own]
    assert len(fed_back) == 5
    for frames in fed_back:
        assert (frames[..., data.mask == 0] == FILLING).all() == holds


@pytest.mark.parametrize("name", ["unet", "convlstm"])
def test_a_validation_says_of_masked_frames_what_the_scores_say(name: str) -> None:
    data, network = data_of(), network_of(name)
    assert data.mask is not None
    validated = Validator(network, data, TrainingSettings(clamp=False), 4)(network, 0.5)
    past = decisive(network, data.frames[None, :24], 4)
    forecast = rollout(network, past, 6, mask=data.mask)[0]
    truth, still = data.frames[24:].float(), data.frames[23:24].float().expand(6, 1, 18, 20)
    valid = data.mask.numpy() > 0
    said, known, kept = (frames.permute(0, 2, 3, 1).numpy() for frames in (forecast, truth, still))
    for metric in ("ssim", "mse"):
        for curve, one in ((metric, said), (f"persistence_{metric}", kept)):
            wanted = METRICS[metric].function(one, known, data_range=255.0, valid=valid)
            np.testing.assert_allclose(validated.curves[curve], wanted, rtol=1e-3)
        assert validated.scores[metric] == pytest.approx(np.mean(validated.curves[metric]), rel=1e-3)
    steps = [np.abs(np.diff(frames, axis=0, prepend=kept[:1]))[:, valid].mean((1, 2)) for frames in (said, known)]
    np.testing.assert_allclose(validated.curves["motion"], steps[0] / steps[1].mean(), rtol=1e-3)
    gappy = [np.where(valid[..., None], frames, np.nan) for frames in (said, known)]
    within = [sum(np.nansum(np.abs(np.diff(one, axis=axis)), axis=(1, 2, 3)) for axis in (1, 2)) for one in gappy]
    np.testing.assert_allclose(validated.curves["sharpness"], within[0] / within[1], rtol=1e-3)


def test_what_was_scored_before_with_masked_pixels_perfect_goes_on_being_so() -> None:
    """Else the best score so far, of a fit that goes on, would be out of reach."""
    data = data_of(holds=False)
    assert data.mask is not None
    network = network_of("unet")
    validated = Validator(network, data, TrainingSettings(clamp=False), 4)(network, 0.5)
    still, truth = data.frames[23:24].float(), data.frames[24:].float()
    squared = ((still - truth) ** 2 * data.mask).mean(dim=(1, 2, 3))
    np.testing.assert_allclose(validated.curves["persistence_mse"], squared, rtol=1e-3)


def test_a_mask_that_leaves_no_window_of_ssim_is_validated_all_the_same() -> None:
    mask = torch.zeros(18, 20)
    mask[:, :3] = 1
    network = network_of("unet")
    validated = Validator(network, data_of(mask=mask), TrainingSettings(clamp=False), 4)(network, 0.5)
    assert all(np.isfinite(score) for score in validated.scores.values())
