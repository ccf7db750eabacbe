"""The rules that learn nothing or little: persistence and climatology."""

import tracemalloc

import numpy as np
import pytest

from framecast.errors import SettingError
from framecast.forecasters import tuned_rule
from framecast.forecasters.baselines.climatology import Climatology, ClimatologySettings
from framecast.forecasters.baselines.damped import Damped, DampedSettings
from framecast.forecasters.baselines.damped_trend import DampedTrend, DampedTrendSettings
from framecast.forecasters.baselines.persistence import Persistence
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.tuned_rule import ALL, TunedRule, mean_frame, weighted_sum
from framecast.series.frames import FrameSeries, Split

DTYPES = ("uint8", "uint16", "float32")


def series(n_frames=20, shape=(13, 11, 3), dtype="uint8", seed=0):
    high = {"uint8": 255, "uint16": 65535, "float32": 1000}[dtype]
    frames = np.random.default_rng(seed).integers(0, high, (n_frames, *shape), endpoint=True).astype(dtype)
    frames.flags.writeable = False
    return FrameSeries("random", frames, (0.0, float(high)))


def fitted(history, **settings):
    forecaster = Climatology(ClimatologySettings(**{"average": "mean"} | settings))
    assert len(list(forecaster.fit(history, Split.of(history.n_frames + 5, n_test=5)))) == 1
    return forecaster


def both(history):
    persistence = Persistence()
    assert list(persistence.fit(history, Split.of(history.n_frames + 5, n_test=5))) == []
    asked = ({}, {"average": "median"}, {"n_frames": 3}, {"average": "choose"})
    return [persistence, *(fitted(history, **settings) for settings in asked)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(13, 11, 3), (1, 1, 1), (8, 5, 4)])
