"""Every page, in every state a person can find it in, draws without an exception and says what to do next."""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.jobs import JobSnapshot, _Job, job_manager
from framecast.runs.record import RunRecord
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore, StoredSeries
from framecast.training.progress import FitProgress, Preview

from .conftest import APP, Open, moving_blob, texts

PAGES = ("series", "train", "compare", "forecast")


@pytest.mark.parametrize("page", PAGES)
def test_without_a_series(page: str, open_page: Open) -> None:
    app = open_page(page)
    assert not app.exception
    assert app.title[0].value == page.capitalize()
    if page != "series":
        assert "yet" in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_with_a_fresh_series(page: str, open_page: Open, stored: StoredSeries) -> None:
    assert not open_page(page).exception


@pytest.mark.parametrize("page", PAGES)
def test_with_a_finished_run(page: str, open_page: Open, finished: Run) -> None:
    assert not open_page(page, run=finished.id).exception


@pytest.mark.parametrize("page", PAGES)
def test_with_a_failed_run(page: str, open_page: Open, workspace: Path, record: RunRecord) -> None:
    RunStore(workspace).create(record).write_error("The loss became NaN in epoch 3. Choose a smaller learning rate.", "trace")
    app = open_page(page, run=record.id)
    assert not app.exception
    if page == "train":
        assert "smaller learning rate" in app.error[0].value


@pytest.mark.parametrize("page", PAGES)
def test_with_an_interrupted_run(page: str, open_page: Open, workspace: Path, record: RunRecord) -> None:
    RunStore(workspace).create(record)
    app = open_page(page, run=record.id)
    assert not app.exception
    if page == "train":
        assert "Start it again" in app.warning[0].value


@pytest.mark.parametrize("page", PAGES)
def test_with_a_live_run(page: str, open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    app = open_page(page)
    assert not app.exception
    if page == "train":
        assert app.get("progress")[0].text == "Training on all history"
        assert [metric.value for metric in app.metric[:3]] == ["CPU", "2 of 5", "1 min 30 s"]
        assert app.button(key="stop").label == "Stop and keep the best"


def test_a_live_run_is_found_again_without_its_address_and_another_can_be_set_up(
    open_page: Open, workspace: Path, record: RunRecord
) -> None:
    live(workspace, record)
    app = open_page("train")
    app.button(key="another").click().run()
    assert app.button(key="train").label == "Train"
    app.button(key=f"show_{record.id}").click().run()
    assert app.button(key="stop")


def test_a_run_that_waits_says_so(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    later = replace(record, id=record.id + "b", seed=1)
    job_manager(workspace).jobs[later.id] = _Job(later, JobSnapshot(later.id, later.title))
    RunStore(workspace).create(later)
    app = open_page("train", run=later.id)
    assert not app.exception
    assert app.get("progress")[0].text == "Waiting for 1 run to end"


def test_train_to_the_end_and_compare(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    app = open_page("train")
    app.button(key="forecaster:climatology").click().run()
    app.button(key="train").click().run()
    assert not app.exception
    run_id = app.query_params["run"]
    run_id = run_id[0] if isinstance(run_id, list) else run_id
    manager = job_manager(workspace)
    deadline = time.monotonic() + 60
    while manager.snapshot(run_id) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "Finished" in open_page("train", run=run_id).success[0].value
    compared = open_page("compare", run=run_id)
    assert not compared.exception
    assert [metric.label for metric in compared.metric] == [
        f"{name} at lead 1" for name in ("SSIM", "PSNR (dB)", "MSE", "MAE")
    ]
    assert "persistence" in compared.info[0].value


def test_a_preset_does_not_leak_into_another(open_page: Open, stored: StoredSeries) -> None:
    app = open_page("train")
    app.button(key="forecaster:unet").click().run()
    app.number_input(key="setting:unet:recommended:epochs").set_value(7).run()
    app.button(key="forecaster:convlstm").click().run()
    kind = FORECASTERS["convlstm"]
    assert app.number_input(key="setting:convlstm:recommended:epochs").value == kind.configure().to_mapping()["epochs"]
    app.button(key="forecaster:unet").click().run()
    assert app.number_input(key="setting:unet:recommended:epochs").value == 7


def test_what_does_not_fit_is_refused_with_a_size_that_does(open_page: Open, workspace: Path) -> None:
    """At 785 x 785 x 3 the question's network has 1,851,005,275 weights, 27.6 GiB in training."""
    frames = (frame.repeat(50, axis=0).repeat(40, axis=1)[:785, :785] for frame in moving_blob(24))
    SeriesStore(workspace).add("the question", frames)
    app = open_page("train")
    app.button(key="forecaster:flatten_lstm").click().run()
    app.selectbox(key=next(box.key for box in app.selectbox if str(box.key).startswith("size:"))).set_value(785).run()
    assert not app.exception
    assert app.metric[0].value == "1,851,005,275"
    if app.error:
        app.button(key="use_size").click().run()
        assert not app.error
        assert app.button(key="train")


def test_two_frames_are_too_few_to_train_on_and_the_page_says_so(open_page: Open, workspace: Path) -> None:
    SeriesStore(workspace).add("pair", moving_blob(2))
    app = open_page("train")
    assert not app.exception
    assert "at least 2 must remain" in app.error[0].value


def test_compare_without_the_series_keeps_the_scores(open_page: Open, workspace: Path, finished: Run) -> None:
    SeriesStore(workspace).delete(finished.record.series)
    app = open_page("compare", run=finished.id)
    assert not app.exception
    assert "was deleted" in app.warning[0].value
    assert app.metric[0].label == "SSIM at lead 1"


def test_delete_a_run(open_page: Open, workspace: Path, finished: Run) -> None:
    app = open_page("compare", run=finished.id)
    app.button(key="delete_run").click().run()
    assert len(RunStore(workspace).runs()) == 1
    app.button(key="delete_run_yes").click().run()
    assert not app.exception
    assert RunStore(workspace).runs() == []


def test_an_unknown_run_in_the_address_is_told(open_page: Open, finished: Run) -> None:
    app = open_page("compare", run="20200101-000000-none-0000")
    assert not app.exception
    assert "newest finished one" in app.warning[0].value


def test_forecast_beyond_offers_three_downloads(open_page: Open, finished: Run) -> None:
    app = open_page("forecast", run=finished.id)
    app.number_input(key=f"steps_{finished.id}").set_value(3)
    app.button(key="forecast").click().run()
    assert not app.exception
    assert len(app.get("download_button")) == 3


def test_the_first_page_paints_before_torch(workspace: Path, stored: StoredSeries) -> None:
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(APP)!r}, default_timeout=60).run()\n"
        "assert not app.exception and app.metric[0].value == '24', app.exception\n"
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=APP.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


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
    frame = moving_blob(1)[0]
    snapshot = JobSnapshot(record.id, record.title, "training", False, now, Preview(3, 17, frame, frame), epochs, time.time())
    job_manager(workspace).jobs[record.id] = _Job(record, snapshot)
