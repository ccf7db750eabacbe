"""Weights of another run as the beginning of this one: which of them fit, and what to say where they do not.

What a weight array looks like depends on the architecture, on a few of its settings, on the channels of the series and, for
networks that are not convolutional throughout, on the size. Settings that differ are refused, and so are such sizes, for half
a network is no beginning. Channels that differ are served: the layers that read and write frames start anew, all others are
taken over. So is another size of convolutional networks, and it is said, since what was learned is in pixels. Shapes are read
off the head of the file, so that asking costs no time.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from framecast.errors import SettingError
from framecast.networks.build import bare_network
from framecast.networks.contract import NETWORKS
from framecast.networks.wrap import Padded, Residual
from framecast.settings import Settings
from framecast.training.scaled import Scaled

Shapes = Mapping[str, tuple[int, ...]]
INHERITED = ("residual", "normalise", "subtract_mean")
"""Training settings that say what the numbers mean which a network is given and gives. A run that starts from another has
them, and those of the network, from there."""


@dataclass(frozen=True)
class StartingWeights:
    """What a run takes over."""

    path: Path
    names: Mapping[str, str]
    """Name in the bare network to name in the file, for every array that fits."""
    sentence: str
    """What is taken over and what not, to be shown."""

    def read(self) -> dict[str, Tensor]:
        """The arrays by their names in the bare network, on the CPU."""
        with safe_open(self.path, framework="pt") as file:
            return {name: file.get_tensor(there) for name, there in self.names.items()}


def starting_weights(settings: Any, folder: Path, name: str, shape: tuple[int, int], channels: int) -> StartingWeights:
    """What the network `name` with `settings`, on frames of `shape` (height, width) and `channels`, can take over from the
    `folder` that another one saved. Raises SettingError where they do not fit."""
    found = json.loads((folder / "forecaster.json").read_text(encoding="utf-8"))
    title, their_shape, their_channels = NETWORKS[name].title, tuple(found["shape"]), found["channels"]
    if found["network"] != name:
        raise SettingError(
            f"The weights are those of a {NETWORKS[found['network']].title} and this is a {title}; a network can start from "
            "its own kind only. Choose a run of the same forecaster, or start afresh."
        )
    theirs = type(settings).from_mapping(found["settings"])
    _check_settings(name, settings, theirs, their_shape, their_channels)
    kept = _shapes(name, theirs, their_shape, their_channels)
    if _shapes(name, settings, shape, their_channels) != kept:
        (height, width), (their_height, their_width) = shape, their_shape
        raise SettingError(
            f"A {title} is made for one size: the weights are for {their_width} x {their_height} px and this run works at "
            f"{width} x {height} px. Choose a working size of {min(their_shape)}, or start afresh."
        )
    path = folder / "weights.safetensors"
    prefix = "network." * (3 if theirs.residual else 2)
    with safe_open(path, framework="pt") as file:
        there = {key.removeprefix(prefix): tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    if any(there.get(key) != wanted for key, wanted in kept.items()):
        raise SettingError(
            f"The weights were made by another version of the {title} and do not fit this one. Train that run again, or "
            "start afresh."
        )
    wanted = _shapes(name, settings, shape, channels)
    names = {key: prefix + key for key in wanted if kept[key] == wanted[key]}
    sentence = "All weights are taken over."
    if len(names) < len(wanted):
        sentence = (
            f"The layers that read and write frames start anew, because the weights are for {_channels(their_channels)} and "
            f"this series has {channels}; {len(names)} of {len(wanted)} weight arrays are taken over."
        )
    if shape != their_shape:
        (height, width), (their_height, their_width) = shape, their_shape
        sentence += f" They learned on frames of {their_width} x {their_height} px, and this run has {width} x {height}."
    return StartingWeights(path, names, sentence)


def inner(network: nn.Module) -> nn.Module:
    """The bare network inside its wrappers."""
    while isinstance(network, Residual | Scaled | Padded):
        network = network.network
    return network


def _check_settings(name: str, ours: Any, theirs: Any, shape: tuple[int, int], channels: int) -> None:
    """Refuse the settings that make other weights of the same frames, each by its name."""
    kept = _shapes(name, theirs, shape, channels)
    unequal = ["residual"] if ours.residual != theirs.residual else []
    if _shapes(name, ours, shape, channels) != kept:
        fields = [field.name for field in NETWORKS[name].settings.fields()]
        differing = [field for field in fields if getattr(ours, field) != getattr(theirs, field)]
        unequal += [field for field in differing if _matters(name, theirs, field, getattr(ours, field), shape, channels, kept)]
    if not unequal:
        return
    labels = {field.name: field.label for field in type(ours).fields()}
    said = ", ".join(f"{labels[field]} {_word(theirs, field)} there and {_word(ours, field)} here" for field in unequal)
    advice = ", ".join(f"{labels[field]} to {_word(theirs, field)}" for field in unequal)
    raise SettingError(
        f"The weights are of another {NETWORKS[name].title}: {said}; these must be equal. Set {advice}, or start afresh."
    )


def _matters(
    name: str, theirs: Settings, field: str, value: object, shape: tuple[int, int], channels: int, kept: Shapes
) -> bool:
    try:
        return _shapes(name, type(theirs).from_mapping({**theirs.to_mapping(), field: value}), shape, channels) != kept
    except SettingError:  # this value does not go with the others there
        return True


def _shapes(name: str, settings: Any, shape: tuple[int, int], channels: int) -> Shapes:
    with torch.device("meta"):
        network = bare_network(name, settings, *shape, channels)
    return {key: tuple(weight.shape) for key, weight in network.state_dict().items()}


def _word(settings: Any, field: str) -> str:
    value = getattr(settings, field)
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _channels(n_channels: int) -> str:
    return f"{n_channels} channel" + ("" if n_channels == 1 else "s")
