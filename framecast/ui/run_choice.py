"""Which finished run a page shows."""

import streamlit as st

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.store import Run
from framecast.ui import state
from framecast.ui.text import count, escaped, moment


def run_choice(runs: list[Run]) -> Run:
    """Draw the box over `runs` (not empty, newest first) and return the chosen one: that of the address, else the last one
    chosen, else the newest."""
    by_id = {run.id: run for run in runs}
    asked = state.chosen_run()
    if asked and asked not in by_id:
        st.warning(f"Run {escaped(asked)} is not finished yet, or no longer here. This is the newest finished one.")
    run_id = state.picker(
        "Run", list(by_id), state.RUN, lambda run_id: _label(by_id[run_id]), on_choice=state.choose_run, hidden=True
    )
    if st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id
    run = by_id[run_id]
    st.caption(_facts(run))
    return run


def _label(run: Run) -> str:
    return f"{run.record.title} · {run.record.preset} · {moment(run.record.created)}"


def _facts(run: Run) -> str:
    record = run.record
    size = f"{record.preparation.size} px short side" if record.preparation.size else "native size"
    first, last = record.split.test.start + 1, record.split.test.stop
    return escaped(
        f"{FORECASTERS[record.forecaster].title} on {record.series_name} · preset {record.preset} · {size} · "
        f"test of {count(len(record.split.test), 'frame')} ({first} to {last}), all forecast from frame {first - 1}"
    )
