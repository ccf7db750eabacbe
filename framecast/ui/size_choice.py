"""The working size: what a network sees of each frame, and what that costs."""

import streamlit as st

from framecast.runs.preflight import default_preparation
from framecast.runs.sizing import USUAL_SIZES
from framecast.series.frames import Preparation
from framecast.series.store import StoredSeries
from framecast.ui.text import value


def size_choice(stored: StoredSeries, device: str) -> Preparation:
    """Draw the choice of the shorter side in pixels and say what it means. `device` ("cpu", "cuda...") sets the default."""
    short = min(stored.height, stored.width)
    key = size_key(stored.digest)
    smaller = size_options(short)
    if key not in st.session_state:
        st.session_state[key] = default_preparation(stored.height, stored.width, device).size or short
    options = sorted({*smaller, short, st.session_state[key]}, reverse=True)
    size = int(
        st.selectbox(
            "Working size",
            options,
            key=key,
            format_func=lambda size: _name(size, stored),
            help="What the network sees of a frame. The forecast comes back at full size, and scores are taken there.",
            persist_state="session",
        )
    )
    preparation = Preparation(None if size >= short else size)
    st.caption(_cost(stored, preparation))
    return preparation


def size_options(short: int) -> list[int]:
    """The usual working sizes below a shorter side of `short` pixels."""
    return [size for size in USUAL_SIZES if size < short]


def size_key(digest: str) -> str:
    return f"size:{digest}"


def use_size(digest: str, size: int) -> None:
    st.session_state[size_key(digest)] = size


def usual_size(largest: int) -> int:
    """The largest size of the list up to `largest`: what fits, with some room for what preflight does not count."""
    usual = [size for size in USUAL_SIZES if size <= largest]
    return usual[-1] if usual else largest


def _name(size: int, stored: StoredSeries) -> str:
    height, width = Preparation(size).working_shape(stored.height, stored.width)
    native = (height, width) == (stored.height, stored.width)
    return f"{width} × {height} px" + (" (native)" if native else "")


def _cost(stored: StoredSeries, preparation: Preparation) -> str:
    height, width = preparation.working_shape(stored.height, stored.width)
    times = stored.height * stored.width / (height * width)
    if times <= 1:
        return "Every pixel is learned; nothing is lost, and training takes as long as it takes."
    return (
        f"{value(round(times, 1))} times fewer pixels than native, and training is faster by about as much. Motion finer than "
        f"{value(round(stored.height / height, 1))} pixels is not learned; still detail is kept."
    )
