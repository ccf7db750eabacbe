"""The frames of a finished run and, below them, its scores, moved by one slider."""

import math
from typing import Literal

import numpy as np
import streamlit as st

from framecast.evaluation.scores import ScoreCurve
from framecast.evaluation.verdict import REFERENCE
from framecast.metrics import METRICS
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.charts import CONFIG, Curve, CurvePlot, horizon_chart
from framecast.ui.diagnosis_view import diagnosis_view
from framecast.ui.frames_view import frames_view
from framecast.ui.how_sure import band, band_note, how_sure
from framecast.ui.rival_choice import PLOTTED, rival_choice
from framecast.ui.text import decimals, escaped, fixed


@st.fragment
def comparison(run: Run, stored: StoredSeries | None, store: SeriesStore) -> None:
    """Draw the player and the scores of a finished run; the lead shown moves both. `stored` is its series, None where that was
    deleted: then only the scores are left."""
    lead = frames_view(run, stored, store)
    numbers_view(run, stored, store, lead)


def numbers_view(run: Run, stored: StoredSeries | None, store: SeriesStore, lead: int) -> None:
    """Draw what is computed from the forecast, with a mark at the lead that is shown."""
    units = stored.units if stored else "1"
    diagnosis_view(run, stored, store)
    _numbers(run, run.scores(), units, lead)
    members = run.members()
    how_sure(members, units, lead)
    curves, titles = rival_choice(run, stored, store)
    _charts(run, curves, titles, units, lead, members)


def _charts(
    run: Run, curves: list[ScoreCurve], titles: dict[str, str], units: str, lead: int, members: list[ScoreCurve]
) -> None:
    plots = []
    for metric in PLOTTED:
        found = [curve for curve in curves if curve.metric == metric]
        if found:
            own = {run.record.forecaster: band(members, metric)}
            lines = [
                Curve(curve.forecaster, titles[curve.forecaster], curve.values.tolist(), own.get(curve.forecaster))
                for curve in found
            ]
            plots.append(CurvePlot(metric_title(metric, units), lines))
    st.plotly_chart(horizon_chart(plots, lead, run.record.forecaster), key="curves", config=CONFIG)
    if note := band_note(members):
        st.caption(note)
    exact = [titles[curve.forecaster] for curve in curves if curve.metric == "psnr" and np.isinf(curve.values).any()]
    if exact:
        st.caption(f"An exact forecast has a PSNR of ∞, which no axis can hold: {escaped(', '.join(exact))} has such leads.")


def name_and_unit(metric: str, units: str = "1") -> str:
    """'SSIM', 'PSNR (dB)', 'MSE (K²)'; in a series without units MSE has none either."""
    unit = METRICS[metric].unit
    if "units" in unit:
        unit = "" if units in ("", "1") else unit.replace("units", units)
    title = METRICS[metric].title
    return f"{title} ({unit})" if unit else title


def metric_title(metric: str, units: str = "1") -> str:
    return f"{name_and_unit(metric, units)}, {METRICS[metric].better}"


def _numbers(run: Run, curves: list[ScoreCurve], units: str, lead: int) -> None:
    """The run's scores at the shown lead, to be read off exactly, and how far they are from persistence."""
    values = {(curve.forecaster, curve.metric): float(curve.values[lead - 1]) for curve in curves if lead <= curve.horizon}
    own = run.record.forecaster
    for column, metric in zip(st.columns(len(PLOTTED)), PLOTTED, strict=True):
        if (own, metric) not in values:
            continue
        mine, reference = values[own, metric], values.get((REFERENCE, metric))
        n_decimals = decimals([mine, *([] if reference is None else [reference])])
        delta, colour = against(mine, reference, metric, n_decimals) if own != REFERENCE else (None, "off")
        column.metric(
            f"{name_and_unit(metric, units)} at lead {lead}",
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
    if reference is None or math.isnan(mine - reference) and mine != reference:
        return None, "off"
    if mine == reference or not fixed(abs(mine - reference), n_decimals).strip("0.,"):
        return "equal to persistence", "off"
    sign = "+" if mine > reference else "-"  # a hyphen: Streamlit reads the direction off it
    better: Literal["normal", "inverse"] = "normal" if METRICS[metric].higher_is_better else "inverse"
    return f"{sign}{fixed(abs(mine - reference), n_decimals)} against persistence", better
