"""A run as it stands: how far it is, its losses, what it forecasts by now.

Which run is shown is in the address, and everything drawn comes from the job manager or the run's files, so a reload or a
second tab shows the same.
"""

import time

import streamlit as st

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.jobs import JobManager, JobSnapshot
from framecast.runs.store import Run
from framecast.training.progress import FitProgress
from framecast.ui import state
from framecast.ui.charts import CONFIG, loss_chart, stage_note
from framecast.ui.ended_run import DELETED, ended_run
from framecast.ui.resources import stored_series
from framecast.ui.strip import strip
from framecast.ui.text import count, duration, escaped, short, thousands

REFRESH_S = 1.0

def run_panel(run: Run, manager: JobManager) -> None:
    """Draw the run: refreshed every second while it is live, once when it is not."""
    live = manager.snapshot(run.id) is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escaped(short(run.record.title, 80)), anchor=False, width="stretch")
        if not live:
            st.button("Close", key="close_run", type="tertiary", icon=":material/close:", on_click=_show, args=(None,))
    if live:
        st.fragment(_live, run_every=REFRESH_S)(run, manager)
    else:
        ended_run(run)


def other_runs(shown: str | None, manager: JobManager) -> None:
    """The live runs beside the one shown, each with a button that shows it."""
    others = [snapshot for snapshot in manager.live() if snapshot.run_id != shown]
    if not others:
        return
    st.caption("Also at work" if shown else "At work")
    for snapshot in others:
        phase = "waiting" if snapshot.phase == "waiting" else f"{snapshot.progress.fraction if snapshot.progress else 0:.0%}"
        st.button(
            f"{escaped(short(snapshot.title))} · {phase}",
            key=f"show_{snapshot.run_id}",
            width="stretch",
            on_click=_show,
            args=(snapshot.run_id,),
        )


def _show(run_id: str | None) -> None:
    state.choose_run(run_id, state.TRAINED)


def _live(run: Run, manager: JobManager) -> None:
    snapshot = manager.snapshot(run.id)
    if snapshot is None:
        st.rerun()  # the whole page: this ends the refreshing
    progress = snapshot.progress or FitProgress(stage="Beginning")
    st.progress(min(1.0, max(0.0, progress.fraction)), _phase(snapshot, progress, manager))
    facts = [("Device", "GPU" if run.record.device.startswith("cuda") else "CPU")]
    if FORECASTERS[run.record.forecaster].family != "rule" and snapshot.phase == "training" and snapshot.progress:
        facts.append(("In epoch", in_epoch(progress)))
    if progress.remaining_s is not None:
        facts.append(("Time left", duration(progress.remaining_s)))
    else:
        facts.append(("Time so far", duration(time.time() - snapshot.started_s)))
    for column, (label, shown) in zip(st.columns(3), facts, strict=False):
        column.metric(label, shown)
    st.button(
        "Stopping ..." if snapshot.stopping else "Stop and keep the best",
        key="stop",
        icon=":material/stop:",
        disabled=snapshot.stopping,
        width="stretch",
        on_click=manager.stop,
        args=(run.id,),
        help="Leaves the training. What was best so far forecasts the test frames and is scored.",
    )
    if snapshot.history:
        history = [one.to_mapping() for one in snapshot.history]
        st.plotly_chart(loss_chart(history), key="loss", config=CONFIG)
        if note := stage_note(history):
            st.caption(escaped(note))
    elif snapshot.phase == "training":
        st.caption("The losses appear after the first epoch.")
    _preview(run, snapshot)


def in_epoch(progress: FitProgress) -> str:
    """The epoch at work, counted from 1: '3 of 60'."""
    at_work = progress.epoch + 1
    if not progress.n_epochs:
        return thousands(at_work)
    return f"{thousands(min(at_work, progress.n_epochs))} of {thousands(progress.n_epochs)}"


def _phase(snapshot: JobSnapshot, progress: FitProgress, manager: JobManager) -> str:
    if snapshot.phase == "waiting":
        ahead = [other.run_id for other in manager.live()].index(snapshot.run_id) if snapshot in manager.live() else 0
        return f"Waiting for {count(ahead, 'run')} to end" if ahead else "Waiting"
    if snapshot.stopping and snapshot.phase == "training":
        return "Stopping: the best so far is kept"
    return escaped(progress.stage)


def _preview(run: Run, snapshot: JobSnapshot) -> None:
    preview = snapshot.preview
    if preview is None:
        return
    stored = stored_series(run.record.series)
    if stored is None:
        st.warning(f"{DELETED}. Stop it, or let it end: it cannot be compared with the truth any more.")
        return
    st.caption("Forecast of the validation frames as it is by now, so many frames ahead")
    strip(preview, stored, run_id=run.id, moment=f"{len(snapshot.history)}")
