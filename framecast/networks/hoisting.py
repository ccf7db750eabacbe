"""The input convolution of a recurrent cell, made of many frames in one call; step by step is only what needs the step before.

A cell convolves its input and its hidden maps side by side, W * [x, h]. A convolution is linear: W * [x, h] = Wx * x + Wh * h,
and Wx * x waits for no step. Made of all frames together it is one large convolution in place of many small ones; frames,
which need no gradient, cause none to be computed; and at the start, where h is zero, Wh * h is left out.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AT_ONCE = 8
"""Frames that a recurrent network takes at a time, so that the memory of a rollout does not grow with the past."""


def hoisted(layer: nn.Conv2d, inputs: Tensor) -> list[Callable[[Tensor | None], Tensor]]:
    """For each of the t steps of `inputs` (t, b, n_inputs, h, w) a function of the hidden maps before it, (b, n_hidden, h, w)
    or None for zeros, to what `layer` says of both, (b, n_outputs, h, w)."""
    n_inputs = inputs.shape[2]
    if len(inputs) == 1:
        return [partial(_beside, layer, inputs[0])]
    made = F.conv2d(inputs.flatten(0, 1), layer.weight[:, :n_inputs], layer.bias, padding=layer.padding)
    of_hidden = layer.weight[:, n_inputs:].to(made.dtype)  # once: autocast would do it at every step
    return [partial(_added, layer, of_hidden, one) for one in made.reshape(*inputs.shape[:2], *made.shape[1:]).unbind()]


def _added(layer: nn.Conv2d, of_hidden: Tensor, made: Tensor, hidden: Tensor | None) -> Tensor:
    return made if hidden is None else made + F.conv2d(hidden, of_hidden, padding=layer.padding)


def _beside(layer: nn.Conv2d, inputs: Tensor, hidden: Tensor | None) -> Tensor:
    """A single step has nothing to gather: both halves in one call."""
    if hidden is None:
        return F.conv2d(inputs, layer.weight[:, : inputs.shape[1]], layer.bias, padding=layer.padding)
    both: Tensor = layer(torch.cat([inputs, hidden], dim=1))
    return both
