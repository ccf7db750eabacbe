"""Auto: the one-click protocol. All simple rules, two or more networks, and a blend whose weights the past has tested.

Three origins before the test judge everything. A rule forecasts from each with the settings that the other origins chose. A
network is trained on the frames before the oldest of them (the fold), and how long to train is chosen like a rule's settings;
what carries weight is then trained again on all history for that long. No member is dropped for a low score: a fold network
has seen less than its refit will, and a gate cost more than it saved where this was measured; weights that the origins do not
ask for come out small by themselves.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from framecast.errors import DeviceMemoryError, DivergedError, InputError
from framecast.forecasters.blend import Moments, Weights, fit_weights
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster, ForecasterKind, Member, Workbench
from framecast.forecasters.finding import found_in_words
from framecast.forecasters.fold import LENGTHS, Fold, settings_for
from framecast.forecasters.hindcast import View, past_origins
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.tuned_rule import TunedRule
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

Array = np.ndarray[Any, np.dtype[Any]]
ALWAYS = ("unet", "advect")
"""The networks that win on short series at small budgets."""
WITH_TIME = ("convnext_unet", "convlstm", "simvp", "tau", "predrnn")
"""Those that join when the budget allows."""
N_ORIGINS = 3
LEAST_WEIGHT = 0.02
"""A member with less than this at every lead does not forecast."""
OVERHEAD = 1.15
"""Looks and blending, over the training alone."""
LONG_MINUTES = 15.0
LEAST_SHARE = 0.5
"""Of a time limit, that networks get however long the rules took."""
FOLD_DEADLINE = 0.7
"""Share of a time limit after which no more is learned on the fold: the refit needs the rest."""
FEWEST_FRAMES = 8
"""In the fold, below which a network has nothing to learn from."""


@dataclass(frozen=True)
class AutoSettings(Settings):
    minutes: float = setting(
        5.0,
        label="Time limit",
        help="Minutes for everything together. The rules take seconds to a minute, networks share the rest. 0 means no limit: "
        "every network runs all its epochs.",
        minimum=0.0,
        maximum=100_000.0,
        unit="min",
    )
    epochs: int = setting(
        1000,
        label="Epochs",
        help="How often each network sees every training window, if the time limit does not end it first.",
        minimum=1,
        maximum=100_000,
    )
    networks: str = setting(
        "as time allows",
        label="Networks",
        help="Two suit every short series. With a quarter of an hour or more all others are tried, and the worse half is left "
        "behind twice on the way.",
        choices=("as time allows", "two", "all", "none"),
        advanced=True,
    )


class Auto:
    """A blend of rules and networks, judged on the frames before the test. `clock` tells the seconds of its time limit."""

    def __init__(self, settings: AutoSettings, workbench: Workbench, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.workbench = workbench
        self.clock = clock
        self.members: tuple[Member, ...] = ()
        self.weights = Weights((), (), 1)
        self.rules: dict[str, Forecaster] = {}
        """Every rule that serves this series, fitted on all history, also those without weight."""
        self.left_out: dict[str, str] = {}
        """What could not serve this series, and why."""

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster. What is found so far forecasts: rules first, then each network when it is trained on all history."""
        assert history.n_frames == split.test.start, "the test frames must not be here"
        progress = FitProgress("Trying the simple rules")
        for progress in _Fit(self, history, split).steps():
            yield progress
        yield replace(progress, fraction=1.0, remaining_s=0.0, epoch_done=False, improved=False)

    def forecast(self, past: Frames, horizon: int) -> Frames:
        assert self.members, "fit or load comes first"
        if len(self.members) == 1:
            return self.members[0].forecaster.forecast(past, horizon)
        weights = self.shares(horizon).astype(np.float32)
        blended = np.zeros((horizon, *past.shape[1:]), np.float32)
        for column, member in zip(weights.T, self.members, strict=True):
            for frame, weight, one in zip(blended, column, member.forecaster.forecast(past, horizon), strict=True):
                frame += weight * one
        return blended

    def shares(self, horizon: int) -> Array:
        """(lead, member): see BlendForecaster."""
        return self.weights.at(np.arange(horizon))

    def save(self, folder: Path) -> None:
        listed = []
        for number, member in enumerate(self.members):
            listed.append({"name": member.name, "settings": member.settings.to_mapping()})
            (folder / _folder(number)).mkdir()
            member.forecaster.save(folder / _folder(number))
        content = {"members": listed, "weights": asdict(self.weights)}
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
        auto.members = tuple(members)
        auto.weights = Weights(tuple(weights["first"]), tuple(weights["last"]), weights["horizon"])
        return auto


