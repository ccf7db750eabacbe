"""What the terms of the loss ask for."""

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.metrics.contract import METRICS
from framecast.metrics.ssim import differentiable_ssim_map, ssim_map
from framecast.training.loss import gradient_difference, penalty_of, training_loss
from framecast.training.settings import TrainingSettings

ONE = torch.ones(1, 1, 1)


def picture(seed: int = 0, size: int = 24) -> Tensor:
    """(1, 2, 1, size, size) with edges, 0 to 1."""
    generator = torch.Generator().manual_seed(seed)
    return F.interpolate(torch.rand(1, 2, size // 4, size // 4, generator=generator), size).unflatten(1, (2, 1))


def loss_of(forecast: Tensor, truth: Tensor, mask: Tensor | None = None, **changes: Any) -> Tensor:
    return training_loss(forecast, truth, TrainingSettings(**changes), spread=ONE, data_range=1.0, mask=mask)


def blurred(frames: Tensor) -> Tensor:
    return F.avg_pool2d(frames.flatten(0, 1), 3, 1, 1, count_include_pad=False).unflatten(0, frames.shape[:2])


@pytest.mark.parametrize("size", [(24, 30), (8, 40)])
def test_the_map_for_a_loss_is_the_map_of_the_score(size: tuple[int, int]) -> None:
    forecast, truth = (100 + torch.rand(3, 2, *size, generator=torch.Generator().manual_seed(i)) for i in range(2))
    torch.testing.assert_close(differentiable_ssim_map(forecast, truth, 2.0), ssim_map(forecast, truth, 2.0))


def test_its_gradient_is_that_of_the_formula() -> None:
    forecast, truth = picture(1).double()[0].requires_grad_(), picture(0).double()[0]
    direction = torch.randn(forecast.shape, generator=torch.Generator().manual_seed(2)).double()

    def value(step: float) -> float:
        return float(ssim_map((forecast + step * direction).float().detach(), truth.float(), 1.0).double().mean())

    differentiable_ssim_map(forecast.float(), truth.float(), 1.0).mean().backward()
    assert forecast.grad is not None
    assert float((forecast.grad * direction).sum()) == pytest.approx((value(1e-2) - value(-1e-2)) / 2e-2, rel=0.02)


@pytest.mark.parametrize("changes", [{"ssim_weight": 0.3}, {"gradient_weight": 0.3}, {"l1_weight": 0.5, "mse_weight": 2.0}])
@pytest.mark.parametrize("kind", ["l1+mse", "mse", "l1", "half sum of squares"])
def test_truth_costs_nothing_and_anything_else_something(kind: str, changes: dict[str, float]) -> None:
    truth = picture()
    assert float(loss_of(truth, truth, loss=kind, **changes)) == pytest.approx(0.0, abs=1e-6)
    assert float(loss_of(blurred(truth), truth, loss=kind, **changes)) > 0.001


def test_weights_of_one_are_the_plain_loss_and_others_weigh_its_parts() -> None:
    forecast, truth = picture(1), picture(0)
    parts = float((forecast - truth).abs().mean()), float(((forecast - truth) ** 2).mean())
    assert float(loss_of(forecast, truth)) == pytest.approx(sum(parts))
    assert float(loss_of(forecast, truth, l1_weight=3.0, mse_weight=0.5)) == pytest.approx(3 * parts[0] + 0.5 * parts[1])


def test_errors_are_counted_in_units_of_the_spread_of_their_channel() -> None:
    """So that no unit of a series, and no channel of it, weighs more than another."""
    forecast, truth = (torch.rand(3, 4, 2, 12, 14, generator=torch.Generator().manual_seed(i)) for i in range(2))
    spread = torch.tensor([0.5, 20.0]).view(-1, 1, 1)
    error = (forecast - truth) / spread
    steps = [
        ((forecast.diff(dim=axis).abs() - truth.diff(dim=axis).abs()) / spread).abs().mean() for axis in (-2, -1)
    ]
    expected = {
        "l1": error.abs().mean(),
        "mse": (error**2).mean(),
        "l1+mse": error.abs().mean() + (error**2).mean(),
        "half sum of squares": 0.5 * (error**2).sum() / 12,  # of each of 3 x 4 frames
    }
    for loss, value in expected.items():
        for weight in (0.0, 0.7):
            settings = TrainingSettings(loss=loss, gradient_weight=weight)
            found = training_loss(forecast, truth, settings, spread=spread, data_range=1.0)
            assert float(found) == pytest.approx(float(value + weight * (steps[0] + steps[1])), rel=1e-5), (loss, weight)


def test_edges_cost_by_the_paper() -> None:
    """Two steps of height 1 against none, in a row of 4 pixels: 2 of 3 pairs across, 0 of 4 pairs down."""
    truth = torch.tensor([[0.0, 1, 1, 0], [0, 1, 1, 0]]).reshape(1, 1, 1, 2, 4)
    assert float(gradient_difference(torch.zeros_like(truth), truth)) == pytest.approx(2 / 3)
    assert float(gradient_difference(1 - truth, truth)) == 0, "the sign of a step does not count"


@pytest.mark.parametrize("changes", [{}, {"ssim_weight": 1.0, "gradient_weight": 1.0}])
@pytest.mark.parametrize("each", [False, True])
def test_masked_pixels_do_not_count(changes: dict[str, float], each: bool) -> None:
    truth, mask = picture(), torch.ones(24, 24)
    mask[:6] = 0
    other = torch.where(mask > 0, blurred(truth), 77.0).requires_grad_()
    shaped = mask.expand(1, 1, 1, 24, 24) if each else mask
    loss = loss_of(other, truth, shaped, **changes)
    same = loss_of(torch.where(mask > 0, blurred(truth), -5.0), truth, shaped, **changes)
    assert float(loss.detach()) == pytest.approx(float(same))
    loss.backward()  # type: ignore[no-untyped-call]
    assert other.grad is not None and not other.grad[..., :6, :].any()


@pytest.mark.parametrize("share", [0.5, 0.75])
@pytest.mark.parametrize("each", [False, True])
def test_structure_under_a_mask_costs_what_the_score_lacks(share: float, each: bool) -> None:
    """And not less by what is masked: it would lose weight against the pixel errors, which are divided by what counts."""
    truth, forecast, mask = picture(), blurred(picture()), torch.ones(24, 24)
    mask[: round(24 * share)] = 0
    shaped = mask.expand(1, 1, 1, 24, 24) if each else mask
    cost = loss_of(forecast, truth, shaped, ssim_weight=1.0) - loss_of(forecast, truth, shaped)
    frames = [one[0].permute(0, 2, 3, 1).numpy() for one in (forecast, truth)]
    score = METRICS["ssim"].function(*frames, data_range=1.0, valid=mask.numpy() > 0)
    assert float(cost) == pytest.approx(1 - float(score.mean()), rel=1e-4)


def test_a_crop_without_a_pixel_that_counts_costs_nothing() -> None:
    loss = loss_of(picture(1), picture(0), torch.zeros(24, 24), gradient_weight=1.0)
    assert math.isfinite(float(loss)) and float(loss) == 0


@pytest.mark.parametrize("extra", [{"ssim_weight": 1.0}, {"gradient_weight": 1.0}])
def test_structure_and_edges_make_blur_dearer_than_an_equal_error_of_brightness(extra: dict[str, float]) -> None:
    truth = picture()
    blur = blurred(truth)
    brighter = truth + ((blur - truth) ** 2).mean().sqrt()
    assert float(loss_of(blur, truth, loss="mse")) == pytest.approx(float(loss_of(brighter, truth, loss="mse")), rel=1e-3)
    assert float(loss_of(blur, truth, loss="mse", **extra)) > 1.5 * float(loss_of(brighter, truth, loss="mse", **extra))


def test_with_ssim_a_forecast_of_what_cannot_be_known_is_less_blurred() -> None:
    """One frame has to serve two truths alike, a texture and the same moved by a pixel: the squared error answers with their
    mean, in which the texture is weak; with SSIM more of it stays."""
    rough = torch.randn(1, 1, 1, 24, 24, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.5
    truths = torch.cat([rough, rough.roll(1, -1)])
    spreads = []
    for weight in (0.0, 1.0):
        frame = torch.full((1, 1, 1, 24, 24), 0.5).requires_grad_()
        optimiser = torch.optim.Adam([frame], lr=0.02)
        for _ in range(150):
            optimiser.zero_grad()
            loss_of(frame.expand_as(truths), truths, loss="mse", ssim_weight=weight).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        spreads.append(float(frame.detach()[..., 5:-5, 5:-5].std()))
    assert spreads[1] > 1.1 * spreads[0]


def test_parts_of_a_network_may_ask_for_a_penalty() -> None:
    class Asking(nn.Module):
        def __init__(self, amount: float) -> None:
            super().__init__()
            self.amount = amount

        def pop_penalty(self) -> Tensor:
            amount, self.amount = self.amount, 0.0
            return torch.tensor(amount)

    assert penalty_of(nn.Linear(1, 1)) is None
    network = nn.Sequential(Asking(1.0), nn.Sequential(Asking(2.0)))
    assert [float(penalty_of(network) or 0), float(penalty_of(network) or 0)] == [3.0, 0.0]
