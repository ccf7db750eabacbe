"""The charts of the health report: how predictable a series is, and its brightness and change over time."""

import plotly.graph_objects as go

from framecast.drawing.colours import forecaster_colour
from framecast.evaluation.health import HealthReport
from framecast.evaluation.predictability import Predictability
from framecast.ui.figures import lead_axis, single_figure, subplot_figure
from framecast.ui.text import thousands, with_units

_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}
_TITLES = {"persistence": "Last frame repeated", "climatology": "Average of the past", "seasonal": "Past cycles"}
_ODD = "#c63155"
_LINE = "#2f7fc1"


def predictability_chart(found: Predictability) -> go.Figure:
    """SSIM of the forecasts that need no learning over leads 1, 2, ...; the last frame repeated is drawn strongest."""
    figure = single_figure()
    leads = list(range(1, found.horizon + 1))
    for name, curve in (
        ("climatology", found.climatology), ("seasonal", found.seasonal), ("persistence", found.persistence)
    ):  # fmt: skip
        if curve:
            strong = name == "persistence"
            figure.add_scatter(
                x=leads,
                y=curve,
                name=_TITLES[name],
                mode="lines" if len(leads) > 1 else "markers",
                line={"color": forecaster_colour(name), "width": 3 if strong else 2, "dash": "solid" if strong else "dash"},
                hovertemplate=f"{_TITLES[name]}: %{{y:.3f}} at %{{x}} ahead<extra></extra>",
            )
    low = min(min(curve) for curve in (found.persistence, found.climatology, found.seasonal) if curve)
    figure.update_yaxes(title_text="SSIM (1 is perfect)", range=[min(low - 0.03, 0.95), 1.01], nticks=6)
    figure.update_xaxes(**lead_axis(found.horizon, "frames ahead"), rangemode="tozero")
    rows = 20 * (len(figure.data) - 1)  # of the legend, in a narrow column
    figure.update_layout(
        height=330 + rows, margin={**_MARGIN, "t": 36 + rows}, hovermode="x", uirevision="predictability",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},  # below Plotly's buttons
    )  # fmt: skip
    return figure


def over_time_chart(report: HealthReport, units: str) -> go.Figure:
    """Mean brightness of the frames and change from each to the next, by frame number; frames in question are marked."""
    figure = subplot_figure(
        rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.14,
        subplot_titles=[f"mean brightness{_of(units)}", f"change to the frame{_of(units)}"],
    )  # fmt: skip
    numbers = [index + 1 for index in report.frames]
    change = [one if index else None for index, one in zip(report.frames, report.change, strict=True)]
    for row, (values, what) in enumerate(((report.brightness, "mean"), (change, "change")), 1):
        hover = f"frame %{{x}}: {what} %{{y:.4g}}<extra></extra>"
        place = {"hovertemplate": hover, "row": row, "col": 1}
        figure.add_scatter(x=numbers, y=values, mode="lines", line={"color": _LINE, "width": 1.5}, **place)
        marked = [(number, one) for number, one in zip(numbers, values, strict=True) if number - 1 in report.suspects]
        if marked:
            x, y = zip(*marked, strict=True)
            figure.add_scatter(x=x, y=y, mode="markers", marker={"color": _ODD, "size": 8}, **place)
    figure.update_xaxes(title_text="frame", row=2, col=1)
    figure.update_yaxes(nticks=4)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    figure.update_layout(height=330, showlegend=False, margin={**_MARGIN, "t": 28}, uirevision="over_time")
    return figure


def in_words(found: Predictability) -> str:
    """What the chart of predictability shows, for those who cannot see it."""
    ends = {_TITLES["persistence"]: found.persistence, _TITLES["climatology"]: found.climatology}
    if found.seasonal:
        ends[_TITLES["seasonal"]] = found.seasonal
    said = "; ".join(f"{title} {curve[0]:.2f} at 1 and {curve[-1]:.2f} at {found.horizon}" for title, curve in ends.items())
    return f"SSIM by frames ahead. {said}."


def over_time_in_words(report: HealthReport, units: str) -> str:
    """What the chart over time shows, for those who cannot see it."""
    low, high = min(report.brightness), max(report.brightness)
    darkest, brightest = (report.frames[report.brightness.index(end)] + 1 for end in (low, high))
    most = report.frames[report.change.index(max(report.change))] + 1
    return (
        f"Mean brightness from {with_units(low, units)} (frame {thousands(darkest)}) to {with_units(high, units)} (frame "
        f"{thousands(brightest)}); the largest change is to frame {thousands(most)}."
    )


def _of(units: str) -> str:
    return "" if units in ("", "1") else f" ({units})"
