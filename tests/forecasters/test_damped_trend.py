"""Damped trend: exact on a ramp, never out of the range seen, and no trend where there is none."""

import numpy as np
import pytest

from framecast.forecasters.baselines.damped_trend import LAST_FRAME, DampedTrend, DampedTrendSettings, Trend
from framecast.series.frames import FrameSeries, Split


def ramp(n_frames=60, dtype="float32", shape=(15, 20, 2)):
    """Every pixel has a slope of its own, up or down; one is still at each end of the value range."""
    rng = np.random.default_rng(0)
    slope = rng.integers(-1, 1, shape, endpoint=True)
    frames = 100 + rng.integers(-20, 20, shape) + slope * np.arange(n_frames)[:, None, None, None]
    frames[:, 0, 0], frames[:, 0, 1] = 0, 255
    return frames.astype(dtype)


def fitted(frames, **settings):
    split = Split.of(len(frames))
    rule = DampedTrend(DampedTrendSettings(**settings))
    (progress,) = rule.fit(FrameSeries("s", frames[: split.test.start], (0.0, 255.0)), split)
    return rule, progress.finding, split


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_ramp_is_forecast_exactly_and_found_to_go_straight_on(dtype):
    frames = ramp(dtype=dtype)
    rule, finding, split = fitted(frames)
    assert rule.choice.damping == 1 and "goes straight on" in finding
    forecast = rule.forecast(frames[: split.test.start], split.horizon)
    np.testing.assert_allclose(forecast, frames[split.test.start :].astype(np.float32), atol=1e-4)


@pytest.mark.parametrize("n_frames", [2, 3, 40])
def test_every_fitted_length_is_exact_on_a_ramp(n_frames):
    frames = ramp()
    forecast = DampedTrend.forecast_by(Trend(n_frames, 1.0), frames[:50], 10)
    np.testing.assert_allclose(forecast, frames[50:], atol=1e-4)


def test_a_damped_ramp_levels_off_where_the_sum_of_its_slopes_ends():
    frames = ramp()
    forecast = DampedTrend.forecast_by(Trend(5, 0.5), frames, 40)
    np.testing.assert_allclose(forecast[-1], frames[-1] + (frames[-1] - frames[-2]), atol=1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_still_is_forecast_exactly(dtype):
    still = np.repeat(ramp(1, dtype), 40, axis=0)
    rule, finding, _ = fitted(still)
    assert rule.choice == LAST_FRAME and finding.startswith("No trend was of use")
    np.testing.assert_array_equal(rule.forecast(still, 7), np.repeat(still[:1].astype(np.float32), 7, axis=0))
    straight = DampedTrend.forecast_by(Trend(40, 1.0), still, 7)
    np.testing.assert_allclose(straight, np.repeat(still[:1].astype(np.float32), 7, axis=0), atol=1e-3)


def test_no_value_leaves_the_range_that_was_seen():
    frames = ramp(60)[:, 5:]
    forecast = DampedTrend.forecast_by(Trend(10, 1.0), frames, 500)
    assert forecast.min() == frames.min() and forecast.max() == frames.max()


def test_what_a_person_fixes_stays_fixed():
    rule, finding, _ = fitted(ramp(), n_frames=7, damping=0.8)
    assert rule.choice == Trend(7, 0.8)
    assert finding == "The slope of each pixel is fitted to the last 7 frames and 80% of it is left from lead to lead."


@pytest.mark.parametrize("n_past", [1, 2, 3])
def test_a_past_shorter_than_what_is_fitted_still_forecasts(n_past):
    forecast = DampedTrend.forecast_by(Trend(40, 0.9), ramp()[:n_past], 6)
    assert forecast.shape == (6, 15, 20, 2) and np.isfinite(forecast).all()
