"""The prototype's reduction: adaptive means in 16 bits."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks.prototype_unit import PER_LEVEL, in_prototype_unit
from framecast.series.frames import FrameSeries


def noise(height: int, width: int, channels: int = 3) -> FrameSeries:
    frames = np.random.default_rng(0).integers(0, 256, (3, height, width, channels)).astype(np.uint8)
    return FrameSeries("noise", frames, (0.0, 255.0))


@pytest.mark.parametrize(
    ("shape", "expected"), [((128, 128), (64, 64)), ((446, 292), (96, 64)), ((540, 960), (64, 112)), ((70, 81), (64, 76))]
)
def test_it_is_adaptive_average_pooling_to_multiples_of_four(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    series = noise(*shape)
    reduced = in_prototype_unit(series)
    assert reduced.frames.shape == (3, *expected, 3) and reduced.frames.dtype == np.uint16
    pooled = F.adaptive_avg_pool2d(torch.from_numpy(series.frames).permute(0, 3, 1, 2).float(), expected)
    np.testing.assert_allclose(reduced.frames / PER_LEVEL, pooled.permute(0, 2, 3, 1), atol=1 / PER_LEVEL)


def test_the_data_range_is_known_and_the_same_of_any_part() -> None:
    reduced = in_prototype_unit(noise(64, 64))
    assert reduced.data_range == 255 * PER_LEVEL == 65535
    assert reduced.head(2).data_range == 65535, "a forecaster judges itself in the unit that it is scored in"


def test_other_values_than_8_bit_are_refused() -> None:
    with pytest.raises(SystemExit, match="8-bit"):
        in_prototype_unit(FrameSeries("floats", np.zeros((2, 64, 64, 1), np.float32), (0.0, 1.0)))
