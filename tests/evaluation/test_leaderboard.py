"""The table ranks means over the same frames, and refuses others."""

import math

import numpy as np
import pytest

from framecast.errors import InputError, SettingError, UnknownNameError
from framecast.evaluation.leaderboard import rows
from framecast.evaluation.scores import ScoreCurve, score
from framecast.metrics import METRICS


def scored(name, offset, origin=9):
    truth = np.random.default_rng(origin).integers(40, 200, (3, 16, 16, 1)).astype(np.uint8)
    return score(name, truth + np.uint8(offset), truth, origin=origin, data_range=255.0)


def test_the_best_comes_first_with_its_means_and_skill():
    board = rows(scored("bad", 20) + scored("persistence", 10) + scored("good", 5))
    assert [row.forecaster for row in board] == ["good", "persistence", "bad"]
    good, zero, bad = board
    assert good.means["mae"] == 5 and good.means["mse"] == 25
    assert good.skill == pytest.approx(0.75) and good.skill_horizon == 3
    assert (zero.skill, zero.skill_horizon) == (0, 0)
    assert bad.skill == pytest.approx(-3) and bad.skill_horizon == 0
    assert set(good.means) == {name for name, kind in METRICS.items() if not kind.needs_last}


def test_ranks_by_any_metric_with_its_best_end_first():
    curves = scored("bad", 20) + scored("persistence", 10) + scored("good", 5)
    for metric in ("ssim", "psnr", "mse", "mae"):
        assert [row.forecaster for row in rows(curves, rank_by=metric)] == ["good", "persistence", "bad"]


def test_of_a_ratio_the_nearest_to_one_comes_first():
    def curves(name, sharpness, mse):
        return [ScoreCurve(name, "sharpness", 9, np.array([sharpness])), ScoreCurve(name, "mse", 9, np.array([mse]))]

    board = rows(curves("grainy", 3.0, 2.0) + curves("persistence", 0.5, 4.0) + curves("right", 1.1, 1.0), rank_by="sharpness")
    assert [row.forecaster for row in board] == ["right", "persistence", "grainy"]


def test_skill_is_of_the_means_and_not_a_mean_of_skills():
    def mse(name, *values):
        return ScoreCurve(name, "mse", 0, np.array(values, np.float64))

    board = rows([mse("persistence", 1.0, 99.0), mse("run", 2.0, 48.0)], rank_by="mse")
    assert board[0].forecaster == "run" and board[0].skill == 0.5 and board[0].skill_horizon == 0


def test_an_exact_frame_makes_the_mean_psnr_infinite_and_breaks_nothing():
    board = rows(scored("exact", 0) + scored("persistence", 10))
    assert board[0].means["psnr"] == math.inf and board[0].skill == 1 and board[0].means["ssim"] == 1


def test_what_is_not_a_number_comes_last():
    lost = [ScoreCurve("lost", curve.metric, 9, curve.values * np.nan) for curve in scored("lost", 1)]
    board = rows(lost + scored("persistence", 10))
    assert board[-1].forecaster == "lost" and board[-1].skill_horizon == 0


def test_different_frames_are_refused():
    with pytest.raises(SettingError, match="persistence was scored from origin 9 .* and late from origin 12"):
        rows(scored("persistence", 10) + scored("late", 5, origin=12))
    short = [ScoreCurve("short", curve.metric, 9, curve.values[:2]) for curve in scored("short", 5)]
    with pytest.raises(SettingError, match="over horizon 3 and short .* over horizon 2"):
        rows(scored("persistence", 10) + short)
    with pytest.raises(InputError, match="There are 2 curves"):
        rows(scored("persistence", 10) + scored("persistence", 5))
    with pytest.raises(UnknownNameError, match="no scores named mse of persistence"):
        rows(scored("alone", 10))


def test_old_runs_with_fewer_metrics_are_ranked_too():
    few = [curve for curve in scored("old", 5) if curve.metric in ("ssim", "mse")]
    board = rows(few + scored("persistence", 10))
    assert [row.forecaster for row in board] == ["old", "persistence"]
    assert set(board[0].means) == {"ssim", "mse"} and "mae" in board[1].means
    assert board[0].finals["mse"] == pytest.approx(25)


def test_nothing_scored_is_an_empty_table():
    assert rows([]) == []
