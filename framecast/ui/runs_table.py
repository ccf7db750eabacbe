"""All runs as a table to choose from, by mouse in the table or by keyboard in the box below it; the two say the same."""

import hashlib
from collections.abc import Sequence
from typing import Any

import streamlit as st

from framecast.metrics import METRICS
from framecast.runs.overview import RunLine
from framecast.ui import resources
from framecast.ui.metric_choice import PLOTTED
from framecast.ui.run_filter import forecaster_title
from framecast.ui.text import cell, distinct, moment, preset_title, short

CHOSEN = "runs_chosen"
"""Ids."""
_AGAIN, _BOX_AGAIN = "runs_table_again", "runs_box_again"
"""Count choices made elsewhere than in the table, and than in the box: each is a new one after them, which begins with them.
What a browser still tells of the one before is older than the choice, and not listened to."""
_WORDS = {"waiting": "waiting", "training": "at work", "forecasting": "at work", "paused": "paused"}
_ROW_PX, _MOST_ROWS, _REFRESH_S = 35, 15, 2.0
ELSEWHERE = " elsewhere"
"""Ends the state of a run that another program has, at work or waiting, on this machine or on one that shares the disk."""
_EMPTY = "–"


def live_states(lines: Sequence[RunLine]) -> dict[str, str]:
    """Id to state: of the live ones how they stand, of one that another program carries out that it does, of the others what
    their files say."""
    live = {one.run_id: _WORDS.get(one.phase, one.phase) for one in resources.manager().live()}
    held = {line.id: line.held() for line in lines if line.id not in live}
    return {line.id: live.get(line.id) or (held[line.id] + ELSEWHERE if held[line.id] else line.state) for line in lines}


def runs_table(lines: list[RunLine], states: dict[str, str], order: str) -> list[RunLine]:
    """Draw the table, and return the chosen lines in its order. What a filter hides is not chosen while it is hidden."""
    ids = [line.id for line in lines]
    wanted = st.session_state.get(CHOSEN, [])
    again, box_again = _count(_AGAIN), _count(_BOX_AGAIN)
    key, box = f"runs_table_{_digest(ids)}_{again}", f"runs_box_{box_again}"
    st.dataframe(
        _columns(lines, states),
        key=key,
        on_select=lambda: _chosen_in_table(key, ids, again),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": [ids.index(one) for one in wanted if one in ids]}},
        hide_index=True,
        height=_ROW_PX * (min(len(lines), _MOST_ROWS) + 1) + 3,
        column_config=_config(lines),
        column_order=_order(order),
        placeholder=_EMPTY,
        alt="All runs with their scores; choose rows here, or by name in the box below",
    )
    names = distinct({line.id: f"{short(line.record.title, 60)} · {moment(line.record.created)}" for line in lines})
    st.session_state[box] = [one for one in ids if one in wanted]
    st.multiselect(
        "Chosen runs",
        ids,
        key=box,
        format_func=lambda one: names.get(one, one),
        placeholder="Choose one run, or several to see what differs",
        on_change=lambda: _chosen_in_box(box, box_again),
    )
    return [line for line in lines if line.id in wanted]


def watch(states: dict[str, str]) -> None:
    """Draw the page anew once a live run stands otherwise than it was drawn."""
    live = {one.run_id: _WORDS.get(one.phase, one.phase) for one in resources.manager().live()}
    elsewhere = {run_id for run_id, stands in states.items() if stands.endswith(ELSEWHERE)}
    if live or elsewhere:
        st.fragment(_watch, run_every=_REFRESH_S)({run_id: states.get(run_id) for run_id in live}, elsewhere)


def choose(ids: list[str]) -> None:
    """Let the table and the box begin with these rows chosen."""
    _choose(ids, _AGAIN, _BOX_AGAIN)


