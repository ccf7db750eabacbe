"""What an ensemble's scores must be where the law is known: made members, drawn from the truth's own law."""

import numpy as np
import pytest

from framecast.evaluation.ensemble import (
    ENSEMBLE,
    MEASURES,
    Sureness,
    coverage_in_words,
    covered,
    fair_crps,
    judge_lead,
)
from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.calibration import NORMAL_REACH, SpreadLaw, ensemble_variance, normal_crps

SHAPE = (200, 200, 1)
N_PIXELS = 200 * 200


def drawn(n_members: int, mean: float = 3.0, deviation: float = 2.0) -> np.ndarray:
    """A draw of its own for each number of members; a truth is one member."""
    return np.random.default_rng(n_members).normal(mean, deviation, (n_members, *SHAPE)).astype(np.float32)


def test_one_member_has_its_absolute_error() -> None:
    truth, *members = drawn(2)
    np.testing.assert_array_equal(fair_crps(members[0][None], truth), np.abs(members[0] - truth))


def test_it_equals_its_definition_over_all_pairs() -> None:
    members, truth = drawn(5)[:, :4, :3], drawn(1)[0, :4, :3]
    pairs = np.abs(members[:, None] - members[None]).sum(axis=(0, 1)) / (2 * 5 * 4)
    np.testing.assert_allclose(fair_crps(members, truth), np.abs(members - truth).mean(axis=0) - pairs, atol=1e-5)


@pytest.mark.parametrize("n_members", [2, 3, 10])
def test_the_fair_score_does_not_depend_on_the_number_of_members(n_members: int) -> None:
    """Members drawn from N(3, 2), a truth from N(2, 1): on average the fair score is that of the law itself."""
    members, truth = drawn(n_members), drawn(1, 2.0, 1.0)[0]
    law = normal_crps(np.full(SHAPE, 3.0), np.full(SHAPE, 2.0), truth)
    difference = fair_crps(members, truth) - law
    assert abs(difference.mean()) < 4 * difference.std() / N_PIXELS**0.5


def test_the_score_of_a_normal_law_is_that_of_very_many_members() -> None:
    truth = np.array([3.0, 4.5, -1.0])
    members = np.random.default_rng(0).normal(3.0, 2.0, (200_000, 1))
    expected = [float(fair_crps(members, np.array([one]))[0]) for one in truth]
    np.testing.assert_allclose(normal_crps(np.full(3, 3.0), np.full(3, 2.0), truth), expected, atol=0.02)
    np.testing.assert_array_equal(normal_crps(np.full(3, 3.0), np.zeros(3), truth), np.abs(truth - 3.0))


@pytest.mark.parametrize("n_members", [3, 20])
def test_an_ensemble_of_the_truths_own_law_has_a_spread_of_one_error(n_members: int) -> None:
    values, spread = judge_lead(drawn(n_members), drawn(1)[0], SpreadLaw.as_it_is(1), 0)
    assert values["spread"] == pytest.approx(values["error"], rel=0.02)
    assert values["spread_raw"] == pytest.approx(values["spread"])
    assert spread.shape == SHAPE and spread.dtype == np.float32
    assert set(values) == set(MEASURES)


def test_the_interval_of_a_large_ensemble_of_the_truths_own_law_holds_80_percent() -> None:
    values, _ = judge_lead(drawn(40), drawn(1)[0], SpreadLaw.as_it_is(1), 0)
    assert values["coverage"] == values["coverage_raw"] == pytest.approx(0.8, abs=0.015)


def test_variance_of_one_member_is_none_and_of_two_is_corrected() -> None:
    assert not ensemble_variance(drawn(1)).any()
    np.testing.assert_allclose(ensemble_variance(np.array([[1.0], [3.0]], np.float32)), [3 / 2 * 2.0])


def test_masked_pixels_count_in_nothing() -> None:
    members, truth = drawn(4), drawn(1)[0]
    valid = np.ones(SHAPE[:2], np.bool_)
    valid[:50] = False
    law = SpreadLaw((0.5,), (2.0,), (1.1,))
    expected, _ = judge_lead(members, truth, law, 0, valid)
    members[:, :50], truth[:50] = 1e6, -1e6
    found, _ = judge_lead(members, truth, law, 0, valid)
    assert found == expected


