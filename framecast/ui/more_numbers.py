"""What is asked for now and then: the scorecard, one lead in detail, and other origins. One of them is drawn at a time."""

from collections.abc import Mapping

import streamlit as st

from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.frame_charts import frame_charts
from framecast.ui.origins_view import origins_view
from framecast.ui.skill_card import skill_card

CARD, FRAME, ORIGINS = "Skill scorecard", "Detail and errors of this lead", "Other origins"


def more_numbers(run: Run, stored: StoredSeries | None, store: SeriesStore, titles: Mapping[str, str], lead: int) -> None:
    """Draw the choice and what is chosen. Without its series a run has no frames to look into."""
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
