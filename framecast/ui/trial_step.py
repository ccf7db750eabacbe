"""How long will it take? One training step, measured on this machine in a process of its own while the page goes on.

The answer is remembered by what it depends on, for all sessions: a changed learning rate or time limit needs no new one.
"""

import streamlit as st

from framecast.files import bytes_in_words
from framecast.runs.trial import Question, Trial, duration
from framecast.series.frames import Split
from framecast.settings import Settings
from framecast.ui.desk import REFRESH_S, Desk, desk
from framecast.ui.text import escaped

MODULE = "framecast.runs.trial"


def trial_step(question: Question, settings: Settings, split: Split, needed_bytes: int) -> None:
    """Draw the measured time where it is known, the trial at work, or the button that begins it."""
    key = question.key()
    answer = desk().answer(key)
    if isinstance(answer, str):  # it may be otherwise by now: memory that was short is free again
        st.warning(escaped(answer))
    if isinstance(answer, dict):
        _show(Trial(**answer), settings, split, needed_bytes)
    elif answer is None and desk().works_on(key):
        st.fragment(_wait, run_every=REFRESH_S)(desk(), key)
    else:
        st.button(
            "How long will it take?",
            key="trial",
            icon=":material/timer:",
            on_click=desk().begin,
            args=(MODULE, key, {**vars(question), "settings": dict(question.settings)}),
            help="Takes a few training steps as they will be, on this machine, and measures time and memory. The page goes on "
            "meanwhile.",
        )


def _wait(work: Desk, key: str) -> None:
    if work.answer(key) is not None or not work.works_on(key):
        st.rerun()
    st.caption(":material/timer: Measuring a training step ...")


def _show(answer: Trial, settings: Settings, split: Split, needed_bytes: int) -> None:
    found = duration(answer, settings, split)
    st.markdown(escaped(found.sentence()))
    held = f" and held {bytes_in_words(answer.peak_bytes)} more than before" if answer.peak_bytes else ""
    st.caption(
        f"Measured: a step at full unroll took {answer.full_s:.2g} s{held}; {bytes_in_words(needed_bytes)} are counted."
    )
