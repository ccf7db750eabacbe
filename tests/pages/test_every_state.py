"""Every page, in every state a person can find it in, draws without an exception and says what to do next."""

import ast
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.runs.experiment import carry_out, plan
from framecast.runs.jobs import _Job, job_manager
from framecast.runs.notes import RunNotes, write_notes
from framecast.runs.record import RunRecord
from framecast.runs.snapshot import JobSnapshot
from framecast.runs.store import Run, RunStore
from framecast.series.frames import Preparation
from framecast.series.store import SeriesStore, StoredSeries
from framecast.training.progress import FitProgress

from .conftest import APP, Open, live, moving_blob, texts

PAGES = ("series", "train", "runs", "compare", "forecast")


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
    """Told is the last epoch that is kept: a line of progress may be there whose epoch is not."""
    run = RunStore(workspace).create(record)
    for epoch in (1, 2, 3):
        run.append_progress(FitProgress("Training on all history", epoch, epoch_done=True).to_mapping())
    app = open_page(page, run=record.id)
    assert not app.exception
    if page == "train":
        assert "before anything of it had been kept, so it begins anew" in app.warning[0].value
        assert app.button(key="resume_ended").label == "Resume"
        kept = run.folder / "checkpoint" / "last"
        (kept / "fit").mkdir(parents=True)
        (kept / "run.json").write_text('{"n_lines": 2}')
        assert "is kept, up to epoch 2 of “Training on all history”." in open_page(page, run=record.id).warning[0].value
        (kept / "run.json").write_text("{")
        app = open_page(page, run=record.id)
        assert not app.exception and "checkpoint/last" in app.error[0].value and "is kept" not in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_with_a_run_that_has_not_begun(page: str, open_page: Open, workspace: Path, record: RunRecord) -> None:
    RunStore(workspace).create(record)
    app = open_page(page, run=record.id)
    assert not app.exception
    if page == "train":
        assert "has not begun" in app.info[0].value and not app.warning
        assert app.button(key="resume_ended").label == "Resume"


@pytest.mark.parametrize("page", PAGES)
def test_with_a_live_run(page: str, open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, replace(record, forecaster="unet"))
    app = open_page(page)
    assert not app.exception
    if page == "train":
        assert app.get("progress")[0].text == "Training on all history"
        assert [metric.value for metric in app.metric[:3]] == ["CPU", "3 of 5", "1 min 30 s"]
        assert app.button(key=f"stop_run_{record.id}").label == "Stop and keep the best"


def test_a_live_run_is_found_again_without_its_address_and_the_form_begins_with_it(
    open_page: Open, workspace: Path, stored: StoredSeries, record: RunRecord
) -> None:
    newer = SeriesStore(workspace).add("newer", moving_blob(40))
    live(workspace, replace(record, forecaster="convlstm", preset="question", preparation=Preparation(16)))
    app = open_page("train")
    assert not app.exception
    assert app.button(key=f"stop_run_{record.id}") and app.button(key="train").label == "Train"
    assert app.button(key="forecaster:convlstm").label == "Chosen"
    assert app.selectbox(key="chosen_series_box").value == stored.digest != newer.digest
    assert "convlstm:question" in str([widget.key for widget in app.number_input])


