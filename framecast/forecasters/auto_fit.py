"""One fit of auto, step by step; what it does is told in framecast.forecasters.auto.

Every part that is finished is kept: each rule, each training on the fold with what was forecast from it, each network trained
on all history; and of the one at work, where it stands. A fit that is left goes on with that one. What follows from the parts
(which networks are left behind, the weights of the blend) is worked out again, the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from framecast.errors import InputError
from framecast.forecasters.auto_chance import Chance
from framecast.forecasters.auto_nearer import judged, look_from_nearer
from framecast.forecasters.auto_refit import train_on_all_history
from framecast.forecasters.auto_settings import OVERHEAD, kept_at_rung, networks_of, training_units
from framecast.forecasters.auto_state import AutoState, Tried
from framecast.forecasters.blend import Moments, Weights, fit_weights, never_below_the_best, without_small
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster, Member
from framecast.forecasters.course import Course
from framecast.forecasters.finding import found_in_words
from framecast.forecasters.fold import LENGTHS, Fold
from framecast.forecasters.hindcast import View, past_origins
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.restoration import FAINT, leave_out_faint, much_is_empty
from framecast.forecasters.seeds import SEED_STEP
from framecast.forecasters.tuned_rule import TunedRule
from framecast.metrics.contract import METRICS
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.reduction import extremes
from framecast.settings import Settings
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.forecasters.auto import Auto

N_ORIGINS = 3
LEAST_WEIGHT = 0.02
"""A member with less than this at every lead does not forecast."""
LEAST_SHARE = 0.5
"""Of a time limit, that networks get however long the rules took."""
LEFT_BY_RULES = 0.8
"""Of a time limit, that the rules leave to the networks in the usual case: they took a minute of five."""
FOLD_DEADLINE = 0.7
"""Share of a time limit after which no more is learned on the fold: the refit needs the rest."""
FEWEST_FRAMES = 8
"""In the fold, below which a network has nothing to learn from."""
WORTH_KEEPING_S = 1.0
"""That a rule took: below it is tried again as quickly as it is kept."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A member with what it forecast from each origin, as hindcasts saw it. A network has no forecaster until its refit."""

    name: str
    settings: Settings
    forecasts: list[Frames]
    forecaster: Forecaster | None = None


