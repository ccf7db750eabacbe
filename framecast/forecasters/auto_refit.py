"""What carries weight in auto's blend is trained on all history, and while there is time, again from other random starts.

A training sees each frame as often as the one that was best on the fold did: all history is more frames, so it takes longer by
as much. Where the longest was best it gets the whole time of a network, which is twice as long. First each network is trained
once, the best first. Time that is left then goes into more trainings of the same length, first where most weight is: longer
ones were tried on the fold and found no better, and a mean of several is less a matter of chance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from framecast.errors import DeviceMemoryError, DivergedError
from framecast.forecasters.auto_settings import OVERHEAD
from framecast.forecasters.auto_state import Refitted
from framecast.forecasters.blend import fit_weights
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.fold import LENGTHS, Moment, settings_for
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.seeds import SEED_STEP, Seeds
from framecast.series.frames import Split
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.forecasters.auto_fit import AutoFit


def train_on_all_history(fit: "AutoFit") -> Iterator[FitProgress]:
    """Each network that carries weight, and blend with it."""
    wanted = fit.wanted(fit.moments)
    fit.networks_had_their_turn = not wanted
    if fit.folds and not wanted:
        yield fit.said("Blending", improved=True, finding=fit.blend())
    for index in wanted:
        _put_in_place(fit, index)
    if fit.state.refitted:
        yield fit.said("Blending", improved=True, finding=fit.blend())
    for place, index in enumerate(wanted):
        if fit.judged[index].forecaster is None:
            part = 0.4 * place / len(wanted), 0.4 / len(wanted)
            yield from _trained(fit, index, 0, len(wanted) - place, part)
    if fit.state.further is not None:  # what had ended is taken up as it is
        return
    for index, number in further_starts(fit, wanted):
        if not _is_kept(fit, fit.judged[index].name, number):
            yield from _trained(fit, index, number, 1, (0.4, 0.0))


def further_starts(fit: "AutoFit", wanted: Sequence[int]) -> list[tuple[int, int]]:
    """Places and numbers of what is trained again, in the order of what it gains: of a mean of n that has weight w, one more
    takes w²/(n(n + 1)) of the variance that chance brings in."""
    if not wanted:
        return []
    weights = fit_weights(fit.moments, fit.view.leads, fit.horizon).at(fit.view.leads).mean(axis=0)
    starts = [(index, number) for number in range(1, fit.auto.settings.seeds) for index in wanted]
    return sorted(starts, key=lambda one: -(weights[one[0]] ** 2) / (one[1] * (one[1] + 1)))


def network_to_train(fit: "AutoFit", name: str, settings: Any, number: int) -> NetworkForecaster:
    """From random start `number`; 0 is that of the run."""
    bench = replace(fit.auto.workbench, seed=fit.auto.workbench.seed + SEED_STEP * number)
    return NetworkForecaster(name, settings, bench, clock=fit.auto.clock)


def _trained(
    fit: "AutoFit", index: int, number: int, n_left: int, part: tuple[float, float]
) -> Iterator[FitProgress]:
    """The network at this place of those judged, from random start `number`; nothing where there is no time for another. It
    has the first of `part` behind it when it begins, and is the second one itself."""
    one = fit.judged[index]
    if one.name in fit.auto.left_out:
        return
    moment = fit.folds[one.name].hindcast(fit.state.known).best
    left = fit.at_work if fit.left_at(one.name, None, number=number) else None
    if left:
        settings = one.settings.from_mapping(dict(left.settings))
    elif number == 0:
        settings = _settings(fit, one.settings, moment, n_left)
    elif _has_time(fit, one.settings):
        settings = one.settings  # as it was trained first
    else:
        return
    kind, start = FORECASTERS[one.name], fit.split.test.start
    forecaster = network_to_train(fit, one.name, settings, number)
    if left:
        forecaster.take_up(left.course)
    fit.refitting = forecaster
    stage = f"{kind.title}: trained on all history" + (f", from start {number + 1}" if number else "")
    steps = forecaster.fit(fit.history, Split(range(start), range(start, start), fit.split.test))
    try:
        for progress in steps:
            yield fit.passed_on(progress, stage, 0.6 + part[0] + part[1] * progress.fraction)
    except (DivergedError, DeviceMemoryError) as error:
        if number == 0:
            fit.auto.left_out[one.name] = str(error)
        return
    finally:
        steps.close()  # type: ignore[attr-defined]
        fit.refitting = None  # also of one that failed: there is nothing of it to keep
    forecaster.restoration = moment.restoration
    fit.state.refitted.append(Refitted(one.name, settings.to_mapping(), forecaster, moment, number))
    _put_in_place(fit, index)
    yield replace(fit.said("Blending", improved=True, finding=fit.blend()), part_done=True)


def _put_in_place(fit: "AutoFit", index: int) -> None:
    """What of this network was trained on all history forecasts for it."""
    one = fit.judged[index]
    kept = sorted((kept for kept in fit.state.refitted if kept.name == one.name), key=lambda kept: kept.number)
    if kept:
        forecaster = Seeds([each.forecaster for each in kept]) if len(kept) > 1 else kept[0].forecaster
        settings = one.settings.from_mapping(dict(kept[0].settings))
        fit.judged[index] = replace(one, forecaster=forecaster, settings=settings)


def _is_kept(fit: "AutoFit", name: str, number: int) -> bool:
    return any((kept.name, kept.number) == (name, number) for kept in fit.state.refitted)


def _settings(fit: "AutoFit", settings: Any, moment: Moment, n_left: int) -> Any:
    """Of the first training; where time is short all get less."""
    settings = settings_for(settings, share_of_refit(fit, moment))
    limit = fit.auto.settings.minutes * 60
    left = max(limit - fit.elapsed(), 0.05 * limit) / n_left / 60
    return replace(settings, minutes=min(left, settings.minutes)) if limit else settings


def share_of_refit(fit: "AutoFit", moment: Moment) -> float:
    """Of the whole time of a network, or of its epochs, that a training on all history takes which was best at this moment on
    the fold. A time is longer by as much as there are more frames; epochs grow with them by themselves."""
    if moment.length == LENGTHS[-1]:
        return 1.0
    return min(1.0, moment.length * (fit.history.n_frames / min(fit.origins) if fit.seconds else 1.0))


def _has_time(fit: "AutoFit", settings: Any) -> bool:
    """Whether as long a training as the first one still fits into the limit, if there is one."""
    return not fit.limit_s or fit.elapsed() + settings.minutes * 60 * OVERHEAD <= fit.limit_s
