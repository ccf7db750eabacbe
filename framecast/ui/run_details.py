"""What a run was: its settings and circumstances, and the way to delete it."""

from collections.abc import Mapping

import streamlit as st

from framecast.errors import FrameCastError
from framecast.runs.store import Run, RunStore
from framecast.ui import state
from framecast.ui.text import duration, escaped, moment


def run_details(run: Run, runs: RunStore) -> None:
    record, summary = run.record, run.summary()
    with st.expander("Settings and circumstances of this run"):
        left, right = st.columns(2, gap="large")
        with left:
            _table("Setting", record.settings)
        with right:
            seconds = summary.get("fit_seconds", {}).get(record.forecaster)
            _table(
                "Circumstance",
                {
                    "begun": moment(record.created),
                    "time to fit": "" if seconds is None else duration(seconds),
                    "stopped early": "yes" if summary.get("stopped_early") else "no",
                    "device": record.device,
                    "seed": record.seed,
                    **{f"version of {name}": version for name, version in record.versions.items()},
                    "commit": record.commit,
                    "run": record.id,
                },
            )
        for name, reason in summary.get("left_out", {}).items():
            st.caption(f"{escaped(name)} was left out: {escaped(reason)}")
        if st.button("Delete this run", key="delete_run", icon=":material/delete:"):
            _delete(run, runs)


def _table(label: str, values: Mapping[str, object]) -> None:
    rows = [{label: name.replace("_", " "), "Value": str(value)} for name, value in values.items() if value != ""]
    st.dataframe(rows, hide_index=True, width="stretch")


@st.dialog("Delete run?")
def _delete(run: Run, runs: RunStore) -> None:
    st.markdown(f"**{escaped(run.record.title)}** with its weights, forecast and scores will be deleted.")
    with st.container(horizontal=True):
        deleted = st.button("Delete", type="primary", key="delete_run_yes", on_click=_do_delete, args=(run, runs))
        if st.button("Keep", key="delete_run_no") or deleted:
            st.rerun()


def _do_delete(run: Run, runs: RunStore) -> None:
    try:
        runs.delete(run.id)
        state.choose_run(None)
        state.say("success", f"Deleted {run.record.title}.")
    except FrameCastError as error:
        state.say("error", str(error))
