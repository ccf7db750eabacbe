"""The app without a browser, on a workspace of its own, with a tiny series whose law is known: a blob that moves."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from framecast.runs.experiment import carry_out, plan
from framecast.runs.jobs import _Job, job_manager
from framecast.runs.record import RunRecord
from framecast.runs.snapshot import JobSnapshot
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore, StoredSeries
from framecast.training.progress import FitProgress, Preview

APP = Path(__file__).parents[2] / "app.py"
N_FRAMES = 24
Open = Callable[[str], AppTest]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("FRAMECAST_WORKSPACE", str(tmp_path))
    yield tmp_path
    st.cache_resource.clear()


@pytest.fixture
def open_page(workspace: Path) -> Open:
    """Open the app at one of its pages, as a person who just came."""

    def opened(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=180)
        app.run()
        app.query_params.update(query)
        if page != "series":
            app.switch_page(f"pages/{page}.py")
            app.query_params.update(query)
        return app.run()

    return opened


@pytest.fixture
def stored(workspace: Path) -> StoredSeries:
    return SeriesStore(workspace).add("moving *blob*", moving_blob())


@pytest.fixture
def record(workspace: Path, stored: StoredSeries) -> RunRecord:
    return plan(SeriesStore(workspace).open(stored.digest), forecaster="persistence", digest=stored.digest, device="cpu")


@pytest.fixture
def finished(workspace: Path, stored: StoredSeries, record: RunRecord) -> Run:
    run = RunStore(workspace).create(record)
    for _ in carry_out(record, SeriesStore(workspace).open(stored.digest), run):
        pass
    assert run.state == "finished"
    return run


def moving_blob(n_frames: int = N_FRAMES, channels: int = 3) -> np.ndarray:
    y, x = np.mgrid[:16, :20]
    blob = np.stack([200 * np.exp(-((x - 4 - t / 3) ** 2 + (y - 8) ** 2) / 8) for t in range(n_frames)])
    return np.repeat(blob[..., None], channels, axis=-1).astype(np.uint8)


def texts(app: AppTest) -> str:
    """All that the page says, in one string."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.success, app.warning, app.info)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def live(workspace: Path, record: RunRecord) -> None:
    """A run that is at work, as the manager knows it; no thread behind it."""
    RunStore(workspace).create(record)
    epochs = tuple(
        FitProgress(
            "Training on all history", epoch + 1, 5, train_loss=1 / (epoch + 1), valid_scores={"ssim": 0.5}, epoch_done=True
        )
        for epoch in range(2)
    )
    now = FitProgress("Training on all history", 2, 5, fraction=0.4, remaining_s=90.0)
    frames = moving_blob(3)
    strip = Preview((1, 2, 3), 15, frames, frames)
    snapshot = JobSnapshot(record.id, record.title, "training", False, now, strip, epochs, time.time())
    job_manager(workspace).jobs[record.id] = _Job(record, snapshot)
