"""The stored series as a list to choose from."""

import streamlit as st

from framecast.series.store import StoredSeries
from framecast.ui import state
from framecast.ui.text import count, escaped, short


def series_list(stored: list[StoredSeries]) -> StoredSeries:
    """Draw a button per series (`stored` is not empty) and return the chosen one: the newest until another is pressed."""
    digests = [one.digest for one in stored]
    chosen = state.chosen_of(digests, state.SERIES)
    with st.container(height=280 if len(stored) > 5 else "content", border=False, gap="xxsmall"):
        for one in stored:
            st.button(
                escaped(short(one.name)),
                key=f"series_{one.digest}",
                help=f"{escaped(one.name)}: {count(one.n_frames, 'frame')} of {one.width} × {one.height}",
                type="primary" if one.digest == chosen else "secondary",
                width="stretch",
                on_click=state.choose_series,
                args=(one.digest,),
            )
    return stored[digests.index(chosen)]
