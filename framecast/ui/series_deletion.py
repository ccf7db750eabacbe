"""Deleting a series: asked first, refused while a run learns from it, and honest about what its runs lose."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.store import Run
from framecast.runs.trash import Trash
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import resources, state
from framecast.ui.text import count, escaped, short


@st.dialog("Delete series?")
def delete_series(stored: StoredSeries, store: SeriesStore) -> None:
    name = f"**{escaped(short(stored.name, 80))}**"
    if live := _live_runs(stored.digest):
        st.warning(_refusal(stored, live))
        st.page_link("pages/train.py", label="Show this run", query_params={"run": live[0][0]})
        return
    st.markdown(f"{name} with {count(stored.n_frames, 'frame')} will be deleted on this computer. {_loss(stored.digest)}")
    with st.container(horizontal=True):
        with st.container(key="danger_series", width="content"):
            deleted = st.button("Delete", type="primary", key="delete_yes", on_click=_do_delete, args=(stored, store))
        if st.button("Keep", key="delete_no") or deleted:
            st.rerun()


def _live_runs(digest: str) -> list[tuple[str, str]]:
    """(id, title) of the runs at work or waiting that learn from this series."""
    live = {snapshot.run_id for snapshot in resources.manager().live()}
    needing = [run for run in resources.run_store().runs() if digest in run.record.all_series]
    return [(run.id, run.record.title) for run in needing if run.id in live or run.holder() is not None]


def all_that_need(digest: str) -> list[Run]:
    """The runs that learn or learned from this series, those in the trash, too, from where they may come back."""
    trashed = [one.found for one in Trash(resources.workspace()).list()]
    runs = [*resources.run_store().runs(), *(found for found in trashed if isinstance(found, Run))]
    return [run for run in runs if digest in run.record.all_series]


def _refusal(stored: StoredSeries, live: list[tuple[str, str]]) -> str:
    run, *others = (f"**{escaped(short(title, 80))}**" for _, title in live)
    more = f" and {count(len(others), 'other run')}" if others else ""
    learning = "are" if others else "is"
    return (
        f"The run {run}{more} {learning} learning from {escaped(short(stored.name, 80))}, which must stay until it has ended. "
        "Stop it first, or wait for its end."
    )


def _loss(digest: str) -> str:
    needing = all_that_need(digest)
    finished = [run.record for run in needing if run.state == "finished"]
    n_runs = sum(record.series == digest for record in finished)
    n_learned = sum(digest in record.learned_from for record in finished)
    further = ""
    if n_learned:
        further = f"{count(n_learned, 'finished run')} that learned from it first can no longer be trained further. "
    if n_open := len(needing) - len(finished):
        further += f"{count(n_open, 'run')} that {'has' if n_open == 1 else 'have'} not come to an end can no longer go on."
    if not n_runs:
        return further.rstrip() or "No run needs it."
    return (
        f"**{count(n_runs, 'finished run')}** on it will lose {'its' if n_runs == 1 else 'their'} truth: the scores stay, but "
        "the frames can no longer be shown beside the forecast, nor anything be forecast beyond them. "
        + further
    ).rstrip()


def _do_delete(stored: StoredSeries, store: SeriesStore) -> None:
    try:
        if live := _live_runs(stored.digest):  # begun since the dialog opened
            state.say("error", f"{stored.name} is needed by the run {live[0][1]}. Stop it first, or wait for its end.")
        else:
            store.delete(stored.digest)
            state.say("success", f"Deleted {short(stored.name, 80)}.")
    except FrameCastError as error:
        state.say("error", str(error))
