"""What saves memory changes nothing else: the same losses and the same weights, to rounding."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from framecast.forecasters.catalog import FORECASTERS
from framecast.networks.contract import NETWORKS
from framecast.networks.rollout import unroll
from framecast.networks.wrap import Padded, Residual, padded_size
from framecast.training.batches import TrainingData, cut
from framecast.training.footprint import _held
from framecast.training.optimising import optimizer_of
from framecast.training.scaled import Scaled
from framecast.training.scaling import Scaler
from framecast.training.settings import TrainingSettings
from framecast.training.step import Stepper

NAMES = sorted(NETWORKS)
SPREAD = torch.full((1, 1, 1), 60.0)
SETTINGS = TrainingSettings(batch_size=6, unroll=3, precision="float32")


def network_of(name: str) -> torch.nn.Module:
    kind = NETWORKS[name]
    settings = kind.settings()
    stride = kind.stride(settings)
    torch.manual_seed(0)
    bare = kind.build(settings, 1, padded_size(18, stride), padded_size(20, stride))
    network = Residual(Scaled(Padded(bare, stride), Scaler((120.0,), (60.0,)), answers_change=True))
    torch.nn.init.normal_(network.head.weight, std=0.05)
    return network


def data_of(*, masked: bool = False) -> TrainingData:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 255, (30, 1, 18, 20), dtype=torch.uint8, generator=generator)
    mask = (torch.rand(18, 20, generator=generator) > 0.3).float() if masked else None
    return TrainingData(frames, range(30), range(0), 255.0, mask)


Step = tuple[float, float, list[torch.Tensor]]


def step(name: str, settings: TrainingSettings, data: TrainingData, context: int = 4) -> Step:
    """The loss, the length of the gradient and the gradient of one step."""
    network = network_of(name).train()
    generator = torch.Generator().manual_seed(1)
    batch = cut(data, torch.arange(6), context, 3, settings, mixing=0.0, spread=SPREAD, generator=generator)
    stepper = Stepper(network, settings, context, SPREAD)
    loss, norm = stepper(optimizer_of(network, settings), batch, data.data_range)
    return float(loss), float(norm), [weight.grad for weight in network.parameters() if weight.grad is not None]


def assert_same_step(one: Step, other: Step) -> None:
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    assert one[1] == pytest.approx(other[1], rel=1e-4)
    whole = torch.cat([gradient.flatten() for gradient in other[2]])
    apart = torch.cat([gradient.flatten() for gradient in one[2]]) - whole
    assert float(apart.norm()) <= 1e-4 * float(whole.norm())


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_in_parts_is_the_batch(name: str) -> None:
    whole = step(name, SETTINGS, data_of())
    assert_same_step(step(name, replace(SETTINGS, parts=3), data_of()), whole)


@pytest.mark.parametrize("n_parts", [2, 4, 6, 100])
@pytest.mark.parametrize("changes", [{}, {"crop": 16}, {"input_noise": 0.1, "flips": True}], ids=str)
def test_parts_of_any_number_with_masks_crops_and_noise(n_parts: int, changes: dict[str, Any]) -> None:
    settings, data = replace(SETTINGS, **changes), data_of(masked=True)
    assert_same_step(step("unet", replace(settings, parts=n_parts), data), step("unet", settings, data))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("changes", [{}, {"truncate": 2}], ids=str)
def test_what_is_computed_again_gives_the_same_gradient(name: str, changes: dict[str, Any]) -> None:
    settings = replace(SETTINGS, **changes)
    assert_same_step(step(name, replace(settings, recompute=True), data_of()), step(name, settings, data_of()))


@pytest.mark.parametrize("name", NAMES)
def test_computing_again_holds_less(name: str) -> None:
    """Not where one layer makes up the memory of the weights: the flatten LSTM."""
    kind = NETWORKS[name]
    settings = replace(FORECASTERS[name].configure(), unroll=16, precision="float32")
    side, block = padded_size(32, kind.stride(settings)), getattr(settings, "block", 1)

    def peak(recompute: bool) -> float:
        network = kind.build(settings, 1, side, side)
        changed = replace(settings, recompute=recompute)
        held, _ = _held(network, changed, settings.context, block, 1, side, 4, torch.device("cpu"))
        return float(held.max())

    assert peak(True) < peak(False) * (1.0 if name == "flatten_lstm" else 0.7)


def test_parts_hold_what_one_part_holds_and_the_other_windows() -> None:
    kind = FORECASTERS["unet"]
    assert kind.training_bytes is not None

    def needed(**changes: int) -> int:
        return kind.training_bytes(kind.configure(changes=changes), 64, 64, 3, "cpu")

    assert needed(batch_size=2) < needed(batch_size=16, parts=8) < 0.4 * needed(batch_size=16)


def test_frames_pushed_without_gradient_may_be_computed_again_beside() -> None:
    network, window = network_of("unet"), torch.rand(2, 9, 1, 18, 20)
    plain = unroll(network, window, burn_in=3, context=4, pushed=2)
    again = unroll(network, window, burn_in=3, context=4, pushed=2, recompute=True)
    assert torch.equal(plain, again) and again.requires_grad
