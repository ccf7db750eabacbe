"""Warping: nothing moved is nothing changed, whole pixels are exact, and small motions mean the same at native size."""

import numpy as np
import pytest
from PIL import Image

from framecast.series.warping import enlarge_displacement, warp


def picture(shape=(37, 41, 3), dtype="uint8", seed=0):
    top = {"uint8": 255, "uint16": 65535, "float32": 101325.0}[dtype]
    return (np.random.default_rng(seed).random(shape) * top).astype(dtype)


def moved(shape, down=0.0, right=0.0):
    return np.broadcast_to(np.array([down, right])[:, None, None], (2, *shape[:2])).astype(np.float32)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(37, 41, 3), (1, 9, 1), (9, 1, 4), (1, 1, 1)])
def test_no_displacement_changes_no_bit(shape, dtype):
    frame = picture(shape, dtype)
    found = warp(frame, moved(shape))
    assert found.dtype == np.float32 and found.shape == shape
    np.testing.assert_array_equal(found, frame.astype(np.float32))


def test_a_displacement_of_whole_pixels_copies_pixels_and_repeats_the_border():
    frame = picture()
    rows, columns = np.clip(np.arange(37) + 5, 0, 36), np.clip(np.arange(41) - 3, 0, 40)
    np.testing.assert_array_equal(warp(frame, moved(frame.shape, 5, -3)), frame[rows][:, columns])


def test_between_pixels_values_lie_on_the_line():
    y, x = np.mgrid[:20, :30]
    ramp = (2 * y + 5 * x)[..., None].astype(np.float32)
    found = warp(ramp, moved(ramp.shape, 0.25, 0.5))
    np.testing.assert_allclose(found[:-1, :-1], ramp[:-1, :-1] + 3, rtol=1e-6)


def test_some_rows_and_columns_are_those_of_the_whole():
    frame = picture()
    displacement = np.random.default_rng(1).normal(0, 4, (2, 37, 41))
    rows, columns = np.array([0, 3, 4, 36]), np.arange(5, 40, 7)
    whole = warp(frame, displacement)
    np.testing.assert_array_equal(warp(frame, displacement, rows, columns), whole[rows][:, columns])


def test_a_constant_displacement_is_scaled_with_the_grid():
    found = enlarge_displacement(moved((9, 16), 1.5, -0.5), (45, 32))
    assert found.dtype == np.float32 and found.shape == (2, 45, 32)
    np.testing.assert_allclose(found[0], 7.5, rtol=1e-6)
    np.testing.assert_allclose(found[1], -1.0, rtol=1e-6)
    still = np.zeros((2, 9, 16))
    np.testing.assert_array_equal(enlarge_displacement(still, (45, 32)), np.zeros((2, 45, 32)))
    np.testing.assert_array_equal(enlarge_displacement(moved((9, 16), 1.5), (9, 16)), moved((9, 16), 1.5))


def test_the_enlarged_grid_has_the_pixel_centres_of_pillow():
    """A zoom about the middle found on a reduced grid is the same zoom at native size."""
    y, x = np.mgrid[:60, :80] + 0.5
    native = np.stack([y - 30, x - 40]) * 0.1
    small = np.stack([np.asarray(Image.fromarray(part).resize((20, 15), Image.Resampling.BOX)) / 4 for part in native])
    found = enlarge_displacement(small, (60, 80))
    np.testing.assert_allclose(found[:, 8:-8, 8:-8], native[:, 8:-8, 8:-8], atol=1e-5)


def test_an_enlarged_part_is_that_part_of_the_whole():
    small = np.random.default_rng(2).normal(0, 3, (2, 12, 15))
    rows, columns = np.array([0, 7, 36]), np.arange(3, 41, 9)
    whole = enlarge_displacement(small, (37, 41))
    part = enlarge_displacement(small, (37, 41), rows, columns)
    np.testing.assert_allclose(part, whole[:, rows][:, :, columns], atol=1e-5)
    frame = picture()
    np.testing.assert_allclose(warp(frame, part, rows, columns), warp(frame, whole)[rows][:, columns], atol=0.01)
