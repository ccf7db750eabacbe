import numpy as np
import pytest

from framecast.series.frames import Preparation
from framecast.series.preparation import enlarge, reduce_frames, reduced_shape


def frames_of(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    top = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
    return (np.random.default_rng(seed).random(shape) * top).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_reduction_is_the_mean_of_what_a_pixel_covers(dtype: str, channels: int) -> None:
    frames = frames_of((2, 12, 20, channels), dtype)
    small = reduce_frames(frames, (3, 5))
    mean = frames.reshape(2, 3, 4, 5, 4, channels).mean(axis=(2, 4), dtype=np.float64)
    assert small.dtype == frames.dtype
    assert np.abs(small - mean).max() <= {"float32": 1e-6, "uint16": 0.51, "uint8": 1.0}[dtype]


def test_a_uniform_frame_is_enlarged_to_a_uniform_one() -> None:
    np.testing.assert_allclose(enlarge(np.full((5, 7, 2), 0.25, np.float32), (31, 40)), 0.25, atol=1e-6)


def test_working_shape_keeps_the_aspect_and_never_enlarges() -> None:
    assert Preparation(128).working_shape(540, 960) == (128, 228)
    assert Preparation(960).working_shape(540, 960) == (540, 960)
    assert Preparation().working_shape(785, 785) == (785, 785)


@pytest.mark.parametrize(("height", "width"), [(785, 785), (10, 100_000), (5, 3), (1, 1), (448, 304)])
def test_the_reduced_size_is_bounded_whatever_the_aspect(height: int, width: int) -> None:
    small = reduced_shape(height, width, 64 * 64)
    assert small[0] * small[1] <= 64 * 64 and small[0] <= height and small[1] <= width
    if height * width <= 64 * 64:
        assert small == (height, width)
