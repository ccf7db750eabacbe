"""All metrics of a forecast on a GPU: leads in batches, and not one number fetched before the last lead is done.

The frames travel in their stored type. Sums are made in float64 on the device; blurs are `blur_slices`, which neither TF32 nor
autocast makes coarse. The results are those of the metrics by themselves to float32's rounding, on any device of torch, so the
tests run it on the processor, where `framecast.evaluation.leads` is the quicker way. A metric that is not among
DEVICE_METRICS is left to its function.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from framecast.metrics.contract import Array, Mask
from framecast.metrics.moving import FEWEST, NOISES, OF_GRAIN, SHARE, STRONG, pairs_of_noise
from framecast.metrics.spectrum import fine_part
from framecast.metrics.ssim import map_of_tensors

_AT_ONCE = 2**30
"""Bytes of float32 pictures that a batch of leads may take, with what is made of them."""
_PICTURES = 16
"""That exist at the same time for a lead, about."""


@torch.no_grad()
def scores_on_device(
    forecast: Array,
    truth: Array,
    metrics: Sequence[str],
    *,
    data_range: float,
    valid: Mask | None = None,
    last: Array | None = None,
    device: str,
) -> dict[str, Array]:
    """Those of the `metrics` that are in DEVICE_METRICS, (lead,) float64 each.

    Arrays as `framecast.metrics.contract.Metric`, checked by the caller, of uint8, uint16 or float32.
    """
    chosen = [name for name in metrics if name in DEVICE_METRICS]
    n_leads, height, width, n_channels = truth.shape
    counted = None if valid is None or valid.all() else torch.from_numpy(valid).to(device)
    start = None if last is None else _on(last[None], device)[0]
    moving = None
    if "moving_rmse" in chosen:
        assert last is not None and start is not None
        moving = _moving(truth, last, counted, device)
    step = max(1, _AT_ONCE // (4 * height * width * n_channels * _PICTURES))
    found: dict[str, list[Tensor]] = {name: [] for name in chosen}
    for first in range(0, n_leads, step):
        both = [_on(one[first : first + step], device) for one in (forecast, truth)]
        before = None
        if start is not None:
            heads = [start[None] if first == 0 else _on(one[first - 1 : first], device) for one in (forecast, truth)]
            before = [torch.cat([head, one[:-1]]) for head, one in zip(heads, both, strict=True)]
        batch = _Batch(both[0], both[1], before, counted, moving, data_range)
        for name in chosen:
            found[name].append(DEVICE_METRICS[name](batch))
    if not chosen:
        return {}
    values = torch.stack([torch.cat(found[name]).double() for name in chosen]).cpu().numpy()
    return dict(zip(chosen, values, strict=True))


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some leads: (lead, channel, height, width) float32 each, masks (height, width)."""

    forecast: Tensor
    truth: Tensor
    before: list[Tensor] | None
    """What stood before the forecast and before the truth."""
    counted: Tensor | None
    moving: Tensor | None
    data_range: float

    @property
    def both(self) -> tuple[Tensor, Tensor]:
        return self.forecast, self.truth

    @cached_property
    def squared(self) -> Tensor:
        return (self.forecast - self.truth).square_()

    def mean(self, values: Tensor, mask: Tensor | None) -> Tensor:
        """(lead,) over the pixels of a mask and all channels."""
        n_channels = values.shape[1]
        if mask is None:
            return values.mean(dim=(1, 2, 3), dtype=torch.float64)
        kept = torch.where(mask, values, 0).sum(dim=(1, 2, 3), dtype=torch.float64)
        return kept / (n_channels * mask.sum())

    def filled(self) -> tuple[Tensor, Tensor]:
        """Both with the mean of the valid truth outside the mask."""
        if self.counted is None:
            return self.both
        middle = self.middle(self.truth)
        return torch.where(self.counted, self.forecast, middle), torch.where(self.counted, self.truth, middle)

    def middle(self, frames: Tensor) -> Tensor:
        """(lead, channel, 1, 1): means over the pixels that count."""
        if self.counted is None:
            return frames.mean(dim=(2, 3), keepdim=True, dtype=torch.float64).float()
        kept = torch.where(self.counted, frames, 0).sum(dim=(2, 3), keepdim=True, dtype=torch.float64)
        return (kept / self.counted.sum()).float()


def _mse(batch: _Batch) -> Tensor:
    return batch.mean(batch.squared, batch.counted)


def _mae(batch: _Batch) -> Tensor:
    return batch.mean((batch.forecast - batch.truth).abs_(), batch.counted)


def _psnr(batch: _Batch) -> Tensor:
    return -10 * torch.log10(_mse(batch)) + 20 * math.log10(batch.data_range)


def _moving_rmse(batch: _Batch) -> Tensor:
    return batch.mean(batch.squared, batch.moving).sqrt()


