"""The frames of a finished run and, below them, its scores, moved by one slider."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from framecast.errors import FrameCastError
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import page, resources, state
from framecast.ui.frames_view import frames_view

ROOM_ABOVE_PX = 150


@st.fragment
def seen_forecast(run: Run, stored: StoredSeries | None, store: SeriesStore) -> None:
    """Draw the player and the scores of a finished run; the lead shown moves both. `stored` is its series, None where that was
    deleted: then only the scores are left."""
    lead = 1
    try:
        lead = frames_view(run, stored, store)
    except FrameCastError as error:  # frames that are damaged leave the scores
        page.refuse(error)
    from framecast.ui.comparison import numbers_view  # only here: it imports torch, and the player does not wait for that

    try:
        numbers_view(run, stored, store, lead)
    except FrameCastError as error:
        page.refuse(error)


def room_above() -> DeltaGenerator:
    """Keep free about what will stand above the player, so that it does not jump; what is drawn meanwhile goes in there."""
    with st.container(height=ROOM_ABOVE_PX, border=False):
        meanwhile = st.empty()
    meanwhile.caption("The scores follow in a moment.")
    return meanwhile


def first_look(runs: list[Run], store: SeriesStore) -> None:
    """Draw the player of the run that the page is about to show where its film is kept, with nothing around it: all else needs
    the forecasters, and those take seconds to wake. What cannot be shown yet is left to the page."""
    by_id = {run.id: run for run in runs}
    state.chosen_run()
    run = by_id[state.chosen_of(list(by_id), state.RUN)]
    stored = resources.stored_series(run.record.series)
    if stored is None:
        return
    try:
        with st.container():  # as the fragment has one: the player is where it will be, and stays
            frames_view(run, stored, store)
    except FrameCastError:
        return  # the page says why
