"""The trash: what was deleted, until when it is kept, and the way back."""

from collections.abc import Sequence

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.trash import KEPT, Trash
from framecast.ui import resources, state
from framecast.ui.run_deletion import UNDO
from framecast.ui.text import count, escaped, moment, short

_MOST_SHOWN = 30


def undo_box() -> None:
    """Right after a deletion: one press that takes it back."""
    name, names = st.session_state.get(UNDO, ("", []))
    if not names:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        label = f"Undo: bring back {escaped(short(name, 60))}"
        st.button(label, key="undo_delete", icon=":material/undo:", on_click=_bring_back, args=(names,))
        st.button("Leave it", key="undo_leave", type="tertiary", on_click=_forget_undo)


def trash_view() -> None:
    """Draw the list, folded; nothing where the trash is empty."""
    trashed = Trash(resources.workspace()).list()
    if not trashed:
        return
    with st.expander(f"Trash ({len(trashed)})", icon=":material/delete:"):
        st.caption(f"Deleted runs can come back for {KEPT.days} days. After that they are removed for good.")
        for one in trashed[:_MOST_SHOWN]:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button("Bring back", key=f"back_{one.name}", on_click=_bring_back, args=([one.name],))
                deleted, until = (moment(when.isoformat()) for when in (one.deleted, one.until))
                st.markdown(f"{escaped(short(one.title, 80))} :gray[· deleted {deleted} · kept until {until}]")
        if len(trashed) > _MOST_SHOWN:
            st.caption(f"And {count(len(trashed) - _MOST_SHOWN, 'run')} deleted before.")


def _bring_back(names: Sequence[str]) -> None:
    trash, back = Trash(resources.workspace()), []
    try:
        for name in names:
            back.append(trash.restore(name))
        state.say("success", f"{count(len(back), 'run')} {'is' if len(back) == 1 else 'are'} back.")
    except FrameCastError as error:
        state.say("error", str(error))
    if set(names) & set(st.session_state.get(UNDO, ("", []))[1]):
        _forget_undo()


def _forget_undo() -> None:
    st.session_state.pop(UNDO, None)
