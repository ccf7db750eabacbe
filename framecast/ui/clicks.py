"""A button whose click is not lost.

Streamlit forgets a click when something else changes before the page has come to the button: a field that is left, a table
that is drawn with other rows. What a click calls is called at once, whatever comes after, so it is noted there, and taken by
the next run of the page that comes to the button.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

FRESH_S = 20.0
"""A click whose run of the page was broken off, and that no other took within this time, is forgotten: nobody expects it any
more."""
_CLICKS = "clicks"


def clicked(label: str, *, key: str, **look: Any) -> bool:
    """Draw the button, and whether it was clicked; once true for a click. `look` is as st.button takes it."""
    pressed = st.button(label, key=key, on_click=_note, args=(key,), **look)
    when: float | None = st.session_state.get(_CLICKS, {}).pop(key, None)
    if look.get("disabled"):
        return False
    return pressed or (when is not None and time.monotonic() - when < FRESH_S)


@contextlib.contextmanager
def going_on(key: str) -> Iterator[None]:
    """Around what a click begins and what takes long: where another click breaks it off, the next run of the page begins it
    anew."""
    try:
        yield
    except RerunException:
        _note(key)
        raise


def forget_clicks() -> None:
    """Called where a run of the page has come to its end: a click that it did not take was on a button that is not drawn any
    more, as where the choices of a moment ago do not fit, and must not begin anything later."""
    st.session_state.pop(_CLICKS, None)


def _note(key: str) -> None:
    st.session_state.setdefault(_CLICKS, {})[key] = time.monotonic()
