"""The chart of a blend: what the horizon does to the weights of its members. Those of training are in loss_chart.

Every line's colour is set here: Streamlit's own would swap between the light and the dark theme. That of the letters is left
to the page, which knows the theme.
"""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from framecast.drawing.colours import faded, forecaster_colour
from framecast.ui.figures import lead_axis, single_figure

MARGIN = {"l": 8, "r": 8, "t": 28, "b": 8}
CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


def weights_chart(weights: Mapping[str, Sequence[float]], titles: Mapping[str, str]) -> go.Figure:
    """The weights of a blend's members over leads 1, 2, ..., one on top of the other, the first at the bottom; at each lead
    they fill the chart. `titles` name the members."""
    figure = single_figure()
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
    figure.update_xaxes(**lead_axis(last), range=[1, last] if last > 1 else [0.5, 1.5], showspikes=True)
    figure.update_yaxes(title_text="weight", range=[0, 100], ticksuffix=" %", nticks=6)
    figure.update_layout(
        height=320,
        barmode="stack",
        hovermode="x",
        margin={**MARGIN, "t": 56},
        showlegend=True,  # also of a single member
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.04, "x": 0, "traceorder": "normal"},
        uirevision="weights",
    )
    return figure
