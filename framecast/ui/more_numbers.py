"""What is asked for now and then: the scorecard, one lead in detail, and other origins. One of them is drawn at a time.

A choice draws this part alone; the player and the charts above it stay as they are. Only where a click in a chart here asks
the player for another lead is the page drawn anew.
"""

from collections.abc import Mapping

import streamlit as st

from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import page, state
from framecast.ui.frame_charts import frame_charts
from framecast.ui.origins_view import origins_view
from framecast.ui.skill_card import skill_card

CARD, FRAME, ORIGINS = "Skill scorecard", "Detail and errors of this lead", "Other origins"


def more_numbers(run: Run, stored: StoredSeries | None, store: SeriesStore, titles: Mapping[str, str], lead: int) -> None:
    """Draw the choice and what is chosen. Without its series a run has no frames to look into."""
    _chosen(run, stored, store, titles, lead, state.jump_of(run.id))


@st.fragment
def _chosen(
    run: Run,
    stored: StoredSeries | None,
    store: SeriesStore,
    titles: Mapping[str, str],
    lead: int,
    known: state.Jump | None,
) -> None:
    """`known` is the last jump of the player that what is above was drawn with."""
    if state.jump_of(run.id) != known:
        st.rerun()
    with page.refusing():  # here: what goes wrong in a fragment reaches nobody around it
        _draw(run, stored, store, titles, lead)


def _draw(
    run: Run, stored: StoredSeries | None, store: SeriesStore, titles: Mapping[str, str], lead: int
) -> None:
    options = [CARD, *([FRAME] if stored else []), ORIGINS]
    chosen = st.segmented_control(
        "More", options, default=CARD, key=f"more_{run.id}", label_visibility="collapsed", required=True
    )
    if chosen == FRAME and stored is not None:
        frame_charts(run, stored, store, titles[run.record.forecaster], lead)
    elif chosen == ORIGINS:
        origins_view(run, stored, store, titles, lead)
    else:
        skill_card(run, run.scores(), titles, lead)
