"""What can be done with the chosen runs: look at them on the other pages, ask again with changes, take along, delete."""

from dataclasses import replace

import streamlit as st

from framecast.errors import FrameCastError
from framecast.files import bytes_in_words
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.notes import read_notes, write_notes
from framecast.runs.overview import RunLine
from framecast.runs.transfer import exported
from framecast.ui import resources, state
from framecast.ui.clicks import clicked
from framecast.ui.form_start import take_over
from framecast.ui.run_deletion import ask_to_delete
from framecast.ui.text import count, short

_LARGEST = 2**30
"""Bytes of a run that the browser is given: a ZIP is held in memory on its way there."""


def run_actions(chosen: list[RunLine], states: dict[str, str]) -> None:
    """Draw the buttons for one run or for several."""
    with st.container(horizontal=True, vertical_alignment="center", key="run_actions"):
        if len(chosen) == 1:
            _one(chosen[0], states)
        pinned = all(line.notes.pinned for line in chosen)
        st.button(
            "Unpin" if pinned else "Pin",
            key="pin_runs",
            icon=":material/keep_off:" if pinned else ":material/keep:",
            on_click=_pin,
            args=(chosen, not pinned),
            help="Pinned runs stay on top of the table.",
        )
        live = [line for line in chosen if states[line.id] != line.state]
        st.button(
            "Delete" if len(chosen) == 1 else f"Delete {count(len(chosen), 'run')}",
            key="delete_runs",
            icon=":material/delete:",
            disabled=bool(live),
            help="A live run can be deleted once it has ended." if live else "To the trash, from where it can come back.",
            on_click=ask_to_delete,
            args=([(line.id, line.record.title) for line in chosen],),
        )
    if len(chosen) == 1 and chosen[0].trouble:
        st.warning(chosen[0].trouble)


def _one(line: RunLine, states: dict[str, str]) -> None:
    run_id, query = line.id, {"run": line.id}
    if line.state == "finished" and line.record.forecaster in FORECASTERS:
        st.page_link("pages/compare.py", label="Compare", icon=":material/compare:", query_params=query)
        st.page_link("pages/forecast.py", label="Forecast", icon=":material/fast_forward:", query_params=query)
    st.page_link("pages/train.py", label="Show on Train", icon=":material/model_training:", query_params=query)
    if clicked(
        "Clone with changes",
        key="clone_run",
        icon=":material/content_copy:",
        help="Fills the form on Train with every choice of this run: change what you like, then train.",
    ):
        _clone(line)
    if states[run_id] == line.state:
        _export(line)


def _clone(line: RunLine) -> None:
    lost = take_over(line.record, resources.series_store().list())
    if lost:
        state.say("error", f"The form has what can be had of {short(line.record.title, 80)}. {' '.join(lost)}")
    else:
        state.say("success", f"The form has every choice of {short(line.record.title, 80)}. Change what you like, then train.")
    st.session_state[state.TRAINED] = None
    st.switch_page("pages/train.py")


def _export(line: RunLine) -> None:
    run = resources.run_store().open(line.id)
    series = resources.stored_series(line.record.series)
    with st.popover("Export", icon=":material/download:"):
        along = st.toggle(
            "With its series",
            key="export_series",
            disabled=series is None,
            help="Then the forecast can be compared and repeated on a machine that does not have the series.",
        )
        coming = [resources.stored_series(digest) for digest in run.record.all_series if along and series]
        n_bytes = line.n_bytes + sum(one.n_bytes for one in coming if one is not None)
        if n_bytes > _LARGEST:
            st.caption(f"{bytes_in_words(n_bytes)} are too much for a browser. On the command line:")
            extra = " --with-series" if along else ""
            st.code(f"python -m framecast runs export {line.id} --out run.zip{extra}", language="sh", wrap_lines=True)
            return
        st.download_button(
            "Save as one ZIP",
            lambda: exported(run, with_series=bool(along and series)),
            f"{line.id}.zip",
            "application/zip",
            key="export_run",
            on_click="ignore",
        )
        st.caption(f"At most {bytes_in_words(n_bytes)}. Import it on another machine on this page.")


def _pin(chosen: list[RunLine], pinned: bool) -> None:
    """Of what is noted by now: words may have been saved since the button was drawn."""
    try:
        for line in chosen:
            write_notes(line.folder, replace(read_notes(line.folder), pinned=pinned))
    except FrameCastError as error:
        state.say("error", str(error))
