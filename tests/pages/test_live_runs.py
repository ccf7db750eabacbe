"""What the pages do for runs that are live: a banner everywhere, a queue in order, several queued at once, more training."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st

from framecast.drawing.film import FILE, Film
from framecast.errors import StorageError
from framecast.files import writing
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs import preflight as preflight_module
from framecast.runs.experiment import STAGE_LOOK_BACK, STAGE_SCORE, plan
from framecast.runs.filming import read_film
from framecast.runs.jobs import JobManager, _Job, job_manager
from framecast.runs.record import RunRecord
from framecast.runs.snapshot import JobSnapshot
from framecast.runs.store import Run, RunStore
from framecast.series.frames import Preparation, Split
from framecast.series.store import SeriesStore, StoredSeries
from framecast.training.progress import FitProgress
from framecast.ui import frame_parts
from framecast.ui.launch import title_key
from framecast.ui.launch_many import planned

from .conftest import Open, live, moving_blob, texts


def waits(workspace: Path, record: RunRecord, *names: str) -> list[str]:
    """Runs that wait behind the live one, with no thread that would begin them."""
    ids = []
    for seed, name in enumerate(names, 1):
        later = replace(record, id=f"{record.id}{name}", title=f"run {name}", seed=seed)
        RunStore(workspace).create(later)
        job_manager(workspace).jobs[later.id] = _Job(later, JobSnapshot(later.id, later.title))
        ids.append(later.id)
    return ids


def order(manager: JobManager) -> list[str]:
    return [one.title for one in manager.live() if one.phase == "waiting"]


def test_what_is_filled_in_on_train_outlives_the_page(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    app = open_page("train")
    app.button(key="forecaster:persistence").click().run()
    title = title_key("persistence", stored.digest)
    usual = app.text_input(key=title).value
    SeriesStore(workspace).rename(stored.digest, "renamed")
    app.switch_page("pages/runs.py").run()
    app.switch_page("pages/train.py").run()
    assert app.text_input(key=title).value == usual.replace(stored.name, "renamed") != usual
    app.text_input(key=title).set_value("mine").run()
    app.number_input(key="many_minutes").set_value(30.0).run()
    app.number_input(key="many_seeds").set_value(3).run()
    app.switch_page("pages/runs.py").run()
    app.switch_page("pages/train.py").run()
    assert not app.exception and app.text_input(key=title).value == "mine"
    assert (app.number_input(key="many_minutes").value, app.number_input(key="many_seeds").value) == (30.0, 3)


@pytest.mark.parametrize("page", ["series", "train", "compare", "forecast"])
def test_every_page_names_the_live_run_and_leads_to_it(page: str, open_page: Open, workspace: Path, record: RunRecord) -> None:
    assert not open_page(page).get("page_link") or page != "series"
    live(workspace, record)
    app = open_page(page)
    (link,) = [one for one in app.get("page_link") if "moving" in one.proto.label]
    assert "40%" in link.proto.label and "1 min 30 s left" in link.proto.label
    assert record.id in link.proto.query_string


def test_a_paused_run_that_is_named_is_not_counted_again(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    job = job_manager(workspace).jobs[record.id]
    job.snapshot = replace(job.snapshot, phase="paused")
    app = open_page("series")
    (link,) = [one for one in app.get("page_link") if "moving" in one.proto.label]
    assert "paused" in link.proto.label and "1 paused" not in texts(app)


def test_a_run_that_is_scored_is_not_named_as_done(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    job = job_manager(workspace).jobs[record.id]
    job.snapshot = replace(
        job.snapshot, phase="forecasting", progress=FitProgress(STAGE_SCORE, fraction=1.0, remaining_s=30.0)
    )
    (link,) = [one for one in open_page("series").get("page_link") if "moving" in one.proto.label]
    assert f"{STAGE_SCORE} · 30 s left" in link.proto.label and "100%" not in link.proto.label


def test_no_time_is_left_of_a_training_that_is_being_left(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, replace(record, forecaster="unet"))
    assert "Time left" in [one.label for one in open_page("train", run=record.id).metric]
    job = job_manager(workspace).jobs[record.id]
    job.snapshot = replace(job.snapshot, stopping=True)
    app = open_page("train", run=record.id)
    assert "within seconds" in texts(app) and "Time left" not in [one.label for one in app.metric]


@pytest.mark.parametrize(("forecaster", "said"), [("auto", "The simple rules are tried first."), ("analog", "")])
def test_nobody_waits_for_losses_while_rules_are_tried(
    forecaster: str, said: str, open_page: Open, workspace: Path, record: RunRecord
) -> None:
    live(workspace, replace(record, forecaster=forecaster))
    job = job_manager(workspace).jobs[record.id]
    job.snapshot = replace(job.snapshot, progress=FitProgress("Trying the simple rules"), history=())
    app = open_page("train", run=record.id)
    assert not app.exception
    assert said in texts(app) and "after the first epoch" not in texts(app)


def test_a_result_is_shown_while_it_is_looked_back_on(open_page: Open, workspace: Path, finished: Run) -> None:
    curves = {"mse": (1.0, 99.0), "persistence_mse": (1.0, 1.0), "ssim": (0.9, 0.1), "persistence_ssim": (0.8, 0.7)}
    epoch = FitProgress("Training", 1, 1, valid_scores={"ssim": 0.5}, epoch_done=True, valid_curves=curves)
    scoring = FitProgress(STAGE_SCORE, fraction=1.0)
    snapshot = JobSnapshot(finished.id, finished.record.title, "forecasting", progress=scoring, history=(epoch,))
    job = _Job(finished.record, snapshot)
    job_manager(workspace).jobs[finished.id] = job
    app = open_page("train", run=finished.id)
    assert not app.exception and "Finished." not in texts(app), "an old result stands while it is trained further"
    assert "It blew up at lead 2" in texts(app)
    job.snapshot = replace(snapshot, progress=FitProgress(STAGE_LOOK_BACK, fraction=1.0))
    app = open_page("train", run=finished.id)
    assert not app.exception and "Finished." in texts(app)
    assert "It blew up" not in texts(app), "of the validation frames, which nobody asks for beside the result"
    assert [one for one in app.get("page_link") if "Compare the forecast" in one.proto.label]
    assert "Finish now leaves that out" in texts(app) and app.button(key=f"stop_run_{finished.id}").label == "Finish now"
    (finished.folder / "scores.csv").write_text("damaged")
    app = open_page("train", run=finished.id)
    assert not app.exception and app.error and app.button(key="train"), "what is below it is drawn"


@pytest.mark.parametrize("page", ["train", "compare"])
def test_a_result_names_the_rules_that_were_not_scored(page: str, open_page: Open, finished: Run) -> None:
    """After "Finish now" the best simple rule is the best of those that were."""
    told = {**finished.summary(), "left_out": {"dmd": "Oscillations was not scored."}}
    for left in (True, False):
        (finished.folder / "summary.json").write_text(json.dumps({**told, "scoring_left": left}))
        app = open_page(page, run=finished.id)
        assert not app.exception and ("Not scored beside it" in texts(app)) == left
        assert "was left out: Oscillations" not in texts(app), "its reason names it"


def test_the_address_opens_a_run_in_another_browser(open_page: Open, workspace: Path, record: RunRecord) -> None:
    """A session that knows nothing but the address."""
    live(workspace, record)
    (other,) = waits(workspace, record, "other")
    app = open_page("train", run=other)
    assert not app.exception
    assert "run other" in texts(app) and app.get("progress")[0].text == "Waiting for 1 run to end"


def test_the_queue_is_put_in_another_order_and_emptied(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    a, b, c = waits(workspace, record, "a", "b", "c")
    manager = job_manager(workspace)
    app = open_page("train", run=record.id)
    assert "1 run at work, 3 waiting" in texts(app)
    app.button(key=f"down_{a}").click().run()
    assert order(manager) == ["run b", "run a", "run c"]
    app.button(key=f"next_{c}").click().run()
    assert order(manager) == ["run c", "run b", "run a"]
    assert app.button(key=f"up_{c}").disabled and app.button(key=f"down_{a}").disabled
    app.button(key=f"remove_{b}").click().run()
    assert not app.exception and order(manager) == ["run c", "run a"]
    assert RunStore(workspace).open(b).state == "interrupted", "its folder stays"


def test_the_queue_stays_in_its_place_whatever_is_above_it(
    open_page: Open, workspace: Path, record: RunRecord, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit drops a click in a fragment that has moved meanwhile."""
    places, fragment = [], st.fragment

    def noted(function: Any, **how: Any) -> Any:
        places.append((function.__name__, st.container()._get_delta_path_str()))
        return fragment(function, **how)

    live(workspace, replace(record, id=f"{record.id}live"))
    (waiting,) = waits(workspace, record, "waiting")
    monkeypatch.setattr(st, "fragment", noted)
    for shown in (f"{record.id}live", waiting, finished.id, "of another workspace"):
        assert not open_page("train", run=shown).exception
    drawn = [place for name, place in places if name == "_queue"]
    assert len(drawn) == 4 and len(set(drawn)) == 1


