"""A network of NETWORKS by its name, as large as the frames it will see ask for."""

from typing import Any

from torch import nn

from framecast.networks.contract import NETWORKS
from framecast.networks.wrap import padded_size


def bare_network(name: str, settings: Any, height: int, width: int, channels: int) -> nn.Module:
    """The module inside all wrappers, for frames of `height` x `width` pixels padded to its stride."""
    kind = NETWORKS[name]
    stride = kind.stride(settings)
    return kind.build(settings, channels, padded_size(height, stride), padded_size(width, stride))
