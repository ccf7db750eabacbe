"""What is said of a run beside persistence: in words, in colour, in a table."""

import math
from pathlib import Path

import numpy as np
import pytest

from framecast.evaluation.leaderboard import Row, rows
from framecast.evaluation.scores import ScoreCurve
from framecast.runs.experiment import carry_out, plan
from framecast.runs.store import RunStore
from framecast.series.frames import Split
from framecast.series.synthetic import SYNTHETIC
from framecast.ui.comparison import against
from framecast.ui.outcome import ending, tone_of
from framecast.ui.run_table import board_curves, cost_columns, number_columns


@pytest.mark.parametrize(
    ("mine", "reference", "metric", "shown"),
    [
        (0.9, 0.8, "ssim", ("+0.1000 against persistence", "normal")),
        (0.8, 0.9, "mse", ("-0.1000 against persistence", "inverse")),
        (0.90001, 0.90002, "ssim", ("equal to persistence", "off")),
        (math.inf, math.inf, "psnr", ("equal to persistence", "off")),
        (math.inf, 30.0, "psnr", ("+∞ against persistence", "normal")),
        (0.9, None, "ssim", (None, "off")),
        (math.nan, 0.5, "ssim", (None, "off")),
    ],
)
def test_the_difference_to_persistence(mine: float, reference: float | None, metric: str, shown: tuple[str, str]) -> None:
    assert against(mine, reference, metric, 4) == shown


@pytest.mark.parametrize(
    ("ssim", "mse", "tone"),
    [([0.95, 0.1], [2.5, 1], "success"), ([0.95, 0.1], [2, 2], "success"), ([0.95, 0.1], [9, 9], "info"),
     ([0.1, 0.1], [2.5, 1], "info"), ([0.1, 0.1], [9, 9], "warning"), ([0.9, 0.05], [9, 9], "info"),
     ([0.5, 0.5], [2, 2], "info")],
)  # fmt: skip
def test_green_beats_persistence_in_the_mean_of_one_and_loses_in_none(ssim: list[float], mse: list[float], tone: str) -> None:
    curves = [
        ScoreCurve(name, metric, 9, np.array(values, dtype=float))
        for name, metric, values in (
            ("unet", "ssim", ssim), ("unet", "mse", mse), ("persistence", "ssim", [0.5, 0.5]), ("persistence", "mse", [2, 2])
        )
    ]  # fmt: skip
    assert tone_of(curves, "unet") == tone
    assert tone_of(curves, "persistence") == "info"


def test_old_runs_ended_by_themselves() -> None:
    assert ending({}) == ""
    assert ending({"stopped_early": True, "learned_nothing": True}) == "stopped before anything was learned"


def test_numbers_of_a_table_come_in_the_order_of_the_cards_with_the_same_decimals() -> None:
    mine = {"mse": 12.5, "mae": 0.00004, "psnr": math.inf, "ssim": 0.9}
    reference = {"mse": 1.0, "mae": 0.2, "psnr": 30.0, "ssim": 0.85}
    columns = number_columns([Row("unet", mine, -0.00001, 3), Row("persistence", reference, 0.0, 0)])
    assert list(columns) == ["SSIM", "PSNR", "MSE", "MAE", "Skill", "Skill horizon"]
    assert columns["PSNR"] == ["∞", "30.00"] and columns["Skill"] == ["0.000", "0.000"]
    assert columns["MAE"] == ["0.000040", "0.200000"]


def test_a_run_that_a_simple_rule_beats_in_both_is_not_green() -> None:
    def curves(rule_ssim: float, rule_mse: float) -> list[ScoreCurve]:
        means = {"persistence": (0.5, 9.0), "unet": (0.6, 5.0), "optical_flow": (rule_ssim, rule_mse)}
        return [
            ScoreCurve(name, metric, 0, np.array([value]))
            for name, pair in means.items()
            for metric, value in zip(("ssim", "mse"), pair, strict=True)
        ]

    assert tone_of(curves(0.7, 4.0), "unet") == "info"
    assert tone_of(curves(0.7, 6.0), "unet") == "success"
    assert tone_of(curves(0.55, 6.0), "unet") == "success"


def test_a_blend_has_no_weights_of_its_own_and_a_network_has(tmp_path: Path) -> None:
    """What auto was counted by before it began is the largest network that it may train, of which it need not keep any."""
    series, store = SYNTHETIC["moving_blob"](24, 12), RunStore(tmp_path)
    quick = {"auto": {"epochs": 1, "minutes": 0.0, "networks": "two"}, "unet": {"epochs": 1, "context": 2, "unroll": 1}}
    runs = []
    for name, changes in quick.items():
        record = plan(series, forecaster=name, device="cpu", changes=changes, split=Split.of(24, 3), n_threads=1)
        runs.append(store.create(record))
        list(carry_out(record, series, runs[-1]))
    blend, network = runs
    board = rows(board_curves(runs))
    shown = dict(zip((row.forecaster for row in board), cost_columns(board, {run.id: run for run in runs}, blend)["Weights"],
                     strict=True))  # fmt: skip
    assert shown[blend.id] == "–" and int(shown[network.id].replace(",", "")) > 1000
