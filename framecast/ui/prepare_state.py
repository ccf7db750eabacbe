"""What a person has chosen to do to a series, from page to page: whether Prepare is open, and the numbers in its fields."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

OPEN = "preparing"
"""The digest of the series that Prepare is open for."""


def field(digest: str, name: str) -> str:
    """The key of a field of Prepare."""
    return f"prepare:{digest}:{name}"


def begin_preparing(digest: str, steps: Mapping[str, tuple[int, ...]] | None = None) -> None:
    """Open Prepare, with the frames of `steps` ("drop", "interpolate") filled in."""
    st.session_state[OPEN] = digest
    for name, numbers in (steps or {}).items():
        st.session_state[field(digest, name)] = ", ".join(map(str, numbers))


def stop_preparing() -> None:
    st.session_state.pop(OPEN, None)


def is_preparing(digest: str) -> bool:
    return bool(st.session_state.get(OPEN) == digest)


def kept(digest: str, name: str, default: Any) -> Any:
    """The value of a field; a widget that is not drawn in a run loses its own."""
    return st.session_state.setdefault(field(digest, name), default)