def test_the_interval_reaches_from_the_mean_to_either_side() -> None:
    held = covered(np.zeros(3), np.full(3, NORMAL_REACH), np.array([-1.29, -1.28, 1.28]))
    np.testing.assert_array_equal(held, [False, True, True])


def test_every_measure_is_what_its_name_says_after_a_correction() -> None:
    """By formulas of their own, at the second of two leads, whose law is another than that of the first."""
    members, truth = drawn(3).astype(np.float64), drawn(1)[0].astype(np.float64) * 1.5
    constant, factor, reach = 0.7, 2.5, 0.9
    law = SpreadLaw((9.0, constant), (4.0, factor), (2.0, reach))
    values, spread = judge_lead(members.astype(np.float32), truth.astype(np.float32), law, 1)
    mean = (members[0] + members[1] + members[2]) / 3
    own = 4 / 3 * ((members - mean) ** 2).sum(axis=0) / 2
    sigma = np.sqrt(constant + factor * own)
    off = np.abs(truth - mean)
    pairs = sum(np.abs(members[i] - members[j]) for i, j in ((0, 1), (0, 2), (1, 2))) / 6
    np.testing.assert_allclose(spread, sigma, rtol=1e-5)
    expected = {
        "crps": (np.abs(members - truth).mean(axis=0) - pairs).mean(),
        "crps_of_spread": normal_crps(mean, sigma, truth).mean(),
        "error": (off**2).mean() ** 0.5,
        "spread": (sigma**2).mean() ** 0.5,
        "spread_raw": own.mean() ** 0.5,
        "coverage": (off <= reach * sigma).mean(),
        "coverage_raw": (off <= NORMAL_REACH * np.sqrt(own)).mean(),
    }
    assert set(values) == set(expected)
    for name, value in expected.items():
        assert values[name] == pytest.approx(float(value), rel=1e-4, abs=1e-4), name
    assert len({round(value, 2) for value in expected.values()}) == len(expected), "none could stand for another"


def curves(spread: list[float], error: list[float], coverage: float) -> list[ScoreCurve]:
    values = dict.fromkeys(MEASURES, [1.0, 1.0]) | {"spread": spread, "error": error, "coverage": [coverage, coverage]}
    together = [ScoreCurve(ENSEMBLE, name, 9, np.array(column)) for name, column in values.items()]
    return [*together, *(ScoreCurve(f"member {number}", "ssim", 9, np.ones(2)) for number in (1, 2, 3))]


def test_sureness_divides_once_and_says_what_it_means() -> None:
    found = Sureness.of(curves([3.0, 4.0], [6.0, 8.0], 0.77))
    assert found is not None and found.n_members == 3
    assert found.spread_skill == pytest.approx(0.5)
    assert "held the truth in 77% of pixels: honest" in found.sentence()
    assert "Uncorrected, the spread of the 3 members was" in found.sentence()
    alone = Sureness.of(curves([3.0, 4.0], [6.0, 8.0], 0.77)[:-2])
    assert alone is not None and alone.n_members == 1
    assert "where 1 is right. One member has no spread of its own; it comes from the errors" in alone.sentence()
    assert "members" not in alone.sentence()
    left_early = Sureness.of(curves([0.0, 0.0], [6.0, 8.0], 0.0)[:-2])
    assert left_early is not None
    assert left_early.sentence().endswith("One member has no spread of its own, and nothing gave it one.")
    assert Sureness.of([]) is None
    perfect = Sureness.of(curves([3.0, 4.0], [0.0, 0.0], 1.0))
    assert perfect is not None and np.isnan(perfect.spread_skill)


@pytest.mark.parametrize(("coverage", "words"), [(0.69, "too sure"), (0.7, "honest"), (0.9, "honest"), (0.93, "too cautious")])
def test_a_coverage_in_words(coverage: float, words: str) -> None:
    assert coverage_in_words(coverage) == words
