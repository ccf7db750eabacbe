"""The pixel that was pinned in the player: what was observed there and what every forecast said, as a chart."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from framecast.drawing.colours import CURSOR, INKS, TRUTH, TRUTH_WIDTH
from framecast.series.frames import Frames
from framecast.ui import state
from framecast.ui.beside import Shown
from framecast.ui.charts import CONFIG
from framecast.ui.figures import single_figure
from framecast.ui.frame_parts import Comparison, select
from framecast.ui.player_view import Pixel, PlayerView

LONGEST_PAST = 400
"""So many observed frames before the forecast are drawn."""
_DASHES = ("solid", "dash", "dot", "dashdot")
_CHANNEL = {"0": "R", "1": "G", "2": "B", "3": "channel 4", "luminance": "luminance", "all": "mean of channels"}
_OF_TWO = {**_CHANNEL, "0": "channel 1", "1": "channel 2"}


def pixel_view(what: Comparison, shown: list[Shown], view: PlayerView, lead: int) -> None:
    """Draw the chart of the pinned pixel; nothing where none is. A click on a point moves the player there."""
    if view.pin is None:
        return
    x, y = view.pin
    if what.series.valid is not None and not what.series.valid[y, x]:
        st.caption(f"Pixel x {x}, y {y} carries no data.")
        return
    named = {1: {}, 2: _OF_TWO}.get(what.series.n_channels, _CHANNEL)
    channel = f", {named[view.channel]}" if named else ""
    st.caption(f"Pixel x {x}, y {y}{channel}: observed, and as it was forecast. A click on a point shows its lead above.")
    figure = pixel_chart(what, shown, view.pin, view.channel, lead)
    key = f"pixel_{what.run.id}"
    st.plotly_chart(
        figure, key=key, config=CONFIG, on_select=lambda: _jump(key, what), selection_mode="points",
        alt=f"Series of the pixel x {x}, y {y}: truth and {len(shown)} forecasts, cursor at lead {lead}",
    )  # fmt: skip


def pixel_chart(what: Comparison, shown: list[Shown], pin: Pixel, channel: str, lead: int) -> go.Figure:
    """Truth over the last frames before the test and over the test, every forecast over the test, against frame numbers."""
    split = what.split
    first = max(0, split.test.start - LONGEST_PAST)
    units = "" if what.stored.units in ("", "1") else f" ({what.stored.units})"
    figure = single_figure()
    observed = pixel_series(what.series.frames[first : split.test.stop], pin, channel)
    figure.add_scatter(
        x=np.arange(first + 1, split.test.stop + 1), y=observed, name="Truth", mode="lines+markers",
        line={"color": TRUTH, "width": TRUTH_WIDTH}, marker={"size": 4}, hovertemplate="frame %{x}: %{y:.6g}",
    )  # fmt: skip
    for index, one in enumerate(shown):
        figure.add_scatter(
            x=np.arange(split.test.start + 1, split.test.stop + 1), y=pixel_series(one.forecast, pin, channel), name=one.title,
            mode="lines+markers", line={"color": one.colour, "width": 2, "dash": _DASHES[index % len(_DASHES)]},
            marker={"size": 4}, hovertemplate="frame %{x}: %{y:.6g}",
        )  # fmt: skip
    figure.add_vline(x=split.test.start + 0.5, line={"color": CURSOR, "width": 1, "dash": "dot"}, annotation_text="truth ends")
    figure.add_vline(x=split.test.start + lead, line={"color": CURSOR, "width": 1})
    figure.update_xaxes(title_text="frame")
    figure.update_yaxes(title_text=f"value{units}")
    figure.update_layout(
        height=300, margin={"l": 10, "r": 10, "t": 30, "b": 10}, hovermode="x", uirevision=f"{pin}",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.04, "x": 0}, font={"color": INKS["light"]},
    )  # fmt: skip
    return figure


def pixel_series(frames: Frames, pin: Pixel, channel: str) -> Frames:
    """(frame,) float64: the pixel over time, of one channel, the luminance or the mean of channels."""
    x, y = pin
    series: Frames = select(np.asarray(frames[:, y, x, :], np.float64), channel).mean(axis=-1)
    return series


def _jump(key: str, what: Comparison) -> None:
    points = st.session_state[key].selection.points
    if points and (lead := int(points[0]["x"]) - what.split.test.start) >= 1:
        state.show_lead(what.run.id, lead)
