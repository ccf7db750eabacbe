"""What a run's history shows, drawn alike while it is live and when it has ended: words, losses, how far ahead it sees.

Charts are made once for each state of the history and options; a page that is drawn every second sends them only when they
have changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import plotly.graph_objects as go
import streamlit as st

from framecast.runs.training_words import Finding, training_words
from framecast.ui.charts import CONFIG
from framecast.ui.loss_chart import Along, ahead_chart, loss_chart, stage_note
from framecast.ui.text import escaped

History = Sequence[Mapping[str, Any]]

_MOST_WORDS = 2
_ICONS = {"good": ":material/trending_up:", "note": ":material/info:", "warning": ":material/warning:"}
_COLOURS = {"good": "green", "note": "gray", "warning": "orange"}


def words(history: History, select_by: str) -> None:
    """The most serious findings, each with what to try."""
    for found in training_words(history, select_by)[:_MOST_WORDS]:
        st.markdown(_said(found))


def losses(run_id: str, history: History) -> None:
    """The loss chart with its switches, and what one must know to read it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        along = st.segmented_control(
            "Along",
            ["epoch", "step", "time"],
            default="epoch",
            required=True,
            key="losses_along",
            label_visibility="collapsed",
        )
        scores = [name for name in ("ssim", "mse") if any(name in row["valid_scores"] for row in history)]
        score = "ssim"
        if len(scores) > 1:
            picked = st.segmented_control(
                "Validation in", scores, default="ssim", required=True, key="losses_score", label_visibility="collapsed",
                format_func=str.upper,
            )  # fmt: skip
            score = str(picked)
        log = st.toggle("Log scale", key="losses_log", help="Off, the loss is drawn on a log scale only where it falls far.")
    figure = _loss_figure(run_id, len(history), str(history[-1]), str(along), score, log, _history=history)
    st.plotly_chart(figure, key="losses", config=CONFIG)
    if note := stage_note(history):
        st.caption(escaped(note))


def sees_ahead(run_id: str, history: History, forecaster: str) -> None:
    """The SSIM over the leads of the latest validation forecast; nothing where none was made."""
    validated = [row for row in history if row["valid_scores"]]
    figure = _ahead_figure(run_id, len(validated), str(validated[-1:]), forecaster, _history=history)
    if figure is not None:
        st.plotly_chart(figure, key="sees_ahead", config=CONFIG)


def _said(found: Finding) -> str:
    advice = f" :gray[{escaped(found.advice)}]" if found.advice else ""
    return f":{_COLOURS[found.kind]}[{_ICONS[found.kind]} **{escaped(found.sentence)}**]{advice}"


@st.cache_data(max_entries=64, show_spinner=False)
def _loss_figure(
    run_id: str, n_rows: int, last_row: str, along: str, score: str, log: bool, *, _history: History
) -> go.Figure:
    """Known by the last row, too: a run that was begun anew comes to as many rows as it had before."""
    return loss_chart(_history, score, along=cast(Along, along), log=log or None)


@st.cache_data(max_entries=64, show_spinner=False)
def _ahead_figure(
    run_id: str, n_validated: int, last_validated: str, forecaster: str, *, _history: History
) -> go.Figure | None:
    return ahead_chart(_history, forecaster)
