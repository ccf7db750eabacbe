"""Copies of weights, which are kept beside those that are trained: the best so far, the last good ones.

A copy is made anew in the memory that the one before it has. With weights as large as memory a new copy beside the old one is
what a run would die of, long after its first steps.
"""

from collections.abc import Mapping

import torch
from torch import Tensor


@torch.no_grad()
def copied(weights: Mapping[str, Tensor], into: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights in the memory of the machine. `into` is a copy of the same weights at another time, whose memory is used,
    or empty."""
    return {
        name: into[name].copy_(weight) if name in into else weight.detach().to("cpu", copy=True)
        for name, weight in weights.items()
    }
