"""A run that another program carries out is watched from its folder, and nobody offers to go on with it meanwhile."""

from pathlib import Path

import pytest

from framecast.runs.record import RunRecord
from framecast.runs.store import Run, RunStore
from framecast.series.store import StoredSeries
from framecast.training.progress import FitProgress
from tests.runs.test_holding import held_elsewhere

from .conftest import Open, texts


def begun(workspace: Path, record: RunRecord) -> Run:
    run = RunStore(workspace).create(record)
    for epoch in (1, 2):
        scores = {"ssim": 0.4 + epoch / 10}
        now = FitProgress("Finding out how long to train", epoch, 8, epoch * 5, epoch / 8, 3.0, 95.0, 1 / epoch, scores)
        run.append_progress({**now.to_mapping(), "epoch_done": True})
    return run


def test_a_run_on_another_machine_is_shown_as_it_stands(
    open_page: Open, workspace: Path, record: RunRecord, stored: StoredSeries
) -> None:
    run = begun(workspace, record)
    held_elsewhere(run.folder / ".lock")
    app = open_page("train", run=run.id)
    assert not app.exception
    said = texts(app)
    assert "at work in process" in said and "node07" in said
    assert app.get("progress")[0].text == "Finding out how long to train"
    assert {metric.label: metric.value for metric in app.metric}.items() >= {"Epoch": "2", "Time left": "1 min 35 s"}.items()
    assert "resume_ended" not in {button.key for button in app.button}
    table = open_page("runs")
    assert table.dataframe[0].value["state"].tolist() == ["at work elsewhere"]

    (run.folder / ".lock").write_text("")  # it has left
    app = open_page("train", run=run.id)
    assert "resume_ended" in {button.key for button in app.button}


@pytest.mark.parametrize("doing", ["waiting", "paused"])
def test_a_run_that_does_not_run_is_not_said_to_be_at_work(
    open_page: Open, workspace: Path, record: RunRecord, stored: StoredSeries, doing: str
) -> None:
    run = RunStore(workspace).create(record)
    held_elsewhere(run.folder / ".lock", doing=doing)
    app = open_page("train", run=run.id)
    assert not app.exception
    said = texts(app)
    assert f"is {doing} in process" in said and "at work" not in said
    assert not app.get("progress"), "nothing begins"
