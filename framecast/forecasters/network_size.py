"""How large a network is and what training it takes in memory, told before anything is trained."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from framecast.networks.build import bare_network
from framecast.networks.contract import NETWORKS
from framecast.networks.wrap import count_weights, padded_size
from framecast.settings import Settings
from framecast.training.footprint import Footprint, footprint

_CHANGES_NO_BYTE = {
    *("epochs", "minutes", "steps", "learning_rate", "batch_size", "unroll_curriculum", "pushforward", "sampling_start"),
    *("normalise", "subtract_mean", "clamp", "zero_block", "validation", "select_by", "refit", "averaging", "l1_weight"),
    *("mse_weight", "crop", "flips", "turns", "shuffle", "drop_last", "optimizer", "weight_decay", "pretraining_share"),
    *("schedule", "warmup", "drop_factor", "drop_every", "clip", "clip_mode", "restore"),
}
"""Settings that a training step holds as much with as without, or that are counted beside it."""


def n_weights(name: str) -> Callable[[Any, int, int, int], int]:
    """See ForecasterKind.n_weights. Takes no memory."""

    def count(settings: Settings, height: int, width: int, channels: int) -> int:
        with torch.device("meta"):
            return count_weights(bare_network(name, settings, height, width, channels))

    return count


def training_bytes(name: str) -> Callable[[Any, int, int, int], int]:
    """See ForecasterKind.training_bytes."""

    def count(settings: Any, height: int, width: int, channels: int) -> int:
        stride = NETWORKS[name].stride(settings)
        sides = (min(settings.crop or side, side) for side in (height, width))
        area = math.prod(padded_size(side, stride) for side in sides)
        copies: int = 3  # weights and two moments of Adam
        copies += bool(settings.averaging)
        copies += bool(settings.validation)  # the best so far, later the network of the first stage beside the refitted one
        at_work = _footprint(name, _what_counts(settings), channels).peak_bytes(area, settings.batch_size)
        held = n_weights(name)(settings, height, width, channels)
        return 4 * copies * held + max(at_work, 8 * held)  # it is saved between two steps: gradients, and a copy for the file

    return count


@functools.lru_cache(maxsize=256)
def _footprint(name: str, settings: Any, channels: int) -> Footprint:
    def build(height: int, width: int) -> nn.Module:
        return bare_network(name, settings, height, width, channels)

    block = int(getattr(settings, "block", 1))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return footprint(build, settings, settings.context, block, channels, NETWORKS[name].stride(settings), device)


def _what_counts(settings: Any) -> Any:
    """The settings with all that changes no byte of a step at its default, so that a changed learning rate costs no count."""
    defaults = {field.name: field.default for field in settings.fields() if field.name in _CHANGES_NO_BYTE}
    return dataclasses.replace(settings, **defaults)
