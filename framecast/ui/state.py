"""What a session remembers from page to page: which series and which run the person looks at.

Streamlit forgets a widget's value when its page is left, so a choice is kept under a key of its own and the widget is set
from it. A run is also kept in the address (`?run=`), so that a reload, a second tab or a shared link shows the same one; the
address wins, but for one that was left a moment ago. Train remembers its run by itself: what is chosen on Compare or Forecast
never changes it, nor the other way round, unless a link carries the run along.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

import streamlit as st

T = TypeVar("T")

SERIES = "chosen_series"
RUN = "chosen_run"
"""The finished run that Compare and Forecast show."""
TRAINED = "run_on_train"
"""The run that Train shows beside its form."""
LEFT = "left_on_train"
"""(run id, moment): the run that the address of Train named before another was chosen there."""
STALE_S = 3.0
"""For so long an address that was left is the browser's old one, not a wish to go back."""
UPLOADS = "upload_generation"
"""Counts finished uploads: a new number makes a new, empty upload box."""
NOTICE = "notice"
"""(kind, sentence) to be shown once, after the rerun that an action ends with."""
JUMPS = "player_jumps"
"""Run id to Jump."""
FORECAST = "forecast_request"
"""(run id, number of steps) that the Forecast page shows."""


@dataclass(frozen=True)
class Jump:
    """Where a player was last asked to go. The number tells a new jump from one that was done."""

    number: int
    lead: int
    mode: str | None


def choose_series(digest: str) -> None:
    st.session_state[SERIES] = digest


def choose_run(run_id: str | None, key: str = RUN) -> None:
    """Make this the run that pages show, or none."""
    st.session_state[key] = run_id
    before = st.query_params.get("run")
    if key == TRAINED and before not in (None, run_id):
        st.session_state[LEFT] = (before, time.monotonic())
    if run_id is None:
        st.query_params.pop("run", None)
    elif st.query_params.get("run") != run_id:
        st.query_params["run"] = run_id
        st.query_params.pop("lead", None)  # it was a lead of the other run


def chosen_run() -> str | None:
    """The run in the address, else the one chosen last in this session. It may no longer exist."""
    asked = st.query_params.get("run")
    if asked:
        st.session_state[RUN] = asked
    return st.session_state.get(RUN)


def show_lead(run_id: str, lead: int, mode: str | None = None) -> None:
    """Ask the player of a run to go to a lead, from 1; it does so in the run of the page that follows. `mode` is one of the
    player's, None for the one that it is in."""
    jumps = st.session_state.setdefault(JUMPS, {})
    number = jumps[run_id].number if run_id in jumps else 0
    jumps[run_id] = Jump(number + 1, lead, mode)


def jump_of(run_id: str) -> Jump | None:
    """The last jump that `show_lead` asked for."""
    jump: Jump | None = st.session_state.get(JUMPS, {}).get(run_id)
    return jump


def run_on_train_page(known: Callable[[str], object], live: Sequence[str]) -> tuple[str | None, bool]:
    """The run in the address, else the one shown here last, else a live one; and whether the address names none that is
    `known`, which then counts for nothing. What is shown goes into the address, so that its end is still shown when it is
    live no more.

    What refreshes itself comes every second with the address that the browser has. Where it comes between a click on another
    run and the page that follows, that address is the old one, and the click would be undone."""
    asked = st.query_params.get("run")
    left, moment = st.session_state.get(LEFT, (None, 0.0))
    if asked == left and time.monotonic() - moment < STALE_S:
        asked = None
    lost = asked is not None and not known(asked)
    candidates = [None if lost else asked, st.session_state.get(TRAINED), *live]
    shown = next((run_id for run_id in candidates if run_id and known(run_id)), None)
    choose_run(shown, TRAINED)
    return shown, lost


def run_trained() -> str | None:
    """The run that the Train page shows, or is to show when it is drawn anew."""
    found: str | None = st.session_state.get(TRAINED)
    return found


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
    current = chosen_of(options, key)
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
    return current


def chosen_of(options: Collection[str], key: str) -> str:
    """The choice kept under `key`, or the first option where none of them was chosen."""
    current = st.session_state.get(key)
    return str(current) if current in options else next(iter(options))


def say(kind: str, sentence: str) -> None:
    """Leave a message ('success', 'error') for the next rerun."""
    st.session_state[NOTICE] = (kind, sentence)


def take_notice() -> tuple[str, str] | None:
    notice: tuple[str, str] | None = st.session_state.pop(NOTICE, None)
    return notice
