"""Name, tags and note of one run, to be changed."""

from typing import Any

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.notes import LONGEST_NOTE, LONGEST_TITLE, RunNotes, read_notes, write_notes
from framecast.runs.overview import RunLine
from framecast.ui import state


def run_words(line: RunLine, lines: list[RunLine]) -> None:
    """Draw the form; `lines` are all runs, whose tags are offered. Saving an empty name gives the run its first one back."""
    tags = sorted({tag for one in lines for tag in one.notes.tags} | {*line.notes.tags})
    keys = _filled_in(line)
    with st.form(f"words_{line.id}", enter_to_submit=False):
        left, right = st.columns(2)
        left.text_input("Name", key=keys["title"], max_chars=LONGEST_TITLE)
        right.multiselect("Tags", tags, key=keys["tags"], accept_new_options=True, placeholder="Choose, or write a new one")
        st.text_area("Note", key=keys["note"], max_chars=LONGEST_NOTE, height=68)
        st.form_submit_button("Save name, tags and note", key=f"words_save_{line.id}", on_click=_save, args=(line, keys))


def _filled_in(line: RunLine) -> dict[str, str]:
    """The keys of the fields, each with what is saved by now where that is new: it may have been changed in another tab."""
    saved = {"title": line.record.title, "tags": list(line.notes.tags), "note": line.notes.note}
    keys = {part: f"words_{part}_{line.id}" for part in saved}
    drawn = st.session_state.get(_drawn(line), {})
    for part, words in saved.items():
        if keys[part] not in st.session_state or drawn.get(part) != words:
            st.session_state[keys[part]] = words
    st.session_state[_drawn(line)] = saved
    return keys


def _drawn(line: RunLine) -> str:
    return f"words_drawn_{line.id}"


def _save(line: RunLine, keys: dict[str, str]) -> None:
    """What was changed here, over what is noted by now: the rest may have been saved elsewhere since this was drawn."""
    drawn: dict[str, Any] = st.session_state[_drawn(line)]
    typed = {part: st.session_state[key] for part, key in keys.items()}
    changed = {part: words for part, words in typed.items() if words != drawn[part]}
    try:
        write_notes(line.folder, RunNotes.of(**{**read_notes(line.folder).to_mapping(), **changed}))
        st.session_state[_drawn(line)] = typed  # what was made of it, if anything, is followed like a change elsewhere
        state.say("success", "Saved.")
    except FrameCastError as error:
        state.say("error", str(error))
