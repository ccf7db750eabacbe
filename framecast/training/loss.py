"""What training makes small. Everything is computed in float32, outside autocast, and no masked pixel counts."""

import torch
from torch import Tensor, nn

from framecast.metrics.blur import cropped
from framecast.metrics.ssim import differentiable_ssim_map
from framecast.networks.contract import pop_penalties
from framecast.training.settings import TrainingSettings


def training_loss(
    forecast: Tensor,
    truth: Tensor,
    settings: TrainingSettings,
    *,
    spread: Tensor,
    data_range: float,
    mask: Tensor | None = None,
    counted: Tensor | None = None,
) -> Tensor:
    """The loss of forecasts (b, t, c, h, w) in units, a scalar: pixel errors in units of `spread` (c, 1, 1), and where they
    have a weight 1 - SSIM and the gradient difference. `mask` (h, w) or (b, 1, 1, h, w) is 1 where a pixel counts; `counted`
    are the masks of the whole batch where these are a share of its windows."""
    counted = mask if counted is None else counted
    if mask is not None:  # and not by multiplying: what lies under the mask may be NaN
        nothing = torch.zeros((), device=truth.device, dtype=truth.dtype)
        forecast, truth = torch.where(mask > 0, forecast, nothing), torch.where(mask > 0, truth, nothing)
    error = (forecast - truth) / spread
    loss = _pixel_loss(error, settings, counted)
    if settings.ssim_weight:
        loss = loss + settings.ssim_weight * _unlike(forecast, truth, data_range, mask, counted)
    if settings.gradient_weight:
        loss = loss + settings.gradient_weight * gradient_difference(forecast / spread, truth / spread, mask, counted)
    return loss


def _pixel_loss(error: Tensor, settings: TrainingSettings, counted: Tensor | None) -> Tensor:
    """Mean over unmasked pixels of the scaled error (b, t, c, h, w), which is 0 elsewhere; the half sum of squares is summed
    over a frame as MATLAB's regression layer does and averaged over frames."""
    if settings.loss == "half sum of squares":
        return 0.5 * (error**2).sum(dim=(-3, -2, -1)).mean()
    parts = {
        "l1": lambda: settings.l1_weight * error.abs().mean(),
        "mse": lambda: settings.mse_weight * (error**2).mean(),
    }
    total = torch.stack([parts[name]() for name in settings.loss.split("+")]).sum()
    return total if counted is None else total / _filled(counted)


def _unlike(forecast: Tensor, truth: Tensor, data_range: float, mask: Tensor | None, counted: Tensor | None) -> Tensor:
    """1 - SSIM, a mean over unmasked pixels that a window fits around, as the score is."""
    seen, known = (forecast, truth) if mask is None else alike_outside(mask, forecast, truth)
    similarity = differentiable_ssim_map(seen.flatten(0, 1), known.flatten(0, 1), data_range)
    if mask is None:
        return 1 - similarity.mean()
    unlike = (1 - similarity).reshape(*forecast.shape[:2], *similarity.shape[1:]) * inside(mask)
    return unlike.mean() / _filled(inside(mask if counted is None else counted))


def gradient_difference(forecast: Tensor, truth: Tensor, mask: Tensor | None = None, counted: Tensor | None = None) -> Tensor:
    """The gradient difference loss of Mathieu, Couprie and LeCun 2016 (arXiv 1511.05440), section 3.2, equation 6, with
    alpha = 1: how far apart the sizes of the steps between neighbouring pixels are. A mean over pairs of unmasked pixels, of
    both directions added, where the paper has a sum, so that its weight does not depend on the size of the frame."""
    total = torch.zeros((), device=forecast.device)
    for axis in (-2, -1):
        if forecast.shape[axis] < 2:
            continue
        difference = (forecast.diff(dim=axis).abs() - truth.diff(dim=axis).abs()).abs()
        if mask is None:
            total = total + difference.mean()
        else:
            both = pairs(mask, axis)
            total = total + (difference * both).mean() / _filled(both if counted is None else pairs(counted, axis))
    return total


def penalty_of(network: nn.Module) -> Tensor | None:
    """The sum of what parts of the network ask to be kept small beside the loss, forgotten by them; None where none asks."""
    parts = pop_penalties(network)
    return torch.stack(parts).sum() if parts else None


def alike_outside(mask: Tensor, forecast: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Both with the mean of the true pixels that count wherever none does, as the score does it: what lies under the mask must
    not reach beyond its border by a window of SSIM."""
    counted = mask.sum(dim=(-2, -1), keepdim=True).clamp_min(1)
    filling = (truth * mask).sum(dim=(-2, -1), keepdim=True) / counted
    return torch.where(mask > 0, forecast, filling), torch.where(mask > 0, truth, filling)


def inside(mask: Tensor) -> Tensor:
    """What windows of SSIM fit around of a mask (..., h, w), as SSIM's map has it."""
    return mask[..., cropped(mask.shape[-2]), cropped(mask.shape[-1])]


def pairs(mask: Tensor, axis: int) -> Tensor:
    """1 where a pixel and its neighbour count."""
    size = mask.shape[axis] - 1
    return mask.narrow(axis, 0, size) * mask.narrow(axis, 1, size)


def _filled(mask: Tensor) -> Tensor:
    """Share of pixels that count; a crop may hold none, and then there is nothing to divide."""
    return mask.mean().clamp_min(1e-6)
