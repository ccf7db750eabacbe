"""Planning refuses what cannot work; carrying out writes the whole run; the folder alone forecasts again."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import DivergedError, SettingError, UnknownNameError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.hindcast import View
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.metrics import METRICS
from framecast.runs import preflight as preflight_module
from framecast.runs.experiment import carry_out, forecast_beyond, plan, repeat_forecast
from framecast.runs.preflight import preflight
from framecast.runs.rules import known_rules
from framecast.runs.store import Run, RunStore
from framecast.series.frames import Frames, FrameSeries, Preparation, Split

RULES = {name for name, kind in FORECASTERS.items() if kind.family == "rule"}


def done(workspace: Path, series: FrameSeries, forecaster: str, *, after: Sequence[Run] = (), **choices: object) -> Run:
    """`after` are runs that may know of rules what this one then need not find out."""
    record = plan(series, forecaster=forecaster, device="cpu", **choices)  # type: ignore[arg-type]
    run = RunStore(workspace).create(record)
    list(carry_out(record, series, run, rules=known_rules(after, record)))
    return run


def test_a_run_writes_all_its_files(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    assert run.state == "finished" and run.error() is None
    found = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file()}
    assert found == {
        "record.json",
        "progress.jsonl",
        "summary.json",
        "scores.csv",
        "diagnosis.json",
        "backtest.csv",
        "forecast.npy",
        "checkpoint/best/drift.json",
    }
    split = run.record.split
    assert run.forecast().shape == (split.horizon, *series.frames.shape[1:]) and run.forecast().dtype == series.frames.dtype
    assert {curve.forecaster for curve in run.scores()} == {drift, *RULES}
    assert {len(curve.values) for curve in run.scores()} == {split.horizon}
    assert {curve.origin for curve in run.scores()} == {split.origin}
    assert set(run.summary()["fit_seconds"]) == {drift, *RULES}


def test_a_rule_is_scored_once(tmp_path: Path, series: FrameSeries) -> None:
    curves = done(tmp_path, series, "persistence").scores()
    assert len({(curve.forecaster, curve.metric) for curve in curves}) == len(curves)
    assert {curve.forecaster for curve in curves} == RULES


def test_the_test_frames_do_not_reach_the_fit(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    """Other test frames, same forecast; the learner itself asserts that its history ends where they begin."""
    frames = series.frames.copy()
    split = Split.of(series.n_frames)
    frames[split.test.start :] = 255 - frames[split.test.start :]
    one, other = (done(tmp_path, seen, drift) for seen in (series, replace(series, frames=frames)))
    np.testing.assert_array_equal(one.forecast(), other.forecast())


def test_each_lead_is_held_against_the_frame_of_its_time(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    """By a formula of its own: the run's forecast and persistence, and what changes counted from the last observed frame."""
    run = done(tmp_path, series, drift)
    start = run.record.split.test.start
    scored = {(curve.forecaster, curve.metric): curve.values for curve in run.scores() if curve.origin == start - 1}
    truth, last = series.frames[start:].astype(float), series.frames[start - 1].astype(float)
    for name, forecast in ((drift, run.forecast().astype(float)), ("persistence", last[None])):
        off = ((forecast - truth) ** 2).mean(axis=(1, 2, 3))
        np.testing.assert_allclose(scored[name, "mse"], off, rtol=1e-4, atol=1e-6)
        assert len(set(np.round(off, 3))) > 1, "each lead has a score of its own"
    change = METRICS["change"].function(run.forecast(), series.frames[start:], data_range=255.0, last=series.frames[start - 1])
    np.testing.assert_allclose(scored[drift, "change"], change, rtol=1e-4, atol=1e-6)


def test_masked_pixels_are_not_scored(tmp_path: Path, series: FrameSeries) -> None:
    valid = np.ones((series.height, series.width), bool)
    valid[:, 6:] = False
    frames = series.frames.copy()
    frames[-1, :, 6:] = 200  # an error of persistence that only masked pixels show
    still = replace(series, frames=np.where(valid[..., None], frames[:1], frames).astype(np.uint8), valid=valid)
    curves = done(tmp_path, still, "persistence").scores()
    (mse,) = (curve for curve in curves if (curve.forecaster, curve.metric) == ("persistence", "mse"))
    assert (mse.values == 0).all()


