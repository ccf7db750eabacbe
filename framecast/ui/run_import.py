"""Bringing in a run that was exported on another machine."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.transfer import Imported, import_run
from framecast.ui import page, resources
from framecast.ui.runs_table import choose
from framecast.ui.text import escaped, short

_SAID = "run_imported"
"""What to say once the page was drawn anew. Not at its top, where other notices stand: that may be out of sight."""


def what_came_in() -> None:
    """Say it of a run just imported: between the table, where it is chosen, and what can be done with it, which now stands
    where the box was."""
    if said := st.session_state.pop(_SAID, None):
        st.success(escaped(said))


def run_import() -> None:
    """Draw the box, folded. What is refused is said in its place; what came in is chosen in the table."""
    with st.expander("Import a run", icon=":material/upload:"):
        st.caption("A ZIP that FrameCast exported. It is checked like any file from outside; no run here is written over.")
        with st.form("import_run", border=False, clear_on_submit=True):
            file = st.file_uploader("Exported run", "zip", key="import_file")
            pressed = st.form_submit_button("Import", key="import_run_yes")
        if not pressed or file is None:
            return
        try:
            with st.spinner("Checking ..."):
                found = import_run(file, resources.workspace(), file.name)
        except FrameCastError as error:
            page.refuse(error)
            return
        choose([found.run.id])
        st.session_state[_SAID] = _words(found)
        st.rerun()


def _words(found: Imported) -> str:
    title = short(found.run.record.title, 80)
    words = [f"{title} was here before, as it is." if found.was_here else f"{title} is here."]
    words += ["Its series came with it."] if found.series_added else []
    return " ".join([*words, *([found.missing] if found.missing else [])])
