"""What a run was: its settings and circumstances, and the way to delete it."""

from collections.abc import Mapping

import streamlit as st

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.differences import settings_in_words
from framecast.runs.record import RunRecord
from framecast.runs.store import Run, RunStore
from framecast.ui import resources
from framecast.ui.run_deletion import ask_to_delete, deletion_box
from framecast.ui.text import cell, duration, escaped, moment, short


def run_details(run: Run, runs: RunStore) -> None:
    record, summary = run.record, run.summary()
    with st.expander("Settings and circumstances of this run"):
        left, right = st.columns(2, gap="large")
        with left:
            _table("Setting", settings_in_words(record))
        with right:
            seconds = summary.get("fit_seconds", {}).get(record.forecaster)
            _table(
                "Circumstance",
                {
                    "Begun": moment(record.created),
                    **_beginning(record, runs),
                    "Time to fit": "" if seconds is None else duration(seconds),
                    "Stopped early": _yes_or_no(bool(summary.get("stopped_early"))),
                    "Ended by the time limit": _yes_or_no(bool(summary.get("ended_by_time"))),
                    "Learned something": "no" if summary.get("learned_nothing") else "",
                    "Device": record.device,
                    "Seed": record.seed,
                    **{f"Version of {name}": version for name, version in record.versions.items()},
                    "Commit": record.commit,
                    "Run": record.id,
                },
            )
        for name, reason in summary.get("left_out", {}).items():
            title = FORECASTERS[name].title if name in FORECASTERS else name
            st.caption(escaped(reason if reason.startswith(title) else f"{title} was left out: {reason}"))
        doomed = [(run.id, run.record.title)]
        st.button("Delete this run", key="delete_run", icon=":material/delete:", on_click=ask_to_delete, args=(doomed,))
    deletion_box()


def _beginning(record: RunRecord, runs: RunStore) -> dict[str, str]:
    """The run and the series that it began with, by their names as long as they are there."""
    words = {}
    if record.start_from:
        source = next((run.record.title for run in runs.runs() if run.id == record.start_from), "a run deleted since")
        words["Started from"] = f"{short(source, 80)} ({record.start_from})"
    if record.learned_from:
        found = [(digest, resources.stored_series(digest)) for digest in record.learned_from]
        words["Learned first from"] = ", ".join(
            short(series.name, 80) if series else f"a series deleted since ({digest})" for digest, series in found
        )
    return words


def _yes_or_no(true: bool) -> str:
    return "yes" if true else "no"


def _table(label: str, values: Mapping[str, object]) -> None:
    rows = [{label: name, "Value": cell(str(shown))} for name, shown in values.items() if shown != ""]
    st.dataframe(rows, hide_index=True, width="stretch", height="content")
