"""The sentence says what the curves say, in every shape they can have."""

import numpy as np
import pytest

from framecast.errors import UnknownNameError
from framecast.evaluation.scores import ScoreCurve
from framecast.evaluation.verdict import verdict


def curves(ssim, mse, origin=0):
    """A run whose SSIM and MSE are better than persistence's by these steps; persistence has 0.8 and 10 at every lead."""
    ssim, mse = np.array(ssim, np.float64), np.array(mse, np.float64)
    return [
        ScoreCurve("run", "ssim", origin, 0.8 + ssim / 100),
        ScoreCurve("run", "mse", origin, 10 - mse),
        ScoreCurve("persistence", "ssim", origin, np.full(len(ssim), 0.8)),
        ScoreCurve("persistence", "mse", origin, np.full(len(mse), 10.0)),
    ]


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        ([1, 1, 1, 1, 1], "beats persistence at every lead in SSIM and MSE: mean SSIM 0.810 against 0.800."),
        ([-1, -1, -1, -1, -1], "never beats persistence in SSIM or MSE: mean SSIM 0.790 against 0.800."),
        ([0, 0, 0, 0, 0], "equals persistence at every lead in SSIM and MSE: mean SSIM 0.800 against 0.800."),
        ([0, 0, -1, 0, 0], "never beats persistence in SSIM or MSE"),
        ([2, 1, 1, 0, -1], "beats persistence up to lead 3 in SSIM and MSE"),
        ([1, 0, 0, 0, 0], "beats persistence at lead 1 only in"),
        ([-1, -1, 1, 1, 1], "beats persistence only from lead 3 on in"),
        ([-1, -1, -1, -1, 1], "beats persistence at lead 5 only in"),
        ([-1, 1, 1, 1, -1], "beats persistence only from lead 2 to lead 4 in"),
        ([1, 1, -1, 1, -1], "beats persistence at 3 of 5 leads (without a break up to lead 2) in"),
        ([-1, 1, -1, 1, -1], "beats persistence at 2 of 5 leads (the first of them lead 2) in"),
    ],
)
def test_says_at_which_leads_persistence_is_beaten(gain, words):
    assert verdict(curves(gain, gain), "run", "ConvLSTM").startswith(f"ConvLSTM {words}")


@pytest.mark.parametrize(
    ("ssim", "mse", "words"),
    [
        (
            [1, 1, 1],
            [1, 1, -1],
            "beats persistence at every lead (mean 0.810 against 0.800); in MSE, it beats it up to lead 2.",
        ),
        (
            [-1, -1, -1],
            [1, 1, 1],
            "never beats persistence (mean 0.790 against 0.800); in MSE, it beats it at every lead; its values "
            "are nearer on average, its structure is less alike, as in a blurred forecast.",
        ),
        (
            [1, 1, 1],
            [-1, -1, -1],
            "beats persistence at every lead (mean 0.810 against 0.800); in MSE, it never beats it; its structure is more "
            "alike, its values are further off on average.",
        ),
        ([1, 1, 1], [0, 0, 0], "beats persistence at every lead (mean 0.810 against 0.800); in MSE, it equals it"),
        ([0, 0, 0], [-1, 0, 0], "equals persistence at every lead (mean 0.800 against 0.800); in MSE, it never beats it"),
        ([-1, 0, 0], [0, 0, 0], "never beats persistence (mean 0.797 against 0.800); in MSE, it equals it at every lead"),
    ],
)
def test_says_where_the_measures_disagree(ssim, mse, words):
    assert verdict(curves(ssim, mse), "run", "ConvLSTM").startswith(f"In SSIM, ConvLSTM {words}")


def test_origins_are_averaged_before_leads_are_counted():
    both = curves([3, 3], [3, 3], origin=1) + curves([-1, -1], [-1, -1], origin=2)
    assert "beats persistence at every lead" in verdict(both, "run", "U-Net")


def test_means_show_enough_digits_to_differ():
    assert "mean SSIM 0.80002 against 0.80000" in verdict(curves([0.002] * 2, [1, 1]), "run", "U-Net")


def test_persistence_is_not_compared_with_itself():
    found = verdict(curves([1], [1]), "persistence", "Persistence")
    assert found == "Persistence is what every forecaster must beat: its mean SSIM is 0.800."


def test_without_persistence_there_is_no_verdict():
    with pytest.raises(UnknownNameError, match="no scores named ssim of persistence"):
        verdict(curves([1], [1])[:2], "run", "U-Net")


def test_a_simple_rule_that_does_better_is_named():
    rule = [ScoreCurve("climatology", metric, 0, np.full(3, value)) for metric, value in (("ssim", 0.9), ("mse", 1.0))]
    assert verdict(curves([1, 1, 1], [1, 1, 1]) + rule, "run", "U-Net").endswith(
        "mean SSIM 0.810 against 0.800. The simple rule Climatology does better: mean SSIM 0.900."
    )
    assert "rule" not in verdict(curves([1, 1, 1], [1, 1, 1]), "run", "U-Net")


def test_a_rule_that_is_persistence_again_is_not_called_better():
    rules = [
        ScoreCurve(name, metric, 0, np.full(3, value))
        for name in ("seasonal", "analog")
        for metric, value in (("ssim", 0.8), ("mse", 10.0))
    ]
    assert "rule" not in verdict(curves([-1, -1, -1], [1, 1, 1]) + rules, "run", "U-Net")
