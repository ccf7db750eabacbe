"""Rolling origins lie where they can be judged, and scores over them are never averaged beyond what they reach."""

import numpy as np
import pytest

from framecast.evaluation.origins import before_test, inside_test, rolling_origins, spread
from framecast.evaluation.scores import ScoreCurve
from framecast.series.frames import Split


def test_origins_of_the_question() -> None:
    """400 frames, the last 50 the test."""
    split = Split.of(400)
    found = rolling_origins(split)
    inside = [one for one in found if one.n_past > split.test.start]
    before = [one for one in found if one.n_past < split.test.start]
    assert [(one.n_past, one.horizon) for one in inside] == [(360, 40), (370, 30), (380, 20), (390, 10)]
    assert [(one.n_past, one.horizon) for one in before] == [(300, 50), (275, 50), (250, 50)]
    assert found[0] in inside and found[1] in before, "in turn, so that whoever stops early has both"


@pytest.mark.parametrize("n_frames", [3, 5, 8, 24, 60, 251])
def test_no_origin_reaches_beyond_the_series_or_the_training(n_frames: int) -> None:
    split = Split.of(n_frames)
    for origin in rolling_origins(split):
        assert origin.n_past >= 1 and origin.horizon >= 2
        end = origin.n_past + origin.horizon
        assert end <= split.test.start or (origin.n_past > split.test.start and end == split.n_frames)


def curves() -> list[ScoreCurve]:
    return [
        ScoreCurve("unet", "ssim", origin, np.array(values, np.float64))
        for origin, values in ((19, (0.9, 0.8, 0.6)), (20, (0.7, 0.6)), (10, (1.0, 1.0, 1.0)))
    ]


def test_each_lead_is_averaged_over_the_origins_that_reach_it() -> None:
    found = spread(inside_test(curves(), Split.of(23, 3, 3)), "unet", "ssim")
    assert found is not None and found.most == 2
    np.testing.assert_allclose(found.mean, [0.8, 0.7, 0.6])
    np.testing.assert_allclose(found.low, [0.7, 0.6, 0.6])
    np.testing.assert_allclose(found.high, [0.9, 0.8, 0.6])
    assert found.n_origins.tolist() == [2, 2, 1]


def test_what_the_forecaster_was_fitted_on_is_kept_apart() -> None:
    split = Split.of(23, 3, 3)
    assert [one.origin for one in inside_test(curves(), split)] == [19, 20]
    assert [one.origin for one in before_test(curves(), split)] == [10]
    assert spread(curves(), "unet", "mse") is None


def test_an_infinite_score_stays_infinite_and_reaches_no_other_lead() -> None:
    exact = [ScoreCurve("unet", "psnr", 19, np.array([np.inf, 30.0])), ScoreCurve("unet", "psnr", 20, np.array([20.0]))]
    found = spread(exact, "unet", "psnr")
    assert found is not None and found.mean.tolist() == [np.inf, 30.0] and found.low.tolist() == [20.0, 30.0]
