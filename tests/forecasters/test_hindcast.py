"""Hindcasts: past origins only, three at least, and the best setting wins."""

import dataclasses

import numpy as np
import pytest

from framecast.forecasters.hindcast import View, choose, past_origins
from framecast.series.frames import FrameSeries, Split


def ramp(n_frames=60, shape=(20, 30, 1)):
    frames = np.random.default_rng(0).uniform(0, 50, shape) + 2.0 * np.arange(n_frames)[:, None, None, None]
    return FrameSeries("ramp", frames.astype(np.float32), (0.0, 300.0))


def slope_rule(slope, past, horizon):
    return past[-1] + slope * np.arange(1, horizon + 1, dtype=np.float32)[:, None, None, None]


def by(series, rule):
    """What `choose` asks for, of a rule that treats every pixel by itself."""
    return lambda choice, origin, horizon, view: rule(choice, view.patches(series.frames[:origin]), horizon)[view.leads]


def test_the_setting_that_would_have_forecast_best_is_chosen():
    found = choose(ramp(), Split.of(60), [0.0, 1.0, 2.0, 3.0], by(ramp(), slope_rule))
    assert found.best == 2.0 and found.scores[2] == pytest.approx(1)


def test_what_is_judged_at_an_origin_was_not_chosen_there():
    series, newest = ramp(), []

    def good_at_the_newest(choice, origin, horizon, view):
        newest.append(origin)
        slope = 2.0 if (choice == "new") == (origin == max(newest)) else 9.0
        return by(series, slope_rule)(slope, origin, horizon, view)

    found = choose(series, Split.of(60), ["new", "old"], good_at_the_newest)
    assert found.best == "old"
    assert choose(series, Split.of(60), ["old", "new"], good_at_the_newest).best_without(found.origins[0]) == "old"
    mixed = dataclasses.replace(found, candidates=["a", "b"], origins=(9, 8, 7), scores=np.array([[3, 0, 0], [0, 1, 1.0]]))
    assert [mixed.best, *map(mixed.best_without, (9, 8, 7))] == ["a", "b", "a", "a"]
    for more, best in ((1e-7, "a"), (1e-5, "b")):  # what is within rounding is equal, and of equals the first is taken
        scores = np.array([[0.5, 0.5, 0.5], [0.5 + more, 0.5 + more, 0.5 + more]])
        assert dataclasses.replace(mixed, scores=scores).best == best


def test_among_equals_the_first_is_chosen():
    still = FrameSeries("still", np.full((40, 9, 9, 1), 7, np.uint8), (0.0, 255.0))
    last = by(still, lambda _, past, horizon: np.repeat(past[-1:], horizon, axis=0))
    assert choose(still, Split.of(40), ["b", "a"], last).best == "b"


def test_no_candidate_sees_a_frame_from_its_origin_on_nor_the_test():
    series, split = ramp(), Split.of(60)
    poisoned = series.frames.copy()
    poisoned[split.test.start :] = np.nan
    seen = []

    def guarded(slope, past, horizon):
        assert np.isfinite(past).all() and len(past) + horizon <= split.test.start
        np.testing.assert_array_equal(past, series.frames[: len(past)])
        with pytest.raises(IndexError):
            past[len(past)]
        seen.append(len(past))
        return slope_rule(slope, past, horizon)

    found = choose(FrameSeries("poisoned", poisoned, (0.0, 300.0)), split, [2.0, 1.0], by(series, guarded))
    clean = choose(series.head(split.test.start), split, [2.0, 1.0], by(series, slope_rule))
    np.testing.assert_array_equal(found.scores, clean.scores)
    assert set(seen) == set(found.origins) and len(found.origins) >= 3


@pytest.mark.parametrize("n_frames", [*range(2, 40), 54, 300, 350, 4000])
@pytest.mark.parametrize("asked", [1, 7, 50, 400])
def test_origins_are_three_or_none_and_leave_half_of_the_frames_as_past(n_frames, asked):
    origins, horizon = past_origins(n_frames, asked)
    if n_frames >= 6:
        assert len(origins) >= 3
    if origins:
        assert 3 <= len(set(origins)) <= 5 and 1 <= horizon <= asked
        assert origins[0] + horizon == n_frames and min(origins) >= n_frames // 2


def test_a_tiny_series_takes_the_default():
    found = choose(ramp(5), Split.of(5, 2), [3.0, 2.0], by(ramp(5), slope_rule))
    assert found.best == 3.0 and found.origins == ()


def test_masked_pixels_have_no_say():
    series = ramp()
    valid = np.ones((20, 30), bool)
    valid[5:15, 4:12] = False
    frames = series.frames.copy()
    frames[:, ~valid] = 0

    def only_outside(slope, past, horizon):
        forecast = slope_rule(2.0, past, horizon)
        forecast[:, ~valid] += slope
        return forecast

    masked = FrameSeries("masked", frames, (0.0, 300.0), valid=valid)
    found = choose(masked, Split.of(60), [90.0, 0.0], by(masked, only_outside))
    assert found.best == 90.0 and found.scores[0] == pytest.approx(1)


@pytest.mark.parametrize("shape", [(128, 90), (129, 300), (785, 785), (3, 5000)])
def test_a_mosaic_holds_native_pixels_spread_over_the_frame(shape):
    y, x = np.indices(shape)
    frames = np.stack([y, x], axis=-1)[None].astype(np.float32)
    view = View.of(FrameSeries("where", frames, (0.0, 5000.0)), 5)
    patches, mask = view.patches(frames), view.valid
    assert mask is None and patches.shape[1:3] == tuple(min(side, 128) for side in shape)
    for channel, side in enumerate(shape):
        seen = np.unique(patches[..., channel])
        assert side - seen[-1] - 1 <= side / 8 and seen[0] <= side / 8, "the last and the first eighth are seen"
        assert (np.diff(seen) == 1).mean() >= 0.9, "neighbours stay neighbours"


def test_a_mosaic_lies_where_the_mask_is_valid():
    valid = np.zeros((300, 400), bool)
    valid[250:280, 10:50] = True
    frames = valid[None, ..., None].astype(np.uint8)
    view = View.of(FrameSeries("corner", frames, (0.0, 255.0), valid=valid), 5)
    patches, mask = view.patches(frames), view.valid
    assert mask is None and patches.shape == (1, 30, 40, 1) and patches.all()
