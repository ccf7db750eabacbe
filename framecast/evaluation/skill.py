"""Skill: how much of the way from a reference to perfection a forecaster goes.

    skill = (score - reference) / (perfect - reference)

1 is perfect, 0 no better than the reference, below 0 worse. For MSE and MAE that is 1 - score / reference. Scores are
averaged first, over origins for a curve and over leads for one number, and divided once: a mean of ratios would let one
lead at which the reference happens to be good decide everything.
"""

import math

import numpy as np

from framecast.metrics.contract import Array


def skill(score: Array, reference: Array, *, perfect: float) -> Array:
    """Skill of `score` against `reference`, element by element, float64; curves (lead,) averaged over origins, or means.

    Where the reference is itself perfect there is nothing to gain: the skill is 0 for an equally perfect score and -inf for
    any other. `perfect` must be finite, so there is no skill in PSNR; that of MSE says the same. NaN scores have NaN skill.
    """
    assert math.isfinite(perfect), "a metric without a finite best score has no skill"
    gained = np.subtract(score, reference, dtype=np.float64)
    possible = np.subtract(perfect, reference, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.divide(gained, possible)
    hopeless = np.where(gained == 0, 0.0, np.where(np.isnan(gained), np.nan, -np.inf))
    result: Array = np.where(possible == 0, hopeless, ratio) + 0.0  # no skill is 0, not -0
    return result


def skill_horizon(skills: Array) -> int:
    """The last lead before skill falls to 0 for the first time; 0 if it has none at lead 1, the horizon if it never falls.

    A later recovery does not count: whoever trusts a forecast up to a lead trusts every frame before it. NaN is a fall.
    """
    fallen = ~(np.asarray(skills) > 0)
    return int(np.argmax(fallen)) if fallen.any() else len(fallen)
