"""Which forecaster, and which of its presets: cards that say what each is and when to choose it.

The cards are a fragment of the page. A click draws them alone, at once, and the rest of the page, with the form of settings
and what they cost, right after.
"""

import re
import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from framecast.drawing.colours import forecaster_colour
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind
from framecast.ui.launch import title_key
from framecast.ui.seed_choice import seed_key
from framecast.ui.settings_form import settings_key
from framecast.ui.text import escaped, preset_title

FORECASTER = "chosen_forecaster"
_FAMILIES = {
    "protocol": "One click",
    "network": "Networks: they learn how your frames move",
    "rule": "Rules: nothing to learn, done in seconds",
}
_FIRST = ("auto", "unet", "convlstm", "cnn_lstm", "flatten_lstm", "persistence", "climatology")
"""The order of the cards, and which is chosen at first; others follow."""
_COLUMNS = 2
_CLICKED = "forecaster_clicked"
_SENDING_S = 0.03
"""What the server takes to send what was drawn; a rerun that begins earlier would take the cards back with it."""
_PRESET = "A preset fills in the settings below; you can change any of them."
_QUESTION = (
    " The question is the one that FrameCast grew out of, asked on MATLAB Answers: how to use an LSTM network to forecast the "
    "last 50 of 400 images. Its preset trains as it did, to be compared with."
)


def forecaster_choice() -> tuple[str, ForecasterKind, str]:
    """Draw the cards and the presets of the chosen one: (name, kind, preset)."""
    ordered = sorted(FORECASTERS, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    if st.session_state.get(FORECASTER) not in FORECASTERS:
        st.session_state[FORECASTER] = ordered[0]
    st.session_state.pop(_CLICKED, None)  # the whole page is being drawn
    _all_cards(ordered)
    chosen = st.session_state[FORECASTER]
    kind = FORECASTERS[chosen]
    return chosen, kind, _preset(chosen, kind)


@st.fragment
def _all_cards(ordered: list[str]) -> None:
    chosen = st.session_state[FORECASTER]
    families = {**_FAMILIES, **{kind.family: kind.family for kind in FORECASTERS.values() if kind.family not in _FAMILIES}}
    for family, title in families.items():
        members = {name: FORECASTERS[name] for name in ordered if FORECASTERS[name].family == family}
        if members:
            with _place(family, title, len(members), chosen in members):
                _cards(members, chosen)
    if st.session_state.pop(_CLICKED, False):
        time.sleep(_SENDING_S)
        st.rerun()  # what hangs on the choice


def _place(family: str, title: str, n_members: int, holds_chosen: bool) -> DeltaGenerator:
    """Where the cards of a family stand: the one click always in sight, the many others folded unless one is chosen."""
    if family == "protocol":
        st.caption(title)
        return st.container(gap="small")
    return st.expander(f"{title} ({n_members})", expanded=holds_chosen)


def preset_key(name: str) -> str:
    return f"preset:{name}"


def _cards(members: dict[str, ForecasterKind], chosen: str) -> None:
    names, n_columns = list(members), min(_COLUMNS, len(members))
    for row in range(0, len(names), n_columns):
        for column, name in zip(st.columns(n_columns), names[row : row + n_columns], strict=False):
            with column.container(border=True, height="stretch", key=f"card_{name}"):
                _card(name, members[name], name == chosen)


def _card(name: str, kind: ForecasterKind, chosen: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(
            f"{_only_form_of(name, kind) if chosen else ''}"
            f'<div style="display:flex;align-items:center;gap:8px;font-weight:600">'
            f'<span style="width:12px;height:12px;border-radius:50%;background:{forecaster_colour(name)}"></span>'
            f"{kind.title}</div>"
        )
        st.button(
            "Chosen" if chosen else "Choose",
            key=f"forecaster:{name}",
            type="primary" if chosen else "secondary",
            on_click=_choose,
            args=(name,),
        )
    st.markdown(f"{escaped(kind.summary)} :gray[{escaped(kind.use_when)}]")


def _only_form_of(name: str, kind: ForecasterKind) -> str:
    """Until the form is drawn anew, the fields of the forecaster before are still there. They are hidden, for what is typed
    into one of them would be lost with it."""
    preset = str(st.session_state.get(preset_key(name)) or next(iter(kind.presets)))
    rules = []
    for key in (settings_key(name, preset), title_key(name, ""), seed_key(name, "")):
        fields = f'[class*="st-key-{key.split(":")[0]}-"]'
        own = re.sub(r"[^a-zA-Z0-9_-]", "-", key.rstrip(":"))  # as the browser's class for a key is made
        rules.append(f'{fields}:not([class*="st-key-{own}-"]) {{ visibility: hidden; }}')
    return f"<style>{' '.join(rules)}</style>"


def _choose(name: str) -> None:
    st.session_state[FORECASTER] = name
    st.session_state[_CLICKED] = True


def _preset(name: str, kind: ForecasterKind) -> str:
    presets = list(kind.presets)
    if len(presets) == 1:
        return presets[0]
    st.session_state.setdefault(preset_key(name), presets[0])
    preset = st.segmented_control(
        "Preset",
        presets,
        required=True,
        format_func=preset_title,
        key=preset_key(name),
        persist_state="session",
        help=_PRESET + (_QUESTION if "question" in presets else ""),
    )
    if sentence := kind.preset_help.get(str(preset)):
        st.caption(escaped(sentence))
    return str(preset)
