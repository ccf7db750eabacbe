"""The plots of Compare: what is drawn is what was scored, what can be clicked lies where it is, and words say the same."""

import numpy as np
import pytest

from framecast.evaluation.faults.finding import Finding
from framecast.evaluation.origins import Spread
from framecast.evaluation.scores import ScoreCurve
from framecast.ui.comparison import against
from framecast.ui.diagnosis_view import finding_text
from framecast.ui.frame_charts import (
    N_BINS,
    centres,
    edges,
    error_chart,
    errors_in_words,
    histogram,
    power_chart,
    power_in_words,
)
from framecast.ui.metric_choice import first_shown, ordered
from framecast.ui.origins_view import origins_chart, origins_in_words
from framecast.ui.score_charts import Curve, CurvePlot, curves_in_words, horizon_chart
from framecast.ui.skill_card import card_in_words, scorecard, skills_of

CURVES = [
    ScoreCurve(name, metric, 9, np.array(values, np.float64))
    for name, metric, values in (
        ("persistence", "mse", [2, 4]), ("unet", "mse", [1, 4]), ("seasonal", "mse", [3, 0]),
        ("persistence", "ssim", [0.5, 0.5]), ("unet", "ssim", [0.75, 0.5]), ("seasonal", "ssim", [0.5, 1.0]),
    )
]  # fmt: skip


def test_every_point_of_a_curve_can_be_clicked_and_none_is_seen() -> None:
    figure = horizon_chart([CurvePlot("SSIM", [Curve("unet", "U-Net", [0.9, 0.8])])], lead=1, emphasised="unet")
    (line,) = figure.data
    assert "markers" in line.mode and list(line.x) == [1, 2]
    assert line.marker.opacity == line.selected.marker.opacity == line.unselected.marker.opacity == 0


def test_curves_are_told_in_words() -> None:
    said = curves_in_words([CurvePlot("SSIM, higher is better", [Curve("unet", "U-Net", [0.9, 0.8, 0.7])])], lead=2)
    assert said == "Scores over the lead. SSIM, higher is better: U-Net 0.9 at lead 1, 0.8 at lead 2, 0.7 at lead 3."


def test_skill_is_against_persistence_lead_by_lead_and_the_run_comes_first() -> None:
    skills = skills_of(CURVES, "mse", first="unet")
    assert list(skills) == ["unet", "seasonal"]
    assert skills["unet"].tolist() == [0.5, 0.0] and skills["seasonal"].tolist() == [-0.5, 1.0]
    assert skills_of(CURVES[1:3], "mse", first="unet") == {}


def test_the_card_has_a_cell_and_a_point_for_each_forecaster_and_lead() -> None:
    figure = scorecard({"U-Net": np.array([0.5, -np.inf]), "Seasonal": np.array([-2.0, 1.0])}, lead=2)
    cells, points = figure.data
    assert np.asarray(cells.z).tolist() == [[0.5, -1.0], [-1.0, 1.0]], "colours end at -1 and 1"
    assert list(zip(points.x, points.y, points.customdata, strict=True)) == [
        (1, "U-Net", "+0.500"), (2, "U-Net", "-∞"), (1, "Seasonal", "-2.000"), (2, "Seasonal", "+1.000")
    ]  # fmt: skip
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (1.5, 2.5)
    said = card_in_words({"U-Net": np.array([0.5, -0.1])}, "MSE")
    assert said.endswith("persistence. U-Net: +0.500 at lead 1, -0.100 at lead 2, above 0 without a break up to lead 1.")


