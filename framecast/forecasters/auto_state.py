"""Where a fit of auto stands, on the disk: every part that is finished, and of the network at work how far it is.

    auto.json               what was tried and seen, in order
    forecasts.safetensors   what each of them forecast from each origin, at the pixels that are judged
    rule_01/, refit_01/     rules and networks that can forecast, as they save themselves
    network/                the network that is trained, as its course
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster
from framecast.forecasters.course import Course
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.series.frames import Frames


@dataclass(frozen=True, eq=False)
class Tried:
    """A rule that was tried."""

    name: str
    rule: Forecaster | None = None
    """None where it cannot serve the series."""
    forecasts: list[Frames] = field(default_factory=list)
    """Of each origin; empty of one that forecasts as another does, and so does not count."""


@dataclass(frozen=True, eq=False)
class Refitted:
    """A network that was trained on all history."""

    name: str
    settings: Mapping[str, Any]
    forecaster: NetworkForecaster


@dataclass(frozen=True, eq=False)
class AtWork:
    """The network that is trained."""

    name: str
    settings: Mapping[str, Any]
    course: Course
    length: float | None = None
    """Of the training on the fold; None for all history."""


@dataclass(eq=False)
class AutoState:
    elapsed_s: float = 0.0
    part: float = 0.0
    """Of the whole fit."""
    seconds: float | None = None
    """Of training for one network on the fold; None where that is not decided."""
    left_out: dict[str, str] = field(default_factory=dict)
    tried: list[Tried] = field(default_factory=list)
    folds: dict[str, tuple[dict[str, Any], list[list[Frames]]]] = field(default_factory=dict)
    """Name to what Fold.to_mapping gave."""
    refitted: list[Refitted] = field(default_factory=list)
    at_work: AtWork | None = None
    last: dict[str, Any] = field(default_factory=dict)
    """What the training on the fold at work said last, as FitProgress.to_mapping gives it."""

    def save(self, folder: Path, network: NetworkForecaster | None, length: float | None) -> None:
        """Write it into the empty `folder`. `network` is the one that is trained, on the fold where that has a `length`."""
        arrays: dict[str, Frames] = {}
        for number, tried in enumerate(self.tried):
            arrays |= _named(f"rule.{number}", tried.forecasts)
            if tried.rule is not None:
                _inside(folder, f"rule_{number + 1:02d}", tried.rule.save)
        for name, (_, seen) in self.folds.items():
            for moment, forecasts in enumerate(seen):
                arrays |= _named(f"fold.{name}.{moment}", forecasts)
        for number, one in enumerate(self.refitted):
            _inside(folder, f"refit_{number + 1:02d}", one.forecaster.save)
        if network is not None:
            _inside(folder, "network", network.save_state)
        content = {
            "elapsed_s": self.elapsed_s,
            "part": self.part,
            "seconds": self.seconds,
            "left_out": self.left_out,
            "last": self.last,
            "tried": [{"name": tried.name, "serves": tried.rule is not None} for tried in self.tried],
            "folds": [told for told, _ in self.folds.values()],
            "refitted": [{"name": one.name, "settings": dict(one.settings)} for one in self.refitted],
            "at_work": network and {"name": network.name, "settings": network.settings.to_mapping(), "length": length},
        }
        (folder / "auto.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, folder / "forecasts.safetensors")

    @classmethod
    def read(cls, folder: Path) -> "AutoState":
        """What `save` wrote, all of it in memory: the folder may go."""
        content: dict[str, Any] = json.loads((folder / "auto.json").read_text(encoding="utf-8"))
        arrays, at_work = load_file(folder / "forecasts.safetensors"), content["at_work"]
        state = cls(content["elapsed_s"], content["part"], content["seconds"], content["left_out"], last=content["last"])
        for number, one in enumerate(content["tried"]):
            place = folder / f"rule_{number + 1:02d}"
            rule = FORECASTERS[one["name"]].load(place) if one["serves"] else None
            state.tried.append(Tried(one["name"], rule, _of(arrays, f"rule.{number}")))
        for told in content["folds"]:
            seen = [_of(arrays, f"fold.{told['name']}.{moment}") for moment in range(len(told["moments"]))]
            state.folds[told["name"]] = (told, seen)
        for number, one in enumerate(content["refitted"]):
            forecaster = NetworkForecaster.load(folder / f"refit_{number + 1:02d}")
            state.refitted.append(Refitted(one["name"], one["settings"], forecaster))
        if at_work:
            course = Course.read(folder / "network")
            state.at_work = AtWork(at_work["name"], at_work["settings"], course, at_work["length"])
        return state


def _named(place: str, forecasts: Sequence[Frames]) -> dict[str, Frames]:
    return {f"{place}.{origin}": one for origin, one in enumerate(forecasts)}


def _of(arrays: Mapping[str, Frames], place: str) -> list[Frames]:
    found = {name.rpartition(".")[2]: one for name, one in arrays.items() if name.rpartition(".")[0] == place}
    return [found[origin] for origin in sorted(found, key=int)]


def _inside(folder: Path, name: str, save: Any) -> None:
    (folder / name).mkdir()
    save(folder / name)
