"""The two charts of the app: what training does to the loss, and what the horizon does to a score.

Every colour is set here: Streamlit's own would swap between the light and the dark theme.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from framecast.ui.colours import CURSOR, forecaster_colour

_LOSS = "#2f7fc1"
_VALID = "#c4701c"
_MARGIN = {"l": 8, "r": 8, "t": 28, "b": 8}
CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


@dataclass(frozen=True)
class Curve:
    """One forecaster's score over the leads."""

    forecaster: str
    title: str
    values: Sequence[float]


@dataclass(frozen=True)
class CurvePlot:
    """The curves of one metric."""

    title: str
    curves: list[Curve]


def loss_chart(history: Sequence[Mapping[str, Any]], score: str = "ssim") -> go.Figure:
    """Training loss, and below it the score of the validation forecast, by training step; one mapping per epoch or
    validation, in order, as in progress.jsonl. Steps count on through the stages; a dotted line stands where a stage ends."""
    steps, borders = _steps(history)
    rows = list(zip(steps, history, strict=True))
    losses = [(x, row["train_loss"]) for x, row in rows if row["train_loss"] is not None]
    scored = [(x, row["valid_scores"][score]) for x, row in rows if score in row["valid_scores"]]
    charts = [(losses, _LOSS, "loss")] + ([(scored, _VALID, f"valid. {score.upper()}")] if scored else [])
    figure = make_subplots(rows=len(charts), cols=1, shared_xaxes=True, vertical_spacing=0.14)
    for number, (points, colour, name) in enumerate(charts, 1):
        x, y = zip(*points, strict=True) if points else ((), ())
        mode = "lines" if len(points) > 30 else "lines+markers"
        figure.add_scatter(x=x, y=y, mode=mode, name=name, line_color=colour, marker_size=5, row=number, col=1)
        figure.update_yaxes(title_text=name, row=number, col=1)
    for border in borders:
        figure.add_vline(x=border, line={"color": CURSOR, "dash": "dot", "width": 1})
    values = [y for _, y in losses]
    if values and min(values) > 0 and max(values) > 20 * min(values):
        figure.update_yaxes(type="log", row=1, col=1)
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="training step", row=len(charts), col=1)
    figure.update_layout(height=150 + 100 * len(charts), showlegend=False, margin={**_MARGIN, "t": 8}, uirevision="loss")
    return figure


def _steps(history: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[int]]:
    """Where each row stands on an axis of training steps that counts on through the stages, and where a stage ends."""
    steps: list[int] = []
    borders: list[int] = []
    before = 0
    for index, row in enumerate(history):
        if index and row["stage"] != history[index - 1]["stage"]:
            before = steps[-1]
            borders.append(before)
        steps.append(before + row["step"])
    return steps, borders


def horizon_chart(plots: list[CurvePlot], lead: int, emphasised: str) -> go.Figure:
    """One small chart per metric, two beside each other: curves over leads 1, 2, ... with a cursor at `lead`. The curve of
    the forecaster `emphasised` is drawn strongest, rules are dashed by their caller's order: the first curve is solid."""
    n_rows = -(-len(plots) // 2)
    figure = make_subplots(
        rows=n_rows,
        cols=min(2, len(plots)),
        subplot_titles=[plot.title for plot in plots],
        vertical_spacing=0.16 if n_rows > 1 else 0.0,
        horizontal_spacing=0.07,
    )
    for index, plot in enumerate(plots):
        row, col = index // 2 + 1, index % 2 + 1
        for curve in plot.curves:
            main = curve.forecaster == emphasised
            values = np.asarray(curve.values, dtype=float)
            figure.add_scatter(
                x=np.arange(1, len(values) + 1),
                y=np.where(np.isfinite(values), values, np.nan),
                name=curve.title,
                legendgroup=curve.forecaster,
                showlegend=index == 0,
                mode="lines" if len(values) > 1 else "markers",
                line={
                    "color": forecaster_colour(curve.forecaster),
                    "width": 3 if main else 1.8,
                    "dash": "solid" if main else "dash",
                },
                hovertemplate="%{y:.4g}",
                row=row,
                col=col,
            )
        figure.add_vline(x=lead, line={"color": CURSOR, "width": 1}, row=row, col=col)
        if row == n_rows or index + 2 >= len(plots):
            figure.update_xaxes(title_text="lead (frames ahead)", row=row, col=col)
    figure.update_layout(
        height=60 + 250 * n_rows,
        hovermode="x",
        margin={**_MARGIN, "t": 70},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.08 if n_rows > 1 else 1.15, "x": 0},
        uirevision="horizon",
    )
    return figure
