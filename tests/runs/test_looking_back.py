"""What is found out about a finished run: kept with it, made again where it does not belong to it, and never its end."""

from pathlib import Path

import numpy as np

from framecast.evaluation.origins import rolling_origins
from framecast.evaluation.scores import ScoreCurve
from framecast.runs.backtest import backtest, kept_backtest
from framecast.runs.diagnosing import diagnosis, kept_diagnosis
from framecast.runs.experiment import STAGE_LOOK_BACK, carry_out, plan
from framecast.runs.rules import rule_choices
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries


def done(folder: Path, series: FrameSeries, forecaster: str, stop_at: str = "") -> Run:
    record = plan(series, forecaster=forecaster, device="cpu")
    run = RunStore(folder).create(record)
    stages: list[str] = []
    for progress in carry_out(record, series, run, stop=lambda: stop_at in stages):
        stages.append(progress.stage)
    return run


def test_a_run_is_diagnosed_and_backtested_once_it_is_scored(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    kept = kept_diagnosis(run)
    assert kept is not None and kept == diagnosis(run, series)
    origins = {curve.origin for curve in kept_backtest(run)}
    split = run.record.split
    assert origins == {split.origin, *(one.n_past - 1 for one in rolling_origins(split))}
    assert {curve.forecaster for curve in kept_backtest(run)} >= {drift, "persistence"}


def test_persistence_is_found_frozen(tmp_path: Path, series: FrameSeries) -> None:
    run = done(tmp_path, series, "persistence")
    assert "frozen" in {finding.name for finding in diagnosis(run, series)}


def test_an_old_run_is_looked_back_on_when_asked(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    found, curves = diagnosis(run, series), kept_backtest(run)
    for name in ("diagnosis.json", "backtest.csv"):
        (run.folder / name).unlink()
    assert run.state == "finished" and kept_diagnosis(run) is None and kept_backtest(run) == []
    assert diagnosis(run, series) == found
    assert list(backtest(run, series))[-1] == len(rolling_origins(run.record.split))
    again = kept_backtest(run)
    assert [key(one) for one in again] == [key(one) for one in curves]
    for one, other in zip(again, curves, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


def key(curve: ScoreCurve) -> tuple[str, str, int]:
    return curve.forecaster, curve.metric, curve.origin


def test_what_belongs_to_another_forecast_counts_as_none(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    run.write_scores(
        [ScoreCurve(one.forecaster, one.metric, one.origin, one.values + (one.forecaster == drift)) for one in run.scores()]
    )
    assert kept_diagnosis(run) is None and kept_backtest(run) == []


def test_a_damaged_file_is_made_again(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    found = diagnosis(run, series)
    for name in ("diagnosis.json", "backtest.csv"):
        (run.folder / name).write_text("{")
    assert kept_diagnosis(run) is None and kept_backtest(run) == []
    assert diagnosis(run, series) == found == kept_diagnosis(run)


def test_whoever_stops_has_a_finished_run(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift, stop_at=STAGE_LOOK_BACK)
    assert run.state == "finished" and run.error() is None


def test_a_time_limit_leaves_what_was_done_by_then(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    (run.folder / "backtest.csv").unlink()
    assert list(backtest(run, series, seconds=-1.0)) == [0] and kept_backtest(run) == []
    steps = backtest(run, series)
    assert [next(steps), next(steps)] == [0, 1]
    assert len({curve.origin for curve in kept_backtest(run)}) == 2


def test_a_forecast_from_another_origin_does_not_see_what_follows(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    first = rolling_origins(run.record.split)[0]
    mine = next(one for one in kept_backtest(run) if key(one) == (drift, "mae", first.n_past - 1))
    forecast = series.native(run.forecaster().forecast(series.frames[: first.n_past], first.horizon))
    truth = series.frames[first.n_past :].astype(np.float64)
    np.testing.assert_allclose(mine.values, np.abs(forecast - truth).mean(axis=(1, 2, 3)))


def test_what_rules_chose_is_told_by_another_run_of_the_same_split(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    first = done(tmp_path, series, drift)
    assert rule_choices(first)["seasonal"]["period"] >= 1
    second = done(tmp_path, series, drift)
    second.write_summary({**second.summary(), "rule_choices": {}})
    assert rule_choices(second) == rule_choices(first)
    some = {"climatology": {"n_frames": 1}}  # as of a run that was left only this one to score
    second.write_summary({**second.summary(), "rule_choices": some})
    assert rule_choices(second) == {**rule_choices(first), **some}


def test_a_shorter_look_back_does_not_take_the_place_of_a_longer_one(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = RunStore(tmp_path).create(plan(series, forecaster=drift, device="cpu"))
    list(carry_out(run.record, series, run))
    list(backtest(run, series, seconds=1e9))
    before = len(kept_backtest(run))
    steps = backtest(run, series, seconds=1e9)
    assert (next(steps), next(steps)) == (0, 1)
    steps.close()  # type: ignore[attr-defined]
    assert len(kept_backtest(run)) == before > len({curve.metric for curve in kept_backtest(run)})
