"""Analog: what came before comes again."""

import numpy as np
import pytest

from framecast.forecasters.baselines.analog import LAST_FRAME, Analog, AnalogSettings, Replay, matches
from framecast.forecasters.hindcast import View
from framecast.series.frames import FrameSeries, Split


def cycle(period, n_frames=120, shape=(13, 17, 2), dtype="uint8"):
    one = np.random.default_rng(0).integers(0, 255, (period, *shape), endpoint=True).astype(dtype)
    return one[np.arange(n_frames) % period]


def fitted(frames, **settings):
    split = Split.of(len(frames))
    rule = Analog(AnalogSettings(**settings))
    (progress,) = rule.fit(FrameSeries("s", frames[: split.test.start], (0.0, 255.0)), split)
    return rule, progress.finding, split


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("period", [7, 12, 23])
def test_a_long_pure_cycle_is_forecast_exactly(period, dtype):
    frames = cycle(period, dtype=dtype)
    rule, finding, split = fitted(frames)
    assert finding.startswith("What followed the moment most like the last frame is replayed")
    forecast = rule.forecast(frames[: split.test.start], split.horizon)
    np.testing.assert_array_equal(forecast, frames[split.test.start :].astype(np.float32))


def test_events_out_of_step_are_told_apart_by_the_frames_before():
    """The same frame is followed by one of two things, and the frame before it says by which."""
    rng = np.random.default_rng(3)
    first, second, common, one, other = rng.integers(0, 255, (5, 8, 8, 1)).astype(np.uint8)
    events = [[first, common, one], [second, common, other]]
    past = [frame for kind in rng.integers(0, 2, 60) for frame in events[kind]]
    for start, following in ((first, one), (second, other)):
        forecast = Analog.forecast_by(Replay(1, 2, 0.0), np.array([*past, start, common]), 1)
        np.testing.assert_array_equal(forecast[0], following)


@pytest.mark.parametrize("horizon", [1, 20, 119, 500])
def test_matches_leave_a_horizon_or_half_of_the_past(horizon):
    past = cycle(6)
    ends, weights = matches(past, Replay(3, 4, 0.0), horizon)
    assert len(ends) == 3 and all(3 <= end < 120 - min(horizon, 60) for end in ends)
    assert sum(weights) == pytest.approx(1) and min(weights) > 0
    forecast = Analog.forecast_by(Replay(1, 4, 1.0), past, horizon)
    np.testing.assert_array_equal(forecast, cycle(6, 120 + horizon)[120:].astype(np.float32))


def test_the_offset_begins_at_the_last_frame_and_fades():
    past = cycle(5, 101, dtype="float32")
    past[-1] = 0.5 * past[-1] + 60
    plain, fading = (Analog.forecast_by(Replay(1, 1, offset), past, 30) for offset in (0.0, 0.7))
    (end,), _ = matches(past, Replay(1, 1, 0.0), 30)
    for lead in (0, 1, 29):
        expected = np.clip(plain[lead] + 0.7 ** (lead + 1) * (past[-1] - past[end]), past.min(), past.max())
        np.testing.assert_allclose(fading[lead], expected, atol=1e-3)


def test_a_still_is_forecast_exactly():
    still = np.repeat(cycle(1, 1), 40, axis=0)
    rule, _, _ = fitted(still)
    for choice in (rule.choice, LAST_FRAME, Replay(3, 2, 0.5)):
        np.testing.assert_allclose(Analog.forecast_by(choice, still, 9), np.repeat(still[:1], 9, axis=0), atol=1e-4)


@pytest.mark.parametrize("n_past", [1, 2, 3, 5])
def test_too_short_a_past_forecasts_its_last_frame(n_past):
    past = cycle(12)[:n_past]
    forecast = Analog.forecast_by(Replay(3, 8, 0.0), past, 6)
    np.testing.assert_array_equal(forecast, np.repeat(past[-1:].astype(np.float32), 6, axis=0))


def test_what_a_person_fixes_stays_fixed():
    rule, finding, _ = fitted(cycle(7), neighbours=2, n_matched=5, offset="none")
    assert rule.choice == Replay(2, 5, 0.0)
    assert finding == "What followed the 2 moments most like the last 5 frames is replayed."


def test_a_hindcast_sees_patches_of_what_would_be_forecast():
    """Frames are matched whole. What happens between the patches has its say, at the fit as in the forecast."""
    rng = np.random.default_rng(0)
    frames = rng.integers(60, 200, (7, 20, 300, 1)).astype(np.uint8)[rng.integers(0, 7, 60)]
    frames[:, :, 55:95] = rng.integers(0, 255, (60, 1, 1, 1))
    rule, _, split = fitted(frames)
    history = FrameSeries("s", frames[: split.test.start], (0.0, 255.0))
    view = View.of(history, split.horizon)
    assert not set(range(55, 95)) <= set(view.columns)
    for choice in (LAST_FRAME, Replay(1, 1, 0.7), Replay(3, 4, 1.0)):
        for origin in (30, 41):
            past = history.frames[:origin]
            seen = rule.forecast_view_by(choice, past, split.horizon, view)
            whole = Analog.forecast_by(choice, past, split.horizon)
            np.testing.assert_array_equal(seen, view.patches(whole[view.leads]))
    rule._hindcast = None
    past = history.frames[:41]
    expected = view.patches(Analog.forecast_by(rule.choice, past, split.horizon)[view.leads])
    np.testing.assert_array_equal(rule.hindcast(past, split.horizon, view), expected)
