"""The ceiling is perfect where nothing is lost and falls with the working size."""

import numpy as np
import pytest
from scipy import ndimage

from framecast.evaluation.ceiling import NAMES, ceiling
from framecast.metrics import METRICS
from framecast.series.frames import FrameSeries, Preparation, Split


def series(moving=True, dtype=np.uint8):
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(45, 37, 3)), (1, 1, 0), mode="wrap")
    field = (255 * (noise - noise.min()) / np.ptp(noise)).astype(dtype)
    frames = np.stack([np.roll(field, step if moving else 0, axis=0) for step in range(12)])
    return FrameSeries("made", frames, (0.0, 255.0))


def means(series, size, way="change"):
    split = Split.of(12, n_test=4, n_valid=2)
    curves = ceiling(series, split, Preparation(size), way=way)
    assert {(curve.forecaster, curve.origin, curve.horizon) for curve in curves} == {(NAMES[way], 7, 4)}
    return {curve.metric: float(curve.values.mean()) for curve in curves}


@pytest.mark.parametrize("way", NAMES)
def test_nothing_is_lost_at_native_size(way):
    for dtype in (np.uint8, np.uint16, np.float32):
        assert means(series(dtype=dtype), None, way) == {name: kind.perfect for name, kind in METRICS.items()}


@pytest.mark.parametrize("way", NAMES)
def test_what_stands_still_loses_nothing_at_any_size(way):
    assert means(series(moving=False), 9, way)["ssim"] == 1


def test_what_moves_in_one_piece_loses_least_where_it_is_moved():
    scores = {way: means(series(), 18, way)["ssim"] for way in NAMES}
    assert scores["warp"] > scores["change"] + 0.05


def test_smaller_is_worse():
    scores = [means(series(), size) for size in (30, 18, 9)]
    assert 1 > scores[0]["ssim"] > scores[1]["ssim"] > scores[2]["ssim"]
    assert 0 < scores[0]["mse"] < scores[1]["mse"] < scores[2]["mse"]
