"""Gaussian means over the window of SSIM (Wang et al. 2004: 11 x 11, sigma 1.5), where the whole window fits.

On the processor a blur is a product with narrow banded matrices, 8 rows and then 16 columns at a time, all blocks of a stack
in one call over a view of overlapping blocks. Of a frame of 785 x 785 x 3, four blurs took 10 ms on one core where one call a
block took 36; broader blocks multiply more zeros, narrower ones are many small products. A product this small is also below
what the BLAS shares among threads, which would be ten times slower while a training job keeps the cores busy. On a GPU
blurs are sums of shifted slices, which neither TF32 nor autocast can make coarse.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import as_strided

from framecast.metrics.contract import Array

if TYPE_CHECKING:  # scoring needs no torch, so it is not imported for it
    import torch
    from torch import Tensor

REACH = 5
WINDOW = 2 * REACH + 1
SIGMA = 1.5
_ROWS, _COLUMNS = 8, 16


def blur_banded(planes: Array) -> Array:
    """Means of (..., height, width) float32: (..., height - 10, width - 10). A side below 11 is continued by reflection first,
    and keeps its length."""
    for axis in (-2, -1):
        if planes.shape[axis] < WINDOW:
            planes = planes.take(reflection(planes.shape[axis]), axis)
    *many, height, width = planes.shape
    stack = np.ascontiguousarray(planes).reshape(-1, height, width)
    rows = np.empty((len(stack), height - 2 * REACH, width), np.float32)
    found = np.empty((len(stack), height - 2 * REACH, width - 2 * REACH), np.float32)
    blur_into(stack, rows, found)
    return found.reshape(*many, *found.shape[1:])


def blur_into(stack: Array, rows: Array, found: Array) -> None:
    """Means of `stack` (n, height, width) into `found` (n, height - 10, width - 10) by way of `rows` (n, height - 10, width).

    All float32 with sides of 11 or more, the last two contiguous, of `stack` each plane."""
    n, height, width = rows.shape
    plane, row, item = stack.strides
    for start, n_blocks, size in _blocks(height, _ROWS):
        blocks = (n, n_blocks, size + 2 * REACH, width)
        seen = as_strided(stack[:, start:], blocks, (plane, size * row, row, item), writeable=False)
        into = rows[:, start : start + n_blocks * size].reshape(n, n_blocks, size, width)
        np.matmul(_band(size), seen, out=into)
    flat, wide = rows.reshape(-1, width), found.reshape(-1, found.shape[-1])
    for start, n_blocks, size in _blocks(found.shape[-1], _COLUMNS):
        windows = (n_blocks, len(flat), size + 2 * REACH)
        seen = as_strided(flat[:, start:], windows, (size * item, flat.strides[0], item), writeable=False)
        into = as_strided(wide[:, start:], (n_blocks, len(flat), size), (size * item, wide.strides[0], item))
        np.matmul(seen, _band(size).T, out=into)


def blur_slices(planes: "Tensor") -> "Tensor":
    """The same of a tensor on any device, as a sum of shifted slices."""
    import torch

    for axis in (-2, -1):
        if planes.shape[axis] < WINDOW:
            planes = planes.index_select(axis, _on(planes.device, reflection, planes.shape[axis]))
        size = planes.shape[axis] - 2 * REACH
        blurred = torch.zeros_like(planes.narrow(axis, 0, size))
        for shift, weight in enumerate(_kernel().tolist()):
            blurred.add_(planes.narrow(axis, shift, size), alpha=weight)
        planes = blurred
    return planes


def blur_products(planes: "Tensor") -> "Tensor":
    """The same of a tensor on any device, as products that autograd can follow."""
    bands = []
    for axis in (-2, -1):
        if planes.shape[axis] < WINDOW:
            planes = planes.index_select(axis, _on(planes.device, reflection, planes.shape[axis]))
        bands.append(_on(planes.device, _band, planes.shape[axis] - 2 * REACH))
    return bands[0] @ planes @ bands[1].T


def cropped(size: int) -> slice:
    """The part of a side of `size` pixels that the means cover."""
    return slice(0, size) if size < WINDOW else slice(REACH, size - REACH)


def reflection(size: int) -> Array:
    """Indices that continue a side by REACH pixels at both ends, the edge pixel repeated (d c b a | a b c d | d c b a)."""
    return np.pad(np.arange(size), REACH, mode="symmetric")


def _blocks(length: int, size: int) -> list[tuple[int, int, int]]:
    """(start, number, size) of equal blocks that cover a length, and of what is left over."""
    n_whole = length // size
    whole, rest = (0, n_whole, size), (n_whole * size, 1, length - n_whole * size)
    return [one for one in (whole, rest) if one[1] * one[2]]


def _kernel() -> Array:
    weights: Array = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / SIGMA) ** 2)
    weights /= weights.sum()
    return weights


@cache
def _band(n_rows: int) -> Array:
    """(n_rows, n_rows + 10) float32: the kernel in every row, one further to the right."""
    band = np.zeros((n_rows, n_rows + 2 * REACH), np.float32)
    for row in range(n_rows):
        band[row, row : row + WINDOW] = _kernel()
    return band


@cache
def _on(device: "torch.device", made: Callable[[int], Array], size: int) -> "Tensor":
    """What is made for a size, on the device: a GPU is waited for where something comes over from ordinary memory. Never
    dropped, for a training step that was recorded reads it where it lies."""
    import torch

    return torch.from_numpy(made(size)).to(device)
