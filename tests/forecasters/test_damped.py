"""Damped return: from the last frame to the mean, monotonically, at the pace that the past shows."""

import numpy as np
import pytest

from framecast.forecasters.baselines.damped import Damped, DampedSettings, Return
from framecast.forecasters.tuned_rule import ALL
from framecast.series.frames import FrameSeries, Split


def fitted(frames, **settings):
    split = Split.of(len(frames))
    rule = Damped(DampedSettings(**settings))
    (progress,) = rule.fit(FrameSeries("s", frames[: split.test.start], (-10.0, 10.0)), split)
    return rule, progress.finding


def autoregression(memory, n_frames=300, shape=(16, 16, 1)):
    rng = np.random.default_rng(0)
    mean = rng.normal(size=shape) * 3
    state, frames = rng.normal(size=shape), []
    for _ in range(n_frames):
        state = memory * state + np.sqrt(1 - memory**2) * rng.normal(size=shape)
        frames.append(mean + state)
    return np.array(frames, np.float32)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_still_is_forecast_exactly(dtype):
    still = np.random.default_rng(0).integers(0, 255, (1, 9, 14, 3)).astype(dtype)
    frames = np.repeat(still, 30, axis=0)
    rule, _ = fitted(frames)
    np.testing.assert_array_equal(rule.forecast(frames, 8), np.repeat(still.astype(np.float32), 8, axis=0))
    damped = Damped.forecast_by(Return(0.7, ALL), frames, 8)
    np.testing.assert_array_equal(damped, np.repeat(still.astype(np.float32), 8, axis=0))


def test_it_goes_from_the_last_frame_to_the_mean_monotonically():
    past = np.random.default_rng(0).normal(size=(30, 7, 9, 2)).astype(np.float32)
    forecast = Damped.forecast_by(Return(0.8, 10), past, 80)
    mean = past[-10:].mean(axis=0)
    np.testing.assert_allclose(forecast[0], 0.8 * past[-1] + 0.2 * mean, atol=1e-6)
    np.testing.assert_allclose(forecast[-1], mean, atol=1e-6)
    distance = np.abs(forecast - mean)
    assert (np.diff(distance, axis=0) <= 1e-6).all() and (distance <= np.abs(past[-1] - mean) + 1e-6).all()


@pytest.mark.parametrize("memory", [0.3, 0.9])
def test_the_memory_of_an_autoregression_is_found(memory):
    rule, finding = fitted(autoregression(memory))
    assert abs(rule.choice.memory - memory) <= 0.3 * memory and rule.choice.n_frames >= 40
    assert "returns to the mean" in finding


def test_what_never_returns_is_forecast_by_its_last_frame():
    start = np.random.default_rng(1).normal(size=(1, 12, 12, 1))
    rule, finding = fitted((start + 0.1 * np.arange(120)[:, None, None, None]).astype(np.float32))
    assert rule.choice.memory == 1 and finding.startswith("No return to a mean")


def test_what_a_person_fixes_stays_fixed():
    rule, finding = fitted(autoregression(0.5, 60), memory=0.5, n_frames=12)
    assert rule.choice == Return(0.5, 12)
    assert "the mean of the last 12 frames" in finding and "gone after 1.0 frames" in finding
    assert fitted(autoregression(0.5, 60), memory=1.0)[0].choice.memory == 1.0


def test_two_frames_are_enough():
    frames = autoregression(0.5, 3)
    rule, _ = fitted(frames)
    assert np.isfinite(rule.forecast(frames[:1], 5)).all()
