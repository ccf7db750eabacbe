"""A depthwise convolution that also learns quickly on a CPU.

Forwards it is torch's. Backwards torch takes some 20 times as long for the gradient of the weights as for the convolution
itself where the kernel is large or has gaps, 7 x 7 with dilation 3 for one. Here that gradient is made of matrix products. For
one row of the kernel, one channel and a block of columns, the product of all rows of the gradient with the rows of the input
they met holds every pair of columns; those that one weight joins lie on a diagonal, and are added up. More is multiplied than
needed, by the width of a block, and it is two to four times as quick all the same. The gradient of the input is computed as
what it is, a convolution with the kernel turned by half a turn: torch's own takes twice as long.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 16
"""Columns."""


class Depthwise(nn.Conv2d):
    """One `kernel` x `kernel` convolution for each of `n_maps` maps, of the same size as they are. Weights as in nn.Conv2d."""

    def __init__(self, n_maps: int, kernel: int, *, dilation: int = 1) -> None:
        around = dilation * (kernel // 2)
        super().__init__(n_maps, n_maps, kernel, padding=around, dilation=dilation, groups=n_maps)

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type != "cpu":
            return super().forward(input)
        input = input.contiguous()  # as below: in another layout the same sums are taken in another order
        if not torch.is_grad_enabled():
            return super().forward(input)
        weight, bias = self.weight, self.bias
        assert bias is not None
        if torch.is_autocast_enabled("cpu"):
            kind = torch.get_autocast_dtype("cpu")
            input, weight, bias = input.to(kind), weight.to(kind), bias.to(kind)
        found: Tensor = _Learning.apply(input, weight, bias, self.dilation[0])  # type: ignore[no-untyped-call]
        return found


class _Learning(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.dilation = dilation
        return _convolved(maps, weight, bias, dilation)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        maps, weight = ctx.saved_tensors
        gradient, dilation = gradients[0].contiguous(), ctx.dilation
        of_maps = of_weight = of_bias = None
        if ctx.needs_input_grad[0]:
            of_maps = _convolved(gradient, weight.flip(2, 3), None, dilation)
        if ctx.needs_input_grad[1]:
            of_weight = weight_gradient(maps, gradient, weight.shape[-1], dilation).to(weight.dtype)
        if ctx.needs_input_grad[2]:
            of_bias = gradient.sum(dim=(0, 2, 3))
        return of_maps, of_weight, of_bias, None


def _convolved(maps: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    around = dilation * (weight.shape[-1] // 2)
    if dilation > 1:  # torch takes nearly twice as long where the values of one map lie together
        maps = maps.contiguous(memory_format=torch.channels_last)
    return F.conv2d(maps, weight, bias, padding=around, dilation=dilation, groups=len(weight)).contiguous()


def weight_gradient(maps: Tensor, gradient: Tensor, kernel: int, dilation: int) -> Tensor:
    """(n, 1, kernel, kernel): how a loss changes with the weights that made of `maps` (b, n, h, w) something whose gradient is
    `gradient`, of the same shape. Summed in float32, or in float64 where maps have it."""
    b, n, height, width = maps.shape
    kind = torch.promote_types(maps.dtype, torch.float32)
    around, more = dilation * (kernel // 2), -width % BLOCK
    seen = BLOCK + 2 * around
    padded = F.pad(maps.to(kind), (around, around + more, around, around))
    columns = padded.unfold(3, seen, BLOCK)  # (b, n, h + 2 around, blocks, seen)
    blocks = F.pad(gradient.to(kind), (0, more)).reshape(b, n, height, -1, BLOCK)
    given = blocks.permute(1, 4, 0, 2, 3).reshape(n, BLOCK, -1)  # (n, BLOCK, b * h * blocks)
    rows: list[Tensor] = []
    for row in range(kernel):
        met = columns[:, :, row * dilation : row * dilation + height].transpose(0, 1).reshape(n, -1, seen)
        pairs = torch.bmm(given, met)  # (n, BLOCK, seen): column of the gradient, column of the input
        diagonals = pairs.as_strided((n, kernel, BLOCK), (BLOCK * seen, dilation, seen + 1))
        rows.append(diagonals.sum(dim=-1))
    return torch.stack(rows, dim=1).unsqueeze(1)