def _watch(drawn: dict[str, str | None], elsewhere: set[str]) -> None:
    live = {one.run_id: _WORDS.get(one.phase, one.phase) for one in resources.manager().live()}
    runs = (resources.known_run(run_id) for run_id in elsewhere)
    if live != drawn or not all(run is not None and run.holder() for run in runs):
        st.rerun()


def _chosen_in_table(key: str, ids: list[str], again: int) -> None:
    if again != _count(_AGAIN):
        return
    rows = st.session_state[key]["selection"]["rows"]
    hidden = [one for one in st.session_state.get(CHOSEN, []) if one not in ids]
    _choose([*hidden, *(ids[row] for row in rows if row < len(ids))], _BOX_AGAIN)


def _chosen_in_box(key: str, again: int) -> None:
    if again == _count(_BOX_AGAIN):
        _choose(list(st.session_state[key]), _AGAIN)


def _choose(ids: list[str], *outdated: str) -> None:
    st.session_state[CHOSEN] = ids
    for counter in outdated:
        st.session_state[counter] = _count(counter) + 1


def _count(key: str) -> int:
    found: int = st.session_state.get(key, 0)
    return found


def _columns(lines: list[RunLine], states: dict[str, str]) -> dict[str, list[Any]]:
    shown = {line.id for line in lines}
    return {
        "pin": ["★" if line.notes.pinned else "" for line in lines],
        "name": [("↳ " if line.record.member_of in shown else "") + cell(line.record.title) for line in lines],
        "state": [states[line.id] for line in lines],
        "series": [cell(line.record.series_name) for line in lines],
        "forecaster": [forecaster_title(line.record.forecaster) for line in lines],
        "preset": [preset_title(line.record.preset) for line in lines],
        "size": [f"{line.record.preparation.size} px" if line.record.preparation.size else "native" for line in lines],
        "leads": [line.record.split.horizon for line in lines],
        **{metric: [_finite(line.means.get(metric)) for line in lines] for metric in METRICS},
        "skill": [_finite(line.skill) for line in lines],
        "skill_horizon": [line.skill_horizon for line in lines],
        "fit_time": [line.fit_seconds for line in lines],
        "disk": [line.n_bytes / 2**20 for line in lines],
        "tags": [cell(", ".join(line.notes.tags)) for line in lines],
        "note": [cell(" ".join(line.notes.note.split())) for line in lines],
        "begun": [moment(line.record.created) for line in lines],
    }


def _finite(value: float | None) -> float | None:
    """An exact forecast has an infinite PSNR, which the table draws as ∞; what is not a number is left empty."""
    return None if value is None or value != value else value


def _order(by: str) -> list[str]:
    """The columns: the usual ones, and what the rows are sorted by."""
    usual = ["pin", "name", "state", "series", "forecaster", "size", "leads", *PLOTTED, "skill", "skill_horizon", "fit_time"]
    usual += ["disk", "tags", "note", "begun"]
    return usual if by in ("", *usual) else [*usual[:7], by, *usual[7:]]


def _config(lines: list[RunLine]) -> dict[str, Any]:
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    scores = {metric: number(one.title, format="%.4g", help=one.explanation) for metric, one in METRICS.items()}
    return {
        "pin": text("", width=28),
        "name": text("Name", width=260),
        "state": text("State", width=130),
        "series": text("Series", width=140),
        "forecaster": text("Forecaster", width=120),
        "preset": text("Preset"),
        "size": text("Size", width=70),
        "leads": number("Leads", format="%d", width=60),
        **scores,
        "skill": number("Skill", format="%.3f", help="1 is perfect, 0 no better than the last frame repeated."),
        "skill_horizon": number("Skill horizon", format="%d", help="The last lead before the skill falls to 0."),
        "fit_time": number("Fit (s)", format="%.1f"),
        "disk": number("Disk (MiB)", format="%.1f"),
        "tags": text("Tags"),
        "note": text("Note", width=160),
        "begun": text("Begun", width=110),
    }


def _digest(ids: list[str]) -> str:
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:12]
