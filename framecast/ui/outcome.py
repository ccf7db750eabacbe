"""How a finished run came out: in which tone to say it, how it ended, and what the fit found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from framecast.evaluation.scores import ScoreCurve, mean_curve
from framecast.evaluation.verdict import REFERENCE, verdict
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.metrics.contract import Array
from framecast.runs.diagnosing import kept_diagnosis
from framecast.runs.rules import rule_choices
from framecast.runs.store import Run
from framecast.ui.text import escaped

Tone = Literal["success", "info", "warning"]
JUDGED_IN = ("ssim", "mse")


@dataclass(frozen=True)
class Outcome:
    tone: Tone
    ending: str
    """'stopped early' and the like; empty where the run went its whole way."""
    verdict: str
    finding: str
    """A sentence on what the fit found, or empty."""


def outcome(run: Run) -> Outcome:
    """What can be said of a finished run. Green is only what beats persistence at some lead."""
    curves, name, summary = run.scores(), run.record.forecaster, run.summary()
    tone = "warning" if summary.get("learned_nothing") else tone_of(curves, name)
    sentence = verdict(
        curves, name, FORECASTERS[name].title, findings=kept_diagnosis(run) or (), choices=rule_choices(run)
    )
    return Outcome(tone, ending(summary), f"{sentence} {_not_scored(summary)}".rstrip(), str(summary.get("finding", "")))


def _not_scored(summary: Mapping[str, Any]) -> str:
    """Of a run that was finished before all rules were scored: the best one may be among them."""
    names = [one for one in summary.get("left_out", {}) if one in FORECASTERS and FORECASTERS[one].family == "rule"]
    if not summary.get("scoring_left") or not names:
        return ""
    return f"Not scored beside it, since it was finished early: {', '.join(FORECASTERS[one].title for one in names)}."


def tone_of(curves: Sequence[ScoreCurve], forecaster: str) -> Tone:
    """Green where persistence is beaten in the mean over leads in SSIM or MSE, is not the better one in the other, and no
    simple rule is better in both; neutral where one is, where SSIM and MSE disagree (blur wins in MSE alone), or where
    persistence is beaten at some lead only or equalled; else amber."""
    gains = [_gain(curves, forecaster, REFERENCE, metric) for metric in JUDGED_IN]
    means = [float(gain.mean()) for gain in gains]
    if max(means) > 0 and not min(means) < 0:
        return "info" if _a_rule_is_better(curves, forecaster) else "success"
    found = np.concatenate(gains)
    return "info" if (found > 0).any() or not found.any() else "warning"


def _a_rule_is_better(curves: Sequence[ScoreCurve], forecaster: str) -> bool:
    """Whether one of the rules beside it has the better mean in every metric that is judged."""
    rules = {curve.forecaster for curve in curves} - {forecaster, REFERENCE}
    return any(all(_gain(curves, rule, forecaster, metric).mean() > 0 for metric in JUDGED_IN) for rule in rules)


def _gain(curves: Sequence[ScoreCurve], forecaster: str, other: str, metric: str) -> Array:
    """(lead,): by how much `forecaster` is better than `other`."""
    gain = mean_curve(curves, forecaster, metric) - mean_curve(curves, other, metric)
    return gain if METRICS[metric].higher_is_better else -gain


def ending(summary: Mapping[str, Any]) -> str:
    """How the fit ended if not by itself, from summary.json; old runs have not all of its words."""
    if summary.get("learned_nothing"):
        return "stopped before anything was learned"
    if summary.get("stopped_early"):
        return "stopped early"
    return "ended by the time limit" if summary.get("ended_by_time") else ""


def show_outcome(found: Outcome, opening: str = "", *, with_finding: bool = True) -> None:
    """Draw the verdict in its tone, after `opening` or how the run ended, and below it the finding if it is to be there."""
    said = f"{found.ending.capitalize()}." if found.ending else opening
    box = {"success": st.success, "info": st.info, "warning": st.warning}[found.tone]
    box(f"{said} {escaped(found.verdict)}".strip())
    if found.finding and with_finding:
        st.markdown(escaped(found.finding))


def what_the_fit_found(run: Run, found: Outcome) -> None:
    """Draw the finding alone; a blend tells its own where it says what it is made of."""
    if found.finding and not run.weights():
        st.subheader("What the fit found", anchor=False)
        st.markdown(escaped(found.finding))