def test_shares_of_errors_sum_to_one_and_what_is_beyond_is_at_the_ends() -> None:
    truth = np.zeros((10, 10, 1), np.uint8)
    forecast = truth.copy()
    forecast[:5] = 200
    bins = edges(50.0, whole=False)
    shares = histogram(forecast, truth, bins, None)
    assert shares.shape == (N_BINS,) and shares.sum() == pytest.approx(1)
    assert shares[-1] == 0.5 and shares[N_BINS // 2] == 0.5
    valid = np.zeros((10, 10), bool)
    valid[5:] = True
    assert histogram(forecast, truth, bins, valid)[N_BINS // 2] == 1
    assert centres(bins)[N_BINS // 2] == pytest.approx(0) and "100% of pixels within ±5 K" in errors_in_words(
        {"U-Net": histogram(forecast, truth, bins, valid)}, bins, "K", 3
    )


@pytest.mark.parametrize("limit", [1.0, 12.7, 40.0, 81.0, 255.0, 60_000.0])
def test_errors_in_whole_numbers_leave_no_bin_empty(limit: float) -> None:
    """Every bin holds equally many whole numbers, so that errors which are spread evenly draw a level line without gaps."""
    bins = edges(limit, whole=True)
    middles = centres(bins)
    assert middles[len(middles) // 2] == 0 and len(middles) <= N_BINS + 1 and abs(bins[-1] - limit) <= max(1, limit / 40)
    every = np.arange(np.ceil(bins[0]), bins[-1])[:, None, None].astype(np.int32)
    shares = histogram(every, np.zeros_like(every), bins, None)
    assert shares == pytest.approx(1 / len(shares))


def test_charts_of_one_lead_draw_each_title_once() -> None:
    power = {"Truth": (np.array([16.0, 4.0]), np.array([9.0, 0.0])), "U-Net": (np.array([16.0, 4.0]), np.array([9.0, 1.0]))}
    figure = power_chart(power, {"U-Net": "#123456"})
    assert [(one.name, len(one.x)) for one in figure.data] == [("Truth", 1), ("U-Net", 2)], "no power is not on a logarithm"
    assert "U-Net 1 at 4 pixels" in power_in_words(power, 3)
    errors = error_chart({"U-Net": np.ones(N_BINS)}, edges(5.0, whole=False), "K", {"U-Net": "#123456"})
    assert [one.name for one in errors.data] == ["U-Net"]


def test_origins_are_drawn_with_their_number() -> None:
    spreads = {"unet": Spread(np.array([0.8, 0.6]), np.array([0.7, 0.6]), np.array([0.9, 0.6]), np.array([2, 1]))}
    parts = {"In the test: 2 origins": spreads, "Before the test: 3 origins": spreads}
    figure = origins_chart(parts, {"unet": "U-Net"}, 1, "unet")
    assert {note.text for note in figure.layout.annotations} == {"In the test: 2 origins", "Before the test: 3 origins"}
    low, high, mean = figure.data[:3]
    assert list(low.y) == [0.7, 0.6] and list(high.y) == [0.9, 0.6] and list(mean.customdata) == [2, 1]
    assert sum(bool(one.showlegend) for one in figure.data) == 1
    assert "U-Net 0.7 on average, from 0.6 to 0.9" in origins_in_words({"In the test": spreads}, {"unet": "U-Net"}, "SSIM")


def test_four_scores_are_shown_first_and_old_runs_show_what_they_have() -> None:
    every = {"mse", "ssim", "sharpness", "moving_rmse", "mae"}
    assert first_shown(ordered(every)) == ["ssim", "mse", "moving_rmse", "sharpness"]
    assert first_shown(ordered({"mae", "mse", "ssim", "psnr"})) == ["ssim", "mse", "psnr", "mae"]


def test_a_ratio_is_not_called_better_for_being_higher() -> None:
    assert against(0.4, 1.0, "sharpness", 2) == ("1.00 for persistence, 1 is best", "off")


def test_a_finding_says_how_strong_it_is_and_what_to_try() -> None:
    said = finding_text(Finding("blurred", 3, 0.7, "It is *blurred*.", "Do this."))
    assert ":red-badge[strong]" in said and "**Blurred.**" in said and r"\*blurred\*" in said and "Try: Do this" in said
    assert ":blue-badge[limit]" in finding_text(Finding("noise_limited", 1, 0.9, "Noise.", "None.", limit=True))
