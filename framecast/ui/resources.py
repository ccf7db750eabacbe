"""What all sessions share: the workspace, its two stores and the process-wide job manager.

The stores are cheap to make and keep nothing in memory, so they are made anew; only the job manager must be one.
"""

import gc
import logging
from pathlib import Path

import streamlit as st

from framecast.errors import FrameCastError
from framecast.files import default_workspace
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.jobs import JobManager, job_manager
from framecast.runs.overview import Overview
from framecast.runs.store import Run, RunStore
from framecast.runs.trash import Trash
from framecast.series.store import SeriesStore, StoredSeries

LOG = logging.getLogger(__name__)


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


def finished_runs() -> list[Run]:
    """The newest first. Of a forecaster that is here no more nothing can be drawn, so that once all are awake, its runs are
    left out."""
    found = [run for run in run_store().runs() if run.state == "finished"]
    return [run for run in found if not FORECASTERS.ready or run.record.forecaster in FORECASTERS]


def manager() -> JobManager:
    return job_manager(workspace())


def overview() -> Overview:
    """All runs at a glance; one for all sessions, so that files are read once."""
    return _overview(workspace())


@st.cache_resource(show_spinner=False)
def _overview(workspace: Path) -> Overview:
    return Overview(workspace)


@st.cache_resource(show_spinner=False)
def empty_old_trash(workspace: Path) -> None:
    """Once per process: remove for good what has been in the trash for longer than it is kept."""
    try:
        Trash(workspace).empty()
    except (FrameCastError, OSError) as error:
        LOG.warning("The trash could not be emptied: %s", error)


@st.cache_resource(show_spinner="Waking the forecasters ...")
def wake() -> None:
    """Import torch and everything that can forecast, once per process, with a word on the screen while it takes seconds.

    Streamlit looks for garbage after every rerun, and holds up all threads meanwhile: a sixth of a second each time for the
    270,000 objects that imports have made and that stay. They are set aside, so that only what came later is looked through.
    """
    len(FORECASTERS)
    gc.collect()
    gc.freeze()
