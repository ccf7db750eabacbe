"""How long will it take? One training step, measured on this machine in a process of its own while the page goes on.

The answer is remembered by what it depends on, for all sessions: a changed learning rate or time limit needs no new one.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from framecast.files import bytes_in_words
from framecast.runs.trial import Question, Trial, duration
from framecast.series.frames import Split
from framecast.settings import Settings
from framecast.ui.text import escaped

REFRESH_S = 1.0
SOURCE = Path(__file__).parents[2]


@dataclass
class _Desk:
    """Trials of this server: answers by their question, and the one process that is at work."""

    answers: dict[str, Trial | str] = field(default_factory=dict)
    """A trial, or the sentence why there is none."""
    at_work: subprocess.Popen[str] | None = None
    asked: str = ""


@st.cache_resource(show_spinner=False)
def _desk() -> _Desk:
    return _Desk()


def trial_step(question: Question, settings: Settings, split: Split, needed_bytes: int) -> None:
    """Draw the measured time where it is known, the trial at work, or the button that begins it."""
    desk, key = _desk(), question.key()
    _collect(desk)
    if key in desk.answers:
        _show(desk.answers[key], settings, split, needed_bytes)
    elif desk.at_work is not None and desk.asked == key:
        st.fragment(_wait, run_every=REFRESH_S)(desk, key)
    else:
        st.button(
            "How long will it take?",
            key="trial",
            icon=":material/timer:",
            on_click=_begin,
            args=(desk, question),
            help="Takes a few training steps as they will be, on this machine, and measures time and memory. The page goes on "
            "meanwhile.",
        )


def _begin(desk: _Desk, question: Question) -> None:
    """Start the trial; one for other settings that is still at work is given up."""
    if desk.at_work is not None:
        desk.at_work.kill()
        desk.at_work.communicate()
    command = [sys.executable, "-m", "framecast.runs.trial"]
    desk.at_work = subprocess.Popen(
        command, cwd=SOURCE, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    desk.asked = question.key()
    assert desk.at_work.stdin is not None
    values = {**vars(question), "settings": dict(question.settings)}
    desk.at_work.stdin.write(json.dumps(values))
    desk.at_work.stdin.close()
    desk.at_work.stdin = None


def _collect(desk: _Desk) -> None:
    """Take the answer of a trial that has ended."""
    process = desk.at_work
    if process is None or process.poll() is None:
        return
    said, _ = process.communicate()
    desk.at_work = None
    if process.returncode:
        desk.answers[desk.asked] = "The trial ended without an answer; most likely the memory did not suffice for one step."
        return
    answer = json.loads(said)
    desk.answers[desk.asked] = str(answer["error"]) if "error" in answer else Trial(**answer)


def _wait(desk: _Desk, key: str) -> None:
    _collect(desk)
    if key in desk.answers or desk.at_work is None:
        st.rerun()
    st.caption(":material/timer: Measuring a training step ...")


def _show(answer: Trial | str, settings: Settings, split: Split, needed_bytes: int) -> None:
    if isinstance(answer, str):
        st.warning(escaped(answer))
        return
    found = duration(answer, settings, split)
    st.markdown(escaped(found.sentence()))
    held = f" and held {bytes_in_words(answer.peak_bytes)} more than before" if answer.peak_bytes else ""
    st.caption(
        f"Measured: a step at full unroll took {answer.full_s:.2g} s{held}; {bytes_in_words(needed_bytes)} are counted."
    )
