"""The chosen series: how predictable it is, what was found in it, how it looks, and what can be done with it."""

from datetime import timedelta

import streamlit as st

from framecast.errors import FrameCastError
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import resources, state
from framecast.ui.health_view import details, findings, how_predictable, order_note, report_with_progress, told_in
from framecast.ui.player import player
from framecast.ui.prepare_state import begin_preparing, is_preparing
from framecast.ui.prepare_view import prepare_view
from framecast.ui.series_clip import range_note, series_payload, thumbnail
from framecast.ui.series_deletion import delete_series
from framecast.ui.stills import stills
from framecast.ui.text import duration, escaped, short, thousands, value, with_units
from framecast.ui.value_range import value_range

_NEW_NAME = "new_name"
_CHANNELS = {1: "1 (grey)", 2: "2", 3: "3 (colour)", 4: "4"}


def series_view(stored: StoredSeries, store: SeriesStore) -> None:
    """Draw the series, or Prepare where that is open; every action ends in a rerun."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escaped(short(stored.name)), anchor=False, width="stretch")
        if st.button("Rename", key="rename", type="tertiary", icon=":material/edit:"):
            _rename(stored, store)
        if st.button("Delete", key="delete", type="tertiary", icon=":material/delete:"):
            delete_series(stored, store)
        st.button("Prepare", key="prepare", icon=":material/crop:", on_click=begin_preparing, args=(stored.digest,))
        if st.button("Train on this series", key="to_train", icon=":material/arrow_forward:", icon_position="right"):
            state.choose_series(stored.digest)
            st.switch_page("pages/train.py")
    if is_preparing(stored.digest):
        prepare_view(stored, store)
    else:
        _looked_at(stored, store)


def _looked_at(stored: StoredSeries, store: SeriesStore) -> None:
    """What is quick to draw comes first; the places of what takes a while are emptied, so that nothing of another series is
    left there, and show how far it is."""
    left, right = st.columns(2, gap="medium")
    answer = left.empty()
    below = st.empty()
    with st.expander("Brightness and change over time"):
        folded = st.empty()
    facts = st.container()
    with facts:
        _facts(stored)
        for note in (*_origin(stored), *stored.warnings):
            st.caption(f":material/info: {escaped(note)}")
        value_range(stored, store)
    with right:
        slot, ends = st.empty(), st.empty()
        made = told_in(slot, "Drawing small pictures of the frames")

        def drawn(done: int, total: int) -> None:
            made(done / total, f"Drawing frame {thousands(done)} of {thousands(total)}")

        payload = series_payload(str(resources.workspace()), stored, store, drawn)
        with slot.container():
            player(payload, key=f"series_player_{stored.digest}")
    report = report_with_progress(store, stored, answer)
    how_predictable(report, answer)
    with ends.container():
        shown = zip((0, stored.n_frames - 1), order_note(report, stored), strict=True)
        key = str(resources.workspace())
        stills([(thumbnail(key, stored.digest, index, store), words) for index, words in shown], highest=90)
    with below.container():
        findings(report, stored, store)
    with folded.container():
        details(report, stored)


def _origin(stored: StoredSeries) -> list[str]:
    """From which series a prepared one was made, and how."""
    if not stored.made_from:
        return []
    parent = resources.stored_series(stored.made_from)
    name = short(parent.name) if parent else "a series that was deleted"
    return [f"Prepared from {name} ({stored.made_from}): {' '.join(stored.steps)}"]


def _facts(stored: StoredSeries) -> None:
    facts = [
        ("Frames", thousands(stored.n_frames)),
        ("Size", f"{stored.width} × {stored.height}"),
        ("Channels", _CHANNELS[stored.n_channels]),
        ("Type", stored.dtype),
        ("Values seen", f"{value(stored.low)} to {with_units(stored.high, escaped(stored.units))}"),
    ]
    for column, (label, shown) in zip(st.columns([2, 2.6, 2.2, 2, 4]), facts, strict=True):
        column.metric(label, shown)
    more = [f"Value range {value(stored.value_range[0])} to {with_units(stored.value_range[1], stored.units)}"]
    if note := range_note(stored):
        more.append(note)
    if stored.timestep:
        more.append(f"one frame every {_step(stored.timestep)}")
    if stored.has_mask:
        more.append("pixels without data are drawn ochre and never scored")
    if stored.source:
        more.append(short(stored.source, 80))
    st.caption(escaped(" · ".join(more)))


def _step(timestep: timedelta) -> str:
    seconds = timestep.total_seconds()
    if seconds < 1:
        return f"1/{1 / seconds:.4g} s"
    return duration(seconds) if seconds.is_integer() else f"{value(seconds)} s"


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