def test_the_next_run_is_queued_beside_the_live_one(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    app = open_page("train")
    app.button(key="forecaster:climatology").click().run()
    app.button(key="train").click().run()
    assert not app.exception
    assert in_address(app) != record.id
    app.button(key=f"show_{record.id}").click().run()
    assert app.button(key=f"stop_run_{record.id}") and in_address(app) == record.id


def test_the_run_of_train_and_that_of_compare_are_chosen_apart(
    open_page: Open, workspace: Path, record: RunRecord, finished: Run
) -> None:
    other = replace(record, id=record.id + "b", title="other")
    live(workspace, other)
    app = open_page("train", run=other.id)
    app.switch_page("pages/compare.py").run()
    assert in_address(app) == finished.id
    app.query_params.clear()
    app.switch_page("pages/train.py").run()
    assert in_address(app) == other.id


@pytest.mark.parametrize("asked", ["nonsense", "../up", "20200101-000000-none-0000"])
def test_train_with_a_run_that_is_not_there_says_so_and_goes_on(open_page: Open, stored: StoredSeries, asked: str) -> None:
    app = open_page("train", run=asked)
    assert not app.exception and not app.error
    assert len(app.warning) == 1 and "address" in app.warning[0].value
    assert app.button(key="train") and "run" not in app.query_params


def test_few_frames_are_called_few(open_page: Open, workspace: Path) -> None:
    SeriesStore(workspace).add("nine", moving_blob(9))
    assert "9 frames only" in open_page("train").warning[0].value


@pytest.mark.parametrize(
    ("summary", "words"),
    [
        ({"stopped_early": True, "learned_nothing": True}, "Stopped before anything was learned"),
        ({"stopped_early": True}, "Stopped early"),
        ({"ended_by_time": True}, "Ended by the time limit"),
        ({}, "Finished"),
    ],
)
def test_how_a_run_ended_is_said(open_page: Open, finished: Run, summary: dict[str, bool], words: str) -> None:
    finished.write_summary({**summary, "finding": "Best after *3* epochs."})
    app = open_page("train", run=finished.id)
    box = app.warning if summary.get("learned_nothing") else app.info
    assert box[0].value.startswith(words)
    assert r"Best after \*3\* epochs\." in texts(app)
    if summary:
        assert words.lower() in texts(open_page("compare", run=finished.id)).lower()


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
    run_id = in_address(app)
    manager = job_manager(workspace)
    deadline = time.monotonic() + 600
    while manager.snapshot(run_id) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "Finished" in texts(open_page("train", run=run_id))
    compared = open_page("compare", run=run_id)
    assert not compared.exception
    first = [METRICS[name].title for name in ("ssim", "mse", "moving_rmse", "sharpness")]
    labels = [metric.label for metric in compared.metric]
    assert len(labels) == 4 and all(label.startswith(name) for label, name in zip(labels, first, strict=True)), labels
    assert "persistence" in texts(compared)


def test_the_ceiling_of_each_way_back_to_native_size_can_be_shown(
    open_page: Open, workspace: Path, stored: StoredSeries
) -> None:
    series = SeriesStore(workspace).open(stored.digest)
    changes = {"epochs": 1, "context": 2, "width": 4, "unroll": 1}
    asked = {"preparation": Preparation(8), "digest": stored.digest, "device": "cpu"}
    run = RunStore(workspace).create(plan(series, forecaster="advect", changes=changes, **asked))
    for _ in carry_out(run.record, series, run):
        pass
    app = open_page("compare", run=run.id)
    pills = next(group for group in app.button_group if str(group.key).startswith("rivals_"))
    ceilings = [option for option in pills.options if "Ceiling" in option]
    assert ceilings == ["Ceiling of 8 px, change", "Ceiling of 8 px, background", "Ceiling of 8 px, warp"]
    pills.set_value(["ceiling", "ceiling_background", "ceiling_warp"]).run()
    assert not app.exception


def test_a_preset_does_not_leak_into_another(open_page: Open, stored: StoredSeries) -> None:
    app = open_page("train")
    app.button(key="forecaster:unet").click().run()
    app.number_input(key="setting:unet:recommended:epochs").set_value(7).run()
    app.button(key="forecaster:convlstm").click().run()
    kind = FORECASTERS["convlstm"]
    assert app.number_input(key="setting:convlstm:recommended:epochs").value == kind.configure().to_mapping()["epochs"]
    app.button(key="forecaster:unet").click().run()
    assert app.number_input(key="setting:unet:recommended:epochs").value == 7


def test_a_run_begins_with_another_one_and_with_other_series(
    open_page: Open, workspace: Path, stored: StoredSeries
) -> None:
    """Offered is what fits: the settings of the form come from there, and the record keeps what was chosen."""
    small = {"context": 2, "width": 4, "levels": 1, "epochs": 1}
    series = SeriesStore(workspace).open(stored.digest)
    source = plan(series, forecaster="unet", changes=small, digest=stored.digest, device="cpu", title="the *source*")
    run = RunStore(workspace).create(source)
    list(carry_out(source, series, run, rules=dict.fromkeys(FORECASTERS, ())))
    other = SeriesStore(workspace).add("other", moving_blob(30))
    app = open_page("train")
    app.button(key="forecaster:unet").click().run()
    box = next(box for box in app.selectbox if box.label == "Series")
    box.set_value(stored.digest).run()
    app.number_input(key="setting:unet:recommended:epochs").set_value(3).run()
    app.selectbox(key=f"start:unet:{stored.digest}").set_value(run.id).run()
    assert app.number_input(key="setting:unet:recommended:epochs").value == 3, "typed before, and not what the network is"
    app.multiselect(key=f"also:unet:{stored.digest}").set_value([other.digest]).run()
    assert not app.exception
    assert app.number_input(key=f"setting:unet:recommended:{run.id}:width").value == 4
    assert "Begins with the weights of" in texts(app) and "Learns from **other** first" in texts(app)
    app.button(key="train").click().run()
    record = RunStore(workspace).open(in_address(app)).record
    assert (record.start_from, record.learned_from) == (run.id, (other.digest,))
    assert (record.settings["width"], record.settings["epochs"]) == (4, 3)
    manager = job_manager(workspace)
    deadline = time.monotonic() + 600
    manager.stop(record.id)
    while manager.snapshot(record.id) is not None and time.monotonic() < deadline:
        time.sleep(0.05)


def test_what_does_not_fit_is_refused_with_a_size_that_does(open_page: Open, workspace: Path) -> None:
    """At 785 x 785 x 3 the question's network has 1,851,005,275 weights, 27.6 GiB in training."""
    frames = (frame.repeat(50, axis=0).repeat(40, axis=1)[:785, :785] for frame in moving_blob(24))
    SeriesStore(workspace).add("the question", frames)
    app = open_page("train")
    app.button(key="forecaster:flatten_lstm").click().run()
    app.selectbox(key=next(box.key for box in app.selectbox if str(box.key).startswith("size:"))).set_value(785).run()
    assert not app.exception
    assert "1,851,005,275 weights" in app.get("progress")[0].text
    if app.error:
        app.button(key="use_size").click().run()
        assert not app.error
        assert app.button(key="train")


def test_two_frames_are_too_few_to_train_on_and_the_page_says_so(open_page: Open, workspace: Path) -> None:
    SeriesStore(workspace).add("pair", moving_blob(2))
    app = open_page("train")
    assert not app.exception
    assert "at least 3 are needed" in app.error[0].value


def test_compare_without_the_series_keeps_the_scores(open_page: Open, workspace: Path, finished: Run) -> None:
    SeriesStore(workspace).delete(finished.record.series)
    app = open_page("compare", run=finished.id)
    assert not app.exception
    assert "was deleted" in app.warning[0].value
    assert app.metric[0].label == "SSIM at lead 1"


def test_a_rule_is_marked_in_the_table_and_its_settings_are_in_words(open_page: Open, finished: Run) -> None:
    app = open_page("compare", run=finished.id)
    drawn = "".join(element.proto.body for element in app.get("html"))
    assert "Persistence (shown above)" in drawn and drawn.count("(shown above)") == 1
    assert "Means over all leads" in texts(app)


def test_what_stands_beside_a_run_is_named_as_it_is_called_and_goes_when_it_is_deleted(
    open_page: Open, workspace: Path, stored: StoredSeries, finished: Run
) -> None:
    series = SeriesStore(workspace).open(stored.digest)
    run = RunStore(workspace).create(plan(series, forecaster="damped", digest=stored.digest, device="cpu"))
    list(carry_out(run.record, series, run))
    write_notes(finished.folder, RunNotes(title="a :red[run]"))
    app = open_page("compare", run=run.id)
    app.toggle(key=f"persistence_{run.id}").set_value(True)
    app.multiselect(key=f"beside_{run.id}").set_value(["rule:climatology", "rule:dmd", finished.id]).run()
    assert not app.exception and "so a \\:red\\[run\\] · " in texts(app)
    RunStore(workspace).delete(finished.id)
    app.run()
    assert not app.exception and not app.warning
    assert app.multiselect(key=f"beside_{run.id}").value == ["rule:climatology", "rule:dmd"]


def test_delete_a_run(open_page: Open, workspace: Path, finished: Run) -> None:
    app = open_page("compare", run=finished.id)
    app.button(key="delete_run").click().run()
    assert len(RunStore(workspace).runs()) == 1
    app.button(key="delete_run_yes").click().run()
    assert not app.exception
    assert RunStore(workspace).runs() == []


def test_a_blend_shows_its_members_opens_them_and_finds_back(
    open_page: Open, workspace: Path, stored: StoredSeries
) -> None:
    series = SeriesStore(workspace).open(stored.digest)
    changes = {"minutes": 0.0, "networks": "none"}
    record = plan(series, forecaster="auto", changes=changes, digest=stored.digest, device="cpu")
    run = RunStore(workspace).create(record)
    list(carry_out(record, series, run))
    app = open_page("compare")
    assert not app.exception and app.query_params["run"] == run.id, "the blend stands before its members"
    assert "What it is made of" in texts(app) and "On earlier frames" in texts(app)
    (first, *_) = run.weights()
    app.button(key=f"open_member_{first}").click().run()
    (member, *_) = RunStore(workspace).members_of(run)
    assert not app.exception and app.query_params["run"] == member.id
    assert "What it is made of" not in texts(app) and "of the weight in" in texts(app)
    app.button(key="open_blend").click().run()
    assert app.query_params["run"] == run.id
    RunStore(workspace).delete(member.id)
    app.run()
    assert not app.exception and "No run of its own" in texts(app)


def test_an_unknown_run_in_the_address_is_told(open_page: Open, finished: Run) -> None:
    app = open_page("compare", run="20200101-000000-none-0000")
    assert not app.exception
    assert "newest finished one" in app.warning[0].value


@pytest.mark.parametrize("page", ["train", "forecast"])
def test_a_run_without_its_series_never_shows_a_digest(page: str, open_page: Open, workspace: Path, finished: Run) -> None:
    store = SeriesStore(workspace)
    store.delete(finished.record.series)
    store.add("another", moving_blob(30))
    app = open_page(page, run=finished.id)
    assert not app.exception and not app.error
    assert "The series of this run was deleted" in texts(app) and finished.record.series not in texts(app)


def test_what_was_forecast_its_length_and_its_caveat_are_there_when_one_comes_back(open_page: Open, finished: Run) -> None:
    app = open_page("forecast", run=finished.id)
    n_steps = finished.record.split.horizon + 2
    app.number_input(key=f"steps_{finished.id}").set_value(n_steps)
    app.button(key="forecast").click().run()
    for page in ("runs", "forecast"):
        app.switch_page(f"pages/{page}.py").run()
    assert not app.exception and app.number_input(key=f"steps_{finished.id}").value == n_steps
    assert app.get("download_button") and "how good it is beyond that is not known" in texts(app)


def test_forecast_beyond_offers_five_downloads(open_page: Open, finished: Run) -> None:
    app = open_page("forecast", run=finished.id)
    app.number_input(key=f"steps_{finished.id}").set_value(3)
    app.button(key="forecast").click().run()
    assert not app.exception
    assert len(app.get("download_button")) == 5
    assert "after frame 24" in texts(app)


def test_a_run_with_members_shows_how_sure_it_is(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    series = SeriesStore(workspace).open(stored.digest)
    changes = {"members": 2, "minutes": 0.0, "epochs": 1, "unroll": 2}
    record = plan(series, forecaster="ensemble", changes=changes, digest=stored.digest, device="cpu")
    run = RunStore(workspace).create(record)
    list(carry_out(record, series, run))
    app = open_page("compare", run=run.id)
    assert not app.exception
    assert "80% interval held the truth in" in texts(app).replace("\\", "") and "The band spans" in texts(app)
    assert {"CRPS at lead 1", "Spread at lead 1", "Spread / error at lead 1"} <= {metric.label for metric in app.metric}
    app = open_page("forecast", run=run.id)
    app.number_input(key=f"steps_{run.id}").set_value(3)
    app.button(key="forecast").click().run()
    assert not app.exception and len(app.get("download_button")) == 6


def test_the_first_page_paints_before_torch(workspace: Path, stored: StoredSeries) -> None:
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"app = AppTest.from_file({str(APP)!r}, default_timeout=180).run()\n"
        "assert not app.exception and app.metric[0].value == '24', app.exception\n"
        "assert 'torch' not in sys.modules, 'torch was imported'"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=APP.parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def in_address(app: AppTest) -> str:
    run_id = app.query_params["run"]
    return run_id[0] if isinstance(run_id, list) else run_id


@pytest.mark.parametrize(("box", "number"), [("Test frames", 500), ("Validation frames", 500)])
def test_a_split_that_does_not_fit_is_said_and_can_be_mended(
    open_page: Open, stored: StoredSeries, box: str, number: int
) -> None:
    app = open_page("train")
    (field,) = [one for one in app.number_input if one.label == box]
    before = field.value
    app = field.set_value(number).run()
    assert not app.exception and "at least 2 must remain" in app.error[0].value
    (field,) = [one for one in app.number_input if one.label == box]
    app = field.set_value(before).run()
    assert not app.error and app.button(key="train")


@pytest.mark.parametrize("page", [*(APP.parent / "pages").glob("*.py"), APP], ids=lambda path: path.stem)
def test_no_page_has_words_that_streamlit_would_draw(page: Path) -> None:
    """A text that stands alone in a page is written onto it; only the first one, which says what the file is, is not."""
    alone = [node.value for node in ast.parse(page.read_text()).body[1:] if isinstance(node, ast.Expr)]
    assert not [one.value for one in alone if isinstance(one, ast.Constant)]
