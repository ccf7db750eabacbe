"""Error maps are forecast minus truth, and one limit serves the whole horizon."""

import numpy as np
import pytest

from framecast.evaluation.error_maps import error_limit, error_map, ticks


def test_forecast_minus_truth_in_that_order_and_without_wrapping():
    forecast, truth = np.full((4, 5, 3), 10, np.uint8), np.full((4, 5, 3), 30, np.uint8)
    assert (error_map(forecast, truth) == -20).all()
    assert (error_map(forecast, truth, signed=False) == 20).all()


def test_signs_cancel_over_channels_but_sizes_do_not():
    truth = np.zeros((2, 2, 2), np.float32)
    forecast = truth + np.array([3, -3], np.float32)
    assert (error_map(forecast, truth) == 0).all()
    assert (error_map(forecast, truth, signed=False) == 3).all()
    assert (error_map(forecast, truth, channel=1) == -3).all()


def test_masked_pixels_are_blank():
    valid = np.eye(3, dtype=bool)
    found = error_map(np.ones((3, 3, 1)), np.zeros((3, 3, 1)), valid=valid)
    np.testing.assert_array_equal(np.isnan(found), ~valid)


def test_the_limit_is_a_percentile_of_all_leads_together():
    truth = np.zeros((10, 20, 20, 1), np.float32)
    forecast = truth + np.linspace(-1, 1, truth.size, dtype=np.float32).reshape(truth.shape)
    assert error_limit(forecast, truth, percentile=90) == pytest.approx(0.9, abs=0.01)
    assert error_limit(forecast, truth, percentile=100) == 1
    forecast[0, 0, 0] = np.nan
    assert error_limit(forecast, truth, percentile=90) == pytest.approx(0.9, abs=0.01)


def test_one_odd_pixel_does_not_set_the_scale_but_shows_where_nothing_else_is_wrong():
    truth = np.zeros((2, 50, 50, 1), np.float32)
    forecast = truth + 1
    forecast[0, 0, 0] = 1000
    assert error_limit(forecast, truth) == 1
    forecast[:] = 0
    forecast[1, 7, 7] = -4
    assert error_limit(forecast, truth) == 4


def test_a_perfect_forecast_still_has_a_scale():
    truth = np.ones((2, 5, 5, 3), np.uint8)
    assert error_limit(truth, truth) == 1
    assert error_limit(truth, truth + 1, valid=np.zeros((5, 5), bool)) == 1


def test_a_large_forecast_is_sampled(monkeypatch):
    generator = np.random.default_rng(0)
    truth = np.zeros((5, 300, 300, 1), np.float32)
    forecast = generator.normal(size=truth.shape).astype(np.float32)
    whole = error_limit(forecast, truth)
    monkeypatch.setattr("framecast.evaluation.error_maps.N_SAMPLES", 20_000)
    assert error_limit(forecast, truth) == pytest.approx(whole, rel=0.1)


@pytest.mark.parametrize("limit", [*np.geomspace(1e-6, 1e6, 97), 1.0, 10.0, 0.1, 2.5, 5.0])
def test_ticks_are_few_round_symmetric_and_inside(limit):
    found = ticks(limit)
    assert 5 <= len(found) <= 9 and found == [-value for value in reversed(found)]
    assert 0 in found and max(found) <= limit * (1 + 1e-6) and max(found) >= limit / 2
    assert ticks(limit, signed=False) == [value for value in found if value >= 0]
    assert all(value == float(f"{value:.2g}") for value in found)


def test_ticks_of_a_common_scale():
    assert ticks(51.0) == [-40.0, -20.0, 0.0, 20.0, 40.0]
