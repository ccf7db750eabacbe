"""How sure a forecast is: from the spread of an ensemble to a spread, and an interval, that past errors bear out.

A few networks of one kind make much the same mistakes, so they differ by far less than they are wrong. Their spread is
therefore corrected by what was seen where it could be seen: on validation frames that none of them was trained on. Following
Gneiting et al. 2005 ("Calibrated probabilistic forecasting using ensemble model output statistics and minimum CRPS
estimation", Monthly Weather Review 133, section 2), the variance is a constant plus a multiple of the ensemble's own,

    sigma^2 = c + d S^2        c, d >= 0, one pair per lead,

and as there, how much comes from which is what has the least CRPS; on average the variance is made to equal the squared error.
Plain inflation (c = 0) fails where the members agree and are wrong, as on noise that no network forecasts. Errors are seldom
normal: many pixels stand still and a few move. So the 80 % interval reaches not 1.28 sigma to either side but as far as held
80 % of the validation errors (split conformal prediction, Lei et al. 2018, "Distribution-free predictive inference for
regression", algorithm 2).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

INTERVAL = 0.8
"""Share of the truth that the interval is to hold."""
NORMAL_REACH = 1.2815515655446004
"""Half the width of that interval under a normal law of standard deviation 1."""
REACHES = (NORMAL_REACH / 4, NORMAL_REACH * 2)
"""However odd the errors are. Where nearly all pixels stand still, 80 % of them could be held by no width at all."""
_SHARES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
"""Of the variance, that may come from the members; never all, so that where they agree a little doubt is left."""
_NEIGHBOURS = 0.1
"""Leads on either side that a lead is judged with, as a share of the horizon: one frame's errors are one throw of the dice."""


@dataclass(frozen=True)
class SpreadLaw:
    """What is done to the spread of an ensemble, lead by lead; each tuple has one entry per lead."""

    constant: tuple[float, ...]
    """c, in squared units of the series."""
    factor: tuple[float, ...]
    """d, a pure number."""
    reach: tuple[float, ...]
    """Half the width of the 80 % interval in standard deviations."""

    @classmethod
    def as_it_is(cls, horizon: int) -> "SpreadLaw":
        """Of an ensemble that nothing was found out about: its own spread, taken for that of a normal law."""
        return cls((0.0,) * horizon, (1.0,) * horizon, (NORMAL_REACH,) * horizon)

    def over(self, horizon: int) -> "SpreadLaw":
        """The same law for `horizon` leads; beyond the last one it was found for, that one holds."""
        longer = (column + column[-1:] * (horizon - len(column)) for column in vars(self).values())
        return SpreadLaw(*(column[:horizon] for column in longer))

    def deviation(self, index: int, variance: Array) -> Array:
        """sigma at lead `index` + 1 where the ensemble has `variance`, in units of the series, float32."""
        return np.sqrt(self.constant[index] + self.factor[index] * variance).astype(np.float32)


def ensemble_variance(members: Array) -> Array:
    """S^2: what the truth should vary by around the mean of `members` (member, ...), if it is one more of them; float64,
    since squares may leave float32.

        S^2 = (m + 1) / m * 1 / (m - 1) * sum (x_i - mean)^2

    Fortin et al. 2014, "Why should ensemble spread match the RMSE of the ensemble mean?", Journal of Hydrometeorology 15,
    equation 15. One member has none.
    """
    m = len(members)
    if m < 2:
        return np.zeros(members.shape[1:])
    variance: Array = np.var(members, axis=0, ddof=1, dtype=np.float64) * ((m + 1) / m)
    return variance


def fit_spread(members: Sequence[Array], truth: Array) -> SpreadLaw:
    """The law that suits forecasts of frames whose truth is known.

    `members` hold (lead, sample) each and `truth` the same samples, in units of the series. Of all pairs that make sigma^2 on
    average equal to the squared error, that with the least CRPS is taken. Averages run over neighbouring leads too.
    """
    stacked = np.stack([np.asarray(member, np.float32) for member in members])  # (member, lead, sample)
    error = np.abs(stacked.mean(axis=0) - truth).astype(np.float64)
    variance = np.stack([ensemble_variance(stacked[:, index]) for index in range(len(truth))])
    weights = _lead_weights(len(truth))
    wrong, apart = weights @ (error**2).mean(axis=1), weights @ variance.mean(axis=1)
    per_variance = np.divide(wrong, apart, out=np.zeros_like(wrong), where=apart > 0)
    table = np.empty((len(truth), len(_SHARES)))
    for column, share in enumerate(_SHARES):
        said = (1 - share) * wrong[:, None] + share * per_variance[:, None] * variance
        table[:, column] = normal_crps(0.0, np.sqrt(said), error).mean(axis=1)
    shares = np.array(_SHARES)[np.argmin(weights @ table, axis=1)]
    shares[per_variance == 0] = 0.0  # members that agree everywhere say nothing about where
    constant, factor = (1 - shares) * wrong, shares * per_variance
    sigma = np.sqrt(constant[:, None] + factor[:, None] * variance)
    ratio = np.divide(error, sigma, out=np.full_like(sigma, NORMAL_REACH), where=sigma > 0)
    reach = np.clip(weights @ np.quantile(ratio, INTERVAL, axis=1), *REACHES)
    return SpreadLaw(tuple(constant.tolist()), tuple(factor.tolist()), tuple(reach.tolist()))


def normal_crps(mean: Array | float, deviation: Array, truth: Array) -> Array:
    """The continuous ranked probability score of a normal law at every pixel; the absolute error where the deviation is 0.

        sigma (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)),  z = (y - mean) / sigma

    Gneiting et al. 2005, equation 5. Lower is better, in units of the series.
    """
    from scipy.special import ndtr

    error = np.subtract(truth, mean, dtype=np.float64)
    z = np.divide(error, deviation, out=np.zeros_like(error), where=deviation > 0)
    law = z * (2 * ndtr(z) - 1) + 2 * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - 1 / np.sqrt(np.pi)
    crps: Array = np.where(deviation > 0, deviation * law, np.abs(error))
    return crps


def _lead_weights(horizon: int) -> Array:
    """(lead, lead): how much each lead counts for each, falling to nothing past its neighbours; rows sum to 1."""
    width = 1 + math.ceil(_NEIGHBOURS * horizon)
    apart = np.abs(np.arange(horizon)[:, None] - np.arange(horizon))
    weights = np.clip(1 - apart / width, 0, None)
    scaled: Array = weights / weights.sum(axis=1, keepdims=True)
    return scaled
