"""What a network is given under the mask in training and validation is what it will be given there in a forecast."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from framecast.networks.contract import State
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
    Validator(data, TrainingSettings(clamp=False), 4)(network, 0.5)
    fed_back = [frames for frames, own in network.given if own]
    assert len(fed_back) == 5
    for frames in fed_back:
        assert (frames[..., data.mask == 0] == FILLING).all() == holds
