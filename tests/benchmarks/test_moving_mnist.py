"""The Moving MNIST series follows its recipe, on made 'digits'."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from benchmarks.moving_mnist import DIGITS_FILE, STEP, moving_mnist, read_digits, trajectory

SIDE = 28


@pytest.fixture
def digits() -> np.ndarray:
    """(5, 28, 28) uint8, every pixel lit, so that a place can be read off its frame."""
    return np.random.default_rng(0).integers(1, 256, (5, SIDE, SIDE)).astype(np.uint8)


def corners(frames: np.ndarray) -> np.ndarray:
    """(time, 2) x and y of the top left lit pixel of a sequence of one digit."""
    return np.array([(frame.any(axis=0).argmax(), frame.any(axis=1).argmax()) for frame in frames[..., 0]])


@pytest.mark.parametrize("seed", range(5))
def test_reflection_is_elastic_and_speed_constant(seed: int) -> None:
    """Away from the walls every step is the velocity up to its signs; each sign turns at the wall and nowhere else."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    velocity = STEP * np.array([np.cos(angle), np.sin(angle)])
    places = trajectory(rng.uniform(0, 1, 2), velocity, 400)
    assert places.min() == 0 and places.max() == 1, "it stays inside and reaches the walls"
    steps = np.diff(places, axis=0)
    at_wall = (places == 0) | (places == 1)
    free = ~at_wall[1:]  # a step that ends at a wall is cut short there
    np.testing.assert_allclose(np.abs(steps)[free], np.broadcast_to(np.abs(velocity), steps.shape)[free])
    speed = np.linalg.norm(steps, axis=1)[free.all(axis=1)]
    np.testing.assert_allclose(speed, STEP)
    turned = np.sign(steps[1:]) != np.sign(steps[:-1])
    assert (turned == at_wall[1:-1]).all()


@pytest.mark.parametrize(("size", "seed"), [(64, 0), (64, 1), (40, 2)])
def test_the_digit_is_where_the_recipe_says(digits: np.ndarray, size: int, seed: int) -> None:
    series = moving_mnist(digits, n_digits=1, size=size, seed=seed, n_frames=100)
    assert series.frames.shape == (100, size, size, 1) and series.frames.dtype == np.uint8
    rng = np.random.default_rng(seed)
    digit, start, angle = digits[rng.integers(5)], rng.uniform(0, 1, 2), rng.uniform(0, 2 * np.pi)
    places = trajectory(start, STEP * np.array([np.cos(angle), np.sin(angle)]), 100)
    expected = np.floor((size - SIDE) * places)
    np.testing.assert_array_equal(corners(series.frames), expected)
    assert corners(series.frames).min() >= 0 and corners(series.frames).max() <= size - SIDE
    for frame, (x, y) in zip(series.frames[..., 0], expected.astype(int), strict=True):
        np.testing.assert_array_equal(frame[y : y + SIDE, x : x + SIDE], digit)
        assert (frame > 0).sum() == SIDE**2


def test_where_digits_cross_the_brighter_pixel_is_seen(digits: np.ndarray) -> None:
    two = moving_mnist(digits, seed=3, n_frames=60).frames
    one = moving_mnist(digits, seed=3, n_frames=60, n_digits=1).frames
    assert (two >= one).all() and (two > one).any(axis=(1, 2, 3)).all()
    assert set(np.unique(two)) <= {0, *np.unique(digits)}


def test_the_same_seed_is_the_same_series_and_a_longer_one_begins_with_it(digits: np.ndarray) -> None:
    long, short, other = moving_mnist(digits), moving_mnist(digits, n_frames=20), moving_mnist(digits, seed=1)
    assert long.n_frames == 400
    np.testing.assert_array_equal(long.frames[:20], short.frames)
    assert not np.array_equal(long.frames, other.frames)


def test_digits_are_read_from_the_file_of_mnist(digits: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / DIGITS_FILE
    path.write_bytes(gzip.compress(struct.pack(">4i", 2051, *digits.shape) + digits.tobytes()))
    np.testing.assert_array_equal(read_digits(path), digits)
    path.write_bytes(gzip.compress(struct.pack(">4i", 2049, 5, 0, 0)))
    with pytest.raises(SystemExit, match="begins with 2049"):
        read_digits(path)
