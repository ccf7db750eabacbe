"""What the workspace takes on the disk, and what of it can go."""

from pathlib import Path

import streamlit as st

from framecast.errors import FrameCastError
from framecast.files import bytes_in_words
from framecast.runs.disk import CleanUp, DiskUse, clean_up, disk_use, planned_clean_up
from framecast.runs.overview import RunLine
from framecast.ui import asking, resources, state
from framecast.ui.run_deletion import UNDO

QUESTION, ALSO = "clean_up", "clean_up_checkpoints"


def disk_view(lines: list[RunLine]) -> None:
    """Draw the sums, and the way to what can be cleaned up. Counted anew when a run changed, or after a minute."""
    workspace = resources.workspace()
    use = _use(workspace, sum(line.n_bytes for line in lines), len(lines))
    st.subheader("Disk use", anchor=False)
    parts = {"Runs": use.runs, "Series": use.series, "Trash": use.trash, "Left by crashes": use.torn, "Total": use.total}
    for column, (label, n_bytes) in zip(st.columns(len(parts)), parts.items(), strict=True):
        column.metric(label, bytes_in_words(n_bytes), border=True)
    st.button("Clean up ...", key="clean_up", icon=":material/mop:", on_click=asking.ask, args=(QUESTION,))
    if asking.asked(QUESTION) is not None:
        _dialog(workspace)


@st.cache_data(max_entries=4, ttl=60, show_spinner=False)
def _use(workspace: Path, n_bytes: int, n_runs: int) -> DiskUse:
    return disk_use(workspace)


@st.dialog("Clean up?", on_dismiss=asking.answered)
def _dialog(workspace: Path) -> None:
    if state.NOTICE in st.session_state:
        asking.answered()
        st.rerun()  # it is done, and the page says so; nothing may be left by now for which the button would be drawn
    planned = planned_clean_up(workspace)
    st.markdown(planned.sentence())
    also = False
    if kept := planned.of_checkpoints():
        st.markdown(kept)
        also = st.checkbox(f"Free these {bytes_in_words(planned.checkpoint_bytes)}, too", key=ALSO)
    with st.container(horizontal=True):
        if planned.n_bytes or also:
            with st.container(key="danger_clean", width="content"):
                st.button("Clean up", type="primary", key="clean_up_yes", on_click=_do_clean_up, args=(workspace, planned))
        if st.button("Keep all" if planned.n_bytes or also else "Close", key="clean_up_no", on_click=asking.answered):
            st.rerun()


def _do_clean_up(workspace: Path, planned: CleanUp) -> None:
    """Whoever ticks the box and clicks at once clicks on a button that was drawn before: the box is asked here."""
    checkpoints = bool(planned.of_checkpoints()) and st.session_state.get(ALSO, False)
    try:
        st.session_state.pop(UNDO, None)  # what was deleted last is gone, too
        clean_up(workspace, planned, checkpoints=checkpoints)
        freed = planned.n_bytes + (planned.checkpoint_bytes if checkpoints else 0)
        state.say("success", f"{bytes_in_words(freed)} were freed.")
    except FrameCastError as error:
        state.say("error", str(error))
    _use.clear()
