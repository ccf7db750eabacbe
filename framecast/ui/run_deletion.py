"""Deleting runs: they go to the trash and can come back from there; the members of a blend go along only if that is asked."""

from collections.abc import Sequence

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.trash import KEPT, Trash
from framecast.ui import asking, resources, state
from framecast.ui.text import count, escaped, short

ALONG = "delete_members"
QUESTION = "delete_runs"
UNDO = "deleted_last"
"""(title or number of runs, names in the trash) of the last deletion of this session."""


def ask_to_delete(runs: Sequence[tuple[str, str]]) -> None:
    """Called by a click: from the next run of the page on `deletion_box` asks whether these, (id, title) each, shall go."""
    asking.ask(QUESTION, tuple(runs))


def deletion_box() -> None:
    """Draw the question while it waits for its answer."""
    if (runs := asking.asked(QUESTION)) is not None:
        _box(runs)


@st.dialog("Delete?", on_dismiss=asking.answered)
def _box(runs: Sequence[tuple[str, str]]) -> None:
    shown = [f"**{escaped(short(title, 80))}**" for _, title in runs]
    more = f" and {count(len(shown) - 5, 'other run')}" if len(shown) > 5 else ""
    st.markdown(
        f"{', '.join(shown[:5])}{more} with weights, forecast and scores will be moved to the trash on the page Runs and can "
        f"come back from there for {KEPT.days} days."
    )
    members = _members([run_id for run_id, _ in runs])
    if members:
        st.markdown(
            f"{count(len(members), 'run')} {'is a member' if len(members) == 1 else 'are members'} of the blend. Each is "
            "whole by itself and stays, unless you delete it, too."
        )
        st.toggle("Delete the members, too", key=ALONG)
    with st.container(horizontal=True):
        with st.container(key="danger_run", width="content"):
            deleted = st.button("Delete", type="primary", key="delete_run_yes", on_click=_do_delete, args=(runs, members))
        if st.button("Keep", key="delete_run_no", on_click=asking.answered) or deleted:
            st.rerun()


def _members(ids: Sequence[str]) -> list[tuple[str, str]]:
    """(id, title) of the members of these runs that are not among them."""
    lines = resources.overview().lines()
    return [(line.id, line.record.title) for line in lines if line.record.member_of in ids and line.id not in ids]


def _do_delete(runs: Sequence[tuple[str, str]], members: Sequence[tuple[str, str]]) -> None:
    asking.answered()
    doomed = [*runs, *(members if members and st.session_state.get(ALONG) else [])]
    ids, name = [run_id for run_id, _ in doomed], doomed[0][1] if len(doomed) == 1 else count(len(doomed), "run")
    trash, gone = Trash(resources.workspace()), []
    try:
        for run_id in ids:
            gone.append(trash.put(run_id).name)
            forget(run_id)
        state.say("success", f"Deleted {short(name, 80)}. The trash on the page Runs keeps it for {KEPT.days} days.")
    except FrameCastError as error:
        state.say("error", str(error))
    if gone:
        st.session_state[UNDO] = (name, gone)


def forget(run_id: str) -> None:
    """Let no page go on showing a run that is gone."""
    if st.session_state.get(state.RUN) == run_id or st.query_params.get("run") == run_id:
        state.choose_run(None)
    if st.session_state.get(state.TRAINED) == run_id:
        st.session_state[state.TRAINED] = None
