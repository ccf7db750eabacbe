"""The scores of the simple rules, taken from a run that has them: the same series, split and code give the same rules."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.runs.record import RunRecord
from framecast.runs.store import Run

if TYPE_CHECKING:
    from framecast.evaluation.scores import ScoreCurve


def known_rules(runs: Iterable[Run], record: RunRecord) -> "list[ScoreCurve] | None":
    """The curves of all rules at their usual settings, from the first of `runs` that can tell; None where none can.

    A run whose own forecaster is a rule cannot: its curve has the settings that were chosen for it.
    """
    rules = {name for name, kind in FORECASTERS.items() if kind.family == "rule"}
    for run in runs:
        other = run.record
        alike = all(
            getattr(other, part) == getattr(record, part) for part in ("series", "split", "versions", "commit", "seed")
        )
        if not alike or other.forecaster in rules or run.state != "finished":
            continue
        try:
            curves = [curve for curve in run.scores() if curve.forecaster in rules]
            if run.summary().get("scoring_left"):
                continue
            left_out = set(run.summary().get("left_out", {}))
        except FrameCastError:
            continue  # another run's damaged files are no reason for this one to fail
        told = {(curve.forecaster, curve.metric) for curve in curves}
        if told >= {(rule, metric) for rule in rules - left_out for metric in METRICS}:
            return curves
    return None


def rule_choices(run: Run) -> dict[str, dict[str, Any]]:
    """What the rules beside a run chose for themselves: as it has kept it, or another run of the same series and split."""
    for other in (run, *(one for one in run.store.runs() if one.state == "finished")):
        alike = other.record.series == run.record.series and other.record.split == run.record.split
        try:
            kept = other.summary().get("rule_choices", {}) if alike else {}
        except FrameCastError:
            continue
        if kept:
            return dict(kept)
    return {}
