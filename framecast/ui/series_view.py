"""The chosen series: what it is, how it looks, and what can be done with it."""

from datetime import timedelta

import streamlit as st

from framecast.errors import FrameCastError
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import state
from framecast.ui.player import player
from framecast.ui.resources import workspace
from framecast.ui.series_clip import range_note, series_payload, series_still
from framecast.ui.series_deletion import delete_series
from framecast.ui.stills import stills
from framecast.ui.text import duration, escaped, short, thousands, value, with_units

_NEW_NAME = "new_name"
_CHANNELS = {1: "1 (grey)", 2: "2", 3: "3 (colour)", 4: "4"}


def series_view(stored: StoredSeries, store: SeriesStore) -> None:
    """Draw the series; every action ends in a rerun."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escaped(short(stored.name)), anchor=False, width="stretch")
        if st.button("Rename", key="rename", type="tertiary", icon=":material/edit:"):
            _rename(stored, store)
        if st.button("Delete", key="delete", type="tertiary", icon=":material/delete:"):
            delete_series(stored, store)
        if st.button("Train on this series", key="to_train", icon=":material/arrow_forward:", icon_position="right"):
            state.choose_series(stored.digest)
            st.switch_page("pages/train.py")
    _facts(stored)
    for warning in stored.warnings:
        st.warning(escaped(warning))
    key = str(workspace())
    picks = {"First": 0, "Middle": stored.n_frames // 2, "Last": stored.n_frames - 1}
    shown = {f"{name}: frame {thousands(index + 1)}": index for name, index in picks.items()}
    stills([(series_still(key, stored.digest, index, 320, store), words) for words, index in shown.items()])
    player(series_payload(key, stored.digest, store), key=f"series_player_{stored.digest}")


def _facts(stored: StoredSeries) -> None:
    facts = [
        ("Frames", thousands(stored.n_frames)),
        ("Size", f"{stored.width} × {stored.height}"),
        ("Channels", _CHANNELS[stored.n_channels]),
        ("Type", stored.dtype),
        ("Values seen", f"{value(stored.low)} to {with_units(stored.high, stored.units)}"),
    ]
    for column, (label, shown) in zip(st.columns([2, 2.6, 2.2, 2, 4]), facts, strict=True):
        column.metric(label, shown)
    more = [f"Value range {value(stored.value_range[0])} to {with_units(stored.value_range[1], stored.units)}"]
    if note := range_note(stored):
        more.append(note)
    if stored.timestep:
        more.append(f"one frame every {_step(stored.timestep)}")
    if stored.has_mask:
        more.append("pixels without data are drawn grey and never scored")
    if stored.source:
        more.append(short(stored.source, 80))
    st.caption(escaped(" · ".join(more)))


def _step(timestep: timedelta) -> str:
    seconds = timedelta(seconds=1) / timestep if timestep < timedelta(seconds=1) else 0
    return f"1/{seconds:.4g} s" if seconds else duration(timestep.total_seconds())


@st.dialog("Rename series")
def _rename(stored: StoredSeries, store: SeriesStore) -> None:
    st.text_input("Name", stored.name, max_chars=80, key=_NEW_NAME)
    if st.button("Save", type="primary", key="rename_save", on_click=_do_rename, args=(stored, store)):
        st.rerun()


def _do_rename(stored: StoredSeries, store: SeriesStore) -> None:
    try:
        store.rename(stored.digest, st.session_state[_NEW_NAME])
    except FrameCastError as error:
        state.say("error", str(error))
