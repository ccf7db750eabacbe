"""Warping: exact where nothing moves, and a shift is a shift."""

import numpy as np

from framecast.series.warping import enlarge_displacement, warp

FRAME = np.random.default_rng(0).integers(0, 256, (21, 30, 3)).astype(np.uint8)


def shift(dy: float, dx: float, shape: tuple[int, int] = (21, 30)) -> np.ndarray:
    return np.broadcast_to(np.array([dy, dx], np.float32)[:, None, None], (2, *shape))


def test_no_displacement_changes_no_bit() -> None:
    np.testing.assert_array_equal(warp(FRAME, shift(0, 0)), FRAME.astype(np.float32))
    far = (FRAME.astype(np.float32) + 1e5) / 3
    np.testing.assert_array_equal(warp(far, shift(0, 0)), far)


def test_whole_pixels_are_copied_and_the_border_goes_on() -> None:
    moved = warp(FRAME, shift(2, -3))
    np.testing.assert_array_equal(moved[:-2, 3:], FRAME[2:, :-3])
    np.testing.assert_array_equal(moved[-1, 3:], FRAME[-1, :-3])


def test_half_a_pixel_is_the_mean_of_two() -> None:
    np.testing.assert_allclose(warp(FRAME, shift(0, 0.5))[:, :-1], (FRAME[:, :-1].astype(float) + FRAME[:, 1:]) / 2)


def test_some_rows_and_columns_are_those_of_the_whole() -> None:
    displacement = np.random.default_rng(1).normal(0, 4, (2, 21, 30)).astype(np.float32)
    rows, columns = np.array([0, 5, 6, 20]), np.array([1, 2, 29])
    np.testing.assert_array_equal(warp(FRAME, displacement, rows, columns), warp(FRAME, displacement)[rows][:, columns])


def test_a_displacement_grows_with_its_grid() -> None:
    np.testing.assert_allclose(enlarge_displacement(shift(1, -2, (7, 10)), (21, 40)), shift(3, -8, (21, 40)), rtol=1e-5)
    same = shift(1, -2)
    assert enlarge_displacement(same, (21, 30)) is not None and (enlarge_displacement(same, (21, 30)) == same).all()
