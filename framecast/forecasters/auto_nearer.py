"""Networks that auto judges are judged at the newest origin once more, by a training on all frames before it.

What is trained on the frames before the oldest origin has seen half of a short series or less, and forecasts worse than its
refit will; rules, which see all frames before each origin, then carry more of the blend than they should. So each network is
trained anew on the frames before the newest origin, looking back as far as before and as its refit will, as far as the other
origins chose (as often, over more frames), and what it forecasts from there stands for it there. Where time is limited this is
done only with what the trainings on all history leave over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from framecast.forecasters.auto_refit import share_of_refit
from framecast.forecasters.auto_settings import OVERHEAD
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.fold import Fold, Moment
from framecast.series.frames import Frames
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.forecasters.auto_fit import AutoFit


def look_from_nearer(fit: "AutoFit", folds: Sequence[Fold]) -> Iterator[FitProgress]:
    """Train each of `folds` once more, in their order, while there is time; put what was trained into `fit.nearer`."""
    for number, fold in enumerate(folds):
        nearer, moment = fit.nearer_fold(fold.name), judging_moment(fit, fold, 0)
        length = moment.length
        left = fit.left_at(fold.name, length, nearer=True)
        if left and fit.at_work and fit.at_work.settings["context"] != nearer.settings.context:
            left = None  # it was set up by a release whose nearer folds had contexts of their own
        if not nearer.done and left is None and not _has_time(fit, folds, length):
            continue
        fit.nearer[fold.name] = nearer
        if nearer.done:
            continue
        stage = f"{FORECASTERS[fold.name].title}: trained on more of the earlier frames, to be judged on the newest"
        progress = FitProgress(stage)
        for progress in nearer.train(length, left, moment.restoration):
            yield fit.passed_on(progress, stage, 0.5 + 0.1 * (number + progress.fraction) / len(folds))
        nearer.done.append(length)
        yield replace(fit.passed_on(progress, stage, 0.5 + 0.1 * (number + 1) / len(folds)), epoch_done=False, part_done=True)


def judged(fit: "AutoFit", fold: Fold, further: int) -> list[Frames]:
    """What stands for a network at each origin, newest first, of what was seen up to this extension."""
    forecasts, nearer, moment = fold.judged(further), fit.nearer.get(fold.name), judging_moment(fit, fold, further)
    if nearer is None or not nearer.has_looked or moment.further or nearer.longest != moment.length:
        return forecasts
    return [nearer.forecast_by(moment.restoration), *forecasts[1:]]


def judging_moment(fit: "AutoFit", fold: Fold, further: int) -> Moment:
    """What the other origins chose for the newest one."""
    return fold.hindcast(further).best_without(fit.origins[0])


def _has_time(fit: "AutoFit", folds: Sequence[Fold], length: float) -> bool:
    """Whether so long a training leaves enough for those on all history. There is none for fits that had ended."""
    if fit.state.further is not None or not fit.limit_s:
        return fit.state.further is None
    refits = sum(share_of_refit(fit, fold.hindcast(0).best) for fold in folds)
    nearer = length * fit.origins[0] / min(fit.origins)
    return fit.elapsed() + fit.seconds * (nearer + refits) * OVERHEAD <= fit.limit_s
