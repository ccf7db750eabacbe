"""Train: choose what learns from which frames, watch it learn."""

import streamlit as st

from framecast.runs.devices import chosen_device
from framecast.runs.preflight import default_preparation
from framecast.series.frames import Preparation
from framecast.ui import page, resources, state
from framecast.ui.forecaster_choice import forecaster_choice
from framecast.ui.form_start import begin_with
from framecast.ui.launch import launch
from framecast.ui.launch_many import launch_many
from framecast.ui.live_run import run_panel
from framecast.ui.queue import queue
from framecast.ui.settings_form import settings_form
from framecast.ui.size_choice import size_choice
from framecast.ui.size_trial import set_what_a_trial_found, size_trial
from framecast.ui.split_choice import short_series_note, split_choice
from framecast.ui.start_choice import start_choice
from framecast.ui.text import distinct, short

page.header("Train", "Choose a series and a forecaster. It learns in the background: you may leave this page.")
store = resources.series_store()
stored_series = store.list()
if not stored_series:
    page.empty("There is no series yet. Upload one, or take one of the samples.", "pages/series.py", "Go to Series")
    st.stop()

resources.wake()
manager, device = resources.manager(), chosen_device("auto")
shown, lost = state.run_on_train_page(resources.known_run, [snapshot.run_id for snapshot in manager.live()])
run = resources.known_run(shown) if shown else None
place = st.container()  # always there: what moves on the page takes no click for a moment
if lost:
    place.warning("The run in the address is not here; it may have been deleted. Below you can begin a new one.")
if run:
    begin_with(run.record, stored_series, keep_series=state.SERIES in st.session_state)
choices, side = st.columns([7, 5], gap="large")

with choices:
    names = distinct({one.digest: short(one.name, 80) for one in stored_series})
    st.subheader("1. Series", anchor=False)
    digest = state.picker("Series", list(names), state.SERIES, names.__getitem__, on_choice=state.choose_series, hidden=True)
    stored = next(one for one in stored_series if one.digest == digest)
    st.subheader("2. What is learned from, what is forecast", anchor=False)
    found = None
    with st.container(), page.refusing():  # one place whatever is said in it: the cards below are drawn alone, known by theirs
        found = split_choice(stored), store.open(digest)
        short_series_note(stored)
    if found:
        split, series = found
        st.subheader("3. Forecaster", anchor=False)
        name, kind, preset = forecaster_choice()
        rule = kind.family == "rule"
        st.subheader("4. Settings" if rule else "4. Size and settings", anchor=False)
        set_what_a_trial_found()
        preparation = Preparation() if rule else size_choice(stored, device)
        below_size = st.container()
        start = start_choice(name, kind, preset, stored, split, preparation, store, resources.run_store())
        changes = settings_form(name, preset, kind, split, start)
        with below_size:
            size_trial(stored, series, preparation.size, (name, kind, preset), start, changes, split, device)
        seen = default_preparation(stored.height, stored.width, device) if rule else preparation
        launch_many(series, digest, split, seen, device, manager)

with side, st.container(key="side_run"), page.refusing():
    run_panel(run, manager)
    queue(shown, manager)
    if found:
        with st.container(key="ready", border=True, gap="small"):
            choice = (name, kind, preset)
            beside = run is not None
            launch(stored, series, split, preparation, choice, start, changes, device, manager, beside_run=beside)
