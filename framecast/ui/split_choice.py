"""How many frames are held back: two numbers and the bar they make."""

import streamlit as st

from framecast.series.frames import Split
from framecast.series.store import StoredSeries
from framecast.ui.split_bar import split_bar
from framecast.ui.text import count

FEW_FRAMES = 10


def split_choice(stored: StoredSeries) -> Split:
    """Draw the choice and return the split. Raises SettingError, with what would fit, where it leaves too few to train on."""
    default = Split.of(stored.n_frames)
    left, right = st.columns(2)
    with left:
        n_test = _number(
            "Test frames",
            f"test:{stored.digest}",
            default.horizon,
            1,
            "The last frames, held back from everything: they are forecast at the end and scored. This is the horizon.",
        )
    matching = Split.of(stored.n_frames, n_test)
    with right:
        n_valid = _number(
            "Validation frames",
            f"valid:{stored.digest}",
            len(matching.valid),
            0,
            "The frames before the test. They are forecast during training, to keep the best weights. With 0, the last.",
        )
    split = Split.of(stored.n_frames, n_test, n_valid)
    split_bar(split)
    return split


def short_series_note(stored: StoredSeries) -> None:
    """Warn where there are too few frames for scores to mean much."""
    if stored.n_frames < FEW_FRAMES:
        horizon = Split.of(stored.n_frames).horizon
        st.warning(
            f"This series has {count(stored.n_frames, 'frame')} only. Scores over so few leads ({horizon} as suggested) say "
            f"little about a forecaster; from {FEW_FRAMES} frames on they begin to."
        )


def use_split(digest: str, split: Split) -> None:
    """Let the form begin with this split of the series."""
    st.session_state[f"test:{digest}"] = split.horizon
    st.session_state[f"valid:{digest}"] = len(split.valid)


def _number(label: str, key: str, default: int, low: int, help: str) -> int:
    """A whole number. What is too large is not held back here: the split says in a sentence what would fit."""
    st.session_state[key] = int(st.session_state.get(key, default))
    number = st.number_input(label, low, step=1, key=key, help=help, persist_state="session")
    assert number is not None, "a number box that was given a value has one"
    return int(number)
