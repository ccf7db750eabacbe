"""The player: one or more panels of frames that move together, drawn in the browser from what it was sent once.

Scrubbing, playing and stepping never ask the server. A page that must know what is shown is told when the person pauses or
lets go. What a comparison shows comes in packets of its own (`feed`), so that nothing is sent twice and the first frame need
not wait for the last. The .js files are parts of one module, joined here in order; nothing is built.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from framecast.ui.player.packing import ColourBar, Panel, Part, mask, pack, pack_clips, pictures, sample, values

__all__ = ["ColourBar", "Panel", "Part", "feed", "mask", "pack", "pack_clips", "pictures", "player", "sample", "values"]

MODULES = ("packets", "colours", "looks", "pictures", "stage", "modes", "inspect", "clock", "controls", "player")
_HERE = Path(__file__).parent
_NOWHERE = ".st-key-player_feed { position: absolute; width: 0; height: 0; overflow: hidden; }"


def player(packet: bytes, *, key: str) -> Mapping[str, Any]:
    """Draw what a packet describes, and return what the browser said of what it shows, {} until it has said something.

    `key` must change with the content, or what was said of one clip would be taken for the next.
    """
    result = _player()(data=packet, key=key, default={"view": {}}, on_view_change=_nothing)
    view = result.view
    return view if isinstance(view, Mapping) else {}


def feed(packet: bytes, *, key: str) -> None:
    """Send a packet to the player that its header names in "to"."""
    _feed()(data=packet, key=key)


def _nothing() -> None:
    """Streamlit keeps a component's state only where a callback for it exists."""


@st.cache_resource(show_spinner=False)
def _player() -> "st.components.v2.types.ComponentRenderer":
    js = "\n".join(_read(f"{name}.js") for name in MODULES)
    return st.components.v2.component("framecast_player", html=_read("player.html"), css=_read("player.css"), js=js)


@st.cache_resource(show_spinner=False)
def _feed() -> "st.components.v2.types.ComponentRenderer":
    return st.components.v2.component("framecast_feed", css=_NOWHERE, js=_read("feed.js"), isolate_styles=False)


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
