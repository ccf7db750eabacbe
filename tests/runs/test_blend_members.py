"""Each member of a blend is a run like any other, and neither the blend's run nor a member's needs the other."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import StorageError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs import blend_members
from framecast.runs.blend_members import is_member_still
from framecast.runs.diagnosing import kept_diagnosis
from framecast.runs.experiment import STAGE_MEMBERS, STAGE_SCORE, carry_out, plan, repeat_forecast
from framecast.runs.record import RunRecord
from framecast.runs.resuming import extension
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore

QUICK = {"epochs": 1, "minutes": 0.0, "networks": "none"}


def begun(workspace: Path, series: FrameSeries) -> Run:
    return RunStore(workspace).create(plan(series, forecaster="auto", device="cpu", changes=QUICK, n_threads=1))


def test_members_are_whole_runs_and_outlive_the_run_of_their_blend(tmp_path: Path, series: FrameSeries) -> None:
    run, store = begun(tmp_path, series), RunStore(tmp_path)
    list(carry_out(run.record, series, run))
    weights, members = run.weights(), store.members_of(run)
    assert [one.record.forecaster for one in members] == list(weights), "the heaviest first"
    np.testing.assert_allclose(sum(weights.values()), 1)
    means = [one.mean() for one in weights.values()]
    assert means == sorted(means, reverse=True)
    assert [one.id for one in store.runs()] == [run.id, *(one.id for one in members)]

    scored = {(curve.forecaster, curve.metric): curve.values.tolist() for curve in run.scores()}
    for one in members:
        assert one.state == "finished" and one.record.member_of == run.id
        same = ("series", "split", "preparation", "seed", "device", "n_threads", "commit")
        assert all(getattr(one.record, part) == getattr(run.record, part) for part in same)
        assert "member of Auto on blob" in one.record.title and "% of the weight" in one.summary()["finding"]
        assert one.scores()[0].forecaster == one.record.forecaster
        own = {(curve.forecaster, curve.metric): curve.values.tolist() for curve in one.scores()}
        assert own == {key: values for key, values in scored.items() if key[0] != "auto"}
    blended = sum(
        weights[one.record.forecaster][:, None, None, None] * one.forecast().astype(float) for one in members
    )
    np.testing.assert_allclose(run.forecast(), blended, atol=1.01)  # both were rounded

    store.delete(run.id)
    for one in members:
        np.testing.assert_array_equal(repeat_forecast(store.open(one.id), series), one.forecast())
    assert {one.id for one in store.runs()} == {one.id for one in members}


def test_leaving_while_members_are_kept_leaves_whole_runs_only(tmp_path: Path, series: FrameSeries) -> None:
    run = begun(tmp_path, series)
    steps = carry_out(run.record, series, run)
    assert any(progress.stage == STAGE_MEMBERS for progress in steps)
    steps.close()
    assert run.state == "finished" and run.error() is None
    assert all(one.state == "finished" for one in RunStore(tmp_path).runs())


def test_a_member_that_cannot_be_kept_does_not_fail_the_run(
    tmp_path: Path, series: FrameSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*wanted: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(blend_members, "_fill", full)
    run = begun(tmp_path, series)
    list(carry_out(run.record, series, run))
    assert run.state == "finished" and run.error() is None
    assert [one.id for one in RunStore(tmp_path).runs()] == [run.id]


@pytest.mark.parametrize("asked_at", [STAGE_SCORE, STAGE_MEMBERS])
def test_who_is_in_a_hurry_leaves_the_looking_back_and_has_every_member(
    tmp_path: Path, series: FrameSeries, asked_at: str
) -> None:
    run, stages = begun(tmp_path, series), list[str]()
    for progress in carry_out(run.record, series, run, hurry=lambda: asked_at in stages):
        stages.append(progress.stage)
    assert run.state == "finished" and kept_diagnosis(run) is None
    assert [one.record.forecaster for one in RunStore(tmp_path).members_of(run)] == list(run.weights())


def test_a_fit_that_is_stopped_has_its_members_too(tmp_path: Path, series: FrameSeries) -> None:
    run = begun(tmp_path, series)
    list(carry_out(run.record, series, run, stop=lambda: True))
    assert [one.record.forecaster for one in RunStore(tmp_path).members_of(run)] == ["persistence"] == list(run.weights())


def test_a_record_from_before_blends_is_of_no_blend(tmp_path: Path, series: FrameSeries) -> None:
    record = plan(series, forecaster="persistence", device="cpu")
    values = json.loads(json.dumps(record.to_mapping()))
    assert values.pop("member_of") == ""
    assert RunRecord.from_mapping(values) == replace(record, settings=dict(record.settings))


def test_a_run_that_blends_nothing_keeps_no_weights(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = RunStore(tmp_path).create(plan(series, forecaster=drift, device="cpu"))
    list(carry_out(run.record, series, run, rules=dict.fromkeys(FORECASTERS, ())))
    assert run.weights() == {} and [one.id for one in RunStore(tmp_path).runs()] == [run.id]


def test_a_blend_trained_further_keeps_the_runs_of_members_that_are_as_they_were(
    tmp_path: Path, series: FrameSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """and gives those that are not a new one; its own result is exchanged as a whole."""
    names = ("persistence", "climatology", "damped", "auto", "unet", "advect")
    monkeypatch.setattr(FORECASTERS, "_entries", {name: FORECASTERS[name] for name in names})
    monkeypatch.setattr("framecast.forecasters.auto_fit.LEAST_WEIGHT", -1.0)
    monkeypatch.setattr("framecast.forecasters.blend._STEPS", 30)
    monkeypatch.setattr("framecast.forecasters.auto_further.LEAST_GAIN", -1.0)  # whatever is worth as much is taken
    monkeypatch.setattr("framecast.forecasters.auto_further._better", lambda fit: list(fit.folds.values()))
    monkeypatch.setattr("framecast.forecasters.auto_further._best", lambda fit, fold: fold.hindcast(1).candidates[-1])
    stored = SeriesStore(tmp_path)
    series = stored.open(stored.add("blob", series.frames).digest)
    record = plan(series, forecaster="auto", device="cpu", changes={**QUICK, "networks": "two"}, n_threads=1)
    run, store = RunStore(tmp_path).create(record), RunStore(tmp_path)
    list(carry_out(run.record, series, run))
    first = {one.record.forecaster: one for one in store.members_of(run)}
    assert {"unet", "advect"} <= first.keys()
    staged = extension(run, tmp_path, {"epochs": 2, "steps": None, "minutes": None})
    list(carry_out(run.record, series, staged))
    assert run.state == "finished" and run.staged() is None and "trained 2 epochs further" in run.summary()["finding"]
    now = {one.record.forecaster: one for one in store.members_of(run)}
    assert list(now) and set(now) == set(run.weights())
    for name, one in now.items():
        same = name not in ("unet", "advect")
        assert (one.id == first[name].id) == same, name
        assert one.record.title.endswith(", trained further") != same
        assert f"{run.weights()[name].mean():.0%} of the weight" in one.summary()["finding"]
    assert {one.id for one in first.values()} < {one.id for one in store.runs()}, "nothing that may have notes is gone"
    assert all(is_member_still(one, run) for one in now.values())
    for name in ("unet", "advect"):
        assert not is_member_still(first[name], run)
        assert "It was a member of the blend" in first[name].summary()["finding"]
    np.testing.assert_array_equal(repeat_forecast(run, series), run.forecast())