def test_a_run_that_waits_is_paused_and_goes_on_waiting(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    (a,) = waits(workspace, record, "a")
    app = open_page("train", run=a)
    app.button(key=f"pause_run_{a}").click().run()
    assert job_manager(workspace).snapshot(a).phase == "paused"  # type: ignore[union-attr]
    assert "Paused" in app.get("progress")[0].text and app.button(key=f"resume_run_{a}")
    assert f"stop_run_{a}" not in [one.key for one in app.button], "it has nothing to keep the best of"


def test_a_paused_run_can_be_taken_off_where_no_other_is_live(open_page: Open, workspace: Path, record: RunRecord) -> None:
    """The queue, which has a cross for it, is not drawn for the run that is shown alone."""
    live(workspace, record)
    job = job_manager(workspace).jobs[record.id]
    job.snapshot = replace(job.snapshot, phase="paused")
    app = open_page("train", run=record.id)
    assert app.button(key=f"stop_run_{record.id}")
    app.button(key=f"remove_run_{record.id}").click().run()
    assert not app.exception and not job_manager(workspace).live() and app.button(key="resume_ended")


def test_words_stand_before_the_curves(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, replace(record, forecaster="unet"))
    job = job_manager(workspace).jobs[record.id]
    curves = {"mse": (1.0, 99.0), "persistence_mse": (1.0, 1.0), "ssim": (0.9, 0.1), "persistence_ssim": (0.8, 0.7)}
    *before, last = job.snapshot.history
    job.snapshot = replace(job.snapshot, history=(*before, replace(last, valid_curves=curves)))
    app = open_page("train")
    assert not app.exception and "It blew up at lead 2" in texts(app)


def test_several_are_planned_with_every_seed_and_what_cannot_be_is_named(workspace: Path, stored: StoredSeries) -> None:
    series = SeriesStore(workspace).open(stored.digest)
    given = (series, stored.digest, Split.of(24, 4, 4), Preparation(16), "cpu")
    records, refused = planned(*given, ["unet", "convlstm"], [0, 1, 2], 2.0)
    assert [(one.forecaster, one.seed) for one in records] == [
        (name, seed) for name in ("unet", "convlstm") for seed in range(3)
    ]
    assert {one.settings["minutes"] for one in records} == {2.0} and not refused
    assert len({one.split for one in records}) == 1 and len({one.title for one in records}) == 6
    records, refused = planned(
        series, stored.digest, Split.of(24, 4, 0), Preparation(16), "cpu", ["unet", "ensemble"], [0], 0.0
    )
    assert [one.forecaster for one in records] == ["unet"] and "validation frames" in refused[0]


def test_all_of_these_are_queued_in_one_click(
    open_page: Open, workspace: Path, stored: StoredSeries, record: RunRecord
) -> None:
    live(workspace, record)
    manager = job_manager(workspace)
    manager.threads["cpu"] = _Busy()  # type: ignore[assignment]
    app = open_page("train")
    app.multiselect(key="many_forecasters").set_value(["unet", "convlstm"]).run()
    app.number_input(key="many_seeds").set_value(2).run()
    app.button(key="train_many").click().run()
    assert not app.exception
    waiting = [manager.jobs[one.run_id].record for one in manager.live() if one.phase == "waiting"]
    assert [(one.forecaster, one.seed) for one in waiting] == [("unet", 0), ("unet", 1), ("convlstm", 0), ("convlstm", 1)]
    app.button(key="train_many").click().run()  # pressed again before the page has answered
    assert not app.exception and not app.warning and waiting[0].id in app.query_params["run"]
    assert "4 of these were in the queue already" in app.success[0].value
    assert [manager.jobs[one.run_id].record for one in manager.live() if one.phase == "waiting"] == waiting
    for one in waiting:
        manager.remove(one.id)


def test_a_full_disk_is_named_and_what_was_queued_before_stays(
    open_page: Open, workspace: Path, stored: StoredSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager, create = job_manager(workspace), RunStore.create

    def full(store: RunStore, record: RunRecord) -> Run:
        if record.seed:
            raise StorageError("The disk is full.")
        return create(store, record)

    manager.threads["cpu"] = _Busy()  # type: ignore[assignment]
    monkeypatch.setattr(RunStore, "create", full)
    app = open_page("train")
    app.multiselect(key="many_forecasters").set_value(["unet"]).run()
    app.number_input(key="many_seeds").set_value(2).run()
    app.button(key="train_many").click().run()
    assert not app.exception and "The disk is full" in app.error[0].value and "1 run queued" in app.error[0].value
    (waiting,) = manager.live()
    manager.remove(waiting.run_id)


class _Busy:
    """A worker that never asks for the next run."""

    def is_alive(self) -> bool:
        return True

    def join(self, timeout: float | None = None) -> None:
        return None


def test_a_finished_run_is_trained_further_from_its_page(
    open_page: Open, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = FORECASTERS[finished.record.forecaster]
    asked: list[object] = []
    monkeypatch.setitem(FORECASTERS._entries, finished.record.forecaster, replace(kind, extensible=True))
    monkeypatch.setattr(JobManager, "extend", lambda self, run_id, **further: asked.append((run_id, further)))
    app = open_page("train", run=finished.id)
    app.button(key="extend").click().run()
    next(group for group in app.button_group if group.key == "further_unit").set_value("epochs").run()
    app.number_input(key="further_epochs").set_value(7).run()
    app.button(key="extend").click().run()
    assert not app.exception
    assert asked == [(finished.id, {"minutes": 5}), (finished.id, {"epochs": 7})]


def test_a_film_is_kept_of_the_forecast_that_it_shows(
    open_page: Open, workspace: Path, stored: StoredSeries, finished: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run comes to the end of more training while somebody's look at it is being kept."""
    series, before, made = SeriesStore(workspace).open(stored.digest), finished.forecast(), frame_parts.film_made

    def made_while_replaced(*given: Any) -> Film:
        film = made(*given)
        with writing(finished.folder / "forecast.npy") as handle:
            np.save(handle, before // 2)
        return film

    (finished.folder / FILE).unlink()
    monkeypatch.setattr(frame_parts, "film_made", made_while_replaced)
    app = open_page("compare", run=finished.id)
    assert not app.exception and read_film(finished, before, series, stored) is not None
    assert read_film(finished, finished.forecast(), series, stored) is None


def test_what_cannot_go_on_says_why(open_page: Open, workspace: Path, stored: StoredSeries, record: RunRecord) -> None:
    RunStore(workspace).create(record)
    SeriesStore(workspace).delete(stored.digest)
    SeriesStore(workspace).add("another", moving_blob(30))
    app = open_page("train", run=record.id)
    app.button(key="resume_ended").click().run()
    assert not app.exception and "not stored any more" in app.error[0].value


def test_a_failed_run_offers_what_may_help(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    series = SeriesStore(workspace).open(stored.digest)
    record = plan(series, forecaster="unet", digest=stored.digest, device="cpu")
    run = RunStore(workspace).create(record)
    run.write_remedies([{"batch_size": 2}])
    run.write_error("The memory ran out. Choose a batch of 2.", "trace")
    manager = job_manager(workspace)
    manager.threads["cpu"] = _Busy()  # type: ignore[assignment]
    app = open_page("train", run=run.id)
    assert app.button(key="remedy_batch_size").label == "Train again with a batch of 2"
    app.button(key="remedy_batch_size").click().run()
    assert not app.exception
    (again,) = [job.record for job in manager.jobs.values()]
    assert again.settings == {**record.settings, "batch_size": 2}
    manager.remove(again.id)


def test_crops_that_fit_are_one_click_away(open_page: Open, stored: StoredSeries, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = replace(_REFUSED, largest_crop=16, crop_tile=16)
    asked = lambda kind, settings, *_, **__: replace(offered, fits=settings.crop > 0)  # noqa: E731
    monkeypatch.setattr("framecast.ui.launch.preflight", asked)
    app = open_page("train")
    app.button(key="forecaster:unet").click().run()
    assert app.button(key="use_crop").label == "Learn from crops of 16 px, forecast in tiles of 16 px"
    app.button(key="use_crop").click().run()
    assert not app.exception and not app.error
    assert (app.session_state["setting:unet:recommended:crop"], app.session_state["setting:unet:recommended:tile"]) == (16, 16)
    assert app.button(key="train").label == "Train"


_REFUSED = preflight_module.Preflight(10, 10, 1, False, None, "It does not fit.")


def test_a_batch_that_fits_is_one_click_away(open_page: Open, stored: StoredSeries, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = FORECASTERS["convlstm"]
    assert kind.training_bytes is not None
    context = kind.configure(split=Split.of(24)).to_mapping()["context"]
    enough = kind.training_bytes(kind.configure(changes={"context": context, "batch_size": 2}), 16, 20, 3, "cpu") + 30_000
    monkeypatch.setattr(preflight_module, "available_bytes", lambda device: round(enough / preflight_module.ROOM))
    app = open_page("train")
    app.button(key="forecaster:convlstm").click().run()
    assert not app.exception and app.error
    batch = int(app.button(key="use_batch").label.split()[-1])
    assert batch == 2
    app.button(key="use_batch").click().run()
    assert not app.error and app.number_input(key="setting:convlstm:recommended:batch_size").value == batch
