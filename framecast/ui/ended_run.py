"""A run that is live no more: what came of it, or what went wrong, and where to go from here."""

from collections.abc import Callable

import streamlit as st

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import STAGE_STOPPED
from framecast.runs.jobs import JobManager
from framecast.runs.remedies import in_words, with_remedy
from framecast.runs.resuming import MOST, give_up
from framecast.runs.store import Run
from framecast.ui import run_charts, state
from framecast.ui.clicks import clicked
from framecast.ui.elsewhere import elsewhere
from framecast.ui.outcome import outcome, show_outcome
from framecast.ui.resources import stored_series
from framecast.ui.text import count, escaped, thousands

DELETED = "The series of this run was deleted"
_USUAL = {"minutes": 5, "epochs": 20}
"""By how much a run is trained further where nothing else is typed."""


def ended_run(run: Run, manager: JobManager) -> None:
    ending = run.state
    if ending == "finished":
        result(run)
        go_further(run, manager)
    elif ending == "failed":
        _failed(run)
        _remedies(run, manager)
        _resume(run, manager, "Try to go on")
    elif run.holder() is not None:
        elsewhere(run)
        return
    else:
        _interrupted(run)
        _resume(run, manager, "Resume")
    history = [row for row in run.progress() if (row["epoch_done"] or row["valid_scores"]) and row["stage"] != STAGE_STOPPED]
    if history:
        run_charts.losses(run.id, history)
        run_charts.sees_ahead(run.id, history, run.record.forecaster)


def _interrupted(run: Run) -> None:
    """Say what is left of a run that was left, and what Resume would do."""
    lines = run.progress()
    closed = "This run was taken off the queue, or FrameCast was closed while it ran."
    try:
        kept = run.checkpoint()
    except FrameCastError as error:
        st.error(f"{closed} {escaped(str(error))}")
        return
    if kept is not None:
        last = lines[: kept[1].get("n_lines", 0)][-1:]
        upto = f", up to epoch {thousands(line['epoch'])} of “{escaped(line['stage'])}”" if (line := last and last[0]) else ""
        st.warning(f"{closed} What it had learned is kept{upto}.")
    elif lines:
        st.warning(f"{closed} That was before anything of it had been kept, so it begins anew.")
    else:
        st.info("This run has not begun: it was taken off the queue, or it waits for a job of a cluster to carry it out.")


def _resume(run: Run, manager: JobManager, label: str) -> None:
    st.button(
        label,
        key="resume_ended",
        icon=":material/play_arrow:",
        width="stretch",
        on_click=_try,
        args=(lambda: manager.resume(run.id),),
        help="Goes on from the last epoch that was kept, in the same run; one that kept none begins anew.",
    )


def _remedies(run: Run, manager: JobManager) -> None:
    """The same run once more with what may help, each a button."""
    for remedy in run.remedies():
        if clicked(
            f"Train again with {in_words(remedy)}", key=f"remedy_{'_'.join(remedy)}", type="primary", width="stretch"
        ):
            state.choose_run(manager.submit(with_remedy(run.record, remedy)), state.TRAINED)
            st.rerun()


def _try(act: Callable[[], object]) -> None:
    """What a button does; a refusal is said at the top of the page."""
    try:
        act()
    except FrameCastError as error:
        state.say("error", str(error))


def result(run: Run) -> None:
    """What came of a finished run, and the way to its forecast."""
    show_outcome(outcome(run), "Finished.")
    if stored_series(run.record.series) is None:
        st.caption(f"{DELETED}, so its forecast cannot be compared with the truth any more.")
        return
    st.page_link(
        "pages/compare.py",
        label="Compare the forecast with the truth",
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params={"run": run.id},
    )


def go_further(run: Run, manager: JobManager) -> None:
    """More training for a finished run, by epochs or minutes; going on for one that was stopped."""
    if (staged := run.staged()) is not None:
        if error := staged.error():
            st.error(escaped(error))
        st.caption("It was being trained further, and was left. What is shown is the result of before.")
        _resume(run, manager, "Go on with the further training")
        _giving_up(run, staged)
        return
    if run.summary().get("stopped_early") and FORECASTERS[run.record.forecaster].family != "rule":
        _resume(run, manager, "Resume where it was stopped")
        return
    if not FORECASTERS[run.record.forecaster].extensible:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        unit = str(
            st.segmented_control("Train it further by", list(_USUAL), default="minutes", required=True, key="further_unit")
        )
        st.number_input(unit, 1, MOST[unit], _USUAL[unit], key=f"further_{unit}", width=130)
        st.button(
            "Train further",
            key="extend",
            icon=":material/more_time:",
            on_click=_try,
            args=(lambda: _extend(run, manager),),
            help="Its result stays as it is until the new one is whole.",
        )


def _giving_up(run: Run, staged: Run) -> None:
    """The other way out: without it nothing but this further training could ever be done with the run."""
    with st.popover("Give it up ...", icon=":material/undo:", width="stretch"):
        more = sum(bool(line["epoch_done"]) for line in staged.progress()[len(run.progress()) :])
        lost = f"What it learned since, {count(more, 'epoch')}, is lost" if more else "It has learned nothing since"
        st.markdown(f"{lost}; the result of before stays, and the run can be trained on from there anew.")
        with st.container(key="danger_give_up", width="content"):
            st.button("Give it up", type="primary", key="give_up", on_click=_try, args=(lambda: give_up(run),))


def _extend(run: Run, manager: JobManager) -> None:
    """By the unit and the amount as they are at the click, chosen or typed a moment before it, too."""
    unit = str(st.session_state.get("further_unit") or "minutes")
    manager.extend(run.id, **{unit: st.session_state.get(f"further_{unit}", _USUAL[unit])})


def _failed(run: Run) -> None:
    sentence = run.error() or "This run failed and left no reason."
    if run.record.series in sentence and stored_series(run.record.series) is None:
        sentence = f"{DELETED} before the run could learn from it. Add the series again, and start another run."
    st.error(escaped(sentence))
    with st.expander("Details for a report"):
        st.code(run.traceback() or "", language=None)
