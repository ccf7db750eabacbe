"""What all sessions share: the workspace, its two stores and the process-wide job manager.

The stores are cheap to make and keep nothing in memory, so they are made anew; only the job manager must be one.
"""

from pathlib import Path

import streamlit as st

from framecast.errors import FrameCastError
from framecast.files import default_workspace
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.jobs import JobManager, job_manager
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore, StoredSeries


def workspace() -> Path:
    """Absolute, so that a job keeps its folder whatever the process does later."""
    return default_workspace().resolve()


def series_store() -> SeriesStore:
    return SeriesStore(workspace())


def stored_series(digest: str) -> StoredSeries | None:
    """The series of this digest, None where it was deleted."""
    return next((one for one in series_store().list() if one.digest == digest), None)


def run_store() -> RunStore:
    return RunStore(workspace())


def known_run(run_id: str) -> Run | None:
    """The run of this id, None where there is none that can be read."""
    try:
        return run_store().open(run_id)
    except FrameCastError:
        return None


def manager() -> JobManager:
    return job_manager(workspace())


@st.cache_resource(show_spinner="Waking the forecasters ...")
def wake() -> None:
    """Import torch and everything that can forecast, once per process, with a word on the screen while it takes seconds."""
    len(FORECASTERS)
