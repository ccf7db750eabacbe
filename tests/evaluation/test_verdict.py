"""The sentence says what the curves say, in every shape they can have."""

import numpy as np
import pytest

from framecast.errors import UnknownNameError
from framecast.evaluation.faults.finding import Finding
from framecast.evaluation.scores import ScoreCurve
from framecast.evaluation.verdict import best_rule, verdict


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
        ([1, 1, 1, 1, 1], "beats {} at every lead; mean SSIM 0.810 against 0.800."),
        ([-1, -1, -1, -1, -1], "never beats {}; mean SSIM 0.790 against 0.800."),
        ([0, 0, 0, 0, 0], "equals {} at every lead; mean SSIM 0.800 against 0.800."),
        ([0, 0, -1, 0, 0], "never beats {};"),
        ([2, 1, 1, 0, -1], "beats {} up to lead 3;"),
        ([1, 0, 0, 0, 0], "beats {} at lead 1 only;"),
        ([-1, -1, 1, 1, 1], "beats {} only from lead 3 on;"),
        ([-1, -1, -1, -1, 1], "beats {} at lead 5 only;"),
        ([-1, 1, 1, 1, -1], "beats {} only from lead 2 to lead 4;"),
        ([1, 1, -1, 1, -1], "beats {} at 3 of 5 leads (without a break up to lead 2);"),
        ([-1, 1, -1, 1, -1], "beats {} at 2 of 5 leads (the first of them lead 2);"),
    ],
)
def test_says_at_which_leads_persistence_is_beaten(gain, words):
    said = words.format("persistence")
    assert verdict(curves(gain, gain), "run", "ConvLSTM").startswith(f"ConvLSTM {said}")


@pytest.mark.parametrize(
    ("ssim", "mse", "words"),
    [
        ([1, 1, 1], [1, 1, -1], "mean SSIM 0.810 against 0.800; in MSE, it beats persistence up to lead 2."),
        (
            [-1, -1, -1],
            [1, 1, 1],
            "mean SSIM 0.790 against 0.800; in MSE, it beats persistence at every lead: its values are nearer on average, its "
            "structure is less alike, as in a blurred forecast.",
        ),
        (
            [1, 1, 1],
            [-1, -1, -1],
            "mean SSIM 0.810 against 0.800; in MSE, it never beats persistence: its structure is more alike, its values are "
            "further off on average.",
        ),
        ([1, 1, 1], [0, 0, 0], "mean SSIM 0.810 against 0.800; in MSE, it equals persistence at every lead."),
        ([0, 0, 0], [-1, 0, 0], "mean SSIM 0.800 against 0.800; in MSE, it never beats persistence."),
        ([1, 1, 1], [2, 2, 2], "at every lead; mean SSIM 0.810 against 0.800."),
    ],
)
def test_says_where_the_measures_disagree(ssim, mse, words):
    assert verdict(curves(ssim, mse), "run", "ConvLSTM").endswith(words)


def test_origins_are_averaged_before_leads_are_counted():
    both = curves([3, 3], [3, 3], origin=1) + curves([-1, -1], [-1, -1], origin=2)
    assert "beats persistence at every lead" in verdict(both, "run", "U-Net")


def test_means_show_enough_digits_to_differ():
    assert "mean SSIM 0.80002 against 0.80000" in verdict(curves([0.002] * 2, [1, 1]), "run", "U-Net")


def test_persistence_is_not_compared_with_itself():
    found = verdict(curves([1], [1])[2:], "persistence", "Persistence")
    assert found == "Persistence is what every forecaster must beat: its mean SSIM is 0.800."
    found = verdict([*curves([1], [1])[2:], *rule("seasonal", [9])], "persistence", "Persistence")
    assert found.endswith("its mean SSIM is 0.800; the best simple rule (Seasonal) reaches 0.890.")


def test_without_persistence_there_is_no_verdict():
    with pytest.raises(UnknownNameError, match="no scores named ssim of persistence"):
        verdict(curves([1], [1])[:2], "run", "U-Net")


