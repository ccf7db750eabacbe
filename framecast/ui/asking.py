"""A question in a box over the page that stands until it is answered.

A page is drawn anew whenever something on it changes; a box that only the run of the click draws would be gone with that. One
question is open at a time.
"""

from typing import Any

import streamlit as st

_OPEN = "open_question"


def ask(question: str, about: Any = ()) -> None:
    """Called by a click: the page draws the box from its next run on."""
    st.session_state[_OPEN] = (question, about)


def asked(question: str) -> Any:
    """What this question is about, while it is open; None while it is not."""
    name, about = st.session_state.get(_OPEN, ("", None))
    return about if name == question else None


def answered() -> None:
    st.session_state.pop(_OPEN, None)
