"""The scores of a finished run in numbers and curves, with a mark at the lead that the player shows."""

import math
from typing import Literal

import numpy as np
import streamlit as st

from framecast.evaluation.origins import inside_test, spread
from framecast.evaluation.scores import ScoreCurve
from framecast.evaluation.verdict import REFERENCE
from framecast.metrics import METRICS
from framecast.runs.backtest import kept_backtest
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.clicked_chart import clicked_chart
from framecast.ui.diagnosis_view import diagnosis_view
from framecast.ui.how_sure import Band, band, band_note, how_sure
from framecast.ui.metric_choice import metric_choice
from framecast.ui.rival_choice import rival_choice
from framecast.ui.score_charts import Curve, CurvePlot, curves_in_words, horizon_chart
from framecast.ui.text import decimals, escaped, fixed

N_TILES = 5
"""Numbers in a row."""


def numbers_view(run: Run, stored: StoredSeries | None, store: SeriesStore, lead: int) -> dict[str, str]:
    """Draw what is computed from the forecast, with a mark at the lead that is shown. Return what each forecaster in it is
    called."""
    units = stored.units if stored else "1"
    scores, members = run.scores(), run.members()
    diagnosis_view(run, stored, store)
    st.subheader("Scores", anchor=False)
    own = {curve.metric for curve in scores if curve.forecaster == run.record.forecaster}
    metrics = metric_choice(own, f"metrics_{run.id}")
    _numbers(run, scores, units, lead, metrics)
    how_sure(members, units, lead)
    curves, titles = rival_choice(run, stored, store)
    _charts(run, curves, titles, units, lead, members, metrics)
    return titles


def _charts(
    run: Run,
    curves: list[ScoreCurve],
    titles: dict[str, str],
    units: str,
    lead: int,
    members: list[ScoreCurve],
    metrics: list[str],
) -> None:
    own, others = run.record.forecaster, [] if members else inside_test(kept_backtest(run), run.record.split)
    plots = []
    for metric in metrics:
        found = [curve for curve in curves if curve.metric == metric]
        lines = [
            Curve(
                curve.forecaster,
                titles[curve.forecaster],
                curve.values.tolist(),
                (band(members, metric) or _over_origins(others, own, metric)) if curve.forecaster == own else None,
            )
            for curve in found
        ]
        if lines:
            plots.append(CurvePlot(metric_title(metric, units), lines))
    clicked_chart(horizon_chart(plots, lead, own), run.id, f"curves_{run.id}", alt=curves_in_words(plots, lead))
    if note := band_note(members) or _origins_note(others):
        st.caption(note)
    exact = [titles[curve.forecaster] for curve in curves if curve.metric == "psnr" and np.isinf(curve.values).any()]
    if exact and "psnr" in metrics:
        st.caption(f"An exact forecast has a PSNR of ∞, which no axis can hold: {escaped(', '.join(exact))} has such leads.")


def _over_origins(curves: list[ScoreCurve], forecaster: str, metric: str) -> Band | None:
    """From the lowest to the highest score over the origins inside the test."""
    found = spread(curves, forecaster, metric)
    return (found.low.tolist(), found.high.tolist()) if found is not None and found.most > 1 else None


def _origins_note(curves: list[ScoreCurve]) -> str:
    n_origins = len({curve.origin for curve in curves})
    if n_origins < 2:
        return ""
    return (
        f"The line is the forecast shown above. The band goes from the lowest to the highest score of {n_origins} origins "
        "inside the test, of which a later one reaches fewer leads."
    )


def name_and_unit(metric: str, units: str = "1") -> str:
    """'SSIM', 'PSNR (dB)', 'MSE (K²)'; in a series without units MSE has none either."""
    unit = METRICS[metric].unit
    if "units" in unit:
        squared = f"{units}²" if units.isalpha() else f"({units})²"  # of m/s it is no acceleration
        unit = "" if units in ("", "1") else unit.replace("units²", squared).replace("units", units)
    title = METRICS[metric].title
    return f"{title} ({unit})" if unit else title


def metric_title(metric: str, units: str = "1") -> str:
    return f"{name_and_unit(metric, units)}, {METRICS[metric].better}"


def _numbers(run: Run, curves: list[ScoreCurve], units: str, lead: int, metrics: list[str]) -> None:
    """The run's scores at the shown lead, to be read off exactly, and how far they are from persistence."""
    values = {(curve.forecaster, curve.metric): float(curve.values[lead - 1]) for curve in curves if lead <= curve.horizon}
    own = run.record.forecaster
    shown = [metric for metric in metrics if (own, metric) in values]
    for start in range(0, len(shown), N_TILES):
        for column, metric in zip(st.columns(min(N_TILES, max(4, len(shown)))), shown[start : start + N_TILES], strict=False):
            mine, reference = values[own, metric], values.get((REFERENCE, metric))
            n_decimals = decimals([mine, *([] if reference is None else [reference])])
            delta, colour = against(mine, reference, metric, n_decimals) if own != REFERENCE else (None, "off")
            column.metric(
                f"{escaped(name_and_unit(metric, units))} at lead {lead}",
                fixed(mine, n_decimals),
                delta,
                delta_color=colour,
                delta_arrow="off",
                border=True,
                height="stretch",
                help=METRICS[metric].explanation,
            )


def against(
    mine: float, reference: float | None, metric: str, n_decimals: int
) -> tuple[str | None, Literal["normal", "inverse", "off"]]:
    """The difference to persistence in words, with the decimals that both are shown with, and how to colour it: green is
    better, whichever way that is. What those decimals cannot tell apart is equal."""
    if reference is not None and METRICS[metric].ratio:
        return f"{fixed(reference, n_decimals)} for persistence, 1 is best", "off"
    if reference is None or math.isnan(mine - reference) and mine != reference:
        return None, "off"
    if mine == reference or not fixed(abs(mine - reference), n_decimals).strip("0.,"):
        return "equal to persistence", "off"
    sign = "+" if mine > reference else "-"  # a hyphen: Streamlit reads the direction off it
    better: Literal["normal", "inverse"] = "normal" if METRICS[metric].higher_is_better else "inverse"
    return f"{sign}{fixed(abs(mine - reference), n_decimals)} against persistence", better
