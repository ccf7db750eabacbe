"""A run as it stands: what matters first (time left, what it is doing, losses, the strip of its forecast), details folded.

Which run is shown is in the address, and everything drawn comes from the job manager or the run's files, so a reload, a second
tab or another person's browser shows the same.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from framecast.errors import FrameCastError
from framecast.files import bytes_in_words
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import STAGES_OF_A_RESULT
from framecast.runs.jobs import JobManager
from framecast.runs.snapshot import JobSnapshot
from framecast.runs.store import Run
from framecast.training.progress import FitProgress
from framecast.ui import page, run_charts, state
from framecast.ui.ended_run import DELETED, ended_run, result
from framecast.ui.resources import stored_series
from framecast.ui.strip import strip
from framecast.ui.text import count, duration, escaped, short, thousands, value

REFRESH_S = 1.0
_SPARK_POINTS = 60


def run_panel(run: Run | None, manager: JobManager) -> None:
    """Draw the run, if there is one: refreshed every second while it is live, once when it is not. It is one element of the
    page whatever is drawn: a click below it would be lost if that had moved meanwhile."""
    with st.container():
        if run is not None:
            with page.refusing():
                _panel(run, manager)


def _panel(run: Run, manager: JobManager) -> None:
    live = manager.snapshot(run.id) is not None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escaped(short(run.record.title, 80)), anchor=False, width="stretch")
        st.button("Close", key="close_run", type="tertiary", icon=":material/close:", on_click=_close)
    if live:
        st.fragment(_live, run_every=REFRESH_S)(run, manager)
    else:
        ended_run(run, manager)


def _close() -> None:
    state.choose_run(None, state.TRAINED)


def _live(run: Run, manager: JobManager) -> None:
    snapshot = manager.snapshot(run.id)
    if snapshot is None:
        st.rerun()  # the whole page: this ends the refreshing
    progress = snapshot.progress or FitProgress(stage="Beginning")
    st.progress(min(1.0, max(0.0, progress.fraction)), _phase(snapshot, progress, manager))
    if _has_result(snapshot):  # nobody needs to wait for what is made of it afterwards
        with page.refusing():
            result(run)
    _facts(run, snapshot, progress)
    _buttons(run, snapshot, manager)
    history = _rows(snapshot)
    if history:
        if not _has_result(snapshot):  # which says it of the test frames
            run_charts.words(history, str(run.record.settings.get("select_by", "ssim")))
        run_charts.losses(run.id, history)
    elif snapshot.phase == "training" and (progress.step or progress.n_epochs):
        st.caption("The losses appear after the first epoch.")
    elif snapshot.phase == "training" and FORECASTERS[run.record.forecaster].family == "protocol":
        st.caption("The simple rules are tried first. Losses appear when a network has trained for an epoch.")
    _preview(run, snapshot)
    if history:
        run_charts.sees_ahead(run.id, history, run.record.forecaster)
        _details(history, progress)


def _facts(run: Run, snapshot: JobSnapshot, progress: FitProgress) -> None:
    facts = [("Device", "GPU" if run.record.device.startswith("cuda") else "CPU")]
    if snapshot.phase == "training" and (progress.step or progress.n_epochs):  # rules, which auto tries first, have no epochs
        facts.append(("In epoch", in_epoch(progress)))
    leaving = snapshot.stopping and snapshot.phase == "training"  # within seconds, whatever was left of it
    if progress.remaining_s is not None and snapshot.phase in ("training", "forecasting") and not leaving:
        facts.append(("Time left", duration(progress.remaining_s)))
    else:
        facts.append(("Time so far", duration(time.time() - snapshot.started_s)))
    for column, (label, shown) in zip(st.columns(3), facts, strict=False):
        column.metric(label, shown)


def _buttons(run: Run, snapshot: JobSnapshot, manager: JobManager) -> None:
    """Known by the run, too: a click on what another run showed a moment ago is not for this one."""
    with st.container(horizontal=True, gap="small"):
        if snapshot.phase == "paused" or snapshot.pausing:
            st.button(
                "Resume",
                key=f"resume_run_{run.id}",
                icon=":material/play_arrow:",
                width="stretch",
                on_click=_resume,
                args=(manager, run.id),
                help="Goes on from where it stood, as soon as the device is free.",
            )
        elif snapshot.phase == "waiting" or (snapshot.phase == "training" and not _is_rule(run)):
            st.button(
                "Pause", key=f"pause_run_{run.id}", icon=":material/pause:", width="stretch", disabled=snapshot.stopping,
                on_click=manager.pause, args=(run.id,), help="Keeps where it stands and lets the next run have the device.",
            )  # fmt: skip
        if snapshot.phase not in ("waiting", "paused") or _has_begun(snapshot):
            label, help, asked = _stopping(snapshot)
            st.button(
                label, key=f"stop_run_{run.id}", icon=":material/stop:", disabled=asked, width="stretch", help=help,
                on_click=manager.stop, args=(run.id,),
            )  # fmt: skip
        if snapshot.phase in ("waiting", "paused"):  # the queue has a cross for it, but is drawn only where there are others
            st.button(
                "Take off the queue", key=f"remove_run_{run.id}", icon=":material/close:", width="stretch",
                on_click=manager.remove, args=(run.id,),
                help="What it has learned is kept, and it can be resumed." if _has_begun(snapshot) else "It can be resumed.",
            )  # fmt: skip
    if sentence := _what_follows(snapshot):
        st.caption(sentence)


def _is_rule(run: Run) -> bool:
    """Rules keep nothing on the way: one that was paused would begin anew."""
    return FORECASTERS[run.record.forecaster].family == "rule"


def _has_begun(snapshot: JobSnapshot) -> bool:
    """Whether there is something to keep the best of."""
    return snapshot.progress is not None or bool(snapshot.history)


def _what_follows(snapshot: JobSnapshot) -> str:
    """What a person waits for who has pressed Stop, or whose run is scored; empty where it trains on."""
    if _has_result(snapshot) and not snapshot.hurrying:
        return "What may be wrong with it, and how it would have done earlier, is looked for. Finish now leaves that out."
    if snapshot.phase == "forecasting" and not snapshot.hurrying:
        return "The forecast is scored beside every simple rule. Finish now leaves out those that are not always shown."
    if snapshot.phase == "training" and snapshot.stopping:
        return "It leaves the training within seconds, then forecasts and is scored. You can finish at once then."
    return ""


def _has_result(snapshot: JobSnapshot) -> bool:
    """Whether it is scored, and only what can be made later of any finished run is still being made."""
    return snapshot.progress is not None and snapshot.progress.stage in STAGES_OF_A_RESULT


def _stopping(snapshot: JobSnapshot) -> tuple[str, str, bool]:
    """What Stop does by now: its label, its help, and whether it was pressed already."""
    if snapshot.phase == "forecasting":
        help = "Scores the run and what is always shown beside it, and leaves out other rules and earlier origins."
        if _has_result(snapshot):
            help = "The result is there. Leaves out the search for faults and the scores from earlier origins."
        return "Finishing ..." if snapshot.hurrying else "Finish now", help, snapshot.hurrying
    help = "Leaves the training. What was best so far forecasts the test frames and is scored."
    return "Stopping ..." if snapshot.stopping else "Stop and keep the best", help, snapshot.stopping


def _resume(manager: JobManager, run_id: str) -> None:
    try:
        manager.resume(run_id)
    except FrameCastError as error:  # it may have ended since the button was drawn
        state.say("error", str(error))


def _rows(snapshot: JobSnapshot) -> Sequence[Mapping[str, Any]]:
    """The history as rows; made anew only when it has grown."""
    key = f"rows_{snapshot.run_id}"
    kept: list[dict[str, Any]] = st.session_state.get(key, [])
    if len(kept) > len(snapshot.history):  # it went on beside its old result, or anew
        kept = []
    rows = [*kept, *(one.to_mapping() for one in snapshot.history[len(kept) :])]
    st.session_state[key] = rows
    return rows


def in_epoch(progress: FitProgress) -> str:
    """The epoch at work, counted from 1: '3 of 60'."""
    at_work = progress.epoch + 1
    if not progress.n_epochs:
        return thousands(at_work)
    return f"{thousands(min(at_work, progress.n_epochs))} of {thousands(progress.n_epochs)}"


def _phase(snapshot: JobSnapshot, progress: FitProgress, manager: JobManager) -> str:
    if snapshot.phase == "waiting":
        live = [other.run_id for other in manager.live() if other.phase != "paused"]
        ahead = live.index(snapshot.run_id) if snapshot.run_id in live else 0
        return f"Waiting for {count(ahead, 'run')} to end" if ahead else "Waiting"
    if snapshot.phase == "paused":
        return "Paused: what it has learned is kept"
    if snapshot.pausing:
        return "Pausing: it keeps where it stands"
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
    n_validated = sum(bool(one.valid_scores) for one in snapshot.history)
    strip(preview, stored, run_id=run.id, moment=f"{n_validated}")


def _details(history: Sequence[Mapping[str, Any]], progress: FitProgress) -> None:
    """Numbers for those who want to know, each with its course so far."""
    with st.expander("Details: learning rate, unroll, gradient, speed, memory"):
        shown = [one for one in _NUMBERS if getattr(progress, one.field) is not None]
        for row in range(0, len(shown), 3):
            for column, one in zip(st.columns(3), shown[row : row + 3], strict=False):
                course = [past[one.field] for past in history if past.get(one.field) is not None]
                every = max(1, len(course) // _SPARK_POINTS)
                drawn = course[::every] if len(course) > 2 else None
                column.metric(one.label, one.words(getattr(progress, one.field)), chart_data=drawn, help=one.help)


@dataclass(frozen=True)
class _Number:
    label: str
    field: str
    """Of FitProgress."""
    words: Callable[[float], str]
    help: str


_NUMBERS = (
    _Number("Learning rate", "learning_rate", value, "Size of a training step by now."),
    _Number(
        "Unroll",
        "unroll",
        lambda number: count(round(number), "frame"),
        "How many of its own forecasts the network is fed in training by now.",
    ),
    _Number(
        "Gradient norm",
        "gradient_norm",
        value,
        "How long the gradient is before the threshold shortens it. A jump warns of a loss that explodes.",
    ),
    _Number(
        "Frames a second",
        "frames_per_second",
        lambda number: thousands(round(number)),
        "Training frames that the network is shown each second; validation is not counted.",
    ),
    _Number(
        "Memory",
        "memory_bytes",
        lambda number: bytes_in_words(round(number)),
        "On a GPU the most that training held there; on the CPU what FrameCast holds, its pages included.",
    ),
)
