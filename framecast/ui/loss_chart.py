"""The charts of a run that trains: its losses, and how far ahead its validation forecast sees.

A history is rows as in progress.jsonl, one for each epoch or validation, in order. However long it is, a chart has no more
points than a screen can show.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from framecast.drawing.colours import CURSOR, faded, forecaster_colour
from framecast.evaluation.verdict import REFERENCE
from framecast.ui.charts import MARGIN
from framecast.ui.figures import lead_axis, single_figure, subplot_figure
from framecast.ui.text import value

Along = Literal["step", "epoch", "time"]
_TITLES: Mapping[Along, str] = {"step": "training step", "epoch": "epoch", "time": "minutes"}
_LOSS = "#2f7fc1"
_VALID = "#c4701c"
_STAGES_NAMED = 4
"""More are not named one by one."""
_MOST_POINTS = 600
_MOST_FADED = 8
"""Earlier validations drawn beside the latest."""


def loss_chart(
    history: Sequence[Mapping[str, Any]], score: str = "ssim", *, along: Along = "step", log: bool | None = None
) -> go.Figure:
    """Training loss, and below it the score of the validation forecast, along steps, epochs or time. Steps and epochs count
    on through the stages; a dotted line stands where a stage ends. `log` None: logarithmic where losses differ much."""
    places, borders = _places(history, along)
    rows = list(zip(places, history, strict=True))
    losses = _thinned([(x, row["train_loss"]) for x, row in rows if row["train_loss"] is not None])
    scored = _thinned([(x, row["valid_scores"][score]) for x, row in rows if score in row["valid_scores"]])
    titles = {"ssim": "validation SSIM", "mse": "validation error (MSE)"}
    charts = [(losses, _LOSS, "training loss")] + ([(scored, _VALID, titles.get(score, score))] if scored else [])
    figure = subplot_figure(
        rows=len(charts), cols=1, shared_xaxes=True, vertical_spacing=0.2, subplot_titles=[name for *_, name in charts]
    )
    for number, (points, colour, name) in enumerate(charts, 1):
        x, y = zip(*points, strict=True) if points else ((), ())
        mode = "lines" if len(points) > 30 else "lines+markers"
        figure.add_scatter(x=x, y=y, mode=mode, name=name, line_color=colour, marker_size=5, row=number, col=1)
        figure.update_yaxes(nticks=5, row=number, col=1)
    for border in borders:
        figure.add_vline(x=border, line={"color": CURSOR, "dash": "dot", "width": 1.5})
    figure.update_yaxes(**_loss_axis([y for _, y in losses if np.isfinite(y)], log), row=1, col=1)
    if scored and score == "mse":
        figure.update_yaxes(**_loss_axis([y for _, y in scored if np.isfinite(y)], log), row=2, col=1)
    figure.update_xaxes(range=[0, 1.03 * max(places, default=1) or 1])
    figure.update_xaxes(title_text=_TITLES[along], row=len(charts), col=1)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(
        height=100 + 115 * len(charts), showlegend=False, margin=MARGIN, uirevision=f"loss {along} {score} {log}"
    )
    return figure


def ahead_chart(history: Sequence[Mapping[str, Any]], forecaster: str) -> go.Figure | None:
    """SSIM over the leads of the latest validation forecast against the last frame repeated, earlier ones faded; None where
    no validation tells its leads."""
    known = [row for row in history if row.get("valid_curves", {}).get("ssim")]
    if not known:
        return None
    known = [row for row in known if row["stage"] == known[-1]["stage"]]
    *earlier, latest = known
    colour, figure = forecaster_colour(forecaster), single_figure()
    every = max(1, math.ceil(len(earlier) / _MOST_FADED))
    for number, row in enumerate(earlier[::every]):
        curve = row["valid_curves"]["ssim"]
        line = {"color": faded(colour, 0.15 + 0.3 * (number + 1) / _MOST_FADED), "width": 1.2}
        figure.add_scatter(x=_leads(curve), y=curve, mode="lines", line=line, hoverinfo="skip", showlegend=False)
    still = latest["valid_curves"].get("persistence_ssim", ())
    lines = [
        ("last frame repeated", still, {"color": forecaster_colour(REFERENCE), "dash": "dash", "width": 1.8}),
        (f"forecast, epoch {latest['epoch']}", latest["valid_curves"]["ssim"], {"color": colour, "width": 3}),
    ]
    for name, curve, line in lines:
        mode = "lines" if len(curve) > 1 else "markers"
        figure.add_scatter(x=_leads(curve), y=curve, mode=mode, name=name, line=line, hovertemplate="%{y:.3f}")
    figure.update_xaxes(**lead_axis(len(latest["valid_curves"]["ssim"])))
    figure.update_yaxes(title_text="validation SSIM", nticks=5)
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0}
    margin = {**MARGIN, "t": 56}  # in a narrow column Plotly's buttons stand above the legend, not over it
    figure.update_layout(height=258, hovermode="x", margin=margin, legend=legend, uirevision="ahead")
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


def _loss_axis(values: list[float], log: bool | None = None) -> dict[str, Any]:
    """The bounds of the loss, never below 0; a logarithmic axis where values differ much, or where it is asked
    for and can be had, with a few round numbers on it."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if log is None:
        log = high > 20 * low
    if not (low > 0 and log):
        room = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
        return {"range": [max(0.0, low - room) if low >= 0 else low - room, high + room]}
    first, last = math.log10(low), math.log10(high)
    every = math.ceil((last - first) / 5)
    powers = range(math.floor(first), math.ceil(last) + 1, every)
    marks = [part * 10.0**power for power in powers for part in ((1, 3) if last - first < 2.5 else (1,))]
    labels = [value(mark) for mark in marks]
    return {"type": "log", "range": [first - 0.08, last + 0.08], "tickvals": marks, "ticktext": labels}


def _places(history: Sequence[Mapping[str, Any]], along: Along) -> tuple[list[float], list[float]]:
    """Where each row stands on an axis that counts on through the stages, and where a stage ends. Time does that by itself."""
    places: list[float] = []
    borders: list[float] = []
    before = 0.0
    for index, row in enumerate(history):
        if index and row["stage"] != history[index - 1]["stage"]:
            before = places[-1] if along != "time" else 0.0
            borders.append(places[-1])
        places.append(before + _within_stage(row, along))
    return places, borders


def _within_stage(row: Mapping[str, Any], along: Along) -> float:
    """A validation within an epoch stands within it; in runs of long ago, which did not note it, where the epoch begins."""
    if along == "time":
        return float(row["elapsed_s"]) / 60
    per_epoch = row.get("steps_per_epoch")
    return row["step"] / per_epoch if along == "epoch" and per_epoch else float(row[along])


def _leads(curve: Sequence[float]) -> list[int]:
    return list(range(1, len(curve) + 1))


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Every n-th point, and the last."""
    every = math.ceil(len(points) / _MOST_POINTS) or 1
    return points if every == 1 else [*points[:-1:every], points[-1]]
