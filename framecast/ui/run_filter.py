"""What is asked for among many runs, and their order."""

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.arranging import NEWEST, RunFilter, arranged, filtered, sort_keys
from framecast.runs.overview import RunLine
from framecast.ui.text import count, distinct, short, thousands


def filtered_runs(lines: list[RunLine], states: dict[str, str]) -> tuple[list[RunLine], str]:
    """Draw the choice over `lines` (not empty). Returns what it keeps, in the order asked for, and the name of that order.
    Choices outlive the page."""
    names = distinct({line.record.series: short(line.record.series_name) for line in lines})
    forecasters = sorted({line.record.forecaster for line in lines}, key=forecaster_title)
    tags = sorted({tag for line in lines for tag in line.notes.tags}, key=str.casefold)
    text, series, forecaster, state, tag = st.columns([3, 3, 3, 2, 2], vertical_alignment="bottom")
    words = text.text_input(
        "Search", key="runs_text", placeholder="Words in name, note, tags, series", persist_state="session"
    )
    asked = RunFilter(
        series=_several(series, "Series", "runs_series", list(names), names.__getitem__),
        forecasters=_several(forecaster, "Forecaster", "runs_forecaster", forecasters, forecaster_title),
        states=_several(state, "State", "runs_state", sorted({*states.values()}), str),
        tags=_several(tag, "Tags", "runs_tags", tags, str),
        text=words,
    )
    keys = sort_keys()
    order, turn, number = st.columns([3, 3, 7], vertical_alignment="bottom")
    by = str(order.selectbox("Order", list(keys), key="runs_order", format_func=keys.__getitem__, persist_state="session"))
    turned = turn.toggle("The other way round", key="runs_turned", persist_state="session")
    found = arranged(filtered(lines, asked, states), by, reverse=turned, states=states)
    of = f" of {len(lines)}" if len(found) < len(lines) else ""
    nothing = f"{_none_of(len(lines))} Change or empty what is asked for above."
    number.caption(f"{count(len(found), 'run')}{of}, pinned ones first." if found else nothing)
    return found, by if by != NEWEST else ""


def _none_of(n_runs: int) -> str:
    return "The only run is not like that." if n_runs == 1 else f"None of the {thousands(n_runs)} runs is like that."


def forecaster_title(forecaster: str) -> str:
    kind = FORECASTERS.get(forecaster)
    return kind.title if kind else forecaster


def _several(
    place: DeltaGenerator, label: str, key: str, options: Sequence[str], name: Callable[[str], str]
) -> list[str]:
    """Those chosen; what is there no more is chosen no more."""
    st.session_state[key] = [one for one in st.session_state.get(key, []) if one in options]
    return place.multiselect(label, options, key=key, format_func=name, placeholder="All", persist_state="session")
