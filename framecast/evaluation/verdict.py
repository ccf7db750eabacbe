"""The verdict: one sentence for people, computed from the scores and from nothing else.

It says at which leads a run beats persistence in SSIM and in MSE and how the mean SSIMs compare. Where the two measures
disagree it says so: blur lowers MSE and lowers SSIM, and a sentence on one of them alone would flatter or condemn.
"""

from collections.abc import Iterable

import numpy as np

from framecast.evaluation.scores import ScoreCurve, mean_curve
from framecast.metrics import METRICS
from framecast.metrics.contract import Array

REFERENCE = "persistence"
_BEATS, _NEVER, _EQUALS = "beats persistence", "never beats persistence", "equals persistence at every lead"


def verdict(curves: Iterable[ScoreCurve], forecaster: str, title: str) -> str:
    """One sentence on `forecaster`, called `title` in it, against persistence.

    `curves` hold both in the metrics ssim and mse, from one origin or several (averaged over them first); UnknownNameError
    if they do not.
    """
    curves = list(curves)
    mine, reference = (mean_curve(curves, name, "ssim") for name in (forecaster, REFERENCE))
    means = _means(float(mine.mean()), float(reference.mean()))
    if forecaster == REFERENCE:
        return f"{title} is what every forecaster must beat: its mean SSIM is {means[1]}."
    in_ssim, in_mse = (_where(_gain(curves, forecaster, metric)) for metric in ("ssim", "mse"))
    reading = _reading(curves, forecaster) + _better_rule(curves, forecaster)
    if in_ssim == in_mse:
        both = f"in SSIM {'or' if in_ssim == _NEVER else 'and'} MSE"
        return f"{title} {in_ssim} {both}: mean SSIM {means[0]} against {means[1]}{reading}."
    again = in_mse.replace(REFERENCE, "it")
    return f"In SSIM, {title} {in_ssim} (mean {means[0]} against {means[1]}); in MSE, it {again}{reading}."


def _gain(curves: list[ScoreCurve], forecaster: str, metric: str) -> Array:
    """(lead,): by how much the forecaster is better than persistence; above 0 it beats it."""
    gain = mean_curve(curves, forecaster, metric) - mean_curve(curves, REFERENCE, metric)
    return gain if METRICS[metric].higher_is_better else -gain


def _where(gain: Array) -> str:
    """The leads at which persistence is beaten, as words. Equal is not beaten, and NaN beats nothing."""
    horizon, beaten = len(gain), np.flatnonzero(gain > 0) + 1
    if len(beaten) == 0:
        return _NEVER if gain.any() else _EQUALS
    first, last = int(beaten[0]), int(beaten[-1])
    if len(beaten) == horizon:
        where = "at every lead"
    elif len(beaten) < last - first + 1:
        where = f"at {len(beaten)} of {horizon} leads ({_first_run(beaten)})"
    elif first == last:
        where = f"at lead {last} only"
    elif first == 1:
        where = f"up to lead {last}"
    elif last == horizon:
        where = f"only from lead {first} on"
    else:
        where = f"only from lead {first} to lead {last}"
    return f"{_BEATS} {where}"


def _first_run(beaten: Array) -> str:
    """Where leads with gaps between them begin: the number to trust is the unbroken run from lead 1."""
    if beaten[0] != 1:
        return f"the first of them lead {beaten[0]}"
    return f"without a break up to lead {int(np.argmax(np.diff(beaten) > 1)) + 1}"


def _reading(curves: list[ScoreCurve], forecaster: str) -> str:
    """What it means when the mean SSIM and the mean MSE point in opposite directions; empty when they do not."""
    ssim, mse = (float(_gain(curves, forecaster, metric).mean()) for metric in ("ssim", "mse"))
    if ssim < 0 < mse:
        return "; its values are nearer on average, its structure is less alike, as in a blurred forecast"
    if mse < 0 < ssim:
        return "; its structure is more alike, its values are further off on average"
    return ""


def _better_rule(curves: list[ScoreCurve], forecaster: str) -> str:
    """Names the best of the other forecasters among the curves if its mean SSIM is higher than the run's and persistence's in
    the three digits that are shown: a rule that fell back to the last frame is persistence, which is judged already."""
    others = sorted({curve.forecaster for curve in curves} - {forecaster, REFERENCE})
    means = {name: float(mean_curve(curves, name, "ssim").mean()) for name in (*others, forecaster, REFERENCE)}
    bar = max(round(means[name], 3) for name in (forecaster, REFERENCE))
    better = [name for name in others if round(means[name], 3) > bar]
    if not better:
        return ""
    from framecast.forecasters.catalog import FORECASTERS

    best = max(better, key=lambda name: means[name])
    title = FORECASTERS[best].title if best in FORECASTERS else best
    return f". The simple rule {title} does better: mean SSIM {means[best]:.3f}"


def _means(mine: float, reference: float) -> tuple[str, str]:
    """Both numbers with as few digits, three or more, as tell them apart, unless they are equal."""
    for digits in (3, 4, 5, 6):
        texts = f"{mine:.{digits}f}", f"{reference:.{digits}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{mine:.3f}", f"{reference:.3f}"