def test_stopping_keeps_the_best_so_far(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    record = plan(series, forecaster=drift, changes={"epochs": 10_000}, device="cpu")
    run = RunStore(tmp_path).create(record)
    seen: list[int] = []
    for progress in carry_out(record, series, run, stop=lambda: len(seen) >= 3):
        seen.append(progress.epoch)
    assert run.state == "finished" and run.summary()["stopped_early"]
    assert [line["epoch"] for line in run.progress()] == [1, 2, 3, 3]
    assert run.progress()[-1]["stage"] == "Stopped early"
    np.testing.assert_array_equal(repeat_forecast(run, series), run.forecast())


@pytest.mark.parametrize("forecaster", ["unet", "ensemble"])
def test_what_is_stopped_while_it_searches_goes_back_to_native_size_in_the_way_that_is_best(
    forecaster: str, tmp_path: Path, series: FrameSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As validation says at that moment; what goes on later chooses again at the end of its search."""
    asked = []

    def hindcasts(self: NetworkForecaster, past: Frames, horizon: int, view: View) -> dict[str, Frames]:
        asked.append((len(past), horizon))
        truth = view.patches(series.frames[len(past) + view.leads]).astype(np.float32)
        return {"change": truth + 9 * (truth > truth.mean()), "background": truth}

    monkeypatch.setattr(NetworkForecaster, "hindcasts", hindcasts)
    changes: dict[str, object] = {"epochs": 1000, "unroll": 1}
    changes |= {"minutes": 0.0} if forecaster == "ensemble" else {"context": 2, "width": 4}
    record = plan(series, forecaster=forecaster, changes=changes, preparation=Preparation(6), device="cpu")
    run = RunStore(tmp_path).create(record)
    judged: list[bool] = []
    for progress in carry_out(record, series, run, stop=lambda: any(judged)):
        judged.append(bool(progress.valid_scores))
    split = record.split
    assert run.summary()["stopped_early"] and asked == [(split.valid.start, len(split.valid))]
    assert "At native size a frame is the native mean frame" in run.summary()["finding"]
    (saved,) = (run.folder / "checkpoint" / "best").rglob("forecaster.json")
    assert json.loads(saved.read_text())["restoration"] == "background"


def test_a_rule_that_is_stopped_has_chosen_all_the_same(tmp_path: Path, series: FrameSeries) -> None:
    record = plan(series, forecaster="climatology", device="cpu")
    run = RunStore(tmp_path).create(record)
    for _ in carry_out(record, series, run, stop=lambda: True):
        pass
    assert run.state == "finished" and not run.summary()["stopped_early"]


def test_leaving_makes_an_interrupted_run(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    record = plan(series, forecaster=drift, device="cpu")
    run = RunStore(tmp_path).create(record)
    steps = carry_out(record, series, run)
    next(steps)
    steps.close()
    assert run.state == "interrupted" and run.error() is None and run.scores() == []
    assert len(forecast_beyond(run, series, 3)) == 3, "what was saved until then forecasts"


@pytest.mark.parametrize(
    ("breaks", "raised", "sentence"),
    [
        ("by a bug", ZeroDivisionError, r"unexpected .*ZeroDivisionError: a slip of ours.*mistake of ours"),
        ("diverged", DivergedError, r"The loss stopped being a number\. Train again"),
        ("no memory", RuntimeError, r"The memory of this machine ran out .*Choose a smaller working size"),
        ("no disk", OSError, r"The disk is full.* Free some space"),
    ],
)
def test_a_failure_is_one_sentence_and_a_traceback(
    tmp_path: Path, series: FrameSeries, drift: str, breaks: str, raised: type[Exception], sentence: str
) -> None:
    record = plan(series, forecaster=drift, changes={"breaks": breaks}, preparation=Preparation(10), device="cpu")
    run = RunStore(tmp_path).create(record)
    with pytest.raises(raised):
        list(carry_out(record, series, run))
    assert run.state == "failed"
    error, traceback = run.error(), run.traceback()
    assert error is not None and traceback is not None
    assert re.search(sentence, error) and "\n" not in error
    assert traceback.startswith("Traceback") and raised.__name__ in traceback


def test_forecasting_beyond_starts_after_the_last_frame(tmp_path: Path, series: FrameSeries) -> None:
    run = done(tmp_path, series, "persistence")
    beyond = forecast_beyond(run, series, 4)
    np.testing.assert_array_equal(beyond, np.repeat(series.frames[-1:], 4, axis=0))
    with pytest.raises(SettingError, match="at least 1"):
        forecast_beyond(run, series, 0)


def test_a_fresh_process_repeats_the_forecast_bit_for_bit(tmp_path: Path, series: FrameSeries) -> None:
    """Given the run folder and the frames before the test, and nothing else."""
    float_series = replace(series, frames=series.frames.astype(np.float32))  # no rounding hides the last bits
    runs = [done(tmp_path, float_series, name) for name in sorted(RULES)]
    runs.append(done(tmp_path, float_series, "unet", changes={"epochs": 2, "width": 8, "context": 4}, n_threads=2))
    np.save(tmp_path / "frames.npy", float_series.frames[: runs[0].record.split.test.start])
    code = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from framecast import FrameSeries, RunStore, repeat_forecast\n"
        "folder = Path(sys.argv[1])\n"
        "series = FrameSeries('blob', np.load(folder / 'frames.npy'), (0.0, 255.0))\n"
        "for run in RunStore(folder).runs():\n"
        "    np.save(folder / f'{run.id}.npy', repeat_forecast(run, series))\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=True, timeout=120)
    for run in runs:
        again = np.load(tmp_path / f"{run.id}.npy")
        assert again.dtype == run.forecast().dtype == np.float32
        np.testing.assert_array_equal(again, run.forecast(), err_msg=run.record.forecaster)


def test_a_split_longer_than_the_series_is_refused(series: FrameSeries, drift: str) -> None:
    with pytest.raises(SettingError, match=r"has 24 frames and the split needs 30\. Choose a test of at most 22 frames"):
        plan(series, forecaster=drift, split=Split.of(30))


def test_a_split_without_a_test_is_refused(series: FrameSeries, drift: str) -> None:
    with pytest.raises(SettingError, match="holds back no frame"):
        plan(series, forecaster=drift, split=Split(range(20), range(20, 24), range(24, 24)))


def masked(height: int, width: int, rows: slice, columns: slice) -> FrameSeries:
    valid = np.zeros((height, width), bool)
    valid[rows, columns] = True
    frames = np.random.default_rng(0).integers(0, 255, (24, height, width, 1)).astype(np.uint8)
    return FrameSeries("strip", frames, (0.0, 255.0), valid=valid)


def test_data_at_the_border_alone_are_refused_before_the_fit_with_the_crop_that_works(tmp_path: Path, drift: str) -> None:
    strip = masked(14, 60, slice(10, 14), slice(3, 50))
    with pytest.raises(SettingError, match=r"within 5 pixels of the border.* cropped .*: x, y, width and height 3,10,47,4\."):
        plan(strip, forecaster=drift)
    valid = strip.valid
    assert valid is not None
    cropped = replace(strip, frames=strip.frames[:, 10:14, 3:50], valid=valid[10:14, 3:50])
    assert done(tmp_path, cropped, drift).state == "finished"
    ring = np.pad(np.zeros((20, 20), bool), 2, constant_values=True)
    with pytest.raises(SettingError, match="a part of the frame in which data lie further inside"):
        plan(replace(masked(24, 24, slice(0), slice(0)), valid=ring), forecaster=drift)


def test_a_context_longer_than_the_training_span_is_refused_with_the_one_that_fits(series: FrameSeries, drift: str) -> None:
    split = Split.of(24, 4, 4)
    with pytest.raises(SettingError, match=r"16 frames are left .* a context of 16 needs 17\. Choose a context of at most 15"):
        plan(series, forecaster=drift, split=split, changes={"context": 16})
    assert plan(series, forecaster=drift, split=split, changes={"context": 15}).settings["context"] == 15


def test_names_and_devices_that_are_not_there_are_refused(series: FrameSeries, drift: str) -> None:
    with pytest.raises(UnknownNameError, match=r"no forecaster named 'oracle'\. Choose one of: .*persistence"):
        plan(series, forecaster="oracle")
    with pytest.raises(SettingError, match=r"no device 'tpu' on this machine\. Choose one of: auto, cpu"):
        plan(series, forecaster=drift, device="tpu")
    with pytest.raises(SettingError, match=r"no preset 'best'\. Choose one of: recommended"):
        plan(series, forecaster=drift, preset="best")


def test_what_does_not_fit_in_memory_is_refused_with_the_largest_size_that_does(
    series: FrameSeries, drift: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(size: int | None, n_bytes: int) -> preflight_module.Preflight:
        monkeypatch.setattr(preflight_module, "available_bytes", lambda device: n_bytes)
        kind = FORECASTERS[drift]
        return preflight(kind, kind.configure(), 200, 300, 3, Preparation(size), "cpu", n_frames=10)

    enough = ask(None, 10**9)
    assert enough.fits and enough.largest_size is None
    assert enough.n_weights == 200 * 300 * 3
    assert enough.needed_bytes == enough.n_weights * 16 + 10 * 200 * 300 * 3
    assert "180,000 weights at 300 x 200" in enough.sentence

    little = enough.needed_bytes // 3
    refused = ask(None, little)
    assert not refused.fits and refused.largest_size is not None
    assert f"Choose a working size of at most {refused.largest_size}" in refused.sentence
    assert ask(refused.largest_size, little).fits and not ask(round(1.1 * refused.largest_size), little).fits

    assert ask(None, 5).largest_size is None
    with pytest.raises(SettingError, match="no working size fits"):
        plan(series, forecaster=drift, device="cpu")


def test_scores_are_valid_json_lines(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    run = done(tmp_path, series, drift)
    for line in (run.folder / "progress.jsonl").read_text().splitlines():
        assert json.loads(line)["stage"] == "Learning"


def test_more_frames_at_once_than_training_has_are_refused_with_the_number_that_fits(series: FrameSeries) -> None:
    split = Split.of(24, n_test=4, n_valid=4)
    with pytest.raises(SettingError, match=r"16 frames are left .* of 4 with 13 .* needs 17\. Choose at most 12 frames"):
        plan(series, forecaster="simvp", split=split, changes={"context": 4, "block": 13})
    assert plan(series, forecaster="simvp", split=split, changes={"context": 4, "block": 12}).settings["block"] == 12


def test_a_block_that_nobody_chose_shrinks_to_fit_a_short_series() -> None:
    kind, short = FORECASTERS["simvp"], Split.of(8, n_test=2, n_valid=2)
    values = kind.configure(None, {}, short).to_mapping()
    assert (values["context"], values["block"]) == (1, 3)
    assert kind.configure(None, {"block": 9}, short).to_mapping()["block"] == 9
    assert kind.configure(None, {}, Split.of(400)) == kind.configure()


def test_a_context_that_nobody_chose_shrinks_to_fit_a_short_series() -> None:
    short = Split.of(20, n_test=5)
    kind = FORECASTERS["unet"]
    assert kind.configure(None, {}, short).to_mapping()["context"] == len(short.train) // 3
    assert kind.configure(None, {"context": 7}, short).to_mapping()["context"] == 7
    assert kind.configure(None, {}, Split.of(400)) == kind.configure()


def test_a_forecaster_that_needs_validation_frames_is_refused_before_it_begins(series: FrameSeries) -> None:
    split = Split.of(series.n_frames, n_valid=0)
    with pytest.raises(SettingError, match="Ensemble chooses by the validation frames and there are none"):
        plan(series, forecaster="ensemble", split=split, device="cpu")
    plan(series, forecaster="auto", split=split, device="cpu")  # it has origins of its own


def test_the_summary_says_what_the_fit_found(tmp_path: Path, series: FrameSeries) -> None:
    network = done(tmp_path, series, "unet", changes={"epochs": 1, "context": 2, "width": 4, "unroll": 1}).summary()
    assert network["finding"].startswith("The forecast of the validation frames was best in epoch 1")
    assert not network["stopped_early"] and not network["learned_nothing"] and not network["ended_by_time"]
    limited = done(tmp_path, series, "unet", changes={"minutes": 0.001, "context": 2, "width": 4, "unroll": 1}).summary()
    assert limited["ended_by_time"]
    auto = done(tmp_path, series, "auto", changes={"minutes": 0.5, "networks": "none"}).summary()
    assert re.search(r"(carries this series|is shared between).* On earlier frames", auto["finding"])
    assert not auto["ended_by_time"], "what it is given it uses up, and there is nothing to be said about that"


def test_rules_are_scored_once_for_a_series_and_split(tmp_path: Path, series: FrameSeries, drift: str) -> None:
    first, own_rule = done(tmp_path, series, drift), done(tmp_path, series, "climatology", changes={"n_frames": 2})
    again = plan(series, forecaster=drift, device="cpu")
    other_rule = done(tmp_path, series, "persistence", after=[own_rule])
    assert "seasonal" not in other_rule.summary()["fit_seconds"] and "climatology" in other_rule.summary()["fit_seconds"]
    expected = {(c.forecaster, c.metric): c.values.tolist() for c in first.scores()}
    for runs in ([own_rule, first], [first], [own_rule, other_rule]):  # what one cannot tell of, another can
        known = known_rules(runs, again)
        assert known.keys() == RULES
        for name, curves in known.items():
            assert {(name, c.metric): c.values.tolist() for c in curves} == {k: v for k, v in expected.items() if k[0] == name}
    assert known_rules([own_rule], again).keys() == RULES - {"climatology"}
    assert known_rules([first], plan(series, forecaster=drift, device="cpu", split=Split.of(series.n_frames, 2))) == {}
