"""Which frames of the files are read: for long videos and stacks, of which a part is enough and all would fill the disk."""

import streamlit as st

from framecast.series.ingest import Wanted


def part_form(generation: int) -> None:
    """Draw the fields, closed at first; they are empty again for each `generation` of the upload box."""
    with st.expander("Only a part of the frames"):
        st.caption("Only these are read and stored, counted from 1. Set them before you add files.")
        with st.container(horizontal=True):
            for word, label, value, placeholder in (
                ("first", "First frame", 1, "1"),
                ("last", "Last frame", None, "the end"),
                ("every", "One frame in", 1, "1"),
            ):
                st.number_input(
                    label, min_value=1, value=value, step=1, placeholder=placeholder, key=_key(word, generation), width=90
                )


def chosen_part(generation: int) -> Wanted:
    """What the fields of this generation say. Raises SettingError where no frame would be left."""
    first, last, every = (st.session_state.get(_key(word, generation)) for word in ("first", "last", "every"))
    return Wanted((first or 1) - 1, last, every or 1)


def _key(word: str, generation: int) -> str:
    return f"upload_part_{word}_{generation}"