def _ssim(batch: _Batch) -> Tensor:
    forecast, truth = batch.filled()
    per_pixel = map_of_tensors(forecast, truth, batch.data_range)
    inside = None
    if batch.counted is not None:
        height, width = (
            slice((whole - part) // 2, (whole + part) // 2)
            for whole, part in zip(truth.shape[-2:], per_pixel.shape[-2:], strict=True)
        )
        inside = batch.counted[height, width]
    return batch.mean(per_pixel, inside)


def _correlation(batch: _Batch) -> Tensor:
    centred = []
    for one in batch.both:
        for _ in range(2):  # the second time takes off what rounding left of a large mean
            one = one - batch.middle(one)
        centred.append(one if batch.counted is None else torch.where(batch.counted, one, 0))
    energies = [one.square().sum(dim=(2, 3), dtype=torch.float64) for one in centred]
    product = (centred[0] * centred[1]).sum(dim=(2, 3), dtype=torch.float64)
    size = (energies[0] * energies[1]).sqrt()
    differ = batch.forecast != batch.truth
    equal = ~(differ if batch.counted is None else differ & batch.counted).flatten(2).any(dim=2)
    each = torch.where(equal, 1.0, torch.where(size > 0, product / size, 0.0))
    return each.mean(dim=1)


def _sharpness(batch: _Batch) -> Tensor:
    energies = []
    for frames in batch.both:
        total: Tensor | float = 0.0
        for axis in (2, 3):
            size = frames.shape[axis] - 1
            steps = frames.narrow(axis, 1, size) - frames.narrow(axis, 0, size)
            if batch.counted is not None:
                pair = batch.counted.narrow(axis - 2, 1, size) & batch.counted.narrow(axis - 2, 0, size)
                steps = torch.where(pair, steps, 0)
            total = total + steps.square_().sum(dim=(1, 2, 3), dtype=torch.float64)
        energies.append(torch.as_tensor(total))
    return _ratio(*energies)


def _change(batch: _Batch) -> Tensor:
    assert batch.before is not None
    sizes = []
    for frames, before in zip(batch.both, batch.before, strict=True):
        sizes.append(batch.mean((frames - before).square_(), batch.counted).sqrt())
    return _ratio(*sizes)


def _spectrum(batch: _Batch) -> Tensor:
    height, width = batch.truth.shape[-2:]
    part, *tables = fine_part(height, width)
    window, fine = (torch.from_numpy(one).to(batch.truth.device) for one in tables)
    mask = None if batch.counted is None else batch.counted[part]
    powers = []
    for frames in batch.both:
        grey = frames[..., part[0], part[1]].mean(dim=1)
        if mask is not None:
            n_kept = mask.sum().clamp(min=1)
            middle = torch.where(mask, grey, 0).sum(dim=(1, 2), keepdim=True, dtype=torch.float64) / n_kept
            grey = torch.where(mask, grey, middle.float())
        grey = (grey - grey.mean(dim=(1, 2), keepdim=True)) * window
        waves = torch.view_as_real(torch.fft.rfft2(grey)).square().sum(dim=-1)
        powers.append(torch.where(fine, waves, 0).sum(dim=(1, 2), dtype=torch.float64))
    return _ratio(*powers)


def _ratio(forecast: Tensor, truth: Tensor) -> Tensor:
    """1 where both are nothing."""
    return torch.where((truth == 0) & (forecast == 0), 1.0, forecast / truth)


def _moving(truth: Array, last: Array, counted: Tensor | None, device: str) -> Tensor:
    """`framecast.metrics.moving.moving_pixels` on the device, (height, width); of the truth only extremes are kept."""
    start = _on(last[None], device)[0]
    step = max(1, _AT_ONCE // (12 * last.size))
    high = torch.full_like(start, -torch.inf)
    low = torch.full_like(start, torch.inf)
    for first in range(0, len(truth), step):
        frames = _on(truth[first : first + step], device)
        high, low = torch.maximum(high, frames.amax(dim=0)), torch.minimum(low, frames.amin(dim=0))
    furthest = torch.maximum(high - start, start - low).clamp(min=0).amax(dim=0)
    inside = torch.ones_like(furthest, dtype=torch.bool) if counted is None else counted
    strong = _quantile(furthest[inside] if counted is not None else furthest.flatten(), STRONG / 100)
    limit = torch.maximum(NOISES * _noise(truth, last, counted, device), SHARE * strong)
    moving = (furthest > limit) & inside
    return torch.where(moving.sum() > FEWEST * inside.sum(), moving, inside)


def _noise(truth: Array, last: Array, counted: Tensor | None, device: str) -> Tensor:
    mask = None if counted is None else counted.cpu().numpy()
    found = []
    pairs, usable = pairs_of_noise(truth, last, mask)
    kept = None if usable is None else torch.from_numpy(usable).to(device)
    for now, before in pairs:
        difference = _on(now[None], device)[0] - _on(before[None], device)[0]
        rows = difference[:, 2:] - 2 * difference[:, 1:-1] + difference[:, :-2]
        grain = (rows[..., 2:] - 2 * rows[..., 1:-1] + rows[..., :-2]).abs()
        found.append(_quantile((grain if kept is None else grain[:, kept]).flatten(), 0.5))
    if not found:
        return torch.zeros((), device=device)
    return _quantile(torch.stack(found), 0.5) * OF_GRAIN


def _quantile(values: Tensor, share: float) -> Tensor:
    """Between the two values next to it, as numpy does, of any number of them."""
    place = share * (len(values) - 1)
    below, beyond = int(np.floor(place)), int(np.ceil(place))
    ordered = values.sort().values
    return ordered[below] + (place - below) * (ordered[beyond] - ordered[below])


def _on(frames: Array, device: str) -> Tensor:
    """(lead, channel, height, width) float32 on the device, sent in the type in which they are stored."""
    sent = torch.from_numpy(np.array(frames) if not frames.flags.writeable else np.ascontiguousarray(frames))
    return sent.to(device, non_blocking=True).permute(0, 3, 1, 2).float().contiguous()


DEVICE_METRICS: dict[str, Callable[[_Batch], Tensor]] = {
    "mse": _mse,
    "rmse": lambda batch: _mse(batch).sqrt(),
    "mae": _mae,
    "psnr": _psnr,
    "ssim": _ssim,
    "correlation": _correlation,
    "sharpness": _sharpness,
    "change": _change,
    "spectrum": _spectrum,
    "moving_rmse": _moving_rmse,
}
