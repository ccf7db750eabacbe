"""The scores of the simple rules, taken from a run that has them: the same series, split and code give the same rules."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.runs.record import RunRecord
from framecast.runs.store import Run

if TYPE_CHECKING:
    from framecast.evaluation.scores import ScoreCurve

KnownRules = Mapping[str, "Sequence[ScoreCurve] | str"]
"""Rules by name: the curves of one, or the sentence why it was left out."""


def known_rules(runs: Iterable[Run], record: RunRecord) -> KnownRules:
    """Of each rule that one of `runs` scored at its usual settings its curves, or where it cannot serve this series the
    sentence that says so. Those that none can tell of are not in it.

    A run whose own forecaster is a rule cannot tell of that one: its curve has the settings that were chosen for it.
    """
    known: dict[str, list[ScoreCurve] | str] = {}
    rules = {name for name, kind in FORECASTERS.items() if kind.family == "rule"}
    for run in runs:
        if known.keys() >= rules:
            break
        other = run.record
        alike = all(
            getattr(other, part) == getattr(record, part) for part in ("series", "split", "versions", "commit", "seed")
        )
        if not alike or run.state != "finished":
            continue
        try:
            curves, summary = run.scores(), run.summary()
        except FrameCastError:
            continue  # another run's damaged files are no reason for this one to fail
        for name in rules - known.keys() - {other.forecaster}:
            own = [curve for curve in curves if curve.forecaster == name]
            if {curve.metric for curve in own} >= set(METRICS):
                known[name] = own
            elif name in summary.get("left_out", {}) and not summary.get("scoring_left"):
                known[name] = str(summary["left_out"][name])
    return known


def sorted_out(known: KnownRules, own: str) -> "tuple[list[str], list[ScoreCurve], dict[str, str]]":
    """Of all rules but `own`: those still to be scored, the curves of those that are `known`, and why others were left out."""
    names = [name for name, kind in FORECASTERS.items() if kind.family == "rule" and name != own]
    wanted = [name for name in names if name not in known]
    told = {name: known[name] for name in names if name in known}
    curves = [curve for found in told.values() if not isinstance(found, str) for curve in found]
    return wanted, curves, {name: found for name, found in told.items() if isinstance(found, str)}


def rule_choices(run: Run) -> dict[str, dict[str, Any]]:
    """What the rules beside a run chose for themselves: each as the run has kept it, or another of the same series and split,
    which scored what this one did not score again."""
    found: dict[str, dict[str, Any]] = {}
    choosing = {name for name, kind in FORECASTERS.items() if kind.family == "rule" and fields(kind.settings)}
    for other in (run, *(one for one in run.store.runs() if one.state == "finished")):
        if found.keys() >= choosing:
            break
        alike = other.record.series == run.record.series and other.record.split == run.record.split
        try:
            kept = other.summary().get("rule_choices", {}) if alike else {}
        except FrameCastError:
            continue
        found = {**kept, **found}
    return found
