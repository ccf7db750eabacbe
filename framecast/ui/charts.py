"""The charts of training and of blends: what training does to the loss, and what the horizon does to weights.

Every line's colour is set here: Streamlit's own would swap between the light and the dark theme. That of the letters is left
to the page, which knows the theme.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from framecast.drawing.colours import CURSOR, faded, forecaster_colour
from framecast.ui.text import value

_LOSS = "#2f7fc1"
_VALID = "#c4701c"
_STAGES_NAMED = 4
"""More are not named one by one."""
MARGIN = {"l": 8, "r": 8, "t": 28, "b": 8}
CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


def loss_chart(history: Sequence[Mapping[str, Any]], score: str = "ssim") -> go.Figure:
    """Training loss, and below it the score of the validation forecast, by training step; one mapping per epoch or
    validation, in order, as in progress.jsonl. Steps count on through the stages; a dotted line stands where a stage ends."""
    steps, borders = _steps(history)
    rows = list(zip(steps, history, strict=True))
    losses = [(x, row["train_loss"]) for x, row in rows if row["train_loss"] is not None]
    scored = [(x, row["valid_scores"][score]) for x, row in rows if score in row["valid_scores"]]
    charts = [(losses, _LOSS, "training loss")] + ([(scored, _VALID, f"validation {score.upper()}")] if scored else [])
    figure = make_subplots(
        rows=len(charts), cols=1, shared_xaxes=True, vertical_spacing=0.2, subplot_titles=[name for *_, name in charts]
    )
    for number, (points, colour, name) in enumerate(charts, 1):
        x, y = zip(*points, strict=True) if points else ((), ())
        mode = "lines" if len(points) > 30 else "lines+markers"
        figure.add_scatter(x=x, y=y, mode=mode, name=name, line_color=colour, marker_size=5, row=number, col=1)
        figure.update_yaxes(nticks=5, row=number, col=1)
    for border in borders:
        figure.add_vline(x=border, line={"color": CURSOR, "dash": "dot", "width": 1.5})
    figure.update_yaxes(**_loss_axis([y for _, y in losses if np.isfinite(y)]), row=1, col=1)
    figure.update_xaxes(range=[0, 1.03 * max(steps, default=1) or 1])
    figure.update_xaxes(title_text="training step", row=len(charts), col=1)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(height=100 + 115 * len(charts), showlegend=False, margin=MARGIN, uirevision="loss")
    return figure


def stage_note(history: Sequence[Mapping[str, Any]]) -> str:
    """What a person should know to read the loss chart: why the loss may rise, and what dotted lines mean."""
    longest = max((row.get("unroll") or 1 for row in history), default=1)
    rises = longest > 1 and (history[0].get("unroll") or 1) < longest
    harder = f"The loss may rise while the task gets harder: by now up to {longest} forecasts in a row. " if rises else ""
    stages = [row["stage"] for index, row in enumerate(history) if not index or row["stage"] != history[index - 1]["stage"]]
    if len(stages) < 2:
        return harder.strip()
    if len(stages) > _STAGES_NAMED:
        return f"{harder}The dotted lines stand where stages end, from “{stages[0]}” to “{stages[-1]}”. Steps count on."
    begun = ", then ".join(f"“{stage}”" for stage in stages[1:])
    lines = "The dotted line stands" if len(stages) == 2 else "The dotted lines stand"
    return f"{harder}{lines} where “{stages[0]}” ends and a new stage begins: {begun}. Steps count on."


def _loss_axis(values: list[float]) -> dict[str, Any]:
    """The bounds of the loss, never below 0; a logarithmic axis where values differ much, with a few round numbers on it."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if not (low > 0 and high > 20 * low):
        room = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
        return {"range": [max(0.0, low - room) if low >= 0 else low - room, high + room]}
    first, last = math.log10(low), math.log10(high)
    every = math.ceil((last - first) / 5)
    powers = range(math.floor(first), math.ceil(last) + 1, every)
    marks = [part * 10.0**power for power in powers for part in ((1, 3) if last - first < 2.5 else (1,))]
    labels = [value(mark) for mark in marks]
    return {"type": "log", "range": [first - 0.08, last + 0.08], "tickvals": marks, "ticktext": labels}


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


def weights_chart(weights: Mapping[str, Sequence[float]], titles: Mapping[str, str]) -> go.Figure:
    """The weights of a blend's members over leads 1, 2, ..., one on top of the other, the first at the bottom; at each lead
    they fill the chart. `titles` name the members."""
    figure = go.Figure()
    for name, one in weights.items():
        leads, percent = list(range(1, len(one) + 1)), [100 * weight for weight in one]
        colour = forecaster_colour(name)
        hover = {"hovertemplate": f"lead %{{x}}: {titles[name]} %{{y:.0f}} %<extra></extra>", "name": titles[name]}
        if len(leads) == 1:  # an area without width
            figure.add_bar(x=leads, y=percent, marker_color=faded(colour, 0.75), width=0.4, **hover)
        else:
            line = {"width": 1.2, "color": colour}
            figure.add_scatter(
                x=leads, y=percent, mode="lines", stackgroup="blend", line=line, fillcolor=faded(colour, 0.75), **hover
            )
    last = max((len(one) for one in weights.values()), default=1)
    figure.update_xaxes(title_text="lead (frames ahead)", range=[1, last] if last > 1 else [0.5, 1.5], showspikes=True)
    figure.update_yaxes(title_text="weight", range=[0, 100], ticksuffix=" %", nticks=6)
    figure.update_layout(
        height=320,
        barmode="stack",
        hovermode="x",
        margin={**MARGIN, "t": 56},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.04, "x": 0, "traceorder": "normal"},
        uirevision="weights",
    )
    return figure
