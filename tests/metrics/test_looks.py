"""What tells a forecast's looks, whatever its error: correlation, sharpness, detail, change, and errors where it moves."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from framecast.metrics import METRICS
from framecast.metrics.change import change_ratio
from framecast.metrics.correlation import correlation
from framecast.metrics.moving import moving_pixels, moving_rmse, noise_of_differences
from framecast.metrics.sharpness import gradient_energy, sharpness
from framecast.metrics.spectrum import radial_power, spectrum_ratio


def texture(n_frames=2, height=60, width=44, channels=2, seed=0):
    grain = np.random.default_rng(seed).normal(size=(n_frames, height, width, channels))
    return (100 + 40 * gaussian_filter(grain, (0, 1, 1, 0))).astype(np.float32)


def waves(length, size=96):
    """(1, size, size, 1): waves across of that many pixels."""
    return np.broadcast_to(50 + 20 * np.sin(2 * np.pi * np.arange(size) / length), (size, size))[None, ..., None]


def test_correlation_is_numpys_and_does_not_see_gain_and_offset():
    forecast, truth = texture(seed=0), texture(seed=1)
    pairs = zip(forecast, truth, strict=True)
    expected = [np.mean([np.corrcoef(f[..., c].flat, t[..., c].flat)[0, 1] for c in (0, 1)]) for f, t in pairs]
    found = correlation(forecast, truth, data_range=255.0)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(correlation(3 * forecast + 20, truth, data_range=255.0), found, atol=1e-5)
    np.testing.assert_allclose(correlation(-forecast, truth, data_range=255.0), -found, atol=1e-5)


def test_correlation_is_exact_beside_a_large_offset():
    forecast, truth = texture(seed=0), texture(seed=1)
    near = correlation(forecast, truth, data_range=255.0)
    np.testing.assert_allclose(correlation(forecast + 100_000, truth + 100_000, data_range=255.0), near, atol=1e-3)


@pytest.mark.parametrize("scale", [1e-36, 1e36])
def test_correlation_is_the_same_of_numbers_at_the_ends_of_float32(scale):
    forecast, truth = texture(seed=0), texture(seed=1)
    near = correlation(forecast, truth, data_range=255.0)
    scaled = correlation(forecast * np.float32(scale), truth * np.float32(scale), data_range=255.0 * scale)
    np.testing.assert_allclose(scaled, near, atol=1e-5)


def test_a_forecast_that_is_no_number_has_no_correlation_and_not_one_of_0():
    forecast, truth = texture(seed=0), texture(seed=1)
    forecast[1, 3, 3] = np.nan
    with np.errstate(invalid="ignore"):
        assert np.isnan(correlation(forecast, truth, data_range=255.0)).tolist() == [False, True]


def test_a_channel_without_contrast_has_no_correlation_unless_it_is_right():
    truth = texture()
    flat = np.full_like(truth, 100)
    assert correlation(flat, truth, data_range=255.0).tolist() == [0, 0]
    assert correlation(flat, flat, data_range=255.0).tolist() == [1, 1]


@pytest.mark.parametrize("metric", [sharpness, spectrum_ratio])
def test_blur_takes_sharpness_and_the_more_the_more(metric):
    truth = texture()
    blurred = [metric(gaussian_filter(truth, (0, sigma, sigma, 0)), truth, data_range=255.0).max() for sigma in (0.5, 1, 2, 4)]
    assert blurred == sorted(blurred, reverse=True) and blurred[0] < 1 and blurred[-1] < 0.05


@pytest.mark.parametrize("metric", [sharpness, spectrum_ratio])
def test_half_the_contrast_is_a_quarter_of_the_power(metric):
    truth = texture()
    np.testing.assert_allclose(metric(truth / 2, truth, data_range=255.0), 0.25, rtol=1e-5)


@pytest.mark.parametrize("metric", [sharpness, spectrum_ratio])
def test_noise_is_sharper_than_the_truth(metric):
    truth = texture()
    assert (metric(truth + texture(seed=3) - 100, truth, data_range=255.0) > 1.5).all()


def test_sharpness_counts_each_pair_of_neighbours_once():
    frame = np.zeros((4, 5, 1))
    frame[1, 1] = 3
    assert gradient_energy(frame) == 4 * 9
    counted = np.ones((4, 5), bool)
    counted[1, 2] = False
    assert gradient_energy(frame, counted) == 3 * 9


def test_fine_detail_is_what_is_finer_than_eight_pixels():
    coarse, fine = waves(24), waves(4)
    assert spectrum_ratio(coarse, coarse + fine, data_range=255.0)[0] < 1e-3
    assert spectrum_ratio(fine, coarse + fine, data_range=255.0)[0] == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("length", [4.0, 8.0, 24.0])
def test_the_spectrum_peaks_at_the_wave_that_is_there(length):
    wavelengths, power = radial_power(waves(length)[0])
    assert wavelengths[np.argmax(power)] == pytest.approx(length)
    assert (np.diff(wavelengths) < 0).all() and wavelengths[-1] >= 2


def test_the_power_of_white_noise_is_its_variance_at_every_wavelength_and_size():
    for size in (64, 96):
        grain = np.random.default_rng(0).normal(0, 3, (size, size, 1))
        _, power = radial_power(grain)
        assert power[5:].mean() == pytest.approx(9, rel=0.1)


def test_a_frozen_forecast_does_not_change_and_a_doubled_motion_changes_twice():
    truth = np.stack([np.full((6, 7, 1), 10.0 * t) for t in range(1, 4)])
    last = np.zeros((6, 7, 1))
    assert change_ratio(np.repeat(last[None], 3, 0), truth, data_range=255.0, last=last).tolist() == [0, 0, 0]
    np.testing.assert_allclose(change_ratio(2 * truth, truth, data_range=255.0, last=last), 2)


def test_change_where_there_is_none_is_infinite():
    truth = np.zeros((2, 6, 7, 1))
    assert change_ratio(truth, truth, data_range=1.0, last=truth[0]).tolist() == [1, 1]
    assert change_ratio(truth + [[[[1]]], [[[2]]]], truth, data_range=1.0, last=truth[0]).tolist() == [np.inf, np.inf]


def scene(n_frames=12, size=64, noise=2.0, seed=0):
    """A bright square of 6 pixels that crosses a textured, still background; (last observed frame, truth, where it goes)."""
    generator = np.random.default_rng(seed)
    background = 80 + 15 * gaussian_filter(generator.normal(size=(size, size)), 1)
    frames, where = [], np.zeros((size, size), bool)
    for t in range(n_frames + 1):
        frame = background.copy()
        place = np.s_[30:36, 4 + 3 * t : 10 + 3 * t]
        frame[place] = 200
        where[place] = True
        frames.append(frame + generator.normal(0, noise, frame.shape))
    stack = np.clip(np.rint(frames), 0, 255).astype(np.uint8)[..., None]
    return stack[0], stack[1:], where


def test_what_moves_is_found_under_noise_and_nothing_else():
    last, truth, where = scene()
    found = moving_pixels(truth, last)
    assert (found == where).mean() > 0.995 and found[where].mean() > 0.95


def test_a_flicker_of_the_lamp_is_no_motion():
    last, truth, where = scene()
    flicker = (truth.astype(int) + np.resize([3, -3], len(truth))[:, None, None, None]).clip(0, 255).astype(np.uint8)
    assert (moving_pixels(flicker, last) == where).mean() > 0.99


def test_noise_is_measured_under_a_smooth_motion_and_a_texture():
    size = np.mgrid[:80, :80]
    grain = np.random.default_rng(1).normal(0, 2, (9, 80, 80, 1))
    smooth = np.stack([100 + 40 * np.sin((size[0] + 3 * t) / 9) for t in range(9)])[..., None]
    frames = smooth + grain
    assert noise_of_differences(frames[1:], frames[0]) == pytest.approx(2 * 2**0.5, rel=0.05)
    assert noise_of_differences(smooth[1:], smooth[0]) < 0.1


def test_the_error_where_it_moves_does_not_see_the_background():
    last, truth, where = scene()
    still = np.repeat(last[None], len(truth), 0)
    worse = still.copy()
    worse[:, :20] = 0  # the background above the square's way is spoilt
    scores = [moving_rmse(one, truth, data_range=255.0, last=last) for one in (still, worse)]
    np.testing.assert_array_equal(*scores)
    assert (
        METRICS["rmse"].function(worse, truth, data_range=255.0)[0]
        > METRICS["rmse"].function(still, truth, data_range=255.0)[0]
    )


def test_a_blank_mean_picture_is_found_out_where_it_moves():
    """The case that SSIM gets wrong: all that moves is gone, and the still rest is good."""
    last, truth, where = scene()
    erased = np.repeat(truth.mean(axis=0, keepdims=True), len(truth), 0).astype(np.uint8)
    near = np.roll(truth, 1, axis=2)  # all there, a pixel off in places
    everywhere = [METRICS["rmse"].function(one, truth, data_range=255.0).mean() for one in (erased, near)]
    moving = [moving_rmse(one, truth, data_range=255.0, last=last).mean() for one in (erased, near)]
    assert moving[0] > 3 * everywhere[0] and moving[1] < moving[0]


def test_where_nothing_stands_out_every_pixel_counts():
    grain = np.random.default_rng(0).normal(100, 5, (6, 40, 40, 1)).astype(np.float32)
    assert moving_pixels(grain[1:], grain[0]).all()
    valid = np.zeros((40, 40), bool)
    valid[5:, 8:30] = True
    np.testing.assert_array_equal(moving_pixels(grain[1:], grain[0], valid), valid)
    still = np.repeat(grain[:1], 3, axis=0)
    assert moving_rmse(still + 2, still, data_range=255.0, last=grain[0]) == pytest.approx([2, 2, 2], rel=1e-5)


def test_a_ratio_is_as_wrong_above_as_below():
    kind = METRICS["sharpness"]
    assert kind.badness(np.array([0.5])) == pytest.approx(kind.badness(np.array([2.0])))
    assert kind.badness(np.array([0.0, 0.9, 1.0])).tolist() == sorted(kind.badness(np.array([0.0, 0.9, 1.0])), reverse=True)
    assert METRICS["ssim"].badness(np.array([0.9])) < METRICS["ssim"].badness(np.array([0.8]))
    assert METRICS["mse"].badness(np.array([1.0])) < METRICS["mse"].badness(np.array([2.0]))
