"""Name, tags and note of one run, to be changed."""

from dataclasses import replace

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.notes import LONGEST_NOTE, LONGEST_TITLE, RunNotes, read_notes, write_notes
from framecast.runs.overview import RunLine
from framecast.ui import state


def run_words(line: RunLine, lines: list[RunLine]) -> None:
    """Draw the form; `lines` are all runs, whose tags are offered. Saving an empty name gives the run its first one back."""
    tags = sorted({tag for one in lines for tag in one.notes.tags} | {*line.notes.tags})
    keys = [f"words_{part}_{line.id}" for part in ("title", "tags", "note")]
    with st.form(f"words_{line.id}", enter_to_submit=False):
        left, right = st.columns(2)
        left.text_input("Name", line.record.title, key=keys[0], max_chars=LONGEST_TITLE)
        right.multiselect(
            "Tags", tags, line.notes.tags, key=keys[1], accept_new_options=True, placeholder="Choose, or write a new one"
        )
        st.text_area("Note", line.notes.note, key=keys[2], max_chars=LONGEST_NOTE, height=68)
        st.form_submit_button("Save name, tags and note", key=f"words_save_{line.id}", on_click=_save, args=(line, keys))


def _save(line: RunLine, keys: list[str]) -> None:
    title, tags, note = (st.session_state[key] for key in keys)
    try:
        unchanged, now = title == line.record.title and not line.notes.title, read_notes(line.folder)
        notes = RunNotes.of(title="" if unchanged else title, tags=tags, note=note)
        write_notes(line.folder, replace(notes, pinned=now.pinned))  # it may have been pinned since this was drawn
        state.say("success", "Saved.")
    except FrameCastError as error:
        state.say("error", str(error))
