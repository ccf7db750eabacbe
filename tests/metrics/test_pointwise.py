"""MSE, MAE and PSNR are their formulas, in the units of the series, at any dtype."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from framecast.metrics.pointwise import mae, mse, psnr


def pair(dtype, shape=(3, 12, 9, 2)):
    generator = np.random.default_rng(0)
    high = {"uint8": 255, "uint16": 65535, "float32": 1000}[dtype]
    return [generator.integers(0, high, shape, endpoint=True).astype(dtype) for _ in range(2)]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_integers_do_not_wrap_and_every_lead_stands_alone(dtype):
    forecast, truth = pair(dtype)
    error = forecast.astype(np.float64) - truth.astype(np.float64)
    np.testing.assert_allclose(mse(forecast, truth, data_range=1.0), (error**2).mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(mae(forecast, truth, data_range=1.0), np.abs(error).mean(axis=(1, 2, 3)))
    assert mse(forecast[1:2], truth[1:2], data_range=1.0)[0] == mse(forecast, truth, data_range=1.0)[1]


def test_a_constant_offset_is_found_as_it_is():
    truth = np.full((2, 5, 5, 1), 100_000.0, np.float32)
    assert mae(truth + 3, truth, data_range=5000.0).tolist() == [3, 3]
    assert mse(truth + 3, truth, data_range=5000.0).tolist() == [9, 9]


def test_psnr_equals_scikit_image():
    forecast, truth = pair("uint8")
    expected = [peak_signal_noise_ratio(one, other, data_range=255) for one, other in zip(truth, forecast, strict=True)]
    np.testing.assert_allclose(psnr(forecast, truth, data_range=255), expected)


def test_psnr_of_an_exact_frame_is_infinite_and_so_is_its_mean():
    forecast, truth = pair("uint8")
    forecast[0] = truth[0]
    scores = psnr(forecast, truth, data_range=255)
    assert scores[0] == math.inf and np.isfinite(scores[1:]).all() and scores.mean() == math.inf


@pytest.mark.parametrize("metric", [mse, mae, psnr])
def test_masked_pixels_do_not_count(metric):
    forecast, truth = pair("uint16")
    valid = np.zeros((12, 9), bool)
    valid[3:9, 2:7] = True
    inside = metric(forecast[:, 3:9, 2:7], truth[:, 3:9, 2:7], data_range=65535.0)
    np.testing.assert_allclose(metric(forecast, truth, data_range=65535.0, valid=valid), inside)
