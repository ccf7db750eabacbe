"""Truth, forecast and error as plain pictures and a slider: for a browser in which the player does not run."""

import numpy as np
import streamlit as st

from framecast.drawing.pictures import Picture, display_range, error_picture, picture
from framecast.evaluation.error_maps import error_limit, error_map
from framecast.ui import state
from framecast.ui.beside import Shown
from framecast.ui.frame_parts import Comparison
from framecast.ui.text import escaped, with_units

PLAIN = "plain_pictures"
_SIDE = 320
"""A smaller frame is enlarged pixel by pixel to about this."""


def wants_plain() -> bool:
    """Draw the switch; always on where this Streamlit cannot run the player at all."""
    if not hasattr(st.components, "v2"):
        return True
    return st.toggle(
        "Plain pictures",
        key=PLAIN,
        persist_state="session",
        help="Shows single exact pictures instead of the player: for a browser in which it does not run.",
    )


def plain_pictures(what: Comparison, shown: list[Shown]) -> int:
    """Draw a slider over the leads and the exact pictures of one; returns the lead, from 1."""
    run, series, horizon = what.run, what.series, what.split.horizon
    key = f"plain_lead_{run.id}"
    jump = state.jump_of(run.id)
    if jump and st.session_state.get(f"{key}_jump") != jump.number:
        st.session_state[key] = min(horizon, max(1, jump.lead))
        st.session_state[f"{key}_jump"] = jump.number
    st.session_state.setdefault(key, 1)
    lead = int(st.slider("Lead", 1, horizon, key=key)) if horizon > 1 else 1
    main, drawn = shown[0], display_range(what.stored)
    limit = _limit(*what.key, main.name, what, main)
    frames = [("Truth", what.observed(lead)), *((one.title, one.forecast[lead - 1]) for one in shown)]
    found = [(title, picture(np.asarray(frame), drawn, series.valid)) for title, frame in frames]
    error = np.nan_to_num(error_map(np.asarray(main.forecast[lead - 1]), what.observed(lead), valid=series.valid))
    scale = with_units(limit, what.stored.units)
    found.insert(2, (f"Error, forecast minus truth: blue −{scale}, red +{scale}", error_picture(error, limit, series.valid)))
    for column, (title, one) in zip(st.columns(len(found)), found, strict=True):
        column.image(_enlarged(one), caption=escaped(f"{title}, lead {lead}"), output_format="PNG", width="stretch")
    return lead


def _enlarged(drawn: Picture) -> Picture:
    factor = max(1, _SIDE // max(drawn.shape[:2]))
    return drawn.repeat(factor, axis=0).repeat(factor, axis=1)


@st.cache_resource(max_entries=16, show_spinner=False)
def _limit(workspace: str, digest: str, start: int, stop: int, name: str, _what: Comparison, _shown: Shown) -> float:
    return error_limit(_shown.forecast, _what.truth, valid=_what.series.valid)
