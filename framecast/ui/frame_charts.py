"""One lead in two charts: how much power its detail has, and how its errors are distributed."""

import math

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from framecast.drawing.colours import CURSOR, TRUTH, TRUTH_WIDTH, forecaster_colour
from framecast.evaluation.error_maps import error_limit
from framecast.evaluation.verdict import REFERENCE
from framecast.metrics.contract import Array, Mask
from framecast.metrics.spectrum import radial_power
from framecast.runs.filming import forecast_version
from framecast.runs.store import Run
from framecast.series.frames import Frames
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.charts import CONFIG, MARGIN
from framecast.ui.figures import single_figure
from framecast.ui.resources import workspace
from framecast.ui.text import value, with_units

N_BINS = 81
_HEIGHT_PX = 330

Lines = dict[str, tuple[Array, Array]]
"""Title to (wavelengths in pixels, power)."""


def frame_charts(run: Run, stored: StoredSeries, store: SeriesStore, title: str, lead: int) -> None:
    """Draw both for the lead shown: truth, the run's forecast and persistence."""
    series, split = store.open(run.record.series), run.record.split
    truth, forecast, last = (
        series.frames[split.origin + lead],
        run.forecast()[lead - 1],
        series.frames[split.origin],
    )
    limit = _limit(str(workspace()), run.id, forecast_version(run), run, store)
    own, colour = run.record.forecaster, forecaster_colour(run.record.forecaster)
    left, right = st.columns(2)
    with left:
        st.markdown(f"**Power of detail at lead {lead}**")
        lines = {"Truth": radial_power(truth, series.valid), title: radial_power(forecast, series.valid)}
        if own != REFERENCE:
            lines["Persistence"] = radial_power(last, series.valid)
        st.plotly_chart(
            power_chart(lines, {title: colour}), key=f"power_{run.id}", config=CONFIG, alt=power_in_words(lines, lead)
        )
        st.caption("Radially averaged power spectrum. Where the forecast is below the truth, detail of that size is blurred.")
    with right:
        st.markdown(f"**Errors at lead {lead}**")
        bins = edges(limit, whole=np.issubdtype(truth.dtype, np.integer))
        errors = {title: histogram(forecast, truth, bins, series.valid)}
        if own != REFERENCE:
            errors["Persistence"] = histogram(last, truth, bins, series.valid)
        st.plotly_chart(
            error_chart(errors, bins, stored.units, {title: colour}),
            key=f"errors_{run.id}",
            config=CONFIG,
            alt=errors_in_words(errors, bins, stored.units, lead),
        )
        st.caption("Forecast minus truth of every pixel and channel, in shares of all; the ends hold all that is beyond.")


def power_chart(lines: Lines, colours: dict[str, str]) -> go.Figure:
    """Power over the size of detail, both logarithmic, coarse on the left."""
    figure = single_figure()
    for title, (wavelengths, power) in lines.items():
        seen = power > 0
        figure.add_scatter(
            x=wavelengths[seen],
            y=power[seen],
            name=title,
            mode="lines",
            line=_line(title, colours),
            hovertemplate="%{x:.3g} pixels: %{y:.3g}",
        )
    longest = max((float(wavelengths.max(initial=0)) for wavelengths, _ in lines.values()), default=0.0)
    marks = [size for size in (2, 4, 8, 16, 32, 64, 128, 256, 512) if size <= longest]
    figure.update_xaxes(
        title_text="size of detail (wavelength in pixels)", type="log", autorange="reversed", tickvals=marks, ticktext=marks
    )
    figure.update_yaxes(type="log", title_text="power", exponentformat="power", dtick=2)
    return _laid_out(figure)


def edges(limit: float, *, whole: bool) -> Array:
    """(bin + 1,) ends of about N_BINS bins from -limit to limit, the one in the middle around 0. Errors that are `whole`
    numbers get bins of equally many of them: narrower ones would be empty in turns, and a line through them has no length."""
    if not whole:
        return np.linspace(-limit, limit, N_BINS + 1)
    width = max(1, math.ceil(2 * limit / N_BINS)) // 2 * 2 + 1
    n_beside = max(1, round(limit / width))
    found: Array = (np.arange(2 * n_beside + 2) - (n_beside + 0.5)) * width
    return found


def histogram(forecast: Frames, truth: Frames, edges: Array, valid: Mask | None) -> Array:
    """(bin,) shares of the errors; what is beyond the ends counts in the bins there."""
    error = np.subtract(forecast, truth, dtype=np.float32)
    kept = error if valid is None else error[valid]
    middles = centres(edges)
    counts, _ = np.histogram(np.clip(kept, middles[0], middles[-1]), bins=edges)
    shares: Array = counts / max(1, kept.size)
    return shares


def error_chart(errors: dict[str, Array], edges: Array, units: str, colours: dict[str, str]) -> go.Figure:
    """Shares over errors, logarithmic upwards: a still background would hide all else."""
    figure = single_figure()
    middles = centres(edges)
    for title, shares in errors.items():
        figure.add_scatter(
            x=middles,
            y=np.where(shares > 0, 100 * shares, np.nan),
            name=title,
            mode="lines",
            line={**_line(title, colours), "shape": "hvh"},
            hovertemplate="%{x:.4g}: %{y:.3g} %",
        )
    figure.add_vline(x=0, line={"color": CURSOR, "width": 1})
    unit = "" if units in ("", "1") else f" ({units})"
    figure.update_xaxes(title_text=f"forecast minus truth{unit}", range=[edges[0], edges[-1]])
    figure.update_yaxes(type="log", title_text="share of pixels (%)", dtick=1)
    return _laid_out(figure)


def centres(edges: Array) -> Array:
    middles: Array = (edges[1:] + edges[:-1]) / 2
    return middles


def power_in_words(lines: Lines, lead: int) -> str:
    parts = []
    for title, (wavelengths, power) in lines.items():
        said = (f"{value(float(power[np.argmin(np.abs(wavelengths - size))]))} at {size} pixels" for size in (4, 16, 64))
        parts.append(f"{title} " + ", ".join(said) if len(power) else f"{title} has none")
    return f"Power of detail by its size at lead {lead}: {'; '.join(parts)}."


def errors_in_words(errors: dict[str, Array], edges: Array, units: str, lead: int) -> str:
    middles, near = centres(edges), float(edges[-1]) / 10
    parts = (
        f"{title}: mean {with_units(float((shares * middles).sum()), units)}, "
        f"{shares[np.abs(middles) <= near].sum():.0%} of pixels within ±{with_units(near, units)}"
        for title, shares in errors.items()
    )
    return f"Distribution of errors at lead {lead}. {'; '.join(parts)}."


def _line(title: str, colours: dict[str, str]) -> dict[str, object]:
    if title == "Truth":
        return {"color": TRUTH, "width": TRUTH_WIDTH}
    if title == "Persistence":
        return {"color": forecaster_colour(REFERENCE), "width": 1.8, "dash": "dash"}
    return {"color": colours[title], "width": 2.4}


def _laid_out(figure: go.Figure) -> go.Figure:
    figure.update_layout(
        height=_HEIGHT_PX,
        margin={**MARGIN, "t": 40},
        hovermode="x unified",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        uirevision="frame",
    )
    return figure


@st.cache_resource(max_entries=16, show_spinner=False)
def _limit(workspace: str, run_id: str, version: int, _run: Run, _store: SeriesStore) -> float:
    """One range of errors for the whole horizon."""
    series, split = _store.open(_run.record.series), _run.record.split
    return error_limit(_run.forecast(), series.frames[split.test.start : split.test.stop], valid=series.valid)
