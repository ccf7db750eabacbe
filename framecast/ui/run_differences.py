"""What differs between the chosen runs, one column each."""

import streamlit as st

from framecast.runs.differences import Difference, differences, same_frames
from framecast.runs.overview import RunLine
from framecast.ui import resources
from framecast.ui.text import cell, count, short

_MOST = 8
"""Columns that can still be read beside each other."""


def run_differences(chosen: list[RunLine], all_lines: list[RunLine]) -> None:
    """Draw the table of two or more runs; `all_lines` say what others are called that they name."""
    st.subheader(f"What differs between these {count(min(len(chosen), _MOST), 'run')}", anchor=False)
    if len(chosen) > _MOST:
        st.caption(f"The first {_MOST} of the {len(chosen)} chosen.")
    lines = chosen[:_MOST]
    names = {line.id: short(line.record.title, 60) for line in all_lines}
    names |= {one.digest: short(one.name) for one in resources.series_store().list()}
    found = differences(lines, names)
    if not found:
        st.info("Nothing: they were asked the same, ran on the same, and found the same.")
        return
    st.dataframe(
        _columns(lines, found),
        hide_index=True,
        width="stretch",
        height="content",
        column_config={"": st.column_config.TextColumn("", width=80), "What": st.column_config.TextColumn(width=180)},
        alt="What differs between the chosen runs, one column each",
    )
    if not same_frames(lines):
        st.caption("They forecast other frames, so their scores do not tell which one is better.")


def _columns(lines: list[RunLine], found: list[Difference]) -> dict[str, list[str]]:
    """Headed by the names of the runs, which are numbered where two are called the same."""
    columns = {"": [one.heading for one in found], "What": [one.label for one in found]}
    for index, line in enumerate(lines):
        name = cell(short(line.record.title, 40))
        columns[name if name not in columns else f"{name} ({index + 1})"] = [cell(one.values[index]) for one in found]
    return columns
