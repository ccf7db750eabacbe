"""A run as it stands: how far it is, its losses, what it forecasts by now; or how it ended.

Which run is shown is in the address, and everything drawn comes from the job manager or the run's files, so a reload or a
second tab shows the same.
"""

import time

import streamlit as st

from framecast.errors import FrameCastError
from framecast.evaluation.verdict import verdict
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.jobs import JobManager, JobSnapshot
from framecast.runs.store import Run
from framecast.series.store import SeriesStore
from framecast.training.progress import FitProgress
from framecast.ui import page, state
from framecast.ui.charts import CONFIG, loss_chart
from framecast.ui.series_clip import frame_still
from framecast.ui.text import count, duration, escaped

REFRESH_S = 1.0


def run_panel(run: Run, manager: JobManager, store: SeriesStore) -> None:
    """Draw the run: refreshed every second while it is live, once when it is not."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escaped(run.record.title), anchor=False, width="stretch")
        st.button("Set up another run", key="another", type="tertiary", on_click=_set_up_another)
    if manager.snapshot(run.id) is None:
        _ended(run)
    else:
        st.fragment(_live, run_every=REFRESH_S)(run, manager, store)


def other_runs(shown: str | None, manager: JobManager) -> None:
    """The live runs beside the one shown, each with a button that shows it."""
    others = [snapshot for snapshot in manager.live() if snapshot.run_id != shown]
    if not others:
        return
    st.caption("Also at work" if shown else "At work")
    for snapshot in others:
        phase = "waiting" if snapshot.phase == "waiting" else f"{snapshot.progress.fraction if snapshot.progress else 0:.0%}"
        st.button(
            f"{escaped(snapshot.title)} · {phase}",
            key=f"show_{snapshot.run_id}",
            width="stretch",
            on_click=_show,
            args=(snapshot.run_id,),
        )


def _show(run_id: str) -> None:
    st.session_state[state.SETUP] = False
    state.choose_run(run_id)


def _set_up_another() -> None:
    st.session_state[state.SETUP] = True
    state.choose_run(None)


def _live(run: Run, manager: JobManager, store: SeriesStore) -> None:
    snapshot = manager.snapshot(run.id)
    if snapshot is None:
        st.rerun()  # the whole page: this ends the refreshing
    progress = snapshot.progress or FitProgress(stage="Beginning")
    st.progress(min(1.0, max(0.0, progress.fraction)), _phase(snapshot, progress, manager))
    columns = st.columns(3)
    columns[0].metric("Device", "GPU" if run.record.device.startswith("cuda") else "CPU")
    epochs = f"{progress.epoch} of {progress.n_epochs}" if progress.n_epochs else str(progress.epoch)
    columns[1].metric("Epoch", epochs)
    if progress.remaining_s is not None:
        columns[2].metric("Time left", duration(progress.remaining_s))
    else:
        columns[2].metric("Time so far", duration(time.time() - snapshot.started_s))
    if snapshot.history:
        st.plotly_chart(loss_chart([one.to_mapping() for one in snapshot.history]), key="loss", config=CONFIG)
    elif snapshot.phase == "training":
        st.caption("The losses appear after the first epoch.")
    _preview(run, snapshot, store)
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


def _phase(snapshot: JobSnapshot, progress: FitProgress, manager: JobManager) -> str:
    if snapshot.phase == "waiting":
        ahead = [other.run_id for other in manager.live()].index(snapshot.run_id) if snapshot in manager.live() else 0
        return f"Waiting for {count(ahead, 'run')} to end" if ahead else "Waiting"
    if snapshot.stopping and snapshot.phase == "training":
        return "Stopping: the best so far is kept"
    return escaped(progress.stage)


def _preview(run: Run, snapshot: JobSnapshot, store: SeriesStore) -> None:
    preview = snapshot.preview
    if preview is None:
        return
    try:
        stored = store.info(run.record.series)
    except FrameCastError as error:
        page.refuse(error)
        return
    st.caption(f"Frame {preview.frame + 1}, forecast {count(preview.lead, 'frame')} ahead, as it is by now")
    left, right = st.columns(2)
    left.image(frame_still(preview.forecast, stored), caption="Forecast", width="stretch", output_format="PNG")
    right.image(frame_still(preview.truth, stored), caption="Truth", width="stretch", output_format="PNG")


def _ended(run: Run) -> None:
    history = [row for row in run.progress() if row["epoch_done"] or row["valid_scores"]]
    if run.state == "finished":
        name = run.record.forecaster
        st.success(f"Finished. {escaped(verdict(run.scores(), name, FORECASTERS[name].title))}")
        st.page_link(
            "pages/compare.py",
            label="Compare the forecast with the truth",
            icon=":material/arrow_forward:",
            icon_position="right",
            query_params={"run": run.id},
        )
    elif run.state == "failed":
        st.error(escaped(run.error() or "This run failed and left no reason."))
        with st.expander("Details for a report"):
            st.code(run.traceback() or "", language=None)
    else:
        st.warning("This run was taken off the queue, or FrameCast was closed while it ran. Start it again to have a result.")
    if history:
        st.plotly_chart(loss_chart(history), key="loss_in_the_end", config=CONFIG)
