"""What changes between the drawing of a page and a click on it, and what two things that look alike are called."""

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.runtime.scriptrunner import RerunException
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData
from streamlit.testing.v1 import AppTest

from framecast.errors import ChoiceNeededError, SettingError
from framecast.runs.failure import recording_failure
from framecast.runs.notes import RunNotes, read_notes, write_notes
from framecast.runs.overview import Overview
from framecast.runs.record import RunRecord
from framecast.runs.store import Run
from framecast.runs.taking_over import STAGE
from framecast.series.ingest import Wanted
from framecast.series.received import Received
from framecast.series.store import SeriesStore, StoredSeries
from framecast.training.progress import FitProgress
from framecast.ui import run_actions, run_words, upload
from framecast.ui.comparison import name_and_unit
from framecast.ui.region_view import region_scores
from framecast.ui.series_view import _step
from framecast.ui.text import duration
from framecast.ui.upload_choice import Discarded

from .conftest import Open, live, moving_blob, texts
from .test_runs_page import other


@pytest.mark.parametrize("page", ["compare", "forecast"])
def test_runs_of_one_minute_are_told_apart(page: str, open_page: Open, finished: Run) -> None:
    twin = other(finished, "20990101-000000-persistence-aaaabbbb")
    for run in (finished, twin):
        write_notes(run.folder, RunNotes("The same"))
    for run in (finished, twin):
        app = open_page(page, run=run.id)
        assert not app.exception
        (box,) = [one for one in app.selectbox if one.label == "Run"]
        assert len(set(box.options)) == 2 and box.value == run.id


def test_series_whose_long_names_look_alike_are_told_apart(open_page: Open, workspace: Path) -> None:
    for number in range(2):  # a box shows the beginning and the end
        SeriesStore(workspace).add(f"{60 * 'a'}{number}{60 * 'b'}", moving_blob(20 + number))
    app = open_page("train")
    (box,) = [one for one in app.selectbox if one.label == "Series"]
    assert not app.exception and len(set(box.options)) == 2


