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
from framecast.networks.rollout import frames_at_once
from framecast.networks.wrap import count_weights, padded_size
from framecast.settings import Settings
from framecast.training.footprint import Footprint, footprint
from framecast.training.settings import SMALLEST_CROP

LIBRARIES_BYTES = 12 * 2**20
"""Beside the tensors: what torch and its libraries set up for the shapes of a network on a CPU. Measured like `holes`."""
_CHANGES_NO_BYTE = {
    *("epochs", "minutes", "steps", "learning_rate", "batch_size", "unroll_curriculum", "pushforward", "sampling_start"),
    *("normalise", "subtract_mean", "clamp", "zero_block", "validation", "select_by", "refit", "averaging", "l1_weight"),
    *("mse_weight", "crop", "flips", "turns", "shuffle", "drop_last", "optimizer", "weight_decay", "pretraining_share"),
    *("schedule", "warmup", "drop_factor", "drop_every", "clip", "clip_mode", "restore", "compile"),
}
"""Settings that a training step holds as much with as without, or that are counted beside it."""


def n_weights(name: str) -> Callable[[Any, int, int, int], int]:
    """See ForecasterKind.n_weights. Takes no memory."""

    def count(settings: Settings, height: int, width: int, channels: int) -> int:
        return _n_weights(name, _what_counts(settings), height, width, channels)

    return count


@functools.lru_cache(maxsize=256)
def _n_weights(name: str, settings: Any, height: int, width: int, channels: int) -> int:
    """Remembered: a page asks at every rerun, and building a network of a dozen layers takes longer than the rest of it."""
    with torch.device("meta"):
        return count_weights(bare_network(name, settings, height, width, channels))


def training_bytes(name: str) -> Callable[[Any, int, int, int, str], int]:
    """See ForecasterKind.training_bytes."""

    def count(settings: Any, height: int, width: int, channels: int, device: str) -> int:
        stride = NETWORKS[name].stride(settings)
        sides = (min(settings.crop or side, side) for side in (height, width))
        area = math.prod(padded_size(side, stride) for side in sides)
        at_once = (_seen_at_once(name, settings, side, channels) for side in (height, width))
        whole = math.prod(padded_size(side, stride) for side in at_once)
        place = torch.device(device)
        together: int = -(-settings.batch_size // settings.parts)
        at_work = _footprint(name, _what_counts(settings), channels, place.type).peak_bytes(area, together, whole)
        at_work += int(settings.batch_size - together) * 4 * channels * area * _n_frames(settings)
        if settings.tile:
            at_work += _whole_beside_tiles(name, _what_counts(settings), height, width, channels)
        held = n_weights(name)(settings, height, width, channels)
        at_work = max(at_work, 8 * held)  # between two steps: gradients, and a copy when a refit ends or weights are looked at
        if place.type == "cpu":
            at_work = round(NETWORKS[name].holes * at_work) + LIBRARIES_BYTES
        return 4 * copies_of_weights(settings, place.type) * held + at_work

    return count


def copies_of_weights(settings: Any, device_type: str) -> int:
    """Which a training holds on the device from its beginning to its end, the gradients not among them."""
    kept = 1 + bool(settings.averaging)  # those that are trained, and their running mean
    copies = kept + 2  # two moments of Adam
    copies += bool(settings.validation)  # the best so far, later the network of the first stage beside the refitted one
    if device_type == "cpu":
        copies += kept  # the last good ones are in the memory of the machine
    return copies


def _seen_at_once(name: str, settings: Any, side: int, channels: int) -> int:
    """Pixels along a side of a frame that a forecast looks at in one call."""
    if not settings.tile:
        return side
    with torch.device("meta"):
        reach = bare_network(name, settings, side, side, channels).reach
    assert isinstance(reach, int)
    return min(side, int(settings.tile) + 2 * reach)


@functools.lru_cache(maxsize=256)
def _whole_beside_tiles(name: str, settings: Any, height: int, width: int, channels: int) -> int:
    """Bytes of whole frames that a forecast in tiles holds: what is absorbed at once, its copies on the way to scaled values
    and the state after it, or later a frame and the state before and after. Counted without memory."""
    stride = NETWORKS[name].stride(settings)
    with torch.device("meta"), torch.no_grad():
        network = bare_network(name, settings, height, width, channels)
        n_frames = frames_at_once(network, settings.context, tiled=True)
        given = torch.empty(1, n_frames, channels, padded_size(height, stride), padded_size(width, stride))
        state = network(given)[1]
    kept: int = sum(part.numel() for part in state)
    return 4 * max(3 * given.numel() + kept, 3 * given[:, :1].numel() + 2 * kept)


def _n_frames(settings: Any) -> int:
    """Of a window."""
    return int(settings.context) + max(int(settings.unroll), int(getattr(settings, "block", 1)))


@functools.lru_cache(maxsize=256)
def _footprint(name: str, settings: Any, channels: int, device_type: str) -> Footprint:
    def build(height: int, width: int) -> nn.Module:
        return bare_network(name, settings, height, width, channels)

    block, stride = int(getattr(settings, "block", 1)), NETWORKS[name].stride(settings)
    return footprint(build, settings, settings.context, block, channels, stride, torch.device(device_type))


def _what_counts(settings: Any) -> Any:
    """The settings with all that changes no byte of a step at its default, so that a changed learning rate costs no count. Of
    tiles it counts that there are any; their size is counted beside."""
    defaults = {field.name: field.default for field in settings.fields() if field.name in _CHANGES_NO_BYTE}
    return dataclasses.replace(settings, **defaults, tile=SMALLEST_CROP if settings.tile else 0)
