"""The verdict: one sentence for people, computed from the scores and the diagnosis and from nothing else.

    ConvLSTM beats persistence up to lead 37 and the best simple rule (Seasonal, period 12) up to lead 9; mean SSIM 0.870
    against 0.840 and 0.860; the forecast is blurred from lead 14 on.

It says at which leads a run beats persistence and the best simple rule in SSIM. Where MSE disagrees about persistence it says
so too: blur lowers MSE and lowers SSIM, and a sentence on one of them alone would flatter or condemn.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from framecast.evaluation.faults.finding import Finding
from framecast.evaluation.scores import ScoreCurve, mean_curve
from framecast.metrics import METRICS
from framecast.metrics.contract import Array

REFERENCE = "persistence"
_EVERY, _NEVER = "at every lead", "never beats"
_FOUND = {
    "exploded": "its values run away",
    "frozen": "the forecast stands still",
    "erased": "what moves is gone from the forecast",
    "blurred": "the forecast is blurred",
    "grid": "a grid shows in the forecast",
    "drifted": "the forecast drifts",
    "mistimed": "the forecast runs at the wrong speed or phase",
    "replaying": "the forecast tells the past again",
}
"""Mistakes of a forecast as a clause of the sentence."""


def verdict(
    curves: Iterable[ScoreCurve],
    forecaster: str,
    title: str,
    *,
    findings: Sequence[Finding] = (),
    choices: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """One sentence on `forecaster`, called `title` in it, against persistence and the best of the others in `curves`.

    `curves` hold all of them in the metrics ssim and mse, from one origin or several (averaged over them first);
    UnknownNameError if they do not. `findings` are what a diagnosis found, the strongest first; `choices` what rules chose
    for themselves, as a run keeps it.
    """
    curves = list(curves)
    mine, reference = (mean_curve(curves, name, "ssim") for name in (forecaster, REFERENCE))
    rule = best_rule(curves, forecaster)
    others = [reference] + ([] if rule is None else [mean_curve(curves, rule, "ssim")])
    means = _means([float(one.mean()) for one in (mine, *others)])
    if forecaster == REFERENCE:
        better = "" if rule is None else f"; the best simple rule ({_called(rule, choices)}) reaches {means[2]}"
        return f"{title} is what every forecaster must beat: its mean SSIM is {means[0]}{better}."
    named = _named(curves, forecaster, rule, choices)
    clauses = [
        f"{title} {_against(mine - others[0], [mine - one for one in others[1:]], named)}",
        f"mean SSIM {means[0]} against {' and '.join(means[1:])}",
        *_where_mse_disagrees(curves, forecaster, findings),
        *_looks(findings),
    ]
    return "; ".join(clauses) + "."


def best_rule(curves: Sequence[ScoreCurve], forecaster: str) -> str | None:
    """The other forecaster among the curves with the highest mean SSIM, if that is above persistence's in the three digits
    that are shown; None where persistence is the best: a rule that fell back to the last frame is persistence."""
    others = sorted({curve.forecaster for curve in curves} - {forecaster, REFERENCE})
    means = {name: float(mean_curve(curves, name, "ssim").mean()) for name in (*others, REFERENCE)}
    better = [name for name in others if round(means[name], 3) > round(means[REFERENCE], 3)]
    return max(better, key=lambda name: means[name]) if better else None


def _named(
    curves: list[ScoreCurve], forecaster: str, rule: str | None, choices: Mapping[str, Mapping[str, Any]] | None
) -> str:
    """The best simple rule as it stands in the sentence; where that is persistence, what is to be said of persistence."""
    if rule is not None:
        return f"the best simple rule ({_called(rule, choices)})"
    others = {curve.forecaster for curve in curves} - {forecaster, REFERENCE}
    return "the best of the simple rules beside it" if others else ""


def _against(over_persistence: Array, over_rule: list[Array], named: str) -> str:
    """At which leads persistence is beaten, and at which the best simple rule."""
    first = _where(over_persistence)
    if not over_rule:
        whom = f"{REFERENCE}, {named}" if named else REFERENCE
        return _joined(first, f"{whom}," if named and first[1] else whom)
    second = _where(over_rule[0])
    if first == second:
        return _joined(first, f"persistence {'or' if first[0] == _NEVER else 'and'} {named}")
    if first[0] == second[0]:
        return f"{_joined(first, REFERENCE)} and {named} {second[1]}"
    return f"{_joined(first, REFERENCE)} and {_joined(second, named)}"


def _joined(where: tuple[str, str], whom: str) -> str:
    return f"{where[0]} {whom} {where[1]}".strip()


def _gain(curves: list[ScoreCurve], forecaster: str, metric: str) -> Array:
    """(lead,): by how much the forecaster is better than persistence; above 0 it beats it."""
    gain = mean_curve(curves, forecaster, metric) - mean_curve(curves, REFERENCE, metric)
    return gain if METRICS[metric].higher_is_better else -gain


def _where(gain: Array) -> tuple[str, str]:
    """(verb, the leads) at which another is beaten. Equal is not beaten, and NaN beats nothing."""
    horizon, beaten = len(gain), np.flatnonzero(gain > 0) + 1
    if len(beaten) == 0:
        return (_NEVER, "") if gain.any() else ("equals", _EVERY)
    first, last = int(beaten[0]), int(beaten[-1])
    if len(beaten) == horizon:
        where = _EVERY
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
    return "beats", where


def _first_run(beaten: Array) -> str:
    """Where leads with gaps between them begin: the number to trust is the unbroken run from lead 1."""
    if beaten[0] != 1:
        return f"the first of them lead {beaten[0]}"
    return f"without a break up to lead {int(np.argmax(np.diff(beaten) > 1)) + 1}"


def _where_mse_disagrees(curves: list[ScoreCurve], forecaster: str, findings: Sequence[Finding]) -> list[str]:
    """A clause where MSE sees persistence beaten at other leads than SSIM, and what it means where their means disagree: blur
    is only supposed where the pictures were not found to have another fault."""
    gains = {metric: _gain(curves, forecaster, metric) for metric in ("ssim", "mse")}
    in_ssim, in_mse = (_where(gain) for gain in gains.values())
    if in_ssim == in_mse:
        return []
    ssim, mse = (float(gain.mean()) for gain in gains.values())
    reading = ""
    if ssim < 0 < mse:
        mistakes = {finding.name for finding in findings} & set(_FOUND)
        likely = ", as in a blurred forecast" if not mistakes or "blurred" in mistakes else ""
        reading = f": its values are nearer on average, its structure is less alike{likely}"
    elif mse < 0 < ssim:
        reading = ": its structure is more alike, its values are further off on average"
    return [f"in MSE, it {_joined(in_mse, 'persistence')}{reading}"]


def _looks(findings: Sequence[Finding]) -> list[str]:
    """The strongest mistake that was found, as a clause."""
    for finding in findings:
        if finding.name in _FOUND:
            return [f"{_FOUND[finding.name]} from {'the first lead' if finding.lead == 1 else f'lead {finding.lead}'} on"]
    return []


def _called(rule: str, choices: Mapping[str, Mapping[str, Any]] | None) -> str:
    """The title of a rule, and its period where it found one."""
    from framecast.forecasters.catalog import FORECASTERS

    title = FORECASTERS[rule].title if rule in FORECASTERS else rule
    period = (choices or {}).get(rule, {}).get("period", 1)
    return f"{title}, period {period}" if period > 1 else title


def _means(values: list[float]) -> list[str]:
    """The numbers with as few digits, three or more, as tell different ones apart."""
    n_different = len(set(values))
    for digits in (3, 4, 5, 6):
        texts = [f"{value:.{digits}f}" for value in values]
        if len(set(texts)) == n_different:
            return texts
    return [f"{value:.3f}" for value in values]
