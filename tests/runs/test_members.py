"""A run of an ensemble keeps how sure it was; any other run is as it always was."""

from pathlib import Path

import numpy as np
import pytest

from framecast.evaluation.ensemble import ENSEMBLE, MEASURES, Sureness, judge_lead
from framecast.forecasters.calibration import ensemble_variance
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import MemberForecaster
from framecast.runs.experiment import carry_out, plan
from framecast.runs.members import spread_beyond
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries

QUICK = {"minutes": 0.0, "epochs": 1, "unroll": 2, "members": 3}


def done(workspace: Path, series: FrameSeries, forecaster: str, changes: dict[str, object]) -> Run:
    record = plan(series, forecaster=forecaster, device="cpu", changes=changes)
    run = RunStore(workspace).create(record)
    list(carry_out(record, series, run, rules=dict.fromkeys(FORECASTERS, ())))
    return run


@pytest.mark.parametrize("masked", [False, True])
def test_a_run_with_members_keeps_spread_and_scores(tmp_path: Path, series: FrameSeries, masked: bool) -> None:
    valid = np.ones((series.height, series.width), np.bool_)
    valid[:4] = not masked
    series = FrameSeries("blob", series.frames, series.value_range, valid=valid if masked else None)
    run = done(tmp_path, series, "ensemble", QUICK)
    split, spread, curves = run.record.split, run.spread(), run.members()
    assert spread is not None and spread.shape == run.forecast().shape and spread.dtype == np.float16
    assert {curve.metric for curve in curves if curve.forecaster == ENSEMBLE} == set(MEASURES)
    assert {curve.forecaster for curve in curves} == {ENSEMBLE, "member 1", "member 2", "member 3"}
    assert {curve.horizon for curve in curves} == {split.horizon} and {curve.origin for curve in curves} == {split.origin}
    found = Sureness.of(curves)
    assert found is not None and found.n_members == 3 and 0 <= found.coverage <= 1
    forecaster = run.forecaster()
    members = np.stack(list(forecaster.forecast_members(series.frames[: split.test.start], split.horizon)))  # type: ignore[attr-defined]
    law = forecaster.spread_law(split.horizon)  # type: ignore[attr-defined]
    values, expected = judge_lead(members[:, 1], series.frames[split.test.start + 1], law, 1, series.valid)
    np.testing.assert_allclose(spread[1], expected, rtol=0.1, atol=0.1)
    crps = next(curve.values[1] for curve in curves if curve.metric == "crps")
    assert crps == pytest.approx(values["crps"], rel=0.05)
    kept = members.astype(np.float16).astype(np.float32)  # as they wait on the disk
    for number, member in enumerate(kept, 1):  # each is scored as the run's own forecast is: as the series would store it
        off = series.native(member).astype(float) - series.frames[split.test.start : split.test.stop]
        seen = np.ones((series.height, series.width), np.bool_) if series.valid is None else series.valid
        (mse,) = (curve.values for curve in curves if (curve.forecaster, curve.metric) == (f"member {number}", "mse"))
        np.testing.assert_allclose(mse, (off[:, seen] ** 2).mean(axis=(1, 2)), rtol=1e-5)
    left = {path.name for path in run.folder.iterdir()}
    assert {"spread.npy", "members.csv", "scores.csv"} <= left and not any(name.startswith((".", "tmp")) for name in left)


def test_a_run_without_members_keeps_neither(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift, {})
    assert run.spread() is None and run.members() == [] and Sureness.of(run.members()) is None
    assert not (run.folder / "spread.npy").exists() and not (run.folder / "members.csv").exists()
    assert spread_beyond(run, series, 3) is None


def test_what_comes_after_the_series_has_a_spread_too(tmp_path: Path, series: FrameSeries) -> None:
    series = FrameSeries("blob", series.frames.astype(np.float32), (0.0, 255.0))
    run = done(tmp_path, series, "ensemble", QUICK)
    spread = spread_beyond(run, series, 4)
    assert spread is not None and spread.shape == (4, *series.frames.shape[1:]) and spread.dtype == np.float32
    assert np.isfinite(spread).all() and (spread >= 0).all() and spread.any()
    forecaster = run.forecaster()
    assert isinstance(forecaster, MemberForecaster)
    law, members = forecaster.spread_law(4), np.stack([*forecaster.forecast_members(series.frames, 4)])
    assert len(set(law.constant)) > 1, "each lead has a law of its own"
    for index, frame in enumerate(spread):
        np.testing.assert_allclose(frame, law.deviation(index, ensemble_variance(members[:, index])), rtol=1e-4, atol=1e-6)
