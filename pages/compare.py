"""Compare: the forecast of the test frames beside what really happened."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.ui import page, resources
from framecast.ui.blend_view import blend_view, way_to_blend
from framecast.ui.outcome import outcome, show_outcome, what_the_fit_found
from framecast.ui.run_choice import run_choice
from framecast.ui.run_details import run_details
from framecast.ui.run_table import run_table, same_frames
from framecast.ui.seen_forecast import first_look, room_above, seen_forecast
from framecast.ui.taking_away import taking_away

page.header("Compare", "The forecast of the test frames beside the truth, and up to which lead it can be trusted.")
runs = resources.finished_runs()
if not runs:
    page.empty("No run is finished yet. Train a forecaster, then compare its forecast here.", "pages/train.py", "Go to Train")
    st.stop()

store = resources.series_store()
above, player = st.container(), st.container()
if not FORECASTERS.ready:
    with above:
        meanwhile = room_above()
    with player:
        first_look(runs, store, meanwhile)
    with meanwhile:
        resources.wake()
    st.rerun()

with above:
    run = run_choice(runs)
try:
    with above:
        said = outcome(run)
        show_outcome(said, with_finding=False)
        way_to_blend(run, resources.run_store())
    with player:
        seen_forecast(run, resources.stored_series(run.record.series), store)
    taking_away(run, resources.stored_series(run.record.series), store)
    what_the_fit_found(run, said)
    blend_view(run, resources.run_store())
    st.subheader("All forecasters on these test frames", anchor=False)
    run_table(run, same_frames(run, runs))
    run_details(run, resources.run_store())
except FrameCastError as error:
    page.refuse(error)
