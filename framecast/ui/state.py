"""What a session remembers from page to page: which series and which run the person looks at.

Streamlit forgets a widget's value when its page is left, so a choice is kept under a key of its own and the widget is set
from it. A run is also kept in the address (`?run=`), so that a reload, a second tab or a shared link shows the same one.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

T = TypeVar("T")

SERIES = "chosen_series"
RUN = "chosen_run"
UPLOADS = "upload_generation"
"""Counts finished uploads: a new number makes a new, empty upload box."""
NOTICE = "notice"
"""(kind, sentence) to be shown once, after the rerun that an action ends with."""
FORECAST = "forecast_request"
"""(run id, number of steps) that the Forecast page shows."""
SETUP = "setting_up"
"""True while the person sets up another run although one is live."""


def choose_series(digest: str) -> None:
    st.session_state[SERIES] = digest


def choose_run(run_id: str | None) -> None:
    """Make this the run that pages show, or none."""
    st.session_state[RUN] = run_id
    if run_id is None:
        st.query_params.pop("run", None)
    else:
        st.query_params["run"] = run_id


def chosen_run() -> str | None:
    """The run in the address, else the one chosen last in this session. It may no longer exist."""
    asked = st.query_params.get("run")
    if asked:
        st.session_state[RUN] = asked
    return st.session_state.get(RUN)


def run_on_train_page(live: Sequence[str]) -> str | None:
    """The run in the address, else a live one, unless the person is setting up another. A live one goes into the address, so
    that its end is still shown when it is live no more."""
    if asked := st.query_params.get("run"):
        return asked
    if not live or st.session_state.get(SETUP):
        return None
    own = st.session_state.get(RUN)
    shown = own if own in live else live[0]
    choose_run(shown)
    return str(shown)


def picker(
    label: str,
    options: Sequence[str],
    key: str,
    name: Callable[[str], str],
    *,
    on_choice: Callable[[str], None],
    hidden: bool = False,
) -> str:
    """A select box over `options` (not empty) that shows and sets the choice kept under `key`; the first is the default."""
    current = st.session_state.get(key)
    if current not in options:
        current = options[0]
        st.session_state[key] = current
    widget = f"{key}_box"
    st.session_state[widget] = current
    st.selectbox(
        label,
        list(options),
        key=widget,
        format_func=name,
        on_change=lambda: on_choice(st.session_state[widget]),
        label_visibility="collapsed" if hidden else "visible",
    )
    return str(current)


def say(kind: str, sentence: str) -> None:
    """Leave a message ('success', 'error') for the next rerun."""
    st.session_state[NOTICE] = (kind, sentence)


def take_notice() -> tuple[str, str] | None:
    notice: tuple[str, str] | None = st.session_state.pop(NOTICE, None)
    return notice