@dataclass(frozen=True, eq=False)
class _Judged:
    """A member with what it forecast from each origin, as hindcasts saw it. A network has no forecaster until its refit."""

    name: str
    settings: Settings
    forecasts: list[Frames]
    forecaster: Forecaster | None = None


class _Fit:
    """One fit of Auto, step by step."""

    def __init__(self, auto: Auto, history: FrameSeries, split: Split) -> None:
        self.auto, self.history, self.split = auto, history, split
        origins, self.horizon = past_origins(history.n_frames, split.horizon)
        self.origins = origins[:N_ORIGINS]
        self.view = View.of(history, max(1, self.horizon))
        self.truth = [self.view.patches(history.frames[origin + self.view.leads]) for origin in self.origins]
        self.started = auto.clock()
        self.judged: list[_Judged] = []
        """Rules first."""
        self.moments: list[Moments] = []
        """Of all that are judged, one for each origin."""
        self.seconds = 0.0
        """Of training for one network on the fold; 0 where there is no time limit."""
        self.folds: dict[str, Fold] = {}
        """The networks that are judged."""
        self.part = 0.0
        """Of the whole fit that is done; it never falls."""

    def steps(self) -> Iterator[FitProgress]:
        persistence = FORECASTERS["persistence"]
        settings = persistence.configure()
        self.auto.members = (Member("persistence", persistence.make(settings, self.auto.workbench), settings),)
        self.auto.weights = Weights.single(0, 1, 1)  # until more is known
        try:
            yield from self._try_rules()
        except GeneratorExit:  # stopped: the rules tried so far forecast
            if self.origins and self.judged:
                self._look_at_moments()
                self._blend()
            raise
        if not self.origins:  # nothing can be judged on so few frames
            finding = "The series is too short to judge forecasts; the last frame is forecast."
            yield self._said("Done", improved=True, finding=finding)
            return
        self._look_at_moments()
        yield self._said("Blending the simple rules", improved=True, finding=self._blend())
        if names := self._networks_to_try():
            yield from self._train_folds(names)
            yield from self._refit()

    def _try_rules(self) -> Iterator[FitProgress]:
        names = sorted(name for name, kind in FORECASTERS.items() if kind.family == "rule")
        for name in sorted(names, key=lambda name: name != "persistence"):
            kind = FORECASTERS[name]
            yield self._said(f"Trying the simple rules: {kind.title.lower()}")
            settings = kind.configure()
            rule = kind.make(settings, self.auto.workbench)
            try:
                for _ in rule.fit(self.history, self.split):
                    pass
                forecasts = [self._hindcast(rule, origin) for origin in self.origins]
            except InputError as error:
                self.auto.left_out[name] = str(error)
                continue
            self.auto.rules[name] = rule
            if not any(_same(forecasts, other.forecasts) for other in self.judged):  # else it would count twice
                self.judged.append(_Judged(name, settings, forecasts, rule))

    def _networks_to_try(self) -> list[str]:
        return networks_of(self.auto.settings) if min(self.origins) >= FEWEST_FRAMES else []

    def _train_folds(self, names: Sequence[str]) -> Iterator[FitProgress]:
        """Train on the fold, longer and longer, the worse half left behind each time (successive halving, Jamieson and
        Talwalkar 2016), and judge those that went all the way."""
        self.seconds = self._fold_seconds(len(names))
        folds = [self._fold(name) for name in names]
        total, done = training_units(len(names)), 0.0
        limit = self.auto.settings.minutes * 60
        for number, length in enumerate(LENGTHS, 1):
            nth = f"{number} of {len(LENGTHS)}"
            for fold in folds:
                stage = f"{FORECASTERS[fold.name].title}: trained on earlier frames, to be judged on later ones ({nth})"
                progress = FitProgress(stage)
                for progress in fold.train(length):
                    yield self._passed_on(progress, stage, (done + progress.fraction * length) / total)
                    if limit and fold.has_looked and self._elapsed() > FOLD_DEADLINE * limit:
                        break  # looks took longer than was thought; what was seen has to do
                done += length
                if fold.failure:
                    self.auto.left_out[fold.name] = fold.failure
                elif fold.has_looked:
                    looked = replace(progress, valid_scores={"ssim": fold.score}, epoch_done=False)
                    yield self._passed_on(looked, stage, done / total)
            folds = sorted((fold for fold in folds if not fold.failure), key=lambda fold: -fold.score)
            if length < LENGTHS[-1]:
                folds = folds[: kept_at_rung(len(folds))]
        folds = [fold for fold in folds if fold.has_looked]
        self.folds = {fold.name: fold for fold in folds}
        for fold in folds:
            self.judged.append(_Judged(fold.name, fold.settings, fold.judged()))
        self._look_at_moments()

    def _refit(self) -> Iterator[FitProgress]:
        """Train on all history what carries weight, the best first, and blend with it."""
        everything = fit_weights(self.moments, self.view.leads, self.horizon).at(self.view.leads).max(axis=0)
        wanted = [i for i, one in enumerate(self.judged) if one.name in self.folds and everything[i] >= LEAST_WEIGHT]
        wanted.sort(key=lambda i: -self.folds[self.judged[i].name].score)
        for number, index in enumerate(wanted):
            one = self.judged[index]
            kind, moment = FORECASTERS[one.name], self.folds[one.name].hindcast.best
            settings = self._refit_settings(one.settings, moment.length, len(wanted) - number)
            forecaster = NetworkForecaster(one.name, settings, self.auto.workbench, clock=self.auto.clock)
            start = self.split.test.start
            fit = forecaster.fit(self.history, Split(range(start), range(start, start), self.split.test))
            try:
                for progress in fit:
                    part = 0.6 + 0.4 * (number + progress.fraction) / len(wanted)
                    yield self._passed_on(progress, f"{kind.title}: trained on all history", part)
            except (DivergedError, DeviceMemoryError) as error:
                self.auto.left_out[one.name] = str(error)
                continue
            finally:
                fit.close()  # type: ignore[attr-defined]
            forecaster.restoration = moment.restoration
            self.judged[index] = replace(one, forecaster=forecaster, settings=settings)
            yield self._said("Blending", improved=True, finding=self._blend())

    def _blend(self) -> str:
        """Weights for the members that can forecast by now, and what they mean in words."""
        ready = [index for index, one in enumerate(self.judged) if one.forecaster is not None]
        moments = [part.only(ready) for part in self.moments]
        weights = fit_weights(moments, self.view.leads, self.horizon)
        at = weights.at(np.arange(self.horizon))
        kept = [place for place in range(len(ready)) if at[:, place].max() >= LEAST_WEIGHT]
        members = []
        for place in kept:
            one = self.judged[ready[place]]
            assert one.forecaster is not None
            members.append(Member(one.name, one.forecaster, one.settings))
        self.auto.members, self.auto.weights = tuple(members), weights.only(kept)
        names = [self.judged[index].name for index in ready]
        leader = self.judged[ready[int(at.mean(axis=0).argmax())]].forecaster
        how = leader.finding() if isinstance(leader, TunedRule) else ""
        return found_in_words(names, moments, weights, self.view.leads, self.horizon, how)

    def _look_at_moments(self) -> None:
        self.moments = [
            Moments.of([one.forecasts[i] for one in self.judged], truth, self.history.data_range, self.view.valid)
            for i, truth in enumerate(self.truth)
        ]

    def _fold(self, name: str) -> Fold:
        stop = min(self.origins)
        changes = {"epochs": self.auto.settings.epochs, "minutes": self.seconds / 60, "validation": False, "refit": False}
        split = Split(range(stop), range(stop, stop), range(stop, stop + self.horizon))
        settings = FORECASTERS[name].configure(None, changes, split)
        bench, clock = self.auto.workbench, self.auto.clock
        return Fold(name, settings, bench, self.history, self.origins, self.horizon, self.view, clock)

    def _fold_seconds(self, n_networks: int) -> float:
        """Of training for one network on the fold; 0 where there is no time limit."""
        limit = self.auto.settings.minutes * 60
        left = max(limit - self._elapsed(), limit * LEAST_SHARE)
        return left / OVERHEAD / training_units(n_networks) if limit else 0.0

    def _refit_settings(self, settings: Any, length: float, n_left: int) -> Any:
        """Of the training on all history: as long as on the fold. One that was best when trained longest gets the whole time,
        which is twice as long; where time is short all get less."""
        settings = settings_for(settings, length if length < LENGTHS[-1] else 1.0)
        limit = self.auto.settings.minutes * 60
        left = max(limit - self._elapsed(), 0.05 * limit) / n_left / 60
        return replace(settings, minutes=min(left, settings.minutes)) if limit else settings

    def _elapsed(self) -> float:
        return self.auto.clock() - self.started

    def _hindcast(self, rule: Forecaster, origin: int) -> Frames:
        """What the view sees of a rule's forecast from an origin, in the series' own dtype."""
        return self.history.native(hindcast_by(rule, self.history.frames[:origin], self.horizon, self.view))

    def _said(self, stage: str, *, improved: bool = False, finding: str = "") -> FitProgress:
        return replace(self._passed_on(FitProgress(stage, finding=finding), stage, 0.0), improved=improved)

    def _passed_on(self, progress: FitProgress, stage: str, part: float) -> FitProgress:
        """Progress of one training as progress of the whole, of which `part` is done where there is no time limit. A member's
        best is not yet the blend's, so it is no improvement."""
        elapsed, limit = self._elapsed(), self.auto.settings.minutes * 60
        self.part = max(self.part, min(0.99, elapsed / limit if limit else part))
        remaining = elapsed * (1 - self.part) / self.part if self.part > 0 else None
        return replace(progress, stage=stage, fraction=self.part, elapsed_s=elapsed, remaining_s=remaining, improved=False)


