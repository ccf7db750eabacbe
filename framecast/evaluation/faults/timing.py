"""Faults of time: the right pictures at the wrong moment, and pictures of the past told again."""

import numpy as np

from framecast.evaluation.case import Case, lead_from
from framecast.evaluation.faults.finding import Finding, bounded, number, percent
from framecast.metrics.contract import Array
from framecast.metrics.sums import towards_one

_ALIKE, _BETTER = 0.6, 0.1
"""A moment fits if its correlation is as high as that, and higher by that than the right moment's."""
_NEARLY = 0.02
_NEAR, _SAME = 0.4, 0.15
"""A frame of the past is told again if the forecast is nearer to it than this share of its distance to the truth, and than
this share of the variance over time."""


def mistimed(case: Case) -> Finding | None:
    """The forecast runs at another speed than the truth, or a number of frames ahead or behind: at most leads it correlates
    better with the truth of another moment, and these moments lie on a line."""
    lags = _lags(case)
    off = np.isfinite(lags) & (np.abs(np.nan_to_num(lags)) >= 1)
    if off.sum() < max(2, 0.4 * case.horizon):
        return None
    leads = np.flatnonzero(off) + 1
    lag = lags[off]
    shift, slope = float(np.median(lag)), float(np.median(lag / leads))
    misses = [float(np.median(np.abs(lag - line))) for line in (np.full(len(lag), shift), slope * leads)]
    if min(misses) > max(1.0, 0.15 * float(np.abs(lag).max())):
        return None
    first, gained = int(leads[0]), float(off.mean())
    if misses[1] < misses[0] - 0.25 and abs(slope) > 0.02:
        end = max(0, round((1 + slope) * case.horizon))
        said = (
            f"It moves at {percent(1 + slope)} of the true speed: at lead {case.horizon} it shows what "
            f"{'will be' if end > case.horizon else 'was'} there at lead {end}."
        )
        strength = 0.4 + abs(slope)
    else:
        frames = f"{abs(shift):.0f} frame{'' if abs(shift) == 1 else 's'}"
        said = f"It runs {frames} {'behind' if shift < 0 else 'ahead of'} the truth: moved by as much it would fit better."
        strength = 0.4 + abs(shift) / case.horizon
    return Finding(
        "mistimed",
        first,
        bounded(strength * (0.5 + 0.5 * gained)),
        said,
        "Give it more context, so that it can tell the speed, and a longer unroll, so that a wrong speed costs."
        if case.learned
        else "Set its period or its motion by hand if you know it, or let Auto choose another rule.",
    )


def replaying(case: Case) -> Finding | None:
    """The forecast tells frames of the past again, one after the other, while the truth is another: it is far nearer to a
    frame that it was shown than to any of the truth."""
    forecast, past, truth = (
        frames.reshape(len(frames), -1) for frames in (case.small_forecast, case.small_history, case.small_truth)
    )
    to_past, to_truth = _distances(forecast, past), _distances(forecast, truth)
    nearest, now, any_moment = to_past.argmin(axis=1), np.diag(to_truth), to_truth.min(axis=1)
    spread = float(np.square(past - past.mean(axis=0, dtype=np.float64)).mean())
    told = (
        (to_past.min(axis=1) < _NEAR**2 * now)
        & (to_past.min(axis=1) < 0.5 * any_moment)
        & (to_past.min(axis=1) < _SAME * spread)
        & (now > 8 * case.small_noise**2)
        & (now > 0.1 * spread)
        & ~case.still
    )
    lead = lead_from(told)
    if lead is None:
        return None
    moments = nearest[lead - 1 :]
    if len(np.unique(moments)) < max(2, 0.3 * len(moments)):  # one frame held is frozen, not told again
        return None
    example = lead - 1 + len(moments) // 2
    near, far = (float(np.sqrt(value)) for value in (to_past[example].min(), now[example]))
    return Finding(
        "replaying",
        lead,
        bounded(0.5 + 0.5 * (1 - near / far)),
        f"From lead {lead} on it tells frames of the past again: lead {example + 1} is {number(near)} units from frame "
        f"{nearest[example] + 1} of the series and {number(far)} from the truth.",
        "It has learned its training frames by heart: use a smaller network, fewer epochs, more weight decay or other series "
        "to learn from, and validation frames to stop by."
        if case.learned
        else "The past did not come again. Choose a rule that carries the last frame on, or Auto.",
    )


def _lags(case: Case) -> Array:
    """(lead,): by how many frames the moment that a forecast frame fits best is off; 0 where the right one fits as well, NaN
    where none fits. Moments reach from half a horizon before the first lead to the last."""
    n_before = min(len(case.small_history), max(1, case.horizon // 2))
    moments = np.concatenate([case.small_history[-n_before:], case.small_truth])
    middle = moments.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = towards_one(moments)
    correlations = _correlations((case.small_forecast - middle) * scale, (moments - middle) * scale)
    lags = np.full(case.horizon, np.nan)
    for lead in range(case.horizon):
        row, right = correlations[lead], n_before + lead
        best = float(row.max())
        if case.still[lead] or not best >= _ALIKE:  # nor where it is no number
            continue
        if best < row[right] + _BETTER:
            lags[lead] = 0
            continue
        fitting = np.flatnonzero(row > best - _NEARLY)
        lag = int(fitting[np.argmin(np.abs(fitting - right))]) - right
        if lead + 1 + lag >= min(1, lead - 2):  # a moment long before the origin is the past told again
            lags[lead] = lag
    return lags


def _correlations(one: Array, other: Array) -> Array:
    """(len(one), len(other)) of frames (time, cell, channel)."""
    first, second = (frames.reshape(len(frames), -1) for frames in (one, other))
    sizes = np.linalg.norm(first, axis=1)[:, None] * np.linalg.norm(second, axis=1)[None]
    found: Array = np.divide(first @ second.T, sizes, out=np.zeros((len(first), len(second)), np.float32), where=sizes > 0)
    return found


def _distances(one: Array, other: Array) -> Array:
    """(len(one), len(other)) mean squared differences of rows, by the Gram matrix, never below 0."""
    scale = towards_one(other)
    one, other = one * scale, other * scale
    middle = other.mean(axis=0)
    first, second = one - middle, other - middle
    squares = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)[None] - 2 * first @ second.T
    found: Array = np.maximum(squares, 0).astype(np.float64) / (one.shape[1] * float(scale) ** 2)
    return found
