"""The backtest: what the forecaster would have scored from other moments, and how much a score depends on the moment."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from framecast.drawing.colours import CURSOR, faded, forecaster_colour
from framecast.evaluation.origins import Spread, before_test, inside_test, rolling_origins, spread
from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.runs.backtest import SECONDS, backtest, kept_backtest
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.charts import MARGIN
from framecast.ui.clicked_chart import clicked_chart
from framecast.ui.figures import lead_axis, subplot_figure
from framecast.ui.metric_choice import ordered
from framecast.ui.score_charts import CLICKABLE
from framecast.ui.text import count, duration, escaped, value

_HEIGHT_PX = 340
Spreads = dict[str, Spread]
"""Forecaster to its scores over origins."""


def origins_view(run: Run, stored: StoredSeries | None, store: SeriesStore, titles: Mapping[str, str], lead: int) -> None:
    """Draw the kept backtest of a run, and the way to make one."""
    curves = kept_backtest(run)
    n_done = len({curve.origin for curve in curves}) - 1
    n_possible = len(rolling_origins(run.record.split))
    if n_done < n_possible and stored is not None:
        _offer(run, store, n_done, n_possible)
    if not curves:
        return
    metrics = ordered({curve.metric for curve in curves})
    metric = st.selectbox("Score", metrics, format_func=lambda name: METRICS[name].title, key=f"origins_{run.id}", width=260)
    parts = origin_parts(curves, run, metric)
    clicked_chart(origins_chart(parts, titles, lead, run.record.forecaster), run.id, f"origins_chart_{run.id}",
                  alt=origins_in_words(parts, titles, METRICS[metric].title))  # fmt: skip
    st.caption(escaped(_meaning(run)))


def origin_parts(curves: Sequence[ScoreCurve], run: Run, metric: str) -> dict[str, Spreads]:
    """Title of a part to what was scored there: origins inside the test, and before it. The number of origins is in it."""
    split = run.record.split
    parts = {}
    for name, chosen in (("In the test", inside_test(curves, split)), ("Before the test", before_test(curves, split))):
        found = {one: spread(chosen, one, metric) for one in dict.fromkeys(curve.forecaster for curve in chosen)}
        kept = {one: what for one, what in found.items() if what is not None}
        if kept:
            n_origins = len({curve.origin for curve in chosen})
            parts[f"{name}: {count(n_origins, 'origin')}"] = kept
    return parts


def origins_chart(parts: Mapping[str, Spreads], titles: Mapping[str, str], lead: int, own: str) -> go.Figure:
    """A chart for each part: the mean over its origins at each lead, and a band from the lowest to the highest of them."""
    figure = subplot_figure(rows=1, cols=len(parts), subplot_titles=list(parts), shared_yaxes=True, horizontal_spacing=0.04)
    named: set[str] = set()
    for column, spreads in enumerate(parts.values(), start=1):
        for name, one in spreads.items():
            colour, leads = forecaster_colour(name), list(range(1, len(one.mean) + 1))
            for bound, fill in ((one.low, None), (one.high, "tonexty")):
                figure.add_scatter(
                    x=leads, y=np.where(np.isfinite(bound), bound, np.nan), mode="lines", line={"width": 0, "color": colour},
                    fill=fill, fillcolor=faded(colour, 0.18), legendgroup=name, showlegend=False, hoverinfo="skip",
                    row=1, col=column,
                )  # fmt: skip
            figure.add_scatter(
                x=leads,
                y=np.where(np.isfinite(one.mean), one.mean, np.nan),
                customdata=one.n_origins,
                name=titles.get(name, name),
                legendgroup=name,
                showlegend=name not in named,
                mode="lines+markers",
                marker={"color": colour, "size": 10, "opacity": 0.0},
                line={"color": colour, "width": 3 if name == own else 1.8, "dash": "solid" if name == own else "dash"},
                hovertemplate="%{y:.4g}, mean of %{customdata}",
                row=1,
                col=column,
                **CLICKABLE,
            )
            named.add(name)
        figure.add_vline(x=lead, line={"color": CURSOR, "width": 1}, row=1, col=column)
    n_leads = max((len(one.mean) for spreads in parts.values() for one in spreads.values()), default=1)
    figure.update_xaxes(**lead_axis(n_leads))
    figure.update_layout(
        height=_HEIGHT_PX,
        hovermode="x",
        margin={**MARGIN, "t": 70},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.12, "x": 0},
        uirevision="origins",
    )
    return figure


def origins_in_words(parts: Mapping[str, Spreads], titles: Mapping[str, str], metric: str) -> str:
    said = []
    for part, spreads in parts.items():
        rows = (
            f"{titles.get(name, name)} {value(float(one.mean.mean()))} on average, from {value(float(one.low.min()))} to "
            f"{value(float(one.high.max()))}"
            for name, one in spreads.items()
        )
        said.append(f"{part}: {'; '.join(rows)}.")
    return f"{metric} from several origins. " + " ".join(said)


def _meaning(run: Run) -> str:
    learned = FORECASTERS[run.record.forecaster].family != "rule"
    fitted = "it was fitted on the very frames that judge it there" if learned else "its settings were chosen there"
    return (
        "The line is the mean over origins, the band goes from the worst to the best of them. Inside the test nobody had seen "
        "what follows; a later origin leaves fewer leads, so at long leads the mean is of few origins (how many is under the "
        f"pointer). Before the test {fitted}: a score that is much better there was learned by heart. Nothing is fitted again."
    )


def _offer(run: Run, store: SeriesStore, n_done: int, n_possible: int) -> None:
    """The button that makes the backtest, with how far it is."""
    label = "Score it from other origins" if n_done <= 0 else f"Score it from all {n_possible} other origins"
    if not st.button(label, key=f"backtest_{run.id}", icon=":material/history:"):
        st.caption(escaped(f"It forecasts from up to {n_possible} other moments, for {duration(SECONDS)} or a little longer."))
        return
    bar = st.progress(0.0, text="Forecasting from other origins ...")
    for done in backtest(run, store.open(run.record.series)):
        bar.progress(done / n_possible, text=f"Forecast from {done} of {count(n_possible, 'other origin')} ...")
    st.rerun()  # the curves above get a band from it
