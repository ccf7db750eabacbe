"""How large a network is and what training it takes in memory, told before anything is trained."""

import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from framecast.networks.contract import NETWORKS
from framecast.networks.wrap import count_weights, padded_size
from framecast.settings import Settings
from framecast.training.memory import activation_bytes


def bare_network(name: str, settings: Any, height: int, width: int, channels: int) -> nn.Module:
    """The network `name` for frames of this size, without its wrappers."""
    kind = NETWORKS[name]
    stride = kind.stride(settings)
    return kind.build(settings, channels, padded_size(height, stride), padded_size(width, stride))


def n_weights(name: str) -> Callable[[Any, int, int, int], int]:
    """See ForecasterKind.n_weights. Takes no memory."""

    def count(settings: Settings, height: int, width: int, channels: int) -> int:
        with torch.device("meta"):
            return count_weights(bare_network(name, settings, height, width, channels))

    return count


def training_bytes(name: str) -> Callable[[Any, int, int, int], int]:
    """See ForecasterKind.training_bytes."""

    @functools.lru_cache(maxsize=64)
    def activations(settings: Any, area: int, channels: int, stride: int) -> int:
        def build(height: int, width: int) -> nn.Module:
            return bare_network(name, settings, height, width, channels)

        with torch.random.fork_rng(devices=[]):
            return activation_bytes(build, settings, settings.context, channels, area, stride)

    def count(settings: Any, height: int, width: int, channels: int) -> int:
        stride = NETWORKS[name].stride(settings)
        sides = (min(settings.crop or side, side) for side in (height, width))
        area = math.prod(padded_size(side, stride) for side in sides)
        copies: int = 4  # weights, gradients, two moments of Adam
        copies += 3 * bool(settings.context + settings.unroll > 2)  # used at several steps: their gradients are added up
        copies += bool(settings.averaging)
        copies += bool(settings.validation)  # the best so far, later the network of the first stage beside the refitted one
        return 4 * copies * n_weights(name)(settings, height, width, channels) + activations(settings, area, channels, stride)

    return count
