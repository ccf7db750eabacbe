"""How sure a forecast is: from the spread of an ensemble to a spread, and an interval, that past errors bear out.

A few networks of one kind make much the same mistakes, so they differ by far less than they are wrong. Their spread is
therefore corrected by what was seen where it could be seen: on validation frames that none of them was trained on. Following
Gneiting et al. 2005 ("Calibrated probabilistic forecasting using ensemble model output statistics and minimum CRPS
estimation", Monthly Weather Review 133, section 2), the variance is a constant plus a multiple of the ensemble's own,

    sigma^2 = c + d S^2        c, d >= 0, one pair per lead.

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
    """S^2: what the truth should vary by around the mean of `members` (member, ...), if it is one more of them; float32.

        S^2 = (m + 1) / m * 1 / (m - 1) * sum (x_i - mean)^2

    Fortin et al. 2014, "Why should ensemble spread match the RMSE of the ensemble mean?", Journal of Hydrometeorology 15,
    equation 15. One member has none.
    """
    m = len(members)
    if m < 2:
        return np.zeros(members.shape[1:], np.float32)
    variance: Array = np.var(members, axis=0, ddof=1, dtype=np.float32) * np.float32((m + 1) / m)
    return variance


def fit_spread(members: Sequence[Array], truth: Array) -> SpreadLaw:
    """The law that suits forecasts of frames whose truth is known.

    `members` hold (lead, sample) each and `truth` the same samples, in units of the series. c and d are least squares of the
    squared error on S^2, weighted by the inverse square of what is expected, then scaled so that sigma^2 is right on average.
    Sums run over neighbouring leads too.
    """
    stacked = np.stack([np.asarray(member, np.float32) for member in members])  # (member, lead, sample)
    squared_error = (stacked.mean(axis=0) - truth).astype(np.float64) ** 2
    variance = np.stack([ensemble_variance(stacked[:, index]) for index in range(len(truth))]).astype(np.float64)
    weights = _lead_weights(len(truth))
    near = weights @ squared_error.mean(axis=1), weights @ variance.mean(axis=1)
    moments = weights @ np.stack([_moments(e, s) for e, s in zip(squared_error, variance, strict=True)])
    constant, factor = np.array([_line(*row) for row in moments]).reshape(-1, 2).T
    said = constant + factor * near[1]
    right = np.divide(near[0], said, out=np.ones_like(said), where=said > 0)
    constant, factor = constant * right, factor * right
    sigma = np.sqrt(constant[:, None] + factor[:, None] * variance)
    ratio = np.divide(np.sqrt(squared_error), sigma, out=np.full_like(sigma, NORMAL_REACH), where=sigma > 0)
    reach = np.clip(weights @ np.quantile(ratio, INTERVAL, axis=1), *REACHES)
    return SpreadLaw(tuple(constant.tolist()), tuple(factor.tolist()), tuple(reach.tolist()))


def _moments(squared_error: Array, variance: Array) -> Array:
    """Weighted sums over the samples of one lead: 1, S^2, S^4, e^2, e^2 S^2."""
    middle = variance.mean()
    weight = 1.0 / (variance + middle) ** 2 if middle > 0 else np.ones_like(variance)
    weight /= weight.sum()
    columns = (np.ones_like(variance), variance, variance**2, squared_error, squared_error * variance)
    return np.array([(weight * column).sum() for column in columns])


def _line(one: float, s: float, ss: float, e: float, es: float) -> tuple[float, float]:
    """c and d, neither below 0, that are nearest to e^2 = c + d S^2."""
    determinant = one * ss - s * s
    if determinant <= 1e-9 * one * ss:  # S^2 is the same everywhere, or nothing: it says nothing about where
        return e / one, 0.0
    d = (one * es - s * e) / determinant
    c = (e - d * s) / one
    if d < 0:
        return e / one, 0.0
    return (c, d) if c >= 0 else (0.0, es / ss)


def _lead_weights(horizon: int) -> Array:
    """(lead, lead): how much each lead counts for each, falling to nothing past its neighbours; rows sum to 1."""
    width = 1 + math.ceil(_NEIGHBOURS * horizon)
    apart = np.abs(np.arange(horizon)[:, None] - np.arange(horizon))
    weights = np.clip(1 - apart / width, 0, None)
    scaled: Array = weights / weights.sum(axis=1, keepdims=True)
    return scaled
