"""The player: one or more panels of frames that move together, drawn in the browser from frames sent once.

Scrubbing, playing and stepping never ask the server. Where a page needs to know the frame (to move a cursor in a chart) it
asks for reports, and is told when the person pauses or lets go of the slider.
"""

from pathlib import Path

import streamlit as st

from framecast.ui.player.packing import ColourBar, Panel, pack

__all__ = ["ColourBar", "Panel", "pack", "player"]

_HERE = Path(__file__).parent


def player(payload: bytes, *, key: str) -> int:
    """Draw what `pack` made and return the index of the frame shown; 0 until the browser reports another.

    `key` must change with the content, or the frame of one clip would be reported for the next.
    """
    result = _component()(data=payload, key=key, default={"frame": 0}, on_frame_change=_nothing)
    return int(result.frame or 0)


def _nothing() -> None:
    """Streamlit keeps a component's state only where a callback for it exists."""


@st.cache_resource(show_spinner=False)
def _component() -> "st.components.v2.types.ComponentRenderer":
    html, css, js = ((_HERE / f"player.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("framecast_player", html=html, css=css, js=js)
