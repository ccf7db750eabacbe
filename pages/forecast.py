"""Forecast: what comes after the last frame of the series."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.ui import page, resources, state
from framecast.ui.beyond import beyond
from framecast.ui.run_choice import run_choice

page.header("Forecast", "Apply a finished run beyond the last frame of its series. There is no truth to compare with yet.")
runs = [run for run in resources.run_store().runs() if run.state == "finished"]
if not runs:
    page.empty("No run is finished yet. Train a forecaster, then use it here.", "pages/train.py", "Go to Train")
    st.stop()

resources.wake()
store = resources.series_store()
run = run_choice(runs)
with st.form("forecast_steps", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
    n_steps = st.number_input("Frames to forecast", 1, 1000, run.record.split.horizon, key=f"steps_{run.id}", width=200)
    pressed = st.form_submit_button("Forecast", type="primary", key="forecast")
if n_steps > run.record.split.horizon:
    st.caption(f"This run was scored up to lead {run.record.split.horizon}; how good it is beyond that is not known.")
if pressed:
    st.session_state[state.FORECAST] = (run.id, int(n_steps))
asked = st.session_state.get(state.FORECAST)
if asked and asked[0] == run.id:
    try:
        beyond(run, asked[1], store)
    except FrameCastError as error:
        page.refuse(error)
