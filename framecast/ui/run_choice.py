"""Which finished run a page shows."""

import streamlit as st

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.store import Run
from framecast.ui import state
from framecast.ui.outcome import ending
from framecast.ui.text import count, distinct, escaped, frame_range, moment, preset_title, short, thousands


def run_choice(runs: list[Run]) -> Run:
    """Draw the box over `runs` (not empty, newest first) and return the chosen one: that of the address, else the last one
    chosen, else the newest."""
    by_id = {run.id: run for run in runs}
    asked = state.chosen_run()
    if asked and asked not in by_id:
        gone = "is not finished yet, or it or its forecaster is no longer here"
        st.warning(f"The run {escaped(short(asked))} {gone}. This is the newest finished one.")
    labels = distinct({run.id: _label(run, by_id) for run in runs})
    run_id = state.picker("Run", list(by_id), state.RUN, labels.__getitem__, on_choice=state.choose_run, hidden=True)
    if st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id
    run = by_id[run_id]
    st.caption(_facts(run))
    return run


def _label(run: Run, listed: dict[str, Run]) -> str:
    """A member stands below the run of its blend, marked as such."""
    record = run.record
    preset = [] if FORECASTERS[record.forecaster].family == "rule" else [preset_title(record.preset)]
    mark = "↳ " if record.member_of in listed else ""
    return mark + " · ".join([short(record.title, 80), *preset, moment(record.created)])


def _facts(run: Run) -> str:
    record = run.record
    first, last = record.split.test.start + 1, record.split.test.stop
    facts = [f"{FORECASTERS[record.forecaster].title} on {short(record.series_name)}"]
    if FORECASTERS[record.forecaster].family != "rule":
        facts.append(f"preset “{preset_title(record.preset)}”")
        facts.append(f"{record.preparation.size} px short side" if record.preparation.size else "native size")
    test = f"test of {count(len(record.split.test), 'frame')} ({frame_range(first, last)})"
    facts.append(f"{test}, {'' if first == last else 'all '}forecast from frame {thousands(first - 1)}")
    return escaped(" · ".join([*facts, *([ended] if (ended := ending(run.summary_if_whole())) else [])]))
