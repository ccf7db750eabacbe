"""OpenSTL's arithmetic is OpenSTL's, written out here as its tables were computed, and converts to ours where it can."""

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from framecast.errors import InputError
from framecast.metrics import METRICS, openstl

SHAPE = (3, 20, 24, 2)
SCALARS = (openstl.summed_squared_error, openstl.summed_absolute_error, openstl.psnr, openstl.ssim)


def pair(amount=0.2):
    """Values mostly from 0 to 1; the forecast goes beyond."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 1, SHAPE)
    return truth + rng.normal(0, amount, SHAPE), truth


def test_sums_are_over_a_frame_and_unclipped():
    forecast, truth = pair()
    expected = [sum(error**2 for error in (f - t).ravel()) for f, t in zip(forecast, truth, strict=True)]
    np.testing.assert_allclose(openstl.summed_squared_error(forecast, truth, value_range=(0, 1)), expected)
    expected = [sum(abs(error) for error in (f - t).ravel()) for f, t in zip(forecast, truth, strict=True)]
    np.testing.assert_allclose(openstl.summed_absolute_error(forecast, truth, value_range=(0, 1)), expected)


def test_psnr_is_of_the_clipped_forecast_frame_by_frame():
    forecast, truth = pair()
    expected = [20 * np.log10(1 / np.sqrt(np.mean((np.clip(f, 0, 1) - t) ** 2))) for f, t in zip(forecast, truth, strict=True)]
    np.testing.assert_allclose(openstl.psnr(forecast, truth, value_range=(0, 1)), expected)


def test_ssim_has_a_uniform_window_of_7_sample_covariance_and_a_range_of_2():
    forecast, truth = pair()

    def one(f, t):
        def blur(plane):
            return uniform_filter(plane, 7)

        sample = 49 / 48
        mean_f, mean_t = blur(f), blur(t)
        var_f, var_t = (sample * (blur(x * x) - m * m) for x, m in ((f, mean_f), (t, mean_t)))
        both = sample * (blur(f * t) - mean_f * mean_t)
        c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
        per_pixel = (2 * mean_f * mean_t + c1) * (2 * both + c2) / ((mean_f**2 + mean_t**2 + c1) * (var_f + var_t + c2))
        return per_pixel[3:-3, 3:-3].mean()

    expected = [
        np.mean([one(f[..., channel].clip(0, 1), t[..., channel]) for channel in range(2)])
        for f, t in zip(forecast, truth, strict=True)
    ]
    np.testing.assert_allclose(openstl.ssim(forecast, truth, value_range=(0, 1)), expected)


@pytest.mark.parametrize("function", SCALARS)
def test_units_and_dtype_do_not_matter(function):
    forecast, truth = (np.rint(frames.clip(0, 1) * 255).astype(np.uint8) for frames in pair())
    expected = function(forecast / 255, truth / 255, value_range=(0, 1))
    np.testing.assert_allclose(function(forecast, truth, value_range=(0, 255)), expected)
    np.testing.assert_allclose(function(forecast * 2.0 - 100, truth * 2.0 - 100, value_range=(-100, 410)), expected)


def test_converts_to_ours_as_the_text_says():
    forecast, truth = (frames.clip(0, 1) * 255 for frames in pair())
    n_values = SHAPE[1] * SHAPE[2] * SHAPE[3]

    def ours(name):
        return METRICS[name].function(forecast, truth, data_range=255.0)

    theirs = [function(forecast, truth, value_range=(0.0, 255.0)) for function in SCALARS]
    np.testing.assert_allclose(theirs[0], ours("mse") / 255**2 * n_values)
    np.testing.assert_allclose(theirs[1], ours("mae") / 255 * n_values)
    np.testing.assert_allclose(theirs[2], ours("psnr"))
    assert (np.argsort(theirs[3]) != np.argsort(ours("ssim"))).any()  # not even the order of frames is the same


def test_a_frame_is_perfectly_like_itself():
    _, truth = pair()
    assert [function(truth, truth, value_range=(0, 1))[0] for function in SCALARS] == [0, 0, np.inf, pytest.approx(1)]


@pytest.mark.parametrize("function", SCALARS)
def test_pixels_outside_the_mask_are_equal_whatever_they_hold(function):
    forecast, truth = pair()
    valid = np.ones(SHAPE[1:3], bool)
    valid[:, 15:] = False
    expected = function(forecast, truth, value_range=(0, 1), valid=valid)
    forecast[:, ~valid], truth[:, ~valid] = 9.0, np.nan
    np.testing.assert_array_equal(function(forecast, truth, value_range=(0, 1), valid=valid), expected)


def test_what_does_not_fit_is_refused():
    small = np.zeros((1, 6, 20, 1))
    with pytest.raises(InputError, match="Frames are 20 x 6 pixels; OpenSTL's SSIM needs 7 x 7"):
        openstl.ssim(small, small, value_range=(0, 1))
    with pytest.raises(InputError, match="The data range is 0"):
        openstl.psnr(small, small, value_range=(1, 1))


def test_it_is_not_computed_for_every_run():
    assert not {name for name, kind in METRICS.items() if kind.function in SCALARS}
