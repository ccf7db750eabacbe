"""Sums and means over blocks of pixels: exact for integers, and several times faster than resampling a large frame.

For looking at a series, not for preparing what a network learns from (series/preparation.py): the channels are put together,
and the blocks of a side may differ by one pixel.
"""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def block_sums(frame: Array, blocks: tuple[int, int]) -> Array:
    """(block row, block column) float64: sums of a frame (height, width, channel) over each block and over the channels."""
    kind = np.float64 if frame.dtype.kind == "f" else np.uint64 if frame.dtype.itemsize > 1 else np.uint32
    borders = np.arange(blocks[0] + 1) * frame.shape[0] // blocks[0]
    rows = [np.add.reduce(frame[top:end], axis=0, dtype=kind) for top, end in zip(borders[:-1], borders[1:], strict=True)]
    starts = np.arange(blocks[1]) * frame.shape[1] // blocks[1]
    across = np.stack(rows).sum(axis=-1, dtype=np.float64)
    sums: Array = np.add.reduceat(across, starts, axis=1)
    return sums


def block_means(frame: Array, blocks: tuple[int, int]) -> Array:
    """(block row, block column) float32: means over each block and over the channels."""
    counts = block_sums(np.ones((*frame.shape[:2], 1), np.uint8), blocks)
    means: Array = (block_sums(frame, blocks) / (counts * frame.shape[-1])).astype(np.float32)
    return means
