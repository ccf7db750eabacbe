"""Forecast: what comes after the last frame of the series."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.ui import page, resources, state
from framecast.ui.beyond import beyond
from framecast.ui.ended_run import DELETED
from framecast.ui.run_choice import run_choice
from framecast.ui.text import count, escaped, short, thousands

MOST = 1000  # frames to forecast, where the run was not scored over more

page.header("Forecast", "Apply a finished run beyond the last frame of its series. There is no truth to compare with yet.")
if resources.run_store().runs():
    resources.wake()
runs = resources.finished_runs()
if not runs:
    page.empty("No run is finished yet. Train a forecaster, then use it here.", "pages/train.py", "Go to Train")
    st.stop()

store = resources.series_store()
run = run_choice(runs)
stored = resources.stored_series(run.record.series)
if stored is None:
    st.warning(f"{DELETED}, so there is nothing to forecast from. Add the series again, or choose another run.")
    st.stop()

horizon = run.record.split.horizon
with (
    st.form("forecast_steps", border=False, enter_to_submit=False),
    st.container(horizontal=True, vertical_alignment="bottom"),
):
    n_steps = int(
        st.number_input(
            "Frames to forecast", 1, max(MOST, horizon), horizon, key=f"steps_{run.id}", width=220, persist_state="session"
        )
    )
    pressed = st.form_submit_button("Forecast", type="primary", key="forecast")
last = thousands(stored.n_frames)
st.caption(f"The forecast starts after frame {last}, the last one of {escaped(short(stored.name))}.")
if pressed:
    st.session_state[state.FORECAST] = (run.id, n_steps)
asked = st.session_state.get(state.FORECAST)
if asked and asked[0] == run.id:
    if asked[1] > horizon:
        st.caption(f"This run was scored over {count(horizon, 'lead')}; how good it is beyond that is not known.")
    try:
        beyond(run, asked[1], stored, store)
    except FrameCastError as error:
        page.refuse(error)