def test_a_still_series_is_forecast_perfectly(dtype, shape):
    still = series(1, shape, dtype)
    history = FrameSeries("still", np.repeat(still.frames, 9, axis=0), still.value_range)
    for forecaster in both(history):
        forecast = forecaster.forecast(history.frames, 6)
        assert forecast.shape == (6, *shape) and forecast.dtype == np.float32
        np.testing.assert_array_equal(forecast, np.repeat(still.frames.astype(np.float32), 6, axis=0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_call_gives_the_same_bits_before_and_after_a_folder(dtype, tmp_path):
    history = series(dtype=dtype)
    for number, forecaster in enumerate(both(history)):
        folder = tmp_path / str(number)
        folder.mkdir()
        forecaster.save(folder)
        loaded = type(forecaster).load(folder)
        forecasts = [one.forecast(history.frames, 4) for one in (forecaster, forecaster, loaded)]
        assert len({forecast.tobytes() for forecast in forecasts}) == 1


def test_forecasts_do_not_share_memory_with_what_made_them():
    history = series()
    for forecaster in both(history):
        first = forecaster.forecast(history.frames, 2)
        expected = first.copy()
        first[:] = -1
        np.testing.assert_array_equal(forecaster.forecast(history.frames, 2), expected)


def test_persistence_repeats_the_last_frame_of_the_past_it_is_given():
    past = series().frames
    np.testing.assert_array_equal(Persistence().forecast(past[:7], 3), np.repeat(past[6:7].astype(np.float32), 3, axis=0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_climatology_is_the_mean_or_median_of_the_history(dtype):
    history = series(dtype=dtype)
    for average, function in (("mean", np.mean), ("median", np.median)):
        for n_frames in (0, 1, 4, 20, 999):
            expected = function(history.frames[-n_frames:].astype(np.float64), axis=0).astype(np.float32)
            found = fitted(history, average=average, n_frames=n_frames).forecast(history.frames, 1)[0]
            np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_climatology_does_not_care_for_order():
    history = series()
    shuffled = FrameSeries("shuffled", history.frames[np.random.default_rng(1).permutation(20)], history.value_range)
    for average in ("mean", "median"):
        first, second = (fitted(one, average=average) for one in (history, shuffled))
        expected = first.forecast(history.frames, 2)
        np.testing.assert_array_equal(second.forecast(history.frames, 2), expected)


@pytest.mark.parametrize("n_frames", [0, 3])
def test_climatology_averages_the_past_it_is_given_not_that_of_the_fit(n_frames, tmp_path):
    """As every rule: beyond the test it has seen the test, and from an origin before its end, the test up to there."""
    longer = series(26)
    rule = fitted(longer.head(20), n_frames=n_frames)
    rule.save(tmp_path)
    for n_past in (12, 20, 23, 26):
        expected = longer.frames[:n_past][-n_frames:].mean(axis=0, dtype=np.float64).astype(np.float32)
        for one in (rule, Climatology.load(tmp_path)):
            np.testing.assert_allclose(one.forecast(longer.frames[:n_past], 1)[0], expected, rtol=1e-7)


def test_the_mean_stays_exact_far_from_zero():
    frames = (1e5 + np.random.default_rng(0).normal(size=(400, 4, 4, 1))).astype(np.float32)
    found = fitted(FrameSeries("pressure", frames, (0.0, 2e5))).forecast(frames, 1)[0]
    np.testing.assert_array_equal(found, frames.mean(axis=0, dtype=np.float64).astype(np.float32))


def test_the_median_ignores_what_passes_by():
    frames = np.full((9, 6, 6, 1), 50, np.uint8)
    for step in range(6):
        frames[step, step] = 255
    history = FrameSeries("passing", frames, (0.0, 255.0))
    assert (fitted(history, average="median").forecast(frames, 1) == 50).all()
    assert (fitted(history).forecast(frames, 1) > 50).any()


def test_what_is_averaged_is_chosen_from_forecasts_of_earlier_frames():
    """A median where things pass by a still ground, few frames where it drifts, the mean of all where only noise differs."""
    noise = np.random.default_rng(0)
    passing = np.full((60, 16, 17, 1), 50, np.uint8)
    passing[np.arange(60), noise.integers(0, 16, 60)] = 255
    drifting = np.broadcast_to(np.arange(60, dtype=np.float32)[:, None, None, None], (60, 16, 17, 1))
    texture = noise.normal(size=(16, 17, 1)) * np.cos(drifting / 20) + noise.normal(size=(16, 17, 1)) * np.sin(drifting / 20)
    noisy = noise.normal(size=(16, 17, 1)) + noise.normal(0, 0.5, (60, 16, 17, 1))
    found = []
    for frames in (passing, texture.astype(np.float32), noisy.astype(np.float32)):
        chosen = fitted(FrameSeries("one", frames, (float(frames.min()), float(frames.max()))), average="choose")
        found.append((chosen.choice.average, min(chosen.choice.n_frames, 60)))
    assert found[0][0] == "median" and found[1][1] == 5 and found[2] == ("mean", 60)
    few = fitted(FrameSeries("few", noisy[:3].astype(np.float32), (-2.0, 2.0)), average="choose")
    assert (few.choice.average, few.choice.n_frames) == ("mean", ALL), "too short to choose"


def test_a_climatology_of_before_it_chose_still_forecasts(tmp_path):
    """It kept its average and nothing else, and forecasts that whatever it is shown."""
    average = series(1).frames[0].astype(np.float32)
    np.save(tmp_path / "climatology.npy", average)
    again = tmp_path / "again"
    again.mkdir()
    Climatology.load(tmp_path).save(again)
    for folder in (tmp_path, again):
        forecast = Climatology.load(folder).forecast(series(seed=9).frames, 2)
        np.testing.assert_array_equal(forecast, np.stack([average, average]))


@pytest.mark.parametrize("average", ["mean", "median"])
def test_the_series_never_exists_as_float(average, monkeypatch):
    monkeypatch.setattr(tuned_rule, "_MEDIAN_BYTES", 100_000)
    history = series(100, (64, 64, 3))
    tracemalloc.start()
    fitted(history, average=average).forecast(history.frames, 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < history.frames.nbytes, "less than the stored integers, an eighth of the series in float64"


@pytest.mark.parametrize(
    ("name", "asked", "told"),
    [
        ("climatology", {"average": "mean", "n_frames": 500}, "The mean of all frames is forecast at every lead."),
        ("climatology", {"average": "mean", "n_frames": 24}, "The mean of the last 24 frames is forecast at every lead."),
        ("damped", {"memory": 0.5, "n_frames": 500}, "returns to the mean of all frames:"),
        ("damped_trend", {"damping": 0.8, "n_frames": 500}, "is fitted to all frames and"),
        ("optical_flow", {"estimator": "joint", "n_pairs": 100}, "fitted to all steps between frames"),
        ("seasonal", {"period": 7, "cycles": 9, "fading": 1.0, "offset": "none"}, "the mean of all cycles is forecast."),
        ("seasonal", {"period": 12, "cycles": 2, "fading": 1.0, "offset": "none"}, "mean of the last 2 cycles is forecast."),
        ("seasonal", {"period": 30}, "24 are known; wherever these hold none of the same phase, the last frame is forecast."),
        ("analog", {"neighbours": 50, "n_matched": 3, "offset": "none"}, "the 6 moments most like the last 3 frames"),
        ("analog", {"n_matched": 30, "neighbours": 1}, "too few to look among them for the last 30 frames; the last frame"),
        ("dmd", {"rank": 300}, "A sum of 1 oscillation, none of which may grow, is forecast."),
    ],
)
def test_a_finding_tells_what_is_used_not_what_was_asked_for(name, asked, told):
    """Of a wave, which is one oscillation, known for 24 frames."""
    t, _, x = np.ogrid[:24, :12, :40]
    wave = (100 + 50 * np.sin(2 * np.pi * (x / 20 - t / 6)) + np.zeros((24, 12, 40)))[..., None].astype(np.float32)
    kind = FORECASTERS[name]
    rule = kind.make(kind.configure(changes=asked), Workbench())
    (progress,) = rule.fit(FrameSeries("wave", wave, (50.0, 150.0)), Split.of(28, n_test=4))
    assert told in progress.finding


def test_settings_out_of_bounds_are_refused():
    with pytest.raises(SettingError, match="n_frames is -1; it must be at least 0"):
        ClimatologySettings(n_frames=-1)
    with pytest.raises(SettingError, match="choose one of: choose, mean, median"):
        ClimatologySettings(average="mode")


@pytest.mark.parametrize(
    "name", ["analog", "damped", "damped_trend", "dmd", "local_law", "moving_objects", "optical_flow", "pod_var"]
)
def test_of_a_series_too_short_to_compare_no_rule_says_what_was_better(name):
    kind = FORECASTERS[name]
    for n_frames in (2, 4, 6, 12):
        rule = kind.make(kind.settings(), Workbench())
        assert isinstance(rule, TunedRule)
        said = list(rule.fit(series(n_frames, (16, 16, 1)), Split.of(n_frames + 3, n_test=3)))[-1].finding
        assert ("could be tried: these frames are too few" in said) == (not rule.compared)
        assert rule.compared or n_frames < 12
        assert not rule.compared or n_frames > 4


@pytest.mark.parametrize(
    ("rule", "n_frames"),
    [(Damped(DampedSettings(memory=1.0)), 4), (DampedTrend(DampedTrendSettings(n_frames=1)), 40)],
)
def test_who_asks_for_the_last_frame_is_not_told_that_something_else_was_tried(rule, n_frames):
    list(rule.fit(series(n_frames), Split.of(n_frames + 5, n_test=5)))
    assert "as was asked for" in rule.finding()


@pytest.mark.parametrize("name", sorted(name for name, kind in FORECASTERS.items() if kind.family == "rule"))
def test_whatever_the_unit_a_rule_chooses_and_forecasts_the_same(name):
    """Joules or electron volts, moles or single particles: squares of such numbers may leave float32."""
    t, y, x = np.ogrid[:40, :20, :22]
    frames = (0.3 * np.sin(0.5 * x + 0.3 * y - 0.4 * t) + (np.hypot(y - 9, x - 0.5 * t) < 3))[..., None].astype(np.float32)
    kind, said = FORECASTERS[name], []
    for unit in (1.0, 2.0**70, 2.0**100, 2.0**-70, 2.0**-100):
        scaled = frames[:30] * np.float32(unit)
        rule = kind.make(kind.settings(), Workbench())
        for _ in rule.fit(FrameSeries("one", scaled, (float(scaled.min()), float(scaled.max()))), Split.of(40, 10)):
            pass
        said.append((getattr(rule, "_choice", None), rule.forecast(scaled, 10) / np.float32(unit)))
    for choice, forecast in said[1:]:
        assert choice == said[0][0]
        np.testing.assert_allclose(forecast, said[0][1], atol=1e-5)


@pytest.mark.parametrize("name", sorted(name for name, kind in FORECASTERS.items() if kind.family == "rule"))
def test_a_rule_that_was_loaded_tells_what_it_told(name, tmp_path):
    """Also where it knew only then how many oscillations there are, that the grid is a coarser one, or what was compared."""
    t, _, x = np.ogrid[:24, :12, :1400]
    wave = (100 + 50 * np.sin(2 * np.pi * (x / 20 - t / 6)) + np.zeros((24, 12, 1400)))[..., None].astype(np.float32)
    kind = FORECASTERS[name]
    for number, n_frames in enumerate((24, 3)):
        rule, folder = kind.make(kind.settings(), Workbench()), tmp_path / str(number)
        for _ in rule.fit(FrameSeries("wave", wave[:n_frames], (50.0, 150.0)), Split.of(n_frames + 4, n_test=4)):
            pass
        folder.mkdir()
        rule.save(folder)
        loaded = kind.load(folder)
        assert not isinstance(rule, TunedRule) or loaded.found == rule.found == rule.finding() != ""


def test_a_rule_of_before_its_finding_was_kept_still_forecasts(tmp_path):
    history = series()
    rule = fitted(history)
    rule.save(tmp_path)
    (tmp_path / "found.json").unlink()
    loaded = Climatology.load(tmp_path)
    assert loaded.found == ""
    np.testing.assert_array_equal(loaded.forecast(history.frames, 2), rule.forecast(history.frames, 2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 2, 1), (300, 113, 3)])  # of the second, not all rows are summed at once
def test_sums_of_frames_are_those_of_whole_frames_to_the_bit(dtype, shape):
    frames = np.random.default_rng(0).integers(0, 255, (7, *shape)).astype(dtype)
    weights = [0.1, -0.7, 1 / 3]
    expected = np.zeros(shape)
    for index, weight in zip((6, 0, 3), weights, strict=True):
        expected += np.multiply(frames[index], weight, dtype=np.float64)
    np.testing.assert_array_equal(weighted_sum(frames, (6, 0, 3), weights), expected)
    np.testing.assert_array_equal(mean_frame(frames, range(7)), frames.astype(np.float64).sum(axis=0) / 7)
