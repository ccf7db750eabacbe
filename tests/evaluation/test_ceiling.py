"""The ceiling is perfect where nothing is lost and falls with the working size."""

import numpy as np
import pytest
from scipy import ndimage

from framecast.evaluation.ceiling import NAMES, ceiling
from framecast.metrics import METRICS
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.preparation import enlarge, reduce_frames


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


@pytest.mark.parametrize("way", ["change", "background"])
@pytest.mark.parametrize("leads", [None, [3, 1]])
def test_it_is_what_the_truth_scores_after_it_went_down_and_back(way, leads):
    """By the formulas of the ways themselves, from what was known at the origin; also where only some leads are asked for."""
    made, shape = series(), (22, 18)
    past, small = made.frames[:8].astype(np.float64), reduce_frames(made.frames, shape).astype(np.float64)
    seen, anchor = (past[-1], small[7]) if way == "change" else (past.mean(axis=0), small[:8].mean(axis=0))
    wanted = [0, 1, 2, 3] if leads is None else leads
    back = [seen + enlarge((small[8 + lead] - anchor).astype(np.float32), (45, 37)) for lead in wanted]
    truths = [made.frames[8 + lead] for lead in wanted]
    off = [((np.rint(np.clip(one, 0, 255)) - truth) ** 2).mean() for one, truth in zip(back, truths, strict=True)]
    split = Split.of(12, n_test=4, n_valid=2)
    (found,) = ceiling(made, split, Preparation(18), way=way, metrics=("mse",), leads=leads)
    np.testing.assert_allclose(found.values, off, rtol=0.02)
    assert min(off) > 10 and len(set(np.round(off, 1))) == len(off), "each lead has a score of its own"
