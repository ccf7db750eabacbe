"""What a person has chosen to do to a series, from page to page: whether Prepare is open, and the numbers in its fields."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

OPEN = "preparing"
"""The digest of the series that Prepare is open for."""


def field(digest: str, name: str) -> str:
    """The key of a field of Prepare."""
    return f"prepare:{digest}:{name}"


def begin_preparing(digest: str, filled: Mapping[str, str | int] | None = None) -> None:
    """Open Prepare, with some of its fields filled in."""
    st.session_state[OPEN] = digest
    for name, value in (filled or {}).items():
        st.session_state[field(digest, name)] = value


def in_ranges(numbers: Sequence[int]) -> str:
    """Numbers in rising order as a person writes them: '3, 110, 111, 120-125'."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def stop_preparing() -> None:
    """Close Prepare and forget what was in its fields; they outlive the page, but not this."""
    digest = st.session_state.pop(OPEN, None)
    for key in [key for key in st.session_state if str(key).startswith(field(str(digest), ""))]:
        del st.session_state[key]


def is_preparing(digest: str) -> bool:
    return bool(st.session_state.get(OPEN) == digest)


def kept(digest: str, name: str, default: Any) -> Any:
    """The value of a field, also of one that is not drawn."""
    return st.session_state.setdefault(field(digest, name), default)
