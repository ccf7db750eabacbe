"""A run that another program carries out or has in its queue, here or on a machine that shares the disk: how it stands,
read from its folder.

It is watched and not steered: whoever started it can stop it, and nothing here offers to go on with it while it is held.
"""

import streamlit as st

from framecast.runs.holding import AT_WORK, Holder
from framecast.runs.store import Run
from framecast.ui import run_charts
from framecast.ui.text import duration, escaped, moment, thousands

REFRESH_S = 2.0


def elsewhere(run: Run) -> None:
    """Draw it, again and again until it ends; then the whole page is drawn anew."""
    st.fragment(_standing, run_every=REFRESH_S)(run)


def _who(holder: Holder) -> str:
    return f"process {holder.pid} on {holder.host}, since {moment(holder.since)}" if holder.pid else "another program"


def _standing(run: Run) -> None:
    holder = run.holder()
    if holder is None:
        st.rerun()
    st.info(
        f"This run is {escaped(holder.doing)} in {escaped(_who(holder))}. It can be stopped there. Here is what it tells "
        "after each epoch."
    )
    history = [row for row in run.progress() if row["epoch_done"] or row["valid_scores"]]
    if not history:
        if holder.doing == AT_WORK:
            st.progress(0.0, "Beginning")
        st.caption("The losses appear after the first epoch.")
        return
    last = history[-1]
    st.progress(min(1.0, max(0.0, last["fraction"])), escaped(last["stage"]))
    device, n_processes = "GPU" if run.record.device.startswith("cuda") else "CPU", run.record.n_processes
    facts = [("Device", device if n_processes == 1 else f"{n_processes} × {device}"), ("Epoch", thousands(last["epoch"]))]
    if last["remaining_s"] is not None:
        facts.append(("Time left", duration(last["remaining_s"])))
    for column, (label, shown) in zip(st.columns(len(facts)), facts, strict=True):
        column.metric(label, shown)
    run_charts.words(history, str(run.record.settings.get("select_by", "ssim")))
    run_charts.losses(run.id, history)
    run_charts.sees_ahead(run.id, history, run.record.forecaster)
