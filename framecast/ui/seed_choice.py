"""The seed of a run: what chance is drawn from, so that the same choices give the same run."""

import streamlit as st

LARGEST = 2**32 - 1


def seed_choice(name: str, digest: str) -> int:
    """Draw the choice for this forecaster on this series and return it."""
    key = seed_key(name, digest)
    st.session_state.setdefault(key, 0)
    seed = st.number_input(
        "Seed",
        0,
        LARGEST,
        step=1,
        key=key,
        help="Where chance begins: the first weights and the order of the windows. The same seed gives the same run; another "
        "one shows how much was luck.",
        persist_state="session",
    )
    return int(seed)


def seed_key(name: str, digest: str) -> str:
    return f"seed:{name}:{digest}"
