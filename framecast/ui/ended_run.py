"""A run that is live no more: what came of it, or what went wrong, and where to go from here."""

import streamlit as st

from framecast.runs.experiment import STAGE_STOPPED
from framecast.runs.store import Run
from framecast.ui.charts import CONFIG, loss_chart, stage_note
from framecast.ui.outcome import outcome, show_outcome
from framecast.ui.resources import stored_series
from framecast.ui.text import escaped

DELETED = "The series of this run was deleted"


def ended_run(run: Run) -> None:
    if run.state == "finished":
        _finished(run)
    elif run.state == "failed":
        _failed(run)
    else:
        st.warning("This run was taken off the queue, or FrameCast was closed while it ran. Start it again to have a result.")
    history = [row for row in run.progress() if (row["epoch_done"] or row["valid_scores"]) and row["stage"] != STAGE_STOPPED]
    if history:
        st.plotly_chart(loss_chart(history), key="loss_in_the_end", config=CONFIG)
        if note := stage_note(history):
            st.caption(escaped(note))


def _finished(run: Run) -> None:
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


def _failed(run: Run) -> None:
    sentence = run.error() or "This run failed and left no reason."
    if run.record.series in sentence and stored_series(run.record.series) is None:
        sentence = f"{DELETED} before the run could learn from it. Add the series again, and start another run."
    st.error(escaped(sentence))
    with st.expander("Details for a report"):
        st.code(run.traceback() or "", language=None)