def hindcast_by(forecaster: Forecaster, past: Frames, horizon: int, view: View) -> Frames:
    """What `view` sees of a forecast; rules that can do less than the whole do."""
    if isinstance(forecaster, TunedRule):
        return forecaster.hindcast(past, horizon, view)
    return view.patches(forecaster.forecast(past, horizon)[view.leads])


def _same(forecasts: Sequence[Frames], others: Sequence[Frames]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(forecasts, others, strict=True))


def networks_of(settings: AutoSettings) -> list[str]:
    """The networks that are tried, where the history is long enough for any."""
    long = settings.minutes == 0 or settings.minutes >= LONG_MINUTES
    many = settings.networks == "all" or (settings.networks == "as time allows" and long)
    names = () if settings.networks == "none" else (*ALWAYS, *(WITH_TIME if many else ()))
    return [name for name in names if name in FORECASTERS]


def training_units(n_networks: int) -> float:
    """Whole times of one network that all of it takes at most: every length on the fold, and a refit of those left."""
    units, n = 0.0, n_networks
    for length in LENGTHS:
        units += n * length
        n = kept_at_rung(n) if length < LENGTHS[-1] else n
    return units + n


def kept_at_rung(n: int) -> int:
    return max(min(n, 2), (n + 1) // 2)


def _folder(number: int) -> str:
    return f"member_{number + 1:02d}"


def _most(count: str) -> Callable[..., int]:
    """Weights or bytes of the network that has most of them: they are trained one after the other. 0 where there is none."""

    def most(settings: AutoSettings, *sizes: int | str) -> int:
        kinds = [FORECASTERS[name] for name in networks_of(settings)]
        return max((int(getattr(kind, count)(kind.configure(), *sizes)) for kind in kinds), default=0)

    return most


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
    ),
)
