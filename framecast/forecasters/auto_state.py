"""Where a fit of auto stands, on the disk: every part that is finished, and of the network at work how far it is.

    auto.json               what was tried and seen, in order
    forecasts.safetensors   what each of them forecast from each origin, at the pixels that are judged
    rule_01/, refit_01/     rules and networks that can forecast, as they save themselves; networks with their course
    redone_01/              the same of networks that went further, while others are still to
    fold_01/                the longest training of a network on the fold, as its course
    network/                the network that is trained, as its course
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster
from framecast.forecasters.course import Course
from framecast.forecasters.fold import Moment
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
    moment: Moment | None = None
    """Of the fold, that it was trained for; None of one that is of a time when that was not kept."""
    number: int = 0
    """Of the training from another random start."""


@dataclass(frozen=True, eq=False)
class AtWork:
    """The network that is trained."""

    name: str
    settings: Mapping[str, Any]
    course: Course
    length: float | None = None
    """Of the training on the fold; None for all history."""
    nearer: bool = False
    """Whether that fold ends at the newest origin."""
    number: int = 0
    """Of the training on all history from another random start."""


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
    nearer: dict[str, tuple[dict[str, Any], list[list[Frames]]]] = field(default_factory=dict)
    """The same of those that were trained once more on the frames before the newest origin."""
    ended: dict[str, Course] = field(default_factory=dict)
    """Name to how the longest training on the fold ended."""
    refitted: list[Refitted] = field(default_factory=list)
    redone: list[Refitted] = field(default_factory=list)
    """Those of the extension at work; they forecast when all are done."""
    further: tuple[str, float] | None = None
    """What it is trained further by, of a fit that had ended: ("epochs", 20)."""
    n_further: int = 0
    """Extensions, with the one at work."""
    known: int = 0
    """The last extension that what forecasts has come from; 0 is the first fit."""
    told: str = ""
    """What came of the last extension, as a sentence."""
    at_work: AtWork | None = None
    last: dict[str, Any] = field(default_factory=dict)
    """What the training on the fold at work said last, as FitProgress.to_mapping gives it."""

    def save(self, folder: Path, network: NetworkForecaster | None, where: Mapping[str, Any]) -> None:
        """Write it into the empty `folder`. `network` is the one that is trained, and `where` has the `length`, `nearer` and
        `number` of AtWork."""
        arrays: dict[str, Frames] = {}
        for number, tried in enumerate(self.tried):
            arrays |= _named(f"rule.{number}", tried.forecasts)
            if tried.rule is not None:
                _inside(folder, f"rule_{number + 1:02d}", tried.rule.save)
        for place, folds in (("fold", self.folds), ("nearer", self.nearer)):
            for name, (_, seen) in folds.items():
                for moment, forecasts in enumerate(seen):
                    arrays |= _named(f"{place}.{name}.{moment}", forecasts)
        for place, networks in (("refit", self.refitted), ("redone", self.redone)):
            for number, one in enumerate(networks):
                _inside(folder, f"{place}_{number + 1:02d}", one.forecaster.save)
                one.forecaster.save_state(folder / f"{place}_{number + 1:02d}")
        for number, course in enumerate(self.ended.values()):
            _inside(folder, f"fold_{number + 1:02d}", partial(course.save, network=None, elapsed_s=0.0))
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
            "nearer": [told for told, _ in self.nearer.values()],
            "ended": list(self.ended),
            "refitted": [_told(one) for one in self.refitted],
            "redone": [_told(one) for one in self.redone],
            "further": self.further,
            "n_further": self.n_further,
            "known": self.known,
            "told": self.told,
            "at_work": network and {"name": network.name, "settings": network.settings.to_mapping(), **where},
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
        for listed, kind, folds in (("folds", "fold", state.folds), ("nearer", "nearer", state.nearer)):
            for told in content.get(listed, []):
                seen = [_of(arrays, f"{kind}.{told['name']}.{moment}") for moment in range(len(told["moments"]))]
                folds[told["name"]] = (told, seen)
        for number, name in enumerate(content.get("ended", [])):
            state.ended[name] = Course.read(folder / f"fold_{number + 1:02d}")
        for number, one in enumerate(content["refitted"]):
            state.refitted.append(_refitted(one, folder / f"refit_{number + 1:02d}"))
        for number, one in enumerate(content.get("redone", [])):
            state.redone.append(_refitted(one, folder / f"redone_{number + 1:02d}"))
        further = content.get("further")
        state.further = further and (further[0], further[1])
        state.n_further, state.known = content.get("n_further", 0), content.get("known", 0)
        state.told = content.get("told", "")
        if at_work:
            course = Course.read(folder / "network")
            state.at_work = AtWork(**at_work, course=course)
        return state

    def extend(self, unit: str, amount: float) -> None:
        """Begin to train further a fit that has ended."""
        self.further, self.n_further = (unit, amount), self.n_further + 1
        self.elapsed_s, self.part, self.redone, self.told = 0.0, 0.0, [], ""


def why_not_further(folder: Path) -> str:
    """See ForecasterKind."""
    content = json.loads((folder / "auto.json").read_text(encoding="utf-8"))
    if not content["folds"]:
        return "it has no network, only simple rules, which are as good as they get"
    if not content.get("ended") or any(one.get("moment") is None for one in content["refitted"]):
        return "it is of a time when networks did not keep how they ended, or none of them came to its end"
    return ""


def _told(one: Refitted) -> dict[str, Any]:
    moment = one.moment and asdict(one.moment)
    return {"name": one.name, "settings": dict(one.settings), "moment": moment, "number": one.number}


def _refitted(told: dict[str, Any], folder: Path) -> Refitted:
    forecaster, moment = NetworkForecaster.load(folder), told.get("moment")
    if moment is not None:
        forecaster.take_up(replace(Course.read(folder), forecasting={}))  # it is the network that was loaded
    return Refitted(told["name"], told["settings"], forecaster, moment and Moment(**moment), told.get("number", 0))


def _named(place: str, forecasts: Sequence[Frames]) -> dict[str, Frames]:
    return {f"{place}.{origin}": one for origin, one in enumerate(forecasts)}


def _of(arrays: Mapping[str, Frames], place: str) -> list[Frames]:
    found = {name.rpartition(".")[2]: one for name, one in arrays.items() if name.rpartition(".")[0] == place}
    return [found[origin] for origin in sorted(found, key=int)]


def _inside(folder: Path, name: str, save: Any) -> None:
    (folder / name).mkdir()
    save(folder / name)
