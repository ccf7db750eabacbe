"""Skill is 1 for perfection, 0 for the reference; its horizon ends where it first falls to 0."""

import math

import numpy as np
import pytest

from framecast.evaluation.skill import skill, skill_horizon


@pytest.mark.parametrize("perfect", [0.0, 1.0])
def test_perfection_is_1_the_reference_0_and_half_way_a_half(perfect):
    reference = np.array([0.5, 0.25])
    assert skill(np.full(2, perfect), reference, perfect=perfect).tolist() == [1, 1]
    assert [str(value) for value in skill(reference, reference, perfect=perfect)] == ["0.0", "0.0"]
    assert skill((reference + perfect) / 2, reference, perfect=perfect).tolist() == [0.5, 0.5]
    assert (skill(2 * reference - perfect, reference, perfect=perfect) < 0).all()


def test_a_perfect_reference_leaves_nothing_to_gain():
    assert skill(np.array([0.0, 3.0, np.nan]), np.zeros(3), perfect=0.0)[:2].tolist() == [0.0, -math.inf]
    assert np.isnan(skill(np.array([np.nan]), np.zeros(1), perfect=0.0)).all()


def test_numbers_are_served_as_curves_are():
    assert float(skill(np.float64(3.0), np.float64(4.0), perfect=0.0)) == 0.25


def test_a_metric_without_a_best_score_has_no_skill():
    with pytest.raises(AssertionError, match="has no skill"):
        skill(np.ones(2), np.ones(2), perfect=math.inf)


@pytest.mark.parametrize(
    ("skills", "horizon"),
    [
        ([0.5, 0.2, 0.1], 3),
        ([0.5, 0.2, -0.1], 2),
        ([0.5, 0.0, 0.1], 1),  # a later recovery does not count, and 0 is no skill
        ([-0.1, 0.5, 0.5], 0),
        ([0.0], 0),
        ([0.5, math.nan, 0.5], 1),
        ([0.5, -math.inf], 1),
    ],
)
def test_the_horizon_is_the_first_crossing(skills, horizon):
    assert skill_horizon(np.array(skills)) == horizon
