"""Auto: the one-click protocol. All simple rules, two or more networks, and a blend whose weights the past has tested.

Three origins before the test judge everything. A rule forecasts from each with the settings that the other origins chose. A
network is trained on the frames before the oldest of them (the fold), and how long to train is chosen like a rule's settings;
where time allows, a training on all frames before the newest origin judges it there (auto_nearer.py). What carries weight is
then trained on all history as far, and as often as time is left for (auto_refit.py); it is weighed as the mean of these starts
(auto_chance.py). No member is dropped for a low score: a fold network has seen less than its refit will, and a gate cost more
than it saved where this was measured; weights that the origins do not ask for come out small by themselves.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from framecast.forecasters.auto_fit import LEFT_BY_RULES, AutoFit
from framecast.forecasters.auto_further import go_further
from framecast.forecasters.auto_settings import OVERHEAD, AutoSettings, networks_of, training_units
from framecast.forecasters.auto_state import AutoState, why_not_further
from framecast.forecasters.blend import Weights
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster, ForecasterKind, Member, Timed, Workbench, retreats_of
from framecast.forecasters.restoration import leave_out_faint
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.reduction import extremes
from framecast.training.progress import FitProgress

Array = np.ndarray[Any, np.dtype[Any]]


class Auto:
    """A blend of rules and networks, judged on the frames before the test. `clock` tells the seconds of its time limit."""

    def __init__(self, settings: AutoSettings, workbench: Workbench, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.workbench = workbench
        self.clock = clock
        self.members: tuple[Member, ...] = ()
        self.weights = Weights((), (), 1)
        self.faint = 0.0
        """Part of the range that is left out of the blend where much of the frames is empty; see restoration.py."""
        self.rules: dict[str, Forecaster] = {}
        """Every rule that serves this series, fitted on all history, also those without weight."""
        self.left_out: dict[str, str] = {}
        """What could not serve this series, and why."""
        self._fit: AutoFit | None = None
        self._resumed: AutoState | None = None

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster. What is found so far forecasts: rules first, then each network when it is trained on all history."""
        assert history.n_frames == split.test.start, "the test frames must not be here"
        progress = FitProgress("Trying the simple rules")
        self._fit = fit = AutoFit(self, history, split, self._resumed)
        self._resumed = None
        for progress in go_further(fit) if fit.state.further else fit.steps():
            yield progress
        yield replace(progress, fraction=1.0, remaining_s=0.0, epoch_done=False, improved=False, part_done=False)

    def save_state(self, folder: Path) -> None:
        """See ResumableForecaster. Rules and networks that are finished are kept, the one at work as it stands."""
        assert self._fit is not None, "a fit comes first"
        self._fit.save_state(folder)

    def resume(self, folder: Path) -> None:
        """See ResumableForecaster."""
        self._resumed = AutoState.read(folder)

    def extend(self, unit: str, amount: float) -> None:
        """See ExtensibleForecaster. Minutes are for everything together, epochs and steps for each network on the fold."""
        assert self._resumed is not None, "resume comes first"
        self._resumed.extend(unit, amount)

    def forecast(self, past: Frames, horizon: int) -> Frames:
        assert self.members, "fit or load comes first"
        if len(self.members) == 1 and not self.faint:
            return self.members[0].forecaster.forecast(past, horizon)
        weights = self.shares(horizon).astype(np.float32)
        blended = np.zeros((horizon, *past.shape[1:]), np.float32)
        for column, member in zip(weights.T, self.members, strict=True):
            for frame, weight, one in zip(blended, column, member.forecaster.forecast(past, horizon), strict=True):
                frame += weight * one
        if self.faint:
            leave_out_faint(self.faint, blended, *extremes(past))
        return blended

    def shares(self, horizon: int) -> Array:
        """(lead, member): see BlendForecaster."""
        return self.weights.at(np.arange(horizon))

    @property
    def retreat(self) -> str:
        """What memory made of forecasts of members, in words; see NetworkForecaster."""
        return retreats_of(one.forecaster for one in self.members)

    def save(self, folder: Path) -> None:
        listed = []
        for number, member in enumerate(self.members):
            listed.append({"name": member.name, "settings": member.settings.to_mapping()})
            (folder / _folder(number)).mkdir()
            member.forecaster.save(folder / _folder(number))
        content = {"members": listed, "weights": asdict(self.weights), "faint": self.faint}
        (folder / "blend.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Auto":
        content = json.loads((folder / "blend.json").read_text(encoding="utf-8"))
        auto = cls(AutoSettings(), Workbench())
        members = []
        for number, one in enumerate(content["members"]):
            kind = FORECASTERS[one["name"]]
            settings = kind.settings.from_mapping(one["settings"])
            members.append(Member(one["name"], kind.load(folder / _folder(number)), settings))
        weights = content["weights"]
        auto.members, auto.faint = tuple(members), float(content.get("faint", 0.0))
        auto.weights = Weights(tuple(weights["first"]), tuple(weights["last"]), weights["horizon"])
        return auto


def _folder(number: int) -> str:
    return f"member_{number + 1:02d}"


def _most(count: str) -> Callable[..., int]:
    """Weights or bytes of the network that has most of them: they are trained one after the other. 0 where there is none."""

    def most(settings: AutoSettings, *sizes: int | str) -> int:
        kinds = [FORECASTERS[name] for name in networks_of(settings)]
        return max((int(getattr(kind, count)(kind.configure(), *sizes)) for kind in kinds), default=0)

    return most


def _timed_by(settings: AutoSettings) -> Timed | None:
    """Learned flow is the slower of the two that are always tried. Each has its whole time in the refit, of what the rules
    leave."""
    names = networks_of(settings)
    if "advect" not in names:
        return None
    given = {"epochs": settings.epochs, "validation": False, "refit": False}
    return Timed("advect", given, LEFT_BY_RULES / OVERHEAD / training_units(len(names)))


FORECASTERS.add(
    "auto",
    ForecasterKind(
        title="Auto",
        summary="Tries every simple rule and two or more networks on earlier frames, and blends them by what they were worth.",
        use_when="When you want the best forecast, or do not know where to begin: it says what carries your series. On "
        "average it is as good as the best simple rule or better.",
        family="protocol",
        settings=AutoSettings,
        make=Auto,
        load=Auto.load,
        n_weights=_most("n_weights"),
        training_bytes=_most("training_bytes"),
        timed_by=_timed_by,
        extensible=True,
        why_not_further=why_not_further,
    ),
)
