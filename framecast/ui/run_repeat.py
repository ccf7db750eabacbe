"""How to ask for a run once more without this page: a command line and a script, both to be copied."""

import streamlit as st

from framecast.runs.overview import RunLine
from framecast.runs.repeat import repeat
from framecast.ui import resources
from framecast.ui.text import escaped


def run_repeat(line: RunLine) -> None:
    """Draw both, folded."""
    with st.expander("Repeat this run on the command line or in Python", icon=":material/terminal:"):
        found = repeat(resources.run_store().open(line.id))
        for note in found.notes:
            st.caption(escaped(note))
        if not found.command:
            return
        st.markdown("In a shell, in the folder of FrameCast and with the same workspace:")
        st.code(found.command, language="sh", wrap_lines=True)
        st.markdown("In Python:")
        st.code(found.script, language="python", wrap_lines=True)
