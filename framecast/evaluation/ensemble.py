"""Scores of an ensemble: how good its members are as a law, and whether its spread is as large as its errors.

All are taken per lead, over the pixels that carry data, in units of the series. The CRPS is that of the members as they are.
Spread and coverage are given twice: of the members as they are ("raw"), and after the correction that was found on the
validation frames; a reader must see both to know what the members themselves are worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.calibration import INTERVAL, NORMAL_REACH, SpreadLaw, ensemble_variance, normal_crps
from framecast.metrics.contract import Array, Mask

ENSEMBLE = "ensemble"
"""What all members together are called beside their curves; each alone is "member 1", "member 2", ..."""
MEASURES = ("crps", "crps_of_spread", "error", "spread", "spread_raw", "coverage", "coverage_raw")
HONEST = 0.1
"""By which a coverage may miss the share it promises and still be called honest."""


def fair_crps(members: Array, truth: Array) -> Array:
    """The continuous ranked probability score of `members` (member, ...) at every pixel of `truth` (...), float32.

        mean |x_i - y| - 1 / (2 m (m - 1)) sum_i sum_j |x_i - x_j|

    In this fair form (Ferro 2014, "Fair scores for ensemble forecasts", Q. J. R. Meteorol. Soc. 140; eFAIR in Zamo and Naveau
    2018, Mathematical Geosciences 50) its expected value does not depend on the number of members, as long as they are drawn
    from one law. It may be below 0 at a pixel. One member has its absolute error. Lower is better.
    """
    m = len(members)
    crps: Array = np.abs(members - truth).mean(axis=0, dtype=np.float32)
    if m > 1:
        ordered = np.sort(members, axis=0).astype(np.float32, copy=False)
        # the pairwise distances of sorted numbers: x_(i) is the larger one i - 1 times and the smaller one m - i times
        weights = (2 * np.arange(m) - m + 1).astype(np.float32)
        crps -= np.tensordot(weights, ordered, axes=1) / np.float32(m * (m - 1))
    return crps


def covered(mean: Array, half_width: Array, truth: Array) -> Array:
    """Whether the truth lies within `half_width` of the mean, pixel by pixel."""
    held: Array = np.abs(truth - mean) <= half_width
    return held


def judge_lead(
    members: Array, truth: Array, law: SpreadLaw, index: int, valid: Mask | None = None
) -> tuple[dict[str, float], Array]:
    """MEASURES of lead `index` + 1, and its spread (height, width, channel) float32, in units of the series.

    `members` are (member, height, width, channel) float32, `truth` (height, width, channel), `law` what corrects their spread.
    "error" is the root mean squared error of the mean, "spread" the root mean variance: a spread that tells the truth equals
    the error (Fortin et al. 2014). The coverage is the share of pixels whose truth lies in the 80 % interval.
    """
    truth = truth.astype(np.float32)
    mean = members.mean(axis=0, dtype=np.float32)
    variance = ensemble_variance(members)
    deviation = law.deviation(index, variance)

    def average(values: Array) -> float:
        return float((values if valid is None else values[valid]).mean(dtype=np.float64))

    values = {
        "crps": average(fair_crps(members, truth)),
        "crps_of_spread": average(normal_crps(mean, deviation, truth)),
        "error": average((mean - truth) ** 2) ** 0.5,
        "spread": average(deviation**2) ** 0.5,
        "spread_raw": average(variance) ** 0.5,
        "coverage": average(covered(mean, np.float32(law.reach[index]) * deviation, truth)),
        "coverage_raw": average(covered(mean, np.float32(NORMAL_REACH) * np.sqrt(variance), truth)),
    }
    return values, deviation


@dataclass(frozen=True)
class Sureness:
    """An ensemble over the whole horizon. Ratios are of root mean squares over leads, never means of ratios."""

    n_members: int
    crps: float
    crps_of_spread: float
    spread_skill: float
    """Spread divided by error; 1 is right, below 1 too sure. NaN where there was no error."""
    spread_skill_raw: float
    coverage: float
    coverage_raw: float

    @classmethod
    def of(cls, curves: Sequence[ScoreCurve]) -> "Sureness | None":
        """From the curves of an ensemble and its members, as a run keeps them; None where there are none."""
        found = {curve.metric: curve.values for curve in curves if curve.forecaster == ENSEMBLE}
        if not found:
            return None
        n_members = len({curve.forecaster for curve in curves} - {ENSEMBLE})
        error = np.sqrt((found["error"] ** 2).mean())

        def ratio(name: str) -> float:
            return float(np.sqrt((found[name] ** 2).mean()) / error) if error > 0 else float("nan")

        return cls(
            n_members,
            float(found["crps"].mean()),
            float(found["crps_of_spread"].mean()),
            ratio("spread"),
            ratio("spread_raw"),
            float(found["coverage"].mean()),
            float(found["coverage_raw"].mean()),
        )

    def sentence(self) -> str:
        """For people: did the interval hold what it promised?"""
        if np.isnan(self.spread_skill):
            return "The mean of the members was without error, so there is nothing to judge their spread by."
        held = f"{self.coverage:.0%} of pixels: {coverage_in_words(self.coverage)}"
        said = (
            f"The {INTERVAL:.0%} interval held the truth in {held}. Its spread was {self.spread_skill:.2f} times the error, "
            "where 1 is right."
        )
        if self.n_members < 2:
            after = "; it comes from the errors on the validation frames" if self.spread_skill else ", and nothing gave it one"
            return f"{said} One member has no spread of its own{after}."
        return (
            f"{said} Uncorrected, the spread of the {self.n_members} members was {self.spread_skill_raw:.2f} times the error, "
            f"and their interval held {self.coverage_raw:.0%}."
        )


def coverage_in_words(coverage: float) -> str:
    if abs(coverage - INTERVAL) <= HONEST + 1e-9:
        return "honest"
    return "too sure" if coverage < INTERVAL else "too cautious"