class AutoFit:
    """`state` is where a fit was left that this one goes on with."""

    def __init__(self, auto: "Auto", history: FrameSeries, split: Split, state: AutoState | None = None) -> None:
        self.auto, self.history, self.split = auto, history, split
        self.state = state or AutoState()
        self.at_work, self.state.at_work = self.state.at_work, None
        auto.left_out |= self.state.left_out
        origins, self.horizon = past_origins(history.n_frames, split.horizon)
        self.origins = origins[:N_ORIGINS]
        self.view = View.of(history, max(1, self.horizon))
        self.truth = [self.view.patches(history.frames[origin + self.view.leads]) for origin in self.origins]
        self.started = auto.clock() - self.state.elapsed_s
        self.judged: list[Judged] = []
        """Rules first."""
        self.moments: list[Moments] = []
        """Of all that are judged, one for each origin."""
        self.seconds = 0.0
        """Of training for one network on the fold; 0 where there is no time limit."""
        self.folds: dict[str, Fold] = {}
        """The networks that are judged."""
        self.trained: list[Fold] = []
        """All that were begun."""
        self.nearer: dict[str, Fold] = {}
        """The networks that are judged, once more on the frames before the newest origin, where there was time for it."""
        self.refitting: NetworkForecaster | None = None
        """The network that is trained on all history at this moment."""
        self.networks_had_their_turn = False
        """Whether those that carry no weight are known."""
        self.chance = Chance(self)
        self.part = self.state.part
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
                self.look_at_moments()
                self.blend()
            raise
        if not self.origins:  # nothing can be judged on so few frames
            finding = "The series is too short to judge forecasts; the last frame is forecast."
            yield self.said("Done", improved=True, finding=finding)
            return
        self.look_at_moments()
        yield self.said("Blending the simple rules", improved=True, finding=self.blend())
        if names := self._networks_to_try():
            yield from self._train_folds(names)
            yield from train_on_all_history(self)

    def go_on_as_it_ended(self) -> None:
        """Take up all that a fit had found that has ended: what forecast then does now. Trains nothing."""
        self.judged = []
        for steps in (self._try_rules(), self._train_folds(self._networks_to_try()), train_on_all_history(self)):
            for _ in steps:
                pass

    def save_state(self, folder: Path) -> None:
        """At any yield of `steps`: write into the empty `folder` where this fit stands."""
        self.note()
        fold = next((fold for fold in (*self.trained, *self.nearer.values()) if fold.at_work), None)
        if fold is not None:
            self.state.save(folder, fold.at_work, {"length": fold.length, "nearer": fold not in self.trained})
        else:
            self.state.save(folder, self.refitting, {"length": None, "number": self._start_at_work()})

    def note(self) -> None:
        """Bring the state to where the fit stands, but for what is at work."""
        self.state.elapsed_s, self.state.part, self.state.left_out = self.elapsed(), self.part, self.auto.left_out
        self.state.folds |= {fold.name: fold.to_mapping() for fold in self.trained}
        self.state.nearer |= {fold.name: fold.to_mapping() for fold in self.nearer.values() if fold.done}
        if self.trained:
            self.state.ended = {fold.name: fold.ended for fold in self.trained if fold.ended is not None}

    def _try_rules(self) -> Iterator[FitProgress]:
        for tried in self.state.tried:
            if tried.rule is not None:
                self.auto.rules[tried.name] = tried.rule
            if tried.forecasts:
                self.judged.append(Judged(tried.name, FORECASTERS[tried.name].configure(), tried.forecasts, tried.rule))
        done = {tried.name for tried in self.state.tried}
        names = sorted(name for name, kind in FORECASTERS.items() if kind.family == "rule" and name not in done)
        for name in sorted(names, key=lambda name: name != "persistence"):
            kind, began = FORECASTERS[name], self.elapsed()
            yield self.said(f"Trying the simple rules: {kind.title.lower()}")
            settings = kind.configure()
            rule = kind.make(settings, self.auto.workbench)
            try:
                for _ in rule.fit(self.history, self.split):
                    pass
                forecasts = [self._hindcast(rule, origin) for origin in self.origins]
            except InputError as error:
                self.auto.left_out[name] = str(error)
                self.state.tried.append(Tried(name))
                continue
            self.auto.rules[name] = rule
            counts = not any(_same(forecasts, other.forecasts) for other in self.judged)  # else it would count twice
            if counts:
                self.judged.append(Judged(name, settings, forecasts, rule))
            self.state.tried.append(Tried(name, rule, forecasts if counts else []))
            if self.elapsed() - began > WORTH_KEEPING_S:
                yield replace(self.said(f"Trying the simple rules: {kind.title.lower()}"), part_done=True)

    def _networks_to_try(self) -> list[str]:
        return networks_of(self.auto.settings) if min(self.origins) >= FEWEST_FRAMES else []

    def _train_folds(self, names: Sequence[str]) -> Iterator[FitProgress]:
        """Train on the fold, longer and longer, the worse half left behind each time (successive halving, Jamieson and
        Talwalkar 2016), and judge those that went all the way."""
        if self.state.seconds is None:
            self.state.seconds = self._fold_seconds(len(names))
        self.seconds = self.state.seconds
        folds = self.trained = [self._fold(name) for name in names]
        total, done = training_units(len(names)), 0.0
        limit = self.auto.settings.minutes * 60
        for number, length in enumerate(LENGTHS, 1):
            nth = f"{number} of {len(LENGTHS)}"
            for fold in folds:
                stage = f"{FORECASTERS[fold.name].title}: trained on earlier frames, to be judged on later ones ({nth})"
                if length in fold.done:
                    done += length
                    continue
                left = self.left_at(fold.name, length)
                progress = FitProgress(**self.state.last) if left else FitProgress(stage)
                for came in fold.train(length, left):
                    if came.step or not left:  # one that was left at its end has nothing more to tell
                        progress = came
                    self.state.last = progress.to_mapping()
                    yield self.passed_on(came, stage, (done + came.fraction * length) / total)
                    if limit and fold.has_looked and self.elapsed() > FOLD_DEADLINE * limit:
                        break  # looks took longer than was thought; what was seen has to do
                done += length
                fold.done.append(length)
                if fold.failure:
                    self.auto.left_out[fold.name] = fold.failure
                looked = FitProgress(stage)
                if fold.has_looked and not fold.failure:
                    looked = replace(progress, valid_scores={"ssim": fold.score}, epoch_done=False)
                yield replace(self.passed_on(looked, stage, done / total), part_done=True)
            folds = sorted((fold for fold in folds if not fold.failed_by(length)), key=lambda fold: -fold.score_at(length))
            if length < LENGTHS[-1]:
                for fold in folds[kept_at_rung(len(folds)) :]:
                    fold.ended = None
                folds = folds[: kept_at_rung(len(folds))]
        folds = [fold for fold in folds if fold.has_looked]
        self.folds = {fold.name: fold for fold in folds}
        yield from look_from_nearer(self, sorted(folds, key=lambda fold: -fold.score))
        for fold in folds:
            self.judged.append(Judged(fold.name, fold.settings, judged(self, fold, self.state.known)))
        self.look_at_moments()

    def wanted(self, moments: Sequence[Moments]) -> list[int]:
        """Places of the networks that carry weight where all are judged by these, the best first."""
        weights = fit_weights(moments, self.view.leads, self.horizon).at(self.view.leads).max(axis=0)
        found = [i for i, one in enumerate(self.judged) if one.name in self.folds and weights[i] >= LEAST_WEIGHT]
        return sorted(found, key=lambda i: -self.folds[self.judged[i].name].score)

    def left_at(self, name: str, length: float | None, *, nearer: bool = False, number: int = 0) -> Course | None:
        """Where the training of this network stood, if it is the one that was left."""
        left, asked = self.at_work, (name, length, nearer, number)
        return left.course if left and (left.name, left.length, left.nearer, left.number) == asked else None

    def _start_at_work(self) -> int:
        """From which random start the network is trained on all history."""
        return 0 if self.refitting is None else (self.refitting.workbench.seed - self.auto.workbench.seed) // SEED_STEP

    def blend(self) -> str:
        """Weights for the members that can forecast by now, and what they mean in words."""
        ready = [index for index, one in enumerate(self.judged) if one.forecaster is not None]
        moments = [part.only(ready) for part in self.moments]
        weights = fit_weights(self.chance.calmed(moments, ready), self.view.leads, self.horizon)
        weights = never_below_the_best(moments, self.view.leads, weights)
        kept, weights_kept = without_small(moments, self.view.leads, weights, self.horizon, LEAST_WEIGHT)
        members = []
        for place in kept:
            one = self.judged[ready[place]]
            assert one.forecaster is not None
            members.append(Member(one.name, one.forecaster, one.settings))
        self.auto.members, self.auto.weights = tuple(members), weights_kept
        self.auto.faint = self._faint([self.judged[ready[place]] for place in kept])
        names = [self.judged[index].name for index in ready]
        shares = np.zeros(len(ready))
        shares[kept] = self.auto.shares(self.split.horizon).mean(axis=0)  # as Compare shows them
        leader = self.judged[ready[int(shares.argmax())]].forecaster
        how = leader.found if isinstance(leader, TunedRule) else ""
        in_vain = bool(self.folds) and self.networks_had_their_turn and not any(name in self.folds for name in names)
        found = found_in_words(
            names, moments, weights, self.view.leads, self.horizon, how, shares=shares, in_vain=in_vain
        )
        faint = self.auto.faint
        return f"{found} What is fainter than {faint:.0%} of the range is left out of empty frames." if faint else found

    def _faint(self, members: "Sequence[Judged]") -> float:
        """What of the range is best left out of the blend of these, as the past judges it. A mean of forecasts is faint where
        only some of them see something, and frames that are mostly empty are not."""
        if not much_is_empty(self.history.frames):
            return 0.0
        ssim, (low, high) = METRICS["ssim"].function, extremes(self.history.frames)
        scores = dict.fromkeys((0.0, *FAINT), 0.0)
        for origin, truth in enumerate(self.truth):
            weights = self.auto.weights.at(self.view.leads).astype(np.float32)
            each = np.stack([one.forecasts[origin].astype(np.float32) for one in members])
            said = np.einsum("lk,klyxc->lyxc", weights, each)
            for faint in scores:
                leave_out_faint(faint, said, low, high)  # more and more: FAINT grows
                seen = ssim(said, truth, data_range=self.history.data_range, valid=self.view.valid)
                scores[faint] += float(seen.mean())
        return max(scores, key=lambda faint: scores[faint])

    def look_at_moments(self) -> None:
        self.moments = self.moments_of(self.judged)

    def moments_of(self, judged: "Sequence[Judged]") -> list[Moments]:
        """One for each origin."""
        return [
            Moments.of([one.forecasts[i] for one in judged], truth, self.history.data_range, self.view.valid)
            for i, truth in enumerate(self.truth)
        ]

    def nearer_fold(self, name: str) -> Fold:
        """Of the network, on all frames before the newest origin; as it was left, if it was."""
        fold = self._before(name, self.origins[:1])
        if name in self.state.nearer:
            fold.take_up(*self.state.nearer[name])
        return fold

    def _fold(self, name: str) -> Fold:
        fold = self._before(name, self.origins)
        if name in self.state.folds:
            fold.take_up(*self.state.folds[name], self.state.ended.get(name))
        return fold

    def _before(self, name: str, origins: tuple[int, ...]) -> Fold:
        """Of the network, with as much time for each frame whatever the origins, and set up as for the oldest of all: what
        will be trained on all history is."""
        oldest = min(self.origins)
        minutes = self.seconds / 60 * min(origins) / oldest
        changes = {"epochs": self.auto.settings.epochs, "minutes": minutes, "validation": False, "refit": False}
        split = Split(range(oldest), range(oldest, oldest), range(oldest, oldest + self.horizon))
        settings = FORECASTERS[name].configure(None, changes, split)
        bench, clock = self.auto.workbench, self.auto.clock
        return Fold(name, settings, bench, self.history, origins, self.horizon, self.view, clock)

    def _fold_seconds(self, n_networks: int) -> float:
        """Of training for one network on the fold; 0 where there is no time limit."""
        limit = self.auto.settings.minutes * 60
        left = max(limit - self.elapsed(), limit * LEAST_SHARE)
        return left / OVERHEAD / training_units(n_networks) if limit else 0.0

    @property
    def limit_s(self) -> float:
        """Of time, for the fit or for going further with one that had ended; 0 where there is none."""
        if self.state.further is None:
            return self.auto.settings.minutes * 60
        unit, amount = self.state.further
        return amount * 60 if unit == "minutes" else 0.0

    def elapsed(self) -> float:
        return self.auto.clock() - self.started

    def _hindcast(self, rule: Forecaster, origin: int) -> Frames:
        """What the view sees of a rule's forecast from an origin, in the series' own dtype."""
        return self.history.native(hindcast_by(rule, self.history.frames[:origin], self.horizon, self.view))

    def said(self, stage: str, *, improved: bool = False, finding: str = "") -> FitProgress:
        return replace(self.passed_on(FitProgress(stage, finding=finding), stage, 0.0), improved=improved)

    def passed_on(self, progress: FitProgress, stage: str, part: float) -> FitProgress:
        """Progress of one training as progress of the whole, of which `part` is done where there is no time limit. A member's
        best is not yet the blend's, so it is no improvement."""
        elapsed, limit = self.elapsed(), self.limit_s
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
