"""The queue on the Train page: the live runs in order, and what can be done with each."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.jobs import JobManager
from framecast.runs.snapshot import JobSnapshot
from framecast.ui import state
from framecast.ui.banner import how_far
from framecast.ui.text import count, escaped, short

REFRESH_S = 2.0


def queue(shown: str | None, manager: JobManager) -> None:
    """Draw the live runs where there are others than the one `shown`; refreshed while there are. A click is known by the place
    of the queue on the page, which may not change with what is above it."""
    if any(one.run_id != shown for one in manager.live()):
        st.fragment(_queue, run_every=REFRESH_S)(shown, manager)


def _queue(shown: str | None, manager: JobManager) -> None:
    if state.run_trained() != shown:
        st.rerun()  # another run was clicked; a click is taken at once, however soon this is drawn anew
    live = manager.live()
    if not any(one.run_id != shown for one in live):
        return
    waiting = [one.run_id for one in live if one.phase == "waiting"]
    n_work = sum(one.phase in ("training", "forecasting") for one in live)
    with st.container(border=True, gap="small", key="queue"):
        st.markdown(f"**Queue** :gray[{count(n_work, 'run')} at work, {len(waiting)} waiting]")
        for one in live:
            _row(one, shown, waiting, manager)


def _row(one: JobSnapshot, shown: str | None, waiting: list[str], manager: JobManager) -> None:
    place = waiting.index(one.run_id) if one.run_id in waiting else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        label = f"{escaped(short(one.title, 44))} · {_phase(one, place)}"
        if one.run_id == shown:
            st.markdown(f"**{label}**", width="stretch")
        else:
            st.button(
                label, key=f"show_{one.run_id}", type="tertiary", width="stretch",
                on_click=state.choose_run, args=(one.run_id, state.TRAINED),
            )  # fmt: skip
        if place is not None:
            last = place == len(waiting) - 1
            _icon("up", "arrow_upward", "One place up", one, place == 0, manager.move, one.run_id, place - 1)
            _icon("down", "arrow_downward", "One place down", one, last, manager.move, one.run_id, place + 1)
            _icon("next", "vertical_align_top", "Run next", one, place == 0, manager.run_next, one.run_id)
        if one.phase == "paused":
            _icon("resume", "play_arrow", "Resume", one, False, _resume, manager, one.run_id)
        if one.phase in ("waiting", "paused"):
            _icon("remove", "close", "Take it off the queue; it can be resumed", one, False, manager.remove, one.run_id)


def _icon(what: str, icon: str, help: str, one: JobSnapshot, disabled: bool, act: object, *args: object) -> None:
    assert callable(act)
    st.button(
        "", key=f"{what}_{one.run_id}", icon=f":material/{icon}:", type="tertiary", help=help, disabled=disabled,
        on_click=act, args=args,
    )  # fmt: skip


def _resume(manager: JobManager, run_id: str) -> None:
    try:
        manager.resume(run_id)
    except FrameCastError as error:
        state.say("error", str(error))


def _phase(one: JobSnapshot, place: int | None) -> str:
    if one.phase == "waiting":
        return "next" if place == 0 else f"waiting, number {1 + (place or 0)}"
    if one.phase == "paused":
        return "paused"
    return how_far(one)
