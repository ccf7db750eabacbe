"""One line on every page that names the runs at work and leads to them.

It refreshes by itself, and only while something is live; the page around it is not drawn again.
"""

import streamlit as st

from framecast.runs.jobs import JobManager
from framecast.runs.snapshot import JobSnapshot
from framecast.ui.text import count, duration, escaped, short

REFRESH_S = 2.0
_NAMED = 2
"""Runs at work that are named; of others the number."""


def banner(manager: JobManager) -> None:
    """Draw it where a run is live."""
    place = st.container(key="banner")  # always there, so that what stands below never moves by one
    if manager.live():
        with place:
            st.fragment(_banner, run_every=REFRESH_S)(manager)


def _banner(manager: JobManager) -> None:
    live = manager.live()
    at_work = [one for one in live if one.phase in ("training", "forecasting")]
    named = (at_work or live)[:_NAMED]
    others = [one for one in live if one not in named]
    n_waiting, n_paused = (sum(one.phase == phase for one in others) for phase in ("waiting", "paused"))
    rest = [f"{n_waiting} waiting" * bool(n_waiting), f"{n_paused} paused" * bool(n_paused)]
    more = len(at_work) - len(named)
    rest = [f"{count(more, 'more run')} at work" * (more > 0), *rest]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for one in named:
            st.page_link(
                "pages/train.py", label=_label(one), icon=":material/model_training:", query_params={"run": one.run_id}
            )
        if said := ", ".join(one for one in rest if one):
            st.caption(said, width="content")


def _label(one: JobSnapshot) -> str:
    title = escaped(short(one.title))
    if one.phase in ("waiting", "paused"):
        return f"{title} · {one.phase}"
    left = f" · {duration(one.progress.remaining_s)} left" if one.progress and one.progress.remaining_s is not None else ""
    return f"{title} · {how_far(one)}{left}"


def how_far(one: JobSnapshot) -> str:
    """How much of it is trained or, where that is all and there is still something to do, what is done."""
    if one.progress and one.phase == "forecasting":
        return escaped(one.progress.stage)
    return f"{one.progress.fraction if one.progress else 0:.0%}"