def test_a_pin_and_words_do_not_undo_each_other(finished: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (drawn,) = Overview(workspace).lines()
    session: dict[str, object] = {}
    monkeypatch.setattr(run_words, "st", SimpleNamespace(session_state=session))
    keys = run_words._filled_in(drawn)
    session |= {keys["title"]: "A name", keys["tags"]: ["tag"], keys["note"]: "why"}
    monkeypatch.setattr(run_words.state, "say", lambda kind, sentence: None)
    run_words._save(drawn, keys)
    run_actions._pin([drawn], pinned=True)  # by a button that was drawn before the words were saved
    assert read_notes(finished.folder) == RunNotes("A name", ("tag",), "why", True)
    run_words._save(drawn, keys)  # by a form that was drawn before it was pinned
    assert read_notes(finished.folder).pinned


def test_a_pin_on_a_run_that_is_gone_is_one_sentence(finished: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []
    monkeypatch.setattr(run_actions.state, "say", lambda kind, sentence: said.append((kind, sentence)))
    (drawn,) = Overview(workspace).lines()
    shutil.rmtree(finished.folder)
    run_actions._pin([drawn], pinned=True)
    ((kind, sentence),) = said
    assert kind == "error" and sentence.startswith(f"The run '{finished.id}' was deleted.")


def test_the_player_of_a_run_that_was_deleted_meanwhile_says_so(finished: Run, workspace: Path) -> None:
    def drawn_before(run, store):  # type: ignore[no-untyped-def]  # its source is run by itself, and knows no names of here
        from framecast.ui.seen_forecast import seen_forecast

        seen_forecast(run, store.info(run.record.series), store)

    app = AppTest.from_function(drawn_before, args=(finished, SeriesStore(workspace)), default_timeout=180)
    shutil.rmtree(finished.folder)
    app.run()
    assert not app.exception and not app.error and [one.value for one in app.warning] == [
        "This run was deleted. The trash on the page Runs may still have it."
    ]  # fmt: skip


def test_a_series_that_was_deleted_in_another_tab_is_said_by_the_player_that_shows_it(finished: Run, workspace: Path) -> None:
    def drawn_before(run, stored, store):  # type: ignore[no-untyped-def]  # as above
        from framecast.ui.seen_forecast import seen_forecast

        seen_forecast(run, stored, store)

    store = SeriesStore(workspace)
    args = (finished, store.info(finished.record.series), store)
    app = AppTest.from_function(drawn_before, args=args, default_timeout=180)
    store.delete(finished.record.series)
    app.run()
    assert not app.exception and not app.error and "The scores remain." in texts(app)


def test_a_series_that_a_live_run_learns_from_first_is_not_deleted(
    open_page: Open, workspace: Path, stored: StoredSeries, record: RunRecord
) -> None:
    first = SeriesStore(workspace).add("learned from", moving_blob(20))
    live(workspace, replace(record, learned_from=(first.digest,)))
    app = open_page("series")
    app.button(key=f"series_{first.digest}").click().run()
    app.button(key="delete").click().run()
    assert not app.exception and "learning from learned from" in texts(app).replace("\\", "")
    assert "delete_yes" not in [button.key for button in app.button]


def test_damaged_frames_are_said_on_train_and_the_run_beside_is_still_there(
    open_page: Open, workspace: Path, stored: StoredSeries, record: RunRecord
) -> None:
    live(workspace, record)
    file = SeriesStore(workspace).folder / stored.digest / "frames.npy"
    file.write_bytes(b"\0" * os.path.getsize(file))
    app = open_page("train")
    assert not app.exception and app.error and app.button(key=f"stop_run_{record.id}")


def test_a_run_scored_over_very_many_frames_can_forecast_as_many(open_page: Open, finished: Run) -> None:
    first = finished.record.split.test.start
    split = replace(finished.record.split, test=range(first, first + 1500))
    long = other(finished, "20990101-long", split=split)
    app = open_page("forecast", run=long.id)
    assert not app.exception and app.number_input(key=f"steps_{long.id}").value == 1500


def test_the_forecast_of_a_run_that_went_further_is_made_anew(open_page: Open, finished: Run) -> None:
    app = open_page("forecast", run=finished.id)
    app.button(key="forecast").click().run()
    before = app.get("download_button")
    assert not app.exception and before
    import framecast.ui.beyond as beyond

    made: list[int] = []
    own, beyond.forecast_beyond = beyond.forecast_beyond, lambda *given: made.append(1) or own(*given)  # type: ignore
    try:
        app.run()
        assert not made, "kept"
        finished.write_forecast(np.asarray(finished.forecast()))
        app.run()
        assert not app.exception and made
    finally:
        beyond.forecast_beyond = own


def test_files_are_kept_where_somebody_clicks_while_they_are_stored(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, session = SeriesStore(workspace), {}
    monkeypatch.setattr(upload, "st", SimpleNamespace(session_state=session))

    def clicked(*given: object) -> None:
        raise RerunException(RerunData())

    monkeypatch.setattr(upload, "look", lambda files: SimpleNamespace(parts=[]))
    monkeypatch.setattr(upload, "_store", clicked)
    received = Received(store)
    arrived = (lambda: received.uploads), received, object()
    with pytest.raises(RerunException):
        upload._attempt(*arrived, store)  # type: ignore[arg-type]
    assert session[upload._RECEIVED] == arrived and received._gone.alive


def test_a_run_that_was_being_trained_further_offers_to_go_on_and_says_what_went_wrong(open_page: Open, finished: Run) -> None:
    stage = finished.folder / STAGE
    stage.mkdir()
    (stage / "error.txt").write_text("The memory ran out.\n\nTraceback")
    app = open_page("train", run=finished.id)
    assert not app.exception and "The memory ran out." in [one.value.replace("\\", "") for one in app.error]
    assert app.button(key="resume_ended").label == "Go on with the further training"


@pytest.mark.parametrize("learned", [0, 1])
def test_further_training_that_was_left_can_be_given_up_and_the_result_stays(
    open_page: Open, finished: Run, learned: int
) -> None:
    before = (finished.folder / "scores.csv").read_bytes()
    write_checkpoint(finished)
    staged = finished.stage({"minutes": 5})
    for _ in range(learned):
        staged.append_progress(FitProgress(stage="Training", epoch=1, epoch_done=True).to_mapping())
    app = open_page("train", run=finished.id)
    said = "What it learned since, 1 epoch, is lost" if learned else "It has learned nothing since"
    assert not app.exception and said in texts(app)
    app.button(key="give_up").click().run()
    assert not app.exception and finished.staged() is None and (finished.folder / "scores.csv").read_bytes() == before
    assert "give_up" not in [one.key for one in app.button] and "resume_ended" not in [one.key for one in app.button]


def test_further_training_is_not_given_up_while_somebody_carries_it_out(open_page: Open, finished: Run) -> None:
    write_checkpoint(finished)
    finished.stage({"minutes": 5})
    app = open_page("train", run=finished.id)
    with finished.hold():
        app.button(key="give_up").click().run()
    assert not app.exception and finished.staged() is not None
    assert any("carried out once at a time" in one.value for one in app.error)


def write_checkpoint(run: Run) -> None:
    folder = run.folder / "checkpoint" / "last"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text("{}")


def test_a_second_failure_is_not_told_with_the_words_of_the_first(finished: Run) -> None:
    finished.write_remedies([{"batch_size": 2}])
    for sentence in ("The first.", "The second."):
        with pytest.raises(SettingError), recording_failure(finished), recording_failure(finished):
            raise SettingError(sentence)
        assert finished.error() == sentence and finished.remedies() == []


def test_a_rectangle_that_sees_little_has_all_scores_but_ssim() -> None:
    valid = np.zeros((40, 40), bool)
    valid[:, :4] = True
    truth = np.random.default_rng(0).integers(0, 255, (3, 40, 40, 1)).astype(np.uint8)
    split = SimpleNamespace(origin=4, horizon=3)
    what = SimpleNamespace(series=SimpleNamespace(valid=valid, data_range=255.0), split=split, truth=truth)
    ssim, *others = region_scores(what, SimpleNamespace(name="a", forecast=truth[::-1]), (0, 0, 30, 30))  # type: ignore[arg-type]
    assert ssim.metric == "ssim" and np.isnan(ssim.values).all() and ssim.values.shape == (3,)
    assert [one.metric for one in others] == ["psnr", "mse", "mae"] and all(np.isfinite(one.values).any() for one in others)


def test_units_are_squared_whole_and_steps_of_time_are_not_rounded() -> None:
    assert name_and_unit("mse", "K") == "MSE (K²)" and name_and_unit("mse", "m/s") == "MSE ((m/s)²)"
    assert name_and_unit("mae", "m/s").endswith("(m/s)")
    seconds = (0.04, 1.0, 1.5, 90.0)
    assert [_step(timedelta(seconds=one)) for one in seconds] == ["1/25 s", duration(1), "1.5 s", duration(90)]


@pytest.mark.parametrize("clicked", [None, Discarded()])
def test_an_answer_whose_storing_was_broken_off_is_acted_on_again_unless_it_was_taken_back(
    clicked: Discarded | None, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    received, stored = Received(SeriesStore(workspace)), []
    answer = {"variable": "u"}
    waiting = upload._Waiting([], ChoiceNeededError("Which?"), received, Wanted(), answer=answer)
    session = {upload._WAITING: waiting}
    monkeypatch.setattr(upload, "st", SimpleNamespace(session_state=session, rerun=lambda: None))
    monkeypatch.setattr(upload, "choice_form", lambda *given: clicked)
    monkeypatch.setattr(upload, "_store", lambda files, chosen, wanted, store: stored.append(dict(chosen)))
    upload._ask(waiting, SeriesStore(workspace))
    assert stored == ([] if clicked else [answer]) and session == {} and not received._gone.alive
