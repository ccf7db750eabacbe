"""Auto goes further: what had ended is given more training, judged by the same origins, and kept if it is worth it.

No choice of the first fit is taken back. Each network that was trained longest on the fold goes further from where it ended,
as a network by itself would, and is looked at once more from the origins: one moment more to choose from, which the other
origins judge like those before. If with it the past is forecast better than without, networks whose best moment is the new one
are trained further on all history in the same proportion, weights are chosen again, and the new blend forecasts; until then,
and if it is not better, the old one does. Networks that were left behind stay behind, and rules are as they were, for more
time makes nothing of them.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from framecast.errors import DeviceMemoryError, DivergedError
from framecast.forecasters.auto_nearer import judged
from framecast.forecasters.auto_refit import network_to_train, share_of_refit
from framecast.forecasters.auto_settings import OVERHEAD
from framecast.forecasters.auto_state import Refitted
from framecast.forecasters.blend import Moments, fit_weights, score
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.fold import Fold, Moment, settings_for
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.series.frames import Split
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.forecasters.auto_fit import AutoFit, Judged

SHARE_OF_FOLDS = 1 / 3
"""Of the time, since a training on all history takes twice as long as the longest on the fold."""
LEAST_GAIN = 1e-5
"""In mean SSIM on the past; what gains less is not better."""


def go_further(fit: "AutoFit") -> Iterator[FitProgress]:
    """See AutoFit.steps, of a fit whose state is to go further. At every yield a whole blend forecasts, the old or the new."""
    state = fit.state
    fit.go_on_as_it_ended()
    yield fit.said("Blending", improved=True, finding=fit.blend())
    if not state.told:
        yield from _on_the_fold(fit)
        before, after = (_worth(fit, fit.moments_of(_judged_by(fit, number))) for number in (state.known, state.n_further))
        failed = ""
        if _better(fit) and after > before + LEAST_GAIN:
            failed = yield from _on_all_history(fit, fit.moments_of(_judged_as_blended(fit)))
            if not failed:
                _take_over(fit)
        state.redone = []
        state.told = _in_words(fit, before, after, failed)
    yield replace(fit.said("Blending", improved=True, finding=f"{fit.blend()} {state.told}"), part_done=True)


def _on_the_fold(fit: "AutoFit") -> Iterator[FitProgress]:
    state = fit.state
    assert state.further is not None
    unit, amount = state.further
    going = [fold for fold in fit.folds.values() if fold.ended is not None]
    share = amount * SHARE_OF_FOLDS / OVERHEAD / max(1, len(going)) if unit == "minutes" else amount
    for place, fold in enumerate(going):
        if fold.n_further == state.n_further:
            continue
        stage = f"{FORECASTERS[fold.name].title}: trained further on earlier frames, to be judged on later ones"
        left = fit.left_at(fold.name, fold.longest)
        progress = FitProgress(**state.last) if left else FitProgress(stage)
        for came in fold.go_further(state.n_further, unit, share, left):
            if came.step or not left:  # one that was left at its end has nothing more to tell
                progress = came
            state.last = progress.to_mapping()
            yield fit.passed_on(came, stage, SHARE_OF_FOLDS * (place + came.fraction) / len(going))
        looked = replace(progress, valid_scores={"ssim": fold.score}, epoch_done=False)
        looked = FitProgress(stage) if fold.stumbled else looked
        yield replace(fit.passed_on(looked, stage, SHARE_OF_FOLDS * (place + 1) / len(going)), part_done=True)


def _on_all_history(fit: "AutoFit", moments: Sequence[Moments]) -> Generator[FitProgress, None, str]:
    """Train what carries weight as far as its best moment asks for; returns why that could not be, empty where it could."""
    state = fit.state
    todo: list[tuple[Judged, Moment, Refitted | None]] = []
    for index in fit.wanted(moments):
        one = fit.judged[index]
        moment = _best(fit, fit.folds[one.name])
        earlier: list[Refitted | None] = [kept for kept in state.refitted if kept.name == one.name]
        todo += [(one, moment, kept) for kept in earlier or [None] if kept is None or kept.moment != moment]
    for number, (one, moment, kept) in enumerate(todo):
        start_number = kept.number if kept else 0
        if any((redone.name, redone.number) == (one.name, start_number) for redone in state.redone):
            continue
        stage = f"{FORECASTERS[one.name].title}: trained further on all history"
        forecaster = _to_be_trained(fit, one, moment, kept, len(todo) - number)
        fit.refitting, start = forecaster, fit.split.test.start
        steps = forecaster.fit(fit.history, Split(range(start), range(start, start), fit.split.test))
        try:
            for progress in steps:
                part = SHARE_OF_FOLDS + (1 - SHARE_OF_FOLDS) * (number + progress.fraction) / len(todo)
                yield fit.passed_on(progress, stage, part)
        except (DivergedError, DeviceMemoryError) as error:
            return f"{FORECASTERS[one.name].title} could not be trained further on all history: {error}"
        finally:
            steps.close()  # type: ignore[attr-defined]
            fit.refitting = None
        forecaster.restoration = moment.restoration
        state.redone.append(Refitted(one.name, forecaster.settings.to_mapping(), forecaster, moment, start_number))
        yield replace(fit.said(stage), part_done=True)
    return ""


def _to_be_trained(
    fit: "AutoFit", one: "Judged", moment: Moment, kept: Refitted | None, n_left: int
) -> NetworkForecaster:
    """The network at the beginning of its training on all history, or where that was left."""
    assert fit.state.further is not None
    in_minutes = fit.state.further[0] == "minutes"
    seconds = max(fit.limit_s - fit.elapsed(), 0.05 * fit.limit_s) / n_left
    left = fit.at_work if fit.left_at(one.name, None, number=kept.number if kept else 0) else None
    if left or kept:
        settings: Any = one.settings.from_mapping(dict((left or kept).settings))  # type: ignore[union-attr]
    else:
        fold = fit.folds[one.name]
        settings = settings_for(one.settings, share_of_refit(fit, moment) * moment.n_steps / fold.steps_of(moment.length))
        settings = replace(settings, minutes=seconds / 60) if in_minutes else settings
    forecaster = network_to_train(fit, one.name, settings, kept.number if kept else 0)
    if left:
        forecaster.take_up(left.course)
    elif kept:
        assert kept.moment is not None
        course = kept.forecaster.where_it_ended()
        more = moment.n_steps / max(1, kept.moment.n_steps) - 1
        forecaster.take_up(course)
        if in_minutes:
            forecaster.extend("minutes", min(seconds, course.ended_s * more) / 60)
        else:
            forecaster.extend("steps", max(1, round(course.ended_step * more)))
    return forecaster


def _take_over(fit: "AutoFit") -> None:
    """What was trained further forecasts from now on."""
    state = fit.state
    names = {one.name for one in state.redone}
    state.refitted = [*(one for one in state.refitted if one.name not in names), *state.redone]
    state.redone, state.known = [], state.n_further
    fit.note()
    fit.go_on_as_it_ended()


def _judged_by(fit: "AutoFit", number: int) -> "list[Judged]":
    """As seen up to this extension by the trainings on the fold, which alone are made further."""
    folds = fit.folds
    return [replace(one, forecasts=folds[one.name].judged(number)) if one.name in folds else one for one in fit.judged]


def _judged_as_blended(fit: "AutoFit") -> "list[Judged]":
    """As they will be judged when the extension has been taken over."""
    number, folds = fit.state.n_further, fit.folds
    return [replace(one, forecasts=judged(fit, folds[one.name], number)) if one.name in folds else one for one in fit.judged]


def _best(fit: "AutoFit", fold: Fold) -> Moment:
    return fold.hindcast(fit.state.n_further).best


def _worth(fit: "AutoFit", moments: Sequence[Moments]) -> float:
    """Mean SSIM on the past of the best blend of all that are judged."""
    leads = fit.view.leads
    return float(score(moments, leads, fit_weights(moments, leads, fit.horizon)).mean())


def _better(fit: "AutoFit") -> list[Fold]:
    """Those that forecast the past better since."""
    return [fold for fold in fit.folds.values() if _best(fit, fold).further == fit.state.n_further]


def _in_words(fit: "AutoFit", before: float, after: float, failed: str) -> str:
    assert fit.state.further is not None
    unit, amount = fit.state.further
    trained = f"It was trained {amount:g} {unit[:-1] if amount == 1 else unit} further"
    if failed:
        return f"{trained}. {failed} What forecast before still does."
    stumbled = [f"{FORECASTERS[fold.name].title} could not: {fold.stumbled}" for fold in fit.folds.values() if fold.stumbled]
    if fit.state.known < fit.state.n_further:
        came = "nothing forecast the earlier frames better; what forecast before still does."
        return " ".join([f"{trained}, and {came}", *stumbled])
    names = [FORECASTERS[fold.name].title for fold in _better(fit)]
    gained = f"the mean SSIM of the blend on earlier frames rose from {before:.3f} to {after:.3f}"
    better = f"{' and '.join(names)} forecast{'s' * (len(names) == 1)} them better since"
    return " ".join([f"{trained}: {gained}, for {better}.", *stumbled])
