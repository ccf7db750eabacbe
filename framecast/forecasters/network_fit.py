"""The fit of a network, stage by stage, from wherever its course stands.

First, where there are other series, it learns from those. Then the network trains on the train frames and forecasts the
validation frames, which tells how long to train. Then, with `refit`, a fresh one trains on all history for just that share of
the budget; on a short series that is worth more than any change of architecture. A fit that has ended and goes further takes
the second and the third stage up again; see framecast.forecasters.course.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import nn

from framecast.errors import SettingError
from framecast.forecasters.course import weights_of
from framecast.forecasters.starting_weights import inner
from framecast.forecasters.training_data import as_if_this_series
from framecast.series.frames import FrameSeries, Split
from framecast.training.batches import TrainingData, n_windows
from framecast.training.distributed import Group
from framecast.training.loop import Best, epoch_steps, train
from framecast.training.progress import FitProgress
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget
from framecast.training.team import Team, help_train

if TYPE_CHECKING:
    from framecast.forecasters.network_forecaster import NetworkForecaster

TIME_SHARE_OF_FIRST_STAGE = 0.4
"""Of a time limit, where a refit follows; the refit gets the rest and usually stops before it is used up."""
STAGE_SEARCH = "Finding out how long to train"
STAGE_CHOSEN = "Chosen by validation"
"""Said once, before the refit: what forecasts at this moment has not been trained on the validation frames."""
STAGE_ALL = "Training on all history"
STAGE_OTHERS = "Learning from the other series"
FURTHER = ", further"
"""Added to the name of a stage of a fit that had ended before."""
NO_END = 10**9
"""Where another limit counts."""


class NetworkFit:
    """One fit of `forecaster`, whose course says where to begin. `choosing` is whether the validation frames of `data` say how
    long to train."""

    def __init__(
        self, forecaster: "NetworkForecaster", data: TrainingData, scaler: Scaler, choosing: bool, clock: Callable[[], float]
    ) -> None:
        self.forecaster, self.data, self.scaler, self.choosing, self.clock = forecaster, data, scaler, choosing, clock
        self.settings, self.bench, self.course = forecaster.settings, forecaster.workbench, forecaster.course
        self.refit = choosing and self.settings.refit
        self.started = clock() - self.course.elapsed_s
        self.last = FitProgress(STAGE_ALL)
        self.noted = ""
        """What is to be said of the steps at the end."""

    def elapsed_s(self) -> float:
        seconds: float = self.clock() - self.started
        return seconds

    def steps(self, network: nn.Module, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """`network` forecasts. Left early, it has what was best."""
        yield from self._further(network) if self.course.further else self._whole(network, history, split)
        finding = " ".join(words for words in (self.course.finding, self.noted, self.forecaster.retreat) if words)
        yield replace(_silent(self.last), fraction=1.0, remaining_s=0.0, finding=finding)

    def help(self, group: Group) -> None:
        """In place of `steps`, in a process that helps another one with this fit: train what that one trains."""
        while (order := group.hear()).word == "train":
            others = order.values["others"]
            series = self._data_of_others() if others else [replace(self.data, span=range(*order.values["span"]))]
            series = [replace(one, holds=order.values["holds"]) for one in series]
            network = self.forecaster.build(anomalies=not others)
            if help_train(group, network, series, self.settings, self.settings.context, self.scaler) == "end":
                return

    def _whole(self, network: nn.Module, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        course, limit = self.course, self.settings.minutes * 60 or None
        before = self.settings.pretraining_share if self.bench.others else 0.0
        share = TIME_SHARE_OF_FIRST_STAGE if self.refit and limit else 0.5 if self.refit else 1.0
        first_ends = before + (1 - before) * share
        if course.stage == "others":
            course.left_s = limit
            if self.bench.others:
                yield from self._within(self._learn_from_others(network, limit and limit * before), 0.0, before)
                course.left_s = limit and max(limit - self.elapsed_s(), limit * (1 - before) / 5)
            course.enter("search")
            course.search_began_s = self.elapsed_s()
        if course.stage == "search":
            budget = self._budget(self.data, course.left_s and course.left_s * share)
            try:
                yield from self._within(self._train(network, self.data, budget, self._search_name), before, first_ends)
            finally:  # also when the caller leaves: what was best forecasts
                self._give_best(network)
            chosen = [self._found(), *self.forecaster.choose_restoration(history, split.valid)] if self.choosing else []
            course.finding = " ".join([*chosen, *course.begun])
            course.searched_s = self.elapsed_s() - course.search_began_s
            course.enter("refit" if self.refit and course.best.step else "end")
            if self.refit:
                yield replace(_silent(self.last), stage=STAGE_CHOSEN, fraction=first_ends)
        if course.stage == "refit":
            seconds = course.left_s and max(course.left_s - course.searched_s, course.left_s * (1 - share) / 5)
            yield from self._within(self._refit(network, self._budget(self._everything, seconds), STAGE_ALL), first_ends, 1.0)

    def _further(self, network: nn.Module) -> Iterator[FitProgress]:
        """The second and the third stage once more, from the best there was, within the larger budget."""
        course, share = self.course, TIME_SHARE_OF_FIRST_STAGE if self.refit else 1.0
        whole = self._larger_budget(share)
        if course.stage == "search":
            trained = self.forecaster.build()
            ended_with = weights_of(network)
            anew = _counted_anew(
                self._train(trained, self.data, whole, self._search_name + FURTHER), whole, course.from_step, 1.0
            )
            try:
                yield from self._within(anew, 0.0, share)
            finally:
                better = not self.choosing or course.best.step > course.from_step
                if not self.choosing:
                    network.load_state_dict(trained.state_dict())
                elif better:
                    self._give_best(network)
            course.finding = self._found_further(better)
            if better and self.refit:
                course.forecasting = ended_with
                course.go_on_with_refit()
                yield replace(_silent(self.last), stage=STAGE_CHOSEN, fraction=share)
            else:
                course.enter("end")
        if course.stage == "refit":
            ratio = course.refit_from_step / max(1, course.from_step)
            ratio_s = course.refit_from_s / max(1e-9, course.from_s)
            budget = self._budget(self._everything, whole.seconds and whole.seconds * ratio_s)
            budget.epochs, budget.steps = NO_END, round(whole.steps * ratio)
            steps = self._refit(network, budget, STAGE_ALL + FURTHER)
            yield from self._within(_counted_anew(steps, budget, course.refit_from_step, course.best.fraction), share, 1.0)

    def _refit(self, network: nn.Module, budget: Budget, stage: str) -> Iterator[FitProgress]:
        """Train another one on all history for the share that was best, and give its weights to `network`. It has the same
        scaler: it must see what the chosen one saw, so that the same share of training suits it."""
        course, refitted = self.course, self.forecaster.build()
        for progress in self._train(refitted, self._everything, budget, stage, stop_at=course.best.fraction):
            if progress.improved:
                course.searched = weights_of(network)
                network.load_state_dict(refitted.state_dict())
                course.refit_step, course.refit_s = course.standing.step, course.standing.elapsed_s
            yield replace(progress, best_epoch=course.best.epoch)
        course.enter("end")

    def _learn_from_others(self, network: nn.Module, seconds: float | None) -> Iterator[FitProgress]:
        """Train on the other series, and make what was learned the beginning of all stages. Left early, `network` has it."""
        settings, bench = self.settings, self.bench
        data = self._data_of_others()
        trained = self.forecaster.build(anomalies=False)  # that of this series belongs to no other
        rest = settings.pretraining_share / (1 - settings.pretraining_share)
        n_steps = sum(self._epoch_steps(one) for one in data)
        most = round(settings.steps * rest)
        budget = Budget(max(1, round(settings.epochs * rest)), n_steps, seconds, self.clock, max(most, settings.steps and 1))
        try:
            with Team(bench.group, others=True, holds=self.course.holds) as team:
                yield from train(
                    trained,
                    data[0],
                    self.scaler,
                    settings,
                    context=settings.context,
                    block=self.forecaster.block,
                    budget=budget,
                    best=Best(),
                    seed=bench.seed,
                    stage=STAGE_OTHERS,
                    more=data[1:],
                    standing=self.course.standing,
                    team=team,
                )
        finally:
            trained.zero_grad(set_to_none=True)
            self.course.start = weights_of(inner(trained))
            inner(network).load_state_dict(self.course.start)
        names = ", ".join(f"'{other.name}'" for other in bench.others)
        self.course.begun.append(f"It learned from {names} first.")

    def _train(
        self, network: nn.Module, data: TrainingData, budget: Budget, stage: str, stop_at: float = 1.0
    ) -> Iterator[FitProgress]:
        settings, course = self.settings, self.course
        if len(data.span) - settings.context < 1:
            raise SettingError(
                f"{len(data.span)} frames to train on cannot hold a window of {settings.context} context frames and one to "
                f"forecast. Choose a context of at most {len(data.span) - 1}."
            )
        span = [data.span.start, data.span.stop]
        with Team(self.bench.group, others=False, span=span, holds=course.holds) as team:
            yield from train(
                network,
                data,
                self.scaler,
                settings,
                context=settings.context,
                block=self.forecaster.block,
                budget=budget,
                best=course.best,
                seed=self.bench.seed + course.from_step,  # one that goes further sees its windows in another order
                stage=stage,
                stop_at=stop_at,
                standing=course.standing,
                team=team,
            )

    def _data_of_others(self) -> list[TrainingData]:
        bench, normalise = self.bench, self.settings.normalise
        series = [
            as_if_this_series(other, bench.preparation, self.scaler, normalise=normalise, device=bench.device)
            for other in bench.others
        ]
        return [replace(one, holds=self.course.holds) for one in series]

    @property
    def _everything(self) -> TrainingData:
        return replace(self.data, span=range(self.forecaster.n_history), valid=range(0))

    @property
    def _search_name(self) -> str:
        return STAGE_SEARCH if self.choosing else STAGE_ALL

    def _epoch_steps(self, data: TrainingData) -> int:
        return epoch_steps(n_windows(data, self.settings.context, self.settings), self.settings)

    def _budget(self, data: TrainingData, seconds: float | None) -> Budget:
        return Budget(self.settings.epochs, self._epoch_steps(data), seconds, self.clock, self.settings.steps)

    def _larger_budget(self, share: float) -> Budget:
        """What was used up to the best, and what is given now, of which the search gets `share` where it is time."""
        assert self.course.further is not None
        unit, amount = self.course.further
        budget = self._budget(self.data, None)
        budget.epochs, budget.steps = NO_END, 0
        if unit == "minutes":
            budget.seconds = self.course.from_s + 60 * amount * share
        else:
            budget.steps = self.course.from_step + round(amount * (budget.steps_per_epoch if unit == "epochs" else 1))
        return budget

    def _give_best(self, network: nn.Module) -> None:
        best = self.course.best
        if best.weights:
            network.load_state_dict(best.weights)
            best.weights = {}  # it is the network now; weights may be as large as memory
        network.zero_grad(set_to_none=True)

    def _found(self) -> str:
        best = self.course.best
        if not best.step:
            return "No forecast of the validation frames was a number, so nothing could be chosen: the last weights forecast."
        return (
            f"The forecast of the validation frames was best in epoch {best.epoch}, after {best.fraction:.0%} of the training "
            f"meant to find that out ({self._score} at working size){self._then}."
        )

    def _found_further(self, better: bool) -> str:
        assert self.course.further is not None
        unit, amount = self.course.further
        trained = f"It was trained {amount:g} {unit[:-1] if amount == 1 else unit} further"
        if not self.choosing:
            return f"{trained}."
        if not better:
            return (
                f"{trained}, and the forecast of the validation frames did not get better ({self._score}); what forecast "
                "before still does."
            )
        return (
            f"{trained}. The forecast of the validation frames was best in epoch {self.course.best.epoch} of that "
            f"({self._score} at working size){self._then}."
        )

    @property
    def _score(self) -> str:
        score = self.course.best.score
        return f"mean SSIM {score:.3f}" if self.settings.select_by == "ssim" else f"mean squared error {-score:.4g}"

    @property
    def _then(self) -> str:
        return "; it was then trained on all history for that share" if self.settings.refit else ""

    def _within(self, steps: Iterator[FitProgress], start: float, stop: float) -> Iterator[FitProgress]:
        """Progress of one stage as progress of the whole fit, of which the stage is the part from `start` to `stop`."""
        for progress in steps:
            fraction, elapsed = start + (stop - start) * progress.fraction, self.elapsed_s()
            remaining = elapsed * (1 - fraction) / fraction if fraction > 0 else None
            self.noted = progress.finding or self.noted
            self.last = replace(progress, fraction=fraction, elapsed_s=elapsed, remaining_s=remaining, finding="")
            yield self.last


def _counted_anew(steps: Iterator[FitProgress], budget: Budget, from_step: int, stop_at: float) -> Iterator[FitProgress]:
    """Progress of a training that takes up another one, counted from there."""
    first: float | None = None
    for progress in steps:
        if first is None:
            first = min(0.999, from_step / max(1, progress.step) * progress.fraction)
        n_epochs = math.ceil((budget.most_steps * stop_at - from_step) / budget.steps_per_epoch - 1e-9)
        yield replace(
            progress,
            step=progress.step - from_step,
            n_epochs=max(1, n_epochs) if progress.n_epochs else None,
            fraction=max(0.0, (progress.fraction - first) / (1 - first)),
        )


def _silent(progress: FitProgress) -> FitProgress:
    """The same moment without its events: to say something more of it, not to count it twice."""
    return replace(progress, epoch_done=False, improved=False, valid_scores={}, valid_curves={}, preview=None)