def rule(name, ssim):
    """A rule whose SSIM is better than persistence's by these hundredths; its MSE is persistence's."""
    ssim = np.array(ssim, np.float64)
    return [ScoreCurve(name, "ssim", 0, 0.8 + ssim / 100), ScoreCurve(name, "mse", 0, np.full(len(ssim), 10.0))]


def said(own, best, **more):
    others = rule("analog", [-0.1] * len(own)) + rule("seasonal", best)
    return verdict(curves(own, own) + others, "run", "ConvLSTM", **more)


def test_the_sentence_that_was_promised():
    finding = Finding("blurred", 14, 0.7, "", "")
    limit = Finding("noise_limited", 1, 0.9, "", "", limit=True)
    found = said([4, 3, 2, 0], [1, 3, 3, 3], findings=[limit, finding], choices={"seasonal": {"period": 12, "cycles": 2}})
    assert found == (
        "ConvLSTM beats persistence up to lead 3 and the best simple rule (Seasonal, period 12) at lead 1 only; mean SSIM "
        "0.823 against 0.800 and 0.825; the forecast is blurred from lead 14 on."
    )


def test_blur_is_not_supposed_where_another_fault_was_found():
    frozen, blurred = (Finding(name, 1, 0.9, "", "") for name in ("frozen", "blurred"))
    limit = Finding("noise_limited", 1, 0.9, "", "", limit=True)
    for findings, supposed in (((), True), ((limit,), True), ((frozen,), False), ((frozen, blurred), True)):
        sentence = verdict(curves([-1, -1], [1, 1]), "run", "U-Net", findings=findings)
        assert "its structure is less alike" in sentence
        assert (", as in a blurred forecast" in sentence) == supposed


@pytest.mark.parametrize(
    ("own", "best", "words"),
    [
        ([4, 4, 4], [1, 1, 1], "beats persistence and the best simple rule (Seasonal) at every lead;"),
        ([-4, -4, -4], [1, 1, 1], "never beats persistence or the best simple rule (Seasonal);"),
        ([1, 1, 1], [2, 2, 2], "beats persistence at every lead and never beats the best simple rule (Seasonal);"),
        ([1, 1, 1], [2, 2, 0], "beats persistence at every lead and the best simple rule (Seasonal) at lead 3 only;"),
        ([2, 2, 2], [2, 2, 2], "beats persistence at every lead and equals the best simple rule (Seasonal) at every lead;"),
    ],
)
def test_the_best_simple_rule_is_named_with_the_leads_at_which_it_is_beaten(own, best, words):
    assert said(own, best).startswith(f"ConvLSTM {words}")


def test_a_rule_that_is_persistence_again_is_not_called_the_best():
    assert best_rule(curves([1, 1], [1, 1]) + rule("seasonal", [0.01, 0.0]), "run") is None
    assert best_rule(curves([1, 1], [1, 1]) + rule("seasonal", [-3, -3]), "run") is None
    assert best_rule(curves([1, 1], [1, 1]) + rule("seasonal", [1, 1]) + rule("analog", [2, 2]), "run") == "analog"


def test_where_no_rule_is_better_persistence_is_called_the_best_of_them():
    named = "persistence, the best of the simple rules beside it"
    assert said([1, 1], [-3, -3]).startswith(f"ConvLSTM beats {named}, at every lead;")
    assert said([-1, -1], [-3, -3]).startswith(f"ConvLSTM never beats {named};")


def test_only_the_strongest_mistake_is_told():
    findings = [Finding("frozen", 1, 0.9, "", ""), Finding("blurred", 3, 0.4, "", "")]
    assert said([1], [1], findings=findings).endswith("; the forecast stands still from the first lead on.")
    limited = said([1], [0.5], findings=[Finding("new_content", 3, 1.0, "", "", limit=True)])
    assert limited == said([1], [0.5])
