"""Runs: what the page shows is what is in the workspace, and what it does can be undone."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from framecast.files import bytes_in_words
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import carry_out, plan
from framecast.runs.notes import RunNotes, read_notes, write_notes
from framecast.runs.overview import Overview
from framecast.runs.record import SOURCE, RunRecord
from framecast.runs.store import Run, RunStore
from framecast.runs.trash import Trash
from framecast.series.frames import Preparation, Split
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import runs_table

from .conftest import Open, live, moving_blob, texts


def chosen(app: AppTest, *runs: Run) -> AppTest:
    app.multiselect(key="runs_box_0").set_value([run.id for run in runs]).run()
    assert not app.exception, app.exception
    return app


def other(run: Run, name: str, **own: object) -> Run:
    """A run with the files of another one."""
    record = replace(run.record, id=name, title=f"Run {name}", **own)
    shutil.copytree(run.folder, run.folder.with_name(name))
    (run.folder.with_name(name) / "record.json").write_text(json.dumps(record.to_mapping()))
    return run.store.open(name)


def table(app: AppTest) -> list[str]:
    """The names in the table, from the top."""
    return list(app.dataframe[0].value["name"])


def test_a_table_that_is_gone_does_not_undo_a_choice_in_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """A browser that clicks while the page is drawn anew still tells of the table before."""
    session: dict[str, object] = {"before": {"selection": {"rows": []}}, "after": {"selection": {"rows": [1]}}}
    monkeypatch.setattr(runs_table, "st", SimpleNamespace(session_state=session))
    runs_table.choose(["a"])  # by neither of the two
    runs_table._chosen_in_table("before", ["a", "b"], 0)
    session["box"] = []
    runs_table._chosen_in_box("box", 0)
    assert session[runs_table.CHOSEN] == ["a"]
    runs_table._chosen_in_table("after", ["a", "b"], 1)
    assert session[runs_table.CHOSEN] == ["b"]
    runs_table._chosen_in_box("box", 1)  # as it was before the table chose
    assert session[runs_table.CHOSEN] == ["b"]
    runs_table._chosen_in_table("after", ["b", "c"], 1)  # a second row, before the browser has the new box
    assert session[runs_table.CHOSEN] == ["c"]
    runs_table._chosen_in_box("box", 3)
    assert session[runs_table.CHOSEN] == []


def test_all_runs_stand_in_the_table_live_and_damaged_ones_too(
    open_page: Open, workspace: Path, record: RunRecord, finished: Run
) -> None:
    live(workspace, replace(record, id=record.id + "b", title="at it", forecaster="unet"))
    RunStore(workspace).create(replace(record, id=record.id + "c", title="left"))
    (finished.folder.with_name("broken")).mkdir()
    app = open_page("runs")
    assert not app.exception
    shown = app.dataframe[0].value
    assert dict(zip(shown["name"], shown["state"], strict=True)) == {
        finished.record.title: "finished",
        "at it": "at work",
        "left": "interrupted",
    }
    assert "record.json is missing" in app.warning[0].value
    (mean,) = {line.means["ssim"] for line in Overview(workspace).lines() if line.means}
    assert mean in list(shown["ssim"])


def test_names_in_the_table_are_taken_away_as_text(open_page: Open, finished: Run) -> None:
    """The table can be downloaded as CSV, which a spreadsheet would compute."""
    other(finished, "20250101-a", series_name='=HYPERLINK("http://evil")')
    assert '\'=HYPERLINK("http://evil")' in list(open_page("runs").dataframe[0].value["series"])


def test_filter_and_order(open_page: Open, finished: Run) -> None:
    other(finished, "20250101-a", created="2025-01-01T00:00:00+00:00")
    pinned = other(finished, "20240101-b", created="2024-01-01T00:00:00+00:00")
    write_notes(pinned.folder, RunNotes(tags=("good",), pinned=True))
    app = open_page("runs")
    assert table(app) == ["Run 20240101-b", finished.record.title, "Run 20250101-a"]
    app.selectbox(key="runs_order").set_value("name").run()
    app.toggle(key="runs_turned").set_value(True).run()
    assert table(app) == ["Run 20240101-b", "Run 20250101-a", finished.record.title]
    app.multiselect(key="runs_tags").set_value(["good"]).run()
    assert table(app) == ["Run 20240101-b"] and "1 run of 3" in texts(app)
    app.multiselect(key="runs_tags").set_value([]).run()
    app.text_input(key="runs_text").set_value("nothing like it").run()
    assert not app.exception and not app.dataframe and "None of the 3 runs is like that." in texts(app)


def test_a_filter_that_does_not_keep_the_only_run_says_so(open_page: Open, finished: Run) -> None:
    app = open_page("runs")
    app.text_input(key="runs_text").set_value("nothing like it").run()
    assert not app.dataframe and "The only run is not like that. Change or empty" in texts(app)


def test_a_choice_stays_with_its_run_when_the_order_changes(open_page: Open, finished: Run) -> None:
    later = other(finished, "20990101-a", created="2099-01-01T00:00:00+00:00")
    app = chosen(open_page("runs"), finished)
    app.selectbox(key="runs_order").set_value("name").run()
    app.toggle(key="runs_turned").set_value(True).run()
    assert app.multiselect(key="runs_box_0").value == [finished.id]
    app.text_input(key="runs_text").set_value("20990101").run()
    assert app.multiselect(key="runs_box_0").value == []
    app.text_input(key="runs_text").set_value("").run()
    box = app.multiselect(key="runs_box_0")
    assert box.value == [finished.id] and later.id in box.options[0]


def test_name_tags_and_note_are_saved(open_page: Open, finished: Run) -> None:
    app = chosen(open_page("runs"), finished)
    app.text_input(key=f"words_title_{finished.id}").set_value("A *new* name")
    app.text_area(key=f"words_note_{finished.id}").set_value("why")
    app.button(key=f"words_save_{finished.id}").click().run()
    assert not app.exception and table(app) == ["A *new* name"]
    app.button(key="pin_runs").click().run()
    assert read_notes(finished.folder) == RunNotes("A *new* name", (), "why", True)
    assert finished.store.open(finished.id).record.title == "A *new* name"
    assert app.button(key="pin_runs").label == "Unpin"


def test_saving_one_field_leaves_what_another_tab_has_noted_since(open_page: Open, finished: Run) -> None:
    app = chosen(open_page("runs"), finished)
    title, note, save = (f"words_{part}_{finished.id}" for part in ("title", "note", "save"))
    write_notes(finished.folder, RunNotes(tags=("good",), note="two hours of thought"))
    app.text_input(key=title).set_value("another name")
    app.button(key=save).click().run()
    assert read_notes(finished.folder) == RunNotes("another name", ("good",), "two hours of thought")
    assert app.text_area(key=note).value == "two hours of thought"
    write_notes(finished.folder, RunNotes("another name", note="less"))
    app.run()
    assert app.text_area(key=note).value == "less" and app.multiselect(key=f"words_tags_{finished.id}").value == []
    app.text_area(key=note).set_value("")
    app.text_input(key=title).set_value("")
    app.button(key=save).click().run()
    assert read_notes(finished.folder) == RunNotes() and app.text_input(key=title).value == finished.record.title


def test_delete_and_undo(open_page: Open, workspace: Path, finished: Run) -> None:
    second = other(finished, "20990101-a")
    app = chosen(open_page("runs"), finished, second)
    app.button(key="delete_runs").click().run()
    assert len(RunStore(workspace).runs()) == 2, "asked first"
    app.run()  # drawn anew for a reason of its own: the question stands
    app.button(key="delete_run_no").click().run()
    assert "delete_run_yes" not in str([button.key for button in app.run().button])
    app.button(key="delete_runs").click().run()
    app.button(key="delete_run_yes").click().run()
    assert RunStore(workspace).runs() == [] and len(Trash(workspace).list()) == 2 and not app.exception
    app.button(key="undo_delete").click().run()
    assert len(RunStore(workspace).runs()) == 2 and Trash(workspace).list() == [] and not app.exception
    assert "undo_delete" not in str([button.key for button in app.button])


def test_a_run_comes_back_from_the_trash(open_page: Open, workspace: Path, finished: Run) -> None:
    trashed = Trash(workspace).put(finished.id)
    app = open_page("runs")
    assert "no run yet" in texts(app)
    app.button(key=f"back_{trashed.name}").click().run()
    assert not app.exception and [run.id for run in RunStore(workspace).runs()] == [finished.id]


def test_a_live_run_has_no_way_to_be_deleted(open_page: Open, workspace: Path, record: RunRecord) -> None:
    live(workspace, record)
    app = open_page("runs")
    app.multiselect(key="runs_box_0").set_value([record.id]).run()
    assert not app.exception and app.button(key="delete_runs").disabled


def test_the_members_of_a_blend_stay_unless_that_is_asked(open_page: Open, workspace: Path, finished: Run) -> None:
    member = other(finished, "20990101-m", member_of=finished.id)
    app = chosen(open_page("runs"), finished)
    app.button(key="delete_runs").click().run()
    assert "1 run is a member of the blend" in texts(app)
    app.button(key="delete_run_yes").click().run()
    assert [run.id for run in RunStore(workspace).runs()] == [member.id]
    app.button(key="undo_delete").click().run()
    app = chosen(open_page("runs"), finished)
    app.button(key="delete_runs").click().run()
    app.toggle(key="delete_members").set_value(True)
    app.button(key="delete_run_yes").click().run()
    assert RunStore(workspace).runs() == [] and len(Trash(workspace).list()) == 2


def test_a_run_whose_forecaster_is_gone_is_seen_and_deleted_and_spoils_nothing(
    open_page: Open, workspace: Path, finished: Run
) -> None:
    gone = other(finished, "20990101-gone", forecaster="gone_plugin")
    app = open_page("runs")
    assert "gone_plugin" in list(app.dataframe[0].value["forecaster"])
    chosen(app, gone, finished)
    assert "gone_plugin" in app.dataframe[1].value.to_string()
    chosen(app, gone)
    app.button(key="delete_runs").click().run()
    app.switch_page("pages/compare.py").run()
    assert not app.exception and not app.error and gone.id not in str(app.multiselect(key=f"beside_{finished.id}").options)
    app.query_params["run"] = gone.id
    app.switch_page("pages/forecast.py").run()
    assert not app.exception and not app.error and app.session_state["chosen_run"] == finished.id
    app.switch_page("pages/runs.py").run()
    chosen(app, gone)
    app.button(key="delete_runs").click().run()
    app.button(key="delete_run_yes").click().run()
    assert not app.exception and [run.id for run in RunStore(workspace).runs()] == [finished.id]


def test_what_differs_is_shown_in_words(open_page: Open, finished: Run) -> None:
    second = other(finished, "20990101-a", seed=3)
    app = chosen(open_page("runs"), finished, second)
    shown = app.dataframe[1].value
    assert list(shown["What"]) == ["Seed"] and sorted(map(str, shown.iloc[0, 2:])) == ["0", "3"]


def test_how_to_repeat_it_is_shown(open_page: Open, finished: Run) -> None:
    app = chosen(open_page("runs"), finished)
    command, batch, script = (block.value for block in app.code)
    assert command.startswith("python -m framecast run ") and "carry_out" in script
    assert batch.startswith("#!/bin/bash\n#SBATCH ") and batch.endswith(f"exec {command}")
    said = command + batch + script
    assert str(finished.folder.parents[1]) not in said and str(SOURCE) not in said, "no path of the server"


def test_it_is_shown_for_several_processes_where_a_network_is_trained(
    open_page: Open, finished: Run, workspace: Path, stored: StoredSeries
) -> None:
    series = SeriesStore(workspace).open(stored.digest)
    run = RunStore(workspace).create(plan(series, forecaster="unet", digest=stored.digest, device="cpu"))
    app = chosen(open_page("runs"), run)
    assert [block.value for block in app.code][0].startswith("python -m framecast run ")
    app.number_input(key=f"repeat_processes_{run.id}").set_value(4).run()
    command, batch, _ = (block.value for block in app.code)
    assert command.startswith("torchrun --standalone --nproc-per-node=4 -m framecast run ")
    assert batch.endswith(f"exec {command}")
    app.number_input(key=f"repeat_machines_{run.id}").set_value(3).run()
    batch, _ = (block.value for block in app.code)
    assert "#SBATCH --nodes=3\n" in batch and "torchrun --nnodes=3 --nproc-per-node=4" in batch


def test_a_clean_up_says_what_it_frees_and_then_does(open_page: Open, workspace: Path, finished: Run) -> None:
    Trash(workspace).put(other(finished, "20990101-a").id)
    app = open_page("runs")
    app.button(key="clean_up").click().run()
    assert "1 deleted run in the trash" in texts(app) and len(Trash(workspace).list()) == 1
    app.button(key="clean_up_yes").click().run()
    assert not app.exception and Trash(workspace).list() == [] and len(RunStore(workspace).runs()) == 1
    assert "were freed" in texts(app) and "Clean up?" not in texts(app), "the dialog is closed"


@pytest.mark.parametrize("forecaster", ["unet", "convlstm"])
def test_a_clone_has_every_single_choice(
    open_page: Open, workspace: Path, stored: StoredSeries, forecaster: str
) -> None:
    """Each setting is moved away from what it would be, one is changed in the form, and Train queues exactly the rest."""
    series, kind = SeriesStore(workspace).open(stored.digest), FORECASTERS[forecaster]
    usual = kind.configure("question").to_mapping()
    moved = {field.name: value for field in kind.settings.fields() if (value := away(field, usual[field.name])) is not None}
    asked = {"split": Split.of(24, 4, 3), "preparation": Preparation(12), "seed": 11, "digest": stored.digest}
    record = plan(
        series, forecaster=forecaster, preset="question", changes=moved, device="cpu", title="My *own* name", **asked
    )
    assert sum(record.settings[name] != value for name, value in usual.items()) > len(usual) / 2
    SeriesStore(workspace).add("newer", moving_blob(40))
    run = RunStore(workspace).create(record)
    app = chosen(open_page("runs"), run)
    app.button(key="clone_run").click().run()
    assert not app.exception and app.title[0].value == "Train" and "every choice of" in texts(app)
    app.switch_page("pages/train.py").run()  # a click of AppTest does not follow on its own
    field = next(one for one in app.number_input if str(one.key).startswith(f"setting:{forecaster}:question:epochs"))
    field.set_value(int(record.settings["epochs"]) + 1).run()
    assert not app.exception and not app.error and "Session State API" not in texts(app)
    queued = submitted(app, workspace, run)
    assert queued.settings == {**record.settings, "epochs": record.settings["epochs"] + 1}
    same = ("title", "series", "split", "preparation", "forecaster", "preset", "seed", "device", "learned_from", "start_from")
    assert {name: getattr(queued, name) for name in same} == {name: getattr(record, name) for name in same}


def test_a_clone_starts_and_learns_from_where_its_run_did(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    series, store = SeriesStore(workspace).open(stored.digest), RunStore(workspace)
    small = {"context": 2, "width": 4, "levels": 1, "epochs": 1, "unroll": 1}
    source = store.create(plan(series, forecaster="unet", changes=small, digest=stored.digest, device="cpu"))
    list(carry_out(source.record, series, source, rules=dict.fromkeys(FORECASTERS, ())))
    other_series = SeriesStore(workspace).add("other", moving_blob(30))
    others = {other_series.digest: SeriesStore(workspace).open(other_series.digest)}
    record = plan(
        series, forecaster="unet", changes={"epochs": 3}, digest=stored.digest, device="cpu", start_from=source, others=others
    )
    run = store.create(record)
    app = chosen(open_page("runs"), run)
    app.button(key="clone_run").click().run()
    app.switch_page("pages/train.py").run()
    queued = submitted(app, workspace, run, source)
    assert (queued.start_from, queued.learned_from) == (source.id, (other_series.digest,))
    assert queued.settings == record.settings


def test_a_clone_says_what_cannot_be_had_any_more(open_page: Open, workspace: Path, finished: Run) -> None:
    SeriesStore(workspace).add("another", moving_blob(30))
    SeriesStore(workspace).delete(finished.record.series)
    app = chosen(open_page("runs"), finished)
    app.button(key="clone_run").click().run()
    assert not app.exception and "was deleted" in app.error[0].value


def away(field: object, value: object) -> object:
    """Another value that the field takes; None where this test leaves it."""
    if field.name in ("kernel", "context", "block", "minutes", "steps", "restore", "zero_block", "crop", "subtract_mean"):
        return 3 if field.name == "context" else None
    if field.name == "tile":  # 0, or from 16 on
        return 20
    if field.kind is bool:
        return not value
    if field.choices:
        return next(choice for choice in field.choices if choice != value) if len(field.choices) > 1 else None
    if field.kind is str:
        return None
    low = field.minimum if field.minimum is not None else 0
    high = field.maximum if field.maximum is not None else np.inf
    step = 1 if field.kind is int else 0.01
    return field.kind(value + step if value + step <= high else max(low, value - step))


def submitted(app: AppTest, workspace: Path, *before: Run) -> RunRecord:
    """Press Train, let the run go again, and return what was queued."""
    from framecast.runs.jobs import job_manager

    known = {run.id for run in before}
    assert not app.error, app.error
    app.button(key="train").click().run()
    assert not app.exception and not app.error, app.error
    (new,) = [run for run in RunStore(workspace).runs() if run.id not in known and not run.record.member_of]
    manager, deadline = job_manager(workspace), time.monotonic() + 600
    manager.stop(new.id)
    while manager.snapshot(new.id) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    return new.record


def test_the_size_of_an_export_counts_every_series_that_comes_along(
    open_page: Open, workspace: Path, stored: StoredSeries, finished: Run
) -> None:
    large = SeriesStore(workspace).add("large", np.zeros((4, 1000, 1000, 1), np.uint8))
    run = other(finished, "20990101-a", learned_from=(large.digest,))
    app = chosen(open_page("runs"), run)
    app.toggle(key="export_series").set_value(True).run()
    (n_bytes,) = {line.n_bytes for line in Overview(workspace).lines() if line.id == run.id}
    assert f"At most {bytes_in_words(n_bytes + stored.n_bytes + large.n_bytes)}." in texts(app)
