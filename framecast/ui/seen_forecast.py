"""The frames of a finished run and, below them, its scores, moved by one slider."""

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from framecast.errors import FrameCastError
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import page, resources, state
from framecast.ui.frames_view import frames_view, yet_to_be_seen

ROOM_ABOVE_PX = 150
HEAD_START_S, LOOK_EVERY_S = 2.0, 0.05
_MEANWHILE = "The scores follow in a moment."


@st.fragment
def seen_forecast(run: Run, stored: StoredSeries | None, store: SeriesStore) -> None:
    """Draw the player and the scores of a finished run; the lead shown moves both. `stored` is its series, None where that was
    deleted: then only the scores are left.

    What is drawn alone has a place that does not depend on how much stands above it. Streamlit knows a fragment by its place:
    a click in one that has moved meanwhile would find nothing that answers it."""
    if not run.folder.is_dir():  # in another tab, since the page was drawn
        st.warning("This run was deleted. The trash on the page Runs may still have it.")
        return
    stored = stored and resources.stored_series(stored.digest)  # that may have been deleted there, too
    frames, numbers, more = st.container(), st.container(), st.container()
    lead = 1
    try:
        with frames:
            lead = frames_view(run, stored, store)
    except FrameCastError as error:  # frames that are damaged leave the scores
        with frames:
            page.refuse(error)
    from framecast.ui.comparison import numbers_view  # only here: they import torch, and the player does not wait for that
    from framecast.ui.more_numbers import more_numbers

    try:
        with numbers:
            titles = numbers_view(run, stored, store, lead)
        with more:
            more_numbers(run, stored, store, titles, lead)
    except FrameCastError as error:
        page.refuse(error)


def room_above() -> DeltaGenerator:
    """Keep free about what will stand above the player, so that it does not jump; what is drawn meanwhile goes in there."""
    with st.container(height=ROOM_ABOVE_PX, border=False):
        meanwhile = st.empty()
    meanwhile.caption(_MEANWHILE)
    return meanwhile


def first_look(runs: list[Run], store: SeriesStore, meanwhile: DeltaGenerator) -> None:
    """Draw the player of the run that the page is about to show where its film is kept, with nothing around it: all else needs
    the forecasters, and those take seconds to wake. What cannot be shown yet is left to the page.

    To wake them holds up the server, so the browser is given time to show a frame before that: it says so, and Streamlit then
    begins the page anew at the next thing drawn, which is written into `meanwhile`."""
    by_id = {run.id: run for run in runs}
    state.chosen_run()
    run = by_id[state.chosen_of(list(by_id), state.RUN)]
    stored = resources.stored_series(run.record.series)
    if stored is None:
        return
    try:
        with st.container(), st.container():  # as the fragment has: the player is where it will be, and stays
            frames_view(run, stored, store)
    except FrameCastError:
        return  # the page says why
    waited = 0.0
    while yet_to_be_seen(run) and waited < HEAD_START_S:
        time.sleep(LOOK_EVERY_S)
        waited += LOOK_EVERY_S
        meanwhile.caption(_MEANWHILE)
