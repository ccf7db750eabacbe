"""Scores over the horizon as small charts, one for each metric. A click on a curve is told, so that a player can go there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from framecast.drawing.colours import CURSOR, faded, forecaster_colour
from framecast.evaluation.verdict import REFERENCE
from framecast.ui.charts import MARGIN
from framecast.ui.figures import lead_axis, subplot_figure
from framecast.ui.text import value

UNSEEN = {"opacity": 0.0}
CLICKABLE: dict[str, Any] = {"selected": {"marker": UNSEEN}, "unselected": {"marker": UNSEEN}}
"""Of a trace whose markers are there to be clicked and not to be seen: Plotly selects markers, not lines."""
_MARKER_PX = 10


@dataclass(frozen=True)
class Curve:
    """One forecaster's score over the leads."""

    forecaster: str
    title: str
    values: Sequence[float]
    band: tuple[Sequence[float], Sequence[float]] | None = None
    """Lowest and highest of what made up the forecast, or of what other origins gave, lead by lead."""


@dataclass(frozen=True)
class CurvePlot:
    """The curves of one metric."""

    title: str
    curves: list[Curve]


def horizon_chart(plots: list[CurvePlot], lead: int, emphasised: str) -> go.Figure:
    """One small chart per metric, two beside each other: curves over leads 1, 2, ... with a cursor at `lead`. The curve of
    the forecaster `emphasised` is drawn strongest and solid, persistence is dashed, the others are dotted. A band lies below
    its curve."""
    n_rows = -(-len(plots) // 2)
    figure = subplot_figure(
        rows=n_rows,
        cols=min(2, len(plots)),
        subplot_titles=[plot.title for plot in plots],
        vertical_spacing=0.16 / max(1, n_rows - 1) if n_rows > 1 else 0.0,
        horizontal_spacing=0.07,
    )
    for index, plot in enumerate(plots):
        row, col = index // 2 + 1, index % 2 + 1
        for curve in plot.curves:
            if curve.band is not None:
                _add_band(figure, curve, row, col)
            figure.add_scatter(**_line(curve, emphasised), showlegend=index == 0, row=row, col=col)
        figure.add_vline(x=lead, line={"color": CURSOR, "width": 1}, row=row, col=col)
        axis = lead_axis(max((len(curve.values) for curve in plot.curves), default=1))
        if row < n_rows and index + 2 < len(plots):
            axis.pop("title_text")
        figure.update_xaxes(**axis, row=row, col=col)
    figure.update_layout(
        height=60 + 250 * n_rows,
        hovermode="x",
        margin={**MARGIN, "t": 70},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1 + 0.16 / (n_rows + 0.2), "x": 0},
        uirevision="horizon",
    )
    return figure


def curves_in_words(plots: list[CurvePlot], lead: int) -> str:
    """What the charts show, for whoever cannot see them: each curve at the first, the shown and the last lead."""
    said = []
    for plot in plots:
        curves = []
        for curve in plot.curves:
            leads = sorted({1, min(lead, len(curve.values)), len(curve.values)})
            curves.append(f"{curve.title} " + ", ".join(f"{value(curve.values[one - 1])} at lead {one}" for one in leads))
        said.append(f"{plot.title}: {'; '.join(curves)}.")
    return "Scores over the lead. " + " ".join(said)


def _line(curve: Curve, emphasised: str) -> dict[str, Any]:
    main = curve.forecaster == emphasised
    values = np.asarray(curve.values, dtype=float)
    colour = forecaster_colour(curve.forecaster)
    alone = len(values) == 1
    return {
        "x": np.arange(1, len(values) + 1),
        "y": np.where(np.isfinite(values), values, np.nan),
        "name": curve.title,
        "legendgroup": curve.forecaster,
        "mode": "markers" if alone else "lines+markers",
        "marker": {"color": colour, "size": _MARKER_PX, "opacity": 1.0 if alone else 0.0},
        "line": {
            "color": colour,
            "width": 3 if main else 1.8,
            "dash": "solid" if main else "dash" if curve.forecaster == REFERENCE else "dot",
        },
        "hovertemplate": "%{y:.4g}",
        **({} if alone else CLICKABLE),
    }


def _add_band(figure: go.Figure, curve: Curve, row: int, col: int) -> None:
    """Two invisible lines and what is between them; infinite scores leave a gap."""
    assert curve.band is not None
    for bound, fill in zip(curve.band, (None, "tonexty"), strict=True):
        values = np.asarray(bound, dtype=float)
        figure.add_scatter(
            x=np.arange(1, len(values) + 1),
            y=np.where(np.isfinite(values), values, np.nan),
            mode="lines",
            line={"width": 0, "color": forecaster_colour(curve.forecaster)},
            fill=fill,
            fillcolor=faded(forecaster_colour(curve.forecaster), 0.22),
            legendgroup=curve.forecaster,
            showlegend=False,
            hoverinfo="skip",
            row=row,
            col=col,
        )
