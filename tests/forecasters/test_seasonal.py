"""Seasonal: the period is found by itself, and what repeats is forecast exactly."""

import tracemalloc

import numpy as np
import pytest

from framecast.forecasters.baselines.seasonal import LAST_FRAME, Season, Seasonal, SeasonalSettings
from framecast.series.frames import FrameSeries, Split
from framecast.series.periods import find_periods


def cycle(period, n_frames=100, shape=(13, 17, 2), dtype="uint8", seed=0):
    """Random frames, smooth in nothing, that repeat."""
    one = np.random.default_rng(seed).integers(0, 255, (period, *shape), endpoint=True).astype(dtype)
    return FrameSeries("cycle", one[np.arange(n_frames) % period], (0.0, 255.0))


def fitted(series, split, **settings):
    rule = Seasonal(SeasonalSettings(**settings))
    (progress,) = rule.fit(series.head(split.test.start), split)
    return rule, progress.finding


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("period", [2, 7, 12, 33])
def test_a_pure_cycle_is_found_and_forecast_exactly(period, dtype):
    series, split = cycle(period, dtype=dtype), Split.of(100)
    rule, finding = fitted(series, split)
    assert rule.choice.period == period and f"A period of {period} frames was found" in finding
    past = series.frames[: split.test.start]
    np.testing.assert_array_equal(rule.forecast(past, 20), series.frames[split.test.start :].astype(np.float32))


def test_noise_is_averaged_over_cycles_and_hides_no_period():
    clean = cycle(12, 150)
    noisy = clean.frames + np.random.default_rng(1).normal(0, 60, clean.frames.shape)
    series, split = FrameSeries("noisy", noisy.astype(np.float32), (0.0, 255.0)), Split.of(150)
    rule, finding = fitted(series, split)
    assert rule.choice.period == 12 and rule.choice.cycles >= 4 and "the mean of" in finding
    error = rule.forecast(series.frames[: split.test.start], split.horizon) - clean.frames[split.test.start :]
    assert np.sqrt(np.square(error).mean()) < 60 / 2


def test_a_still_is_forecast_exactly_and_has_no_period():
    series, split = FrameSeries("still", np.repeat(cycle(1).frames[:1], 40, axis=0), (0.0, 255.0)), Split.of(40)
    rule, finding = fitted(series, split)
    assert rule.choice == LAST_FRAME and finding.startswith("No period was found")
    np.testing.assert_array_equal(rule.forecast(series.frames[:32], 9), np.repeat(series.frames[:1].astype(np.float32), 9, 0))


@pytest.mark.parametrize("law", ["ramp", "walk"])
def test_slow_change_is_no_period(law):
    steps = np.random.default_rng(0).normal(size=(80, 9, 9, 1)) if law == "walk" else np.ones((80, 9, 9, 1))
    assert law == "walk" or find_periods(steps.cumsum(axis=0).astype(np.float32)) == []
    rule, _ = fitted(FrameSeries(law, steps.cumsum(axis=0).astype(np.float32), (-100.0, 100.0)), Split.of(80))
    assert rule.choice == LAST_FRAME


def test_fewer_than_two_cycles_are_no_season():
    rule, finding = fitted(cycle(12, 28), Split.of(28, 6))
    assert rule.choice == LAST_FRAME and "the last frame is forecast" in finding


@pytest.mark.parametrize("periods, tried", [([6], "A period of 6 frames was"), ([6, 12], "Periods of 6 and 12 frames were")])
def test_periods_that_were_no_season_are_told(periods, tried):
    rule = Seasonal(SeasonalSettings())
    rule._periods, rule._choice = periods, LAST_FRAME
    assert rule.finding() == f"{tried} tried; the last frame forecast earlier frames better, so it is forecast."


def test_a_departure_that_lasts_is_carried_on():
    series = cycle(6, 90)
    shifted = series.frames.astype(np.float32) * 0.5
    shifted[45:] += 80
    rule, finding = fitted(FrameSeries("shifted", shifted, (0.0, 255.0)), Split.of(90), cycles=1_000_000)
    assert rule.choice.offset == 1.0 and "with an offset" in finding
    forecast = rule.forecast(shifted[:72], 18)
    assert np.abs(forecast - shifted[72:]).max() < 5, "phases have seen one more or one less of the shifted cycles"


def test_cycles_that_change_slowly_fade():
    walk = np.random.default_rng(2).normal(0, 6, (25, 12, 13, 17, 2)).cumsum(axis=0)
    frames = cycle(12, 300).frames + walk.reshape(300, 13, 17, 2) + np.random.default_rng(3).normal(0, 15, (300, 13, 17, 2))
    series, split = FrameSeries("drifting", frames.astype(np.float32), (-200.0, 500.0)), Split.of(300, 12)
    rule, finding = fitted(series, split)
    assert rule.choice == Season(12, 1_000_000, 0.0, 0.75) and "each counting 75% of the one after it" in finding
    past, truth = series.frames[: split.test.start], series.frames[split.test.start :]
    plain, faded = (np.square(rule.forecast_by(Season(12, 10**6, 0.0, one), past, 12) - truth).mean() for one in (1, 0.75))
    assert faded < 0.8 * plain
    weights = 0.75 ** np.arange(24)
    np.testing.assert_allclose(
        rule.forecast(past, 1)[0], np.tensordot(weights / weights.sum(), past[276::-12], 1), rtol=1e-4, atol=1e-2
    )


def test_what_a_person_fixes_stays_fixed():
    rule, finding = fitted(cycle(7), Split.of(100), period=5, cycles=3, offset="short")
    assert rule.choice == Season(5, 3, 0.7)
    assert fitted(cycle(7), Split.of(100), period=5, fading=0.5, cycles=4, offset="none")[0].choice == Season(5, 4, 0.0, 0.5)
    assert "; the last cycle is forecast" in fitted(cycle(7), Split.of(100), period=5, fading=0.5, cycles=1, offset="none")[1]
    assert finding.startswith("A period of 5 frames was given; the mean of the last 3 cycles is forecast")


@pytest.mark.parametrize("n_past", [1, 2, 5, 11])
def test_a_past_shorter_than_the_period_still_forecasts(n_past):
    past = cycle(12).frames[:n_past]
    forecast = Seasonal.forecast_by(Season(12, 4, 0.93), past, 30)
    assert forecast.shape == (30, 13, 17, 2) and np.isfinite(forecast).all()


def test_the_series_never_exists_as_float():
    series, split = cycle(7, 150, (128, 128, 3)), Split.of(150, 5)
    tracemalloc.start()
    rule, _ = fitted(series, split)
    rule.forecast(series.frames[:145], 5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < series.frames.nbytes * 2, "the stored integers are a quarter of the series in float32"
