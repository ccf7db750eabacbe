"""The motion of a few frames without any weights: least squares, as the optical flow rule's "joint" estimator does it.

What a network need not learn it can begin with. Pure tensor arithmetic on whole batches and any device; no gradient flows
through it, and a picture without motion has exactly none.
"""

from functools import cache
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW = 1 / 16
"""Standard deviation of the Gaussian window, as a share of the shorter side."""
COARSEST, STEPS, LONGEST_STEP, STIFFNESS = 12, 4, 2.0, 0.01
"""As in framecast/forecasters/baselines/motion.py, whose joint_motion this is."""


@torch.no_grad()
def classical_flow(frames: Tensor, warp: "Callable[[Tensor, Tensor], Tensor]") -> Tensor:
    """The one backward motion (b, 2, h, w), in pixels a frame, that serves all neighbours in `frames` (b, t, c, h, w) best.

    Lucas and Kanade (IJCAI 1981), section 3, summed over pairs and channels in Gaussian windows, from coarse to fine. A single
    frame, or frames of less than COARSEST pixels on a side, have none. `warp` samples maps at displaced places.
    """
    frames = frames.float()
    b, t, c, height, width = frames.shape
    field = frames.new_zeros(b, 2, 1, 1)
    if t < 2 or min(height, width) < COARSEST:
        return field.expand(-1, -1, height, width)
    with torch.autocast(frames.device.type, enabled=False):  # positions and squares of differences
        for power in range(8, -1, -1):
            if min(height, width) < COARSEST * 2**power and power:
                continue
            size = (max(1, round(height / 2**power)), max(1, round(width / 2**power)))
            small = F.adaptive_avg_pool2d(frames.flatten(0, 1), size).view(b, t, c, *size)
            field = _enlarged(field, size)
            window = max(0.5, WINDOW * min(height, width))
            for _ in range(STEPS):
                field = field + _step(small, field, window, warp)
    return field


def _step(frames: Tensor, field: Tensor, window: float, warp: "Callable[[Tensor, Tensor], Tensor]") -> Tensor:
    """The least-squares correction (b, 2, h, w) of `field`."""
    b, t = frames.shape[:2]
    earlier, later = frames[:, :-1].flatten(0, 1), frames[:, 1:].flatten(0, 1)  # (b*(t-1), c, h, w)
    moved = warp(earlier, field.repeat_interleave(t - 1, dim=0))
    left = later - moved
    down, right = (_slope(moved, axis) for axis in (-2, -1))
    products = torch.stack([down * down, down * right, right * right, down * left, right * left], dim=1)
    sums = products.sum(dim=2).view(b, t - 1, 5, *field.shape[-2:]).sum(dim=1)  # (b, 5, h, w)
    along, across = (_gaussian(side, window, sums.device).to(sums.dtype) for side in sums.shape[-2:])
    dd, dr, rr, dl, rl = (along @ sums @ across.T).unbind(dim=1)
    stiff = STIFFNESS * (dd + rr).mean(dim=(-2, -1), keepdim=True) + 1e-12
    dd, rr = dd + stiff, rr + stiff
    correction = torch.stack([rr * dl - dr * rl, dd * rl - dr * dl], dim=1) / (dd * rr - dr * dr).unsqueeze(1)
    clipped: Tensor = correction.clamp(-LONGEST_STEP, LONGEST_STEP)
    return clipped


def _slope(maps: Tensor, axis: int) -> Tensor:
    """Central differences along an axis, one-sided at its ends."""
    n = maps.shape[axis]
    after = torch.cat([maps.narrow(axis, 1, n - 1), maps.narrow(axis, n - 1, 1)], dim=axis)
    before = torch.cat([maps.narrow(axis, 0, 1), maps.narrow(axis, 0, n - 1)], dim=axis)
    slope = after - before
    slope.narrow(axis, 1, n - 2).mul_(0.5)
    return slope


def _enlarged(field: Tensor, size: tuple[int, int]) -> Tensor:
    """A motion on a coarser grid, in pixels of the finer one."""
    parts = F.interpolate(field, size=size, mode="bilinear").unbind(dim=1)
    ratios = [new / old for new, old in zip(size, field.shape[-2:], strict=True)]  # no tensor: a GPU would be waited for
    return torch.stack([part * ratio for part, ratio in zip(parts, ratios, strict=True)], dim=1)


@cache
def _gaussian(side: int, window: float, device: torch.device) -> Tensor:
    """(side, side): Gaussian means along a side, its ends repeated outwards; rows sum to 1. Never dropped, for a training step
    that was recorded reads it where it lies."""
    reach = int(4 * window + 0.5)
    offsets = torch.arange(-reach, reach + 1)
    weights = torch.exp(-0.5 * (offsets / window) ** 2)
    weights /= weights.sum()
    matrix = torch.zeros(side, side)
    places = (torch.arange(side)[:, None] + offsets).clamp(0, side - 1)
    return matrix.scatter_add_(1, places, weights.expand(side, -1).contiguous()).to(device)
