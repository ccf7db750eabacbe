"""SSIM is scikit-image's to 1e-5 on every dtype, at any size, mask or offset, and 1 for equal frames."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.metrics import structural_similarity

from framecast.errors import InputError
from framecast.metrics.blur import blur_banded, blur_slices
from framecast.metrics.ssim import ssim, ssim_map


def scene(shape, seed=0, smooth=2.0):
    """(lead, height, width, channel) float64 in 0..1: a smooth scene that shifts by a pixel each lead."""
    lead, height, width, channels = shape
    noise = np.random.default_rng(seed).normal(size=(height, width, channels))
    field = ndimage.gaussian_filter(noise, (smooth, smooth, 0), mode="wrap")
    field = (field - field.min()) / (field.max() - field.min())
    return np.stack([np.roll(field, step, axis=1) for step in range(lead)])


def noisy(frames, seed=1, amount=0.1):
    return np.clip(frames + np.random.default_rng(seed).normal(0, amount, frames.shape), 0, 1)


def reference(forecast, truth, data_range, full=False):
    """scikit-image on one frame, in float64."""
    return structural_similarity(
        forecast.astype(np.float64),
        truth.astype(np.float64),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=data_range,
        channel_axis=-1,
        full=full,
    )


AS_STORED = {
    "uint8": (lambda frames: np.rint(frames * 255).astype(np.uint8), 255.0),
    "uint16": (lambda frames: np.rint(frames * 65535).astype(np.uint16), 65535.0),
    "dim uint16": (lambda frames: np.rint(frames * 90).astype(np.uint16), 65535.0),
    "unit float32": (lambda frames: frames.astype(np.float32), 1.0),
    "pressure in Pa": (lambda frames: (1e5 + 5000 * (frames - 0.5)).astype(np.float32), 5000.0),
    "narrow range far from 0": (lambda frames: (1e5 + 50 * frames).astype(np.float32), 50.0),
    "below 0": (lambda frames: (-40 + 30 * frames).astype(np.float32), 30.0),
}


@pytest.mark.parametrize("kind", AS_STORED)
@pytest.mark.parametrize("shape", [(2, 41, 57, 3), (2, 11, 30, 1), (1, 64, 19, 4)])
def test_equals_scikit_image(kind, shape):
    store, data_range = AS_STORED[kind]
    truth = scene(shape)
    forecast = noisy(truth)
    expected = [reference(store(one), store(other), data_range) for one, other in zip(forecast, truth, strict=True)]
    np.testing.assert_allclose(ssim(store(forecast), store(truth), data_range=data_range), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_equals_scikit_image_on_flat_frames_at_the_ends_of_the_range(level):
    truth = np.full((1, 40, 40, 1), level)
    truth[0, 20, 20] = 0.5
    forecast = np.abs(truth - 0.004)
    expected = reference(forecast[0], truth[0], 1.0)
    np.testing.assert_allclose(ssim(np.float32(forecast), np.float32(truth), data_range=1.0), [expected], atol=1e-5)


@pytest.mark.parametrize("scale", [1e-36, 1e36, 3.4e38])
def test_is_the_same_of_numbers_at_the_ends_of_float32(scale):
    truth = scene((1, 40, 33, 1)).astype(np.float32)
    forecast = noisy(truth).astype(np.float32)
    with np.errstate(all="raise", under="ignore"):
        scaled = ssim(forecast * np.float32(scale), truth * np.float32(scale), data_range=scale)
    np.testing.assert_allclose(scaled, ssim(forecast, truth, data_range=1.0), atol=1e-5)


def test_a_float_forecast_of_integer_frames_equals_scikit_image():
    truth = np.rint(scene((1, 50, 50, 3)) * 255).astype(np.uint8)
    forecast = (noisy(truth / 255) * 255).astype(np.float32)
    expected = reference(forecast[0], truth[0], 255)
    np.testing.assert_allclose(ssim(forecast, truth, data_range=255), [expected], atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 32, 33, 3), (1, 7, 20, 1), (1, 1, 1, 1), (1, 3, 3, 2)])
def test_a_frame_is_perfectly_like_itself(shape):
    frames = scene(shape, smooth=0.5) if min(shape[1:3]) > 1 else np.full(shape, 0.3)
    np.testing.assert_array_equal(ssim(frames, frames, data_range=1.0), np.ones(shape[0]))


def test_is_symmetric_and_falls_as_noise_grows():
    truth = scene((1, 40, 40, 1))
    scores = [ssim(noisy(truth, amount=amount), truth, data_range=1.0)[0] for amount in (0.01, 0.05, 0.2)]
    assert scores == sorted(scores, reverse=True)
    forecast = noisy(truth)
    assert ssim(forecast, truth, data_range=1.0) == pytest.approx(ssim(truth, forecast, data_range=1.0), abs=1e-7)


@pytest.mark.parametrize(("height", "width"), [(10, 40), (40, 3), (6, 5), (1, 12)])
def test_a_side_shorter_than_the_window_is_reflected_and_not_cropped(height, width):
    truth = scene((1, height, width, 2), smooth=1.0)
    forecast = noisy(truth)

    def blur(plane):
        return ndimage.gaussian_filter(plane, 1.5, truncate=3.5, mode="reflect", axes=(0, 1))

    f, t = forecast[0], truth[0]
    mean_f, mean_t = blur(f), blur(t)
    covariance = blur(f * t) - mean_f * mean_t
    variances = blur(f * f) - mean_f**2 + blur(t * t) - mean_t**2
    expected = (2 * mean_f * mean_t + 1e-4) * (2 * covariance + 9e-4)
    expected /= (mean_f**2 + mean_t**2 + 1e-4) * (variances + 9e-4)
    rows = slice(None) if height < 11 else slice(5, -5)
    columns = slice(None) if width < 11 else slice(5, -5)
    np.testing.assert_allclose(ssim(forecast, truth, data_range=1.0), [expected[rows, columns].mean()], atol=1e-5)


def test_masked_pixels_are_equal_in_both_and_do_not_count():
    truth = scene((1, 40, 36, 2))
    forecast = noisy(truth)
    valid = np.hypot(*np.mgrid[-20:20, -18:18]) < 15
    filled = [np.where(valid[..., None], frames[0], truth[0][valid].mean(axis=0)) for frames in (forecast, truth)]
    per_pixel = reference(filled[0], filled[1], 1.0, full=True)[1]
    expected = per_pixel[5:-5, 5:-5][valid[5:-5, 5:-5]].mean()
    np.testing.assert_allclose(ssim(forecast, truth, data_range=1.0, valid=valid), [expected], atol=1e-5)
    forecast[:, ~valid], truth[:, ~valid] = 7.0, -3.0
    np.testing.assert_allclose(ssim(forecast, truth, data_range=1.0, valid=valid), [expected], atol=1e-5)


def test_a_mask_with_nothing_inside_the_border_is_refused():
    truth = scene((1, 30, 30, 1))
    valid = np.zeros((30, 30), bool)
    valid[0] = True
    with pytest.raises(InputError, match="within 5 pixels of the border"):
        ssim(truth, truth, data_range=1.0, valid=valid)


def test_a_forecast_that_is_not_finite_has_no_score():
    truth = scene((2, 20, 20, 1))
    forecast = truth.copy()
    forecast[1, 10, 10] = np.nan
    scores = ssim(forecast, truth, data_range=1.0)
    assert scores[0] == 1 and np.isnan(scores[1])


@pytest.mark.parametrize("shape", [(2, 3, 33, 41), (1, 1, 8, 20)])
def test_the_map_of_tensors_averages_to_the_score(shape):
    truth = scene((shape[0], *shape[2:], shape[1]))
    forecast = noisy(truth)
    tensors = [torch.from_numpy(np.float32(frames)).permute(0, 3, 1, 2) for frames in (forecast, truth)]
    per_pixel = ssim_map(*tensors, 1.0)
    assert per_pixel.dtype == torch.float32
    assert per_pixel.shape == (*shape[:2], *(side - 10 if side > 10 else side for side in shape[2:]))
    expected = ssim(forecast, truth, data_range=1.0)
    np.testing.assert_allclose(per_pixel.mean(dim=(1, 2, 3)).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 33, 41), (1, 1, 8, 20), (1, 1, 1, 1)])
def test_the_blur_of_accelerators_is_that_of_the_processor(shape):
    planes = torch.from_numpy(np.random.default_rng(0).normal(size=shape).astype(np.float32))
    np.testing.assert_allclose(blur_slices(planes).numpy(), blur_banded(planes.numpy()), atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_the_map_is_the_same_on_an_accelerator_whatever_precision_it_trains_in():
    truth = torch.from_numpy(np.float32(scene((4, 64, 64, 3)))).permute(0, 3, 1, 2)
    forecast = truth + 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cuda", torch.bfloat16):
        found = ssim_map(forecast.cuda(), truth.cuda(), 1.0)
    np.testing.assert_allclose(found.cpu().numpy(), ssim_map(forecast, truth, 1.0).numpy(), atol=1e-4)
