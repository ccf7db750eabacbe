"""Runs: all of them in order, to be found again, set beside each other, taken along and cleared away."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.ui import page, resources
from framecast.ui.disk_view import disk_view
from framecast.ui.run_actions import run_actions
from framecast.ui.run_deletion import deletion_box
from framecast.ui.run_differences import run_differences
from framecast.ui.run_filter import filtered_runs
from framecast.ui.run_import import run_import, what_came_in
from framecast.ui.run_repeat import run_repeat
from framecast.ui.run_words import run_words
from framecast.ui.runs_table import live_states, runs_table, watch
from framecast.ui.trash_view import trash_view, undo_box

page.header("Runs", "All runs of this workspace: find them again, see what differs, take one along, clear away.")
resources.wake()
undo_box()
look = resources.overview()
lines, damaged = look.lines(), look.damaged()
if not lines:
    page.empty("There is no run yet. Train a forecaster, or import a run below.", "pages/train.py", "Go to Train")
else:
    states = live_states(lines)
    found, order = filtered_runs(lines, states)
    chosen = runs_table(found, states, order) if found else []
    what_came_in()
    try:
        if chosen:
            run_actions(chosen, states)
        if len(chosen) > 1:
            run_differences(chosen, lines)
        elif chosen:
            run_words(chosen[0], lines)
            run_repeat(chosen[0])
    except FrameCastError as error:
        page.refuse(error)
    watch(states)
for broken in damaged:
    st.warning(broken.sentence)
run_import()
trash_view()
disk_view(lines)
deletion_box()
