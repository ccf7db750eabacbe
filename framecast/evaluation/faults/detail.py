"""Faults of detail: blur, things that moved and are gone; and the limit that noise sets, where detail cannot be had."""

import numpy as np

from framecast.evaluation.case import Case, lead_from
from framecast.evaluation.faults.finding import Finding, bounded, number, percent, since
from framecast.metrics.contract import Array, Mask
from framecast.metrics.sharpness import gradient_energy

_BLURRED = 0.6
_DETAIL = 0.2
"""Share of the gradient energy that must not be noise, or blur cannot be told."""
_GONE = 0.35
_OBJECT = 0.25
"""Of the strong departures from the background: what departs less is no object."""
_MOST_OBJECTS = 0.6
_WHITE = 0.2
_JUDGED_LEADS = 12


def blurred(case: Case) -> Finding | None:
    """The forecast has lost gradient energy that the truth has, its noise not counted, and that the last observed frame had:
    over the whole frame, or where it moves."""
    best: tuple[int, tuple[Array, Array], str] | None = None
    for counted, where in ((case.valid, ""), (case.moving, " where something moves")):
        detail = _detail(case, counted)
        lead = None if detail is None else _lead_from(detail[0] < _BLURRED * detail[1], detail[1])
        if detail is not None and lead is not None and (best is None or lead < best[0]):
            best = lead, detail, where
    if best is None:
        return None
    lead, (kept, wanted), where = best
    left = _left(kept[lead - 1 :], wanted[lead - 1 :])
    share = (case.horizon - lead + 1) / case.horizon
    last = int(np.flatnonzero(wanted)[-1])
    at_the_end = "the last lead" if last == case.horizon - 1 else f"lead {last + 1}"
    return Finding(
        "blurred",
        lead,
        bounded((1 - left) * (0.4 + 0.6 * share)),
        f"{since(lead)} the forecast is blurred: {percent(left)} of the true gradient energy is left{where}, "
        f"{percent(_left(kept[last:], wanted[last:]))} at {at_the_end}.",
        "A loss of squared errors rewards the mean of all that may happen. Give SSIM a share of the loss, or take a "
        "forecaster that moves the picture instead of painting it (Learned flow, Optical flow); and look at fewer leads."
        if case.learned
        else "A mean of many frames is smooth: choose fewer frames or cycles, or a rule that moves the last frame (Optical "
        "flow).",
    )


def erased(case: Case) -> Finding | None:
    """What stood out from a still background is gone from the forecast, and the background is kept."""
    truth, forecast, last = (
        np.abs(frames - case.background).max(axis=-1)
        for frames in (case.small_truth, case.small_forecast, case.small_history[-1:])
    )
    strong = float(np.percentile(truth, 99.5))
    limit = max(_OBJECT * strong, 6 * case.small_noise)
    there = truth > limit
    if strong <= limit or not case.moves or there.mean() > _MOST_OBJECTS:
        return None
    amounts = [np.where(one > limit / 2, one, 0.0).sum(axis=1) for one in (truth, forecast, last)]
    known = amounts[2] > _GONE * amounts[0]  # what was not there at the origin cannot be wiped out
    elsewhere = ~there & (forecast <= limit)
    errors = np.subtract(case.small_forecast, case.small_truth, dtype=np.float64)[elsewhere]
    off = np.sqrt(np.mean(np.square(errors))) if elsewhere.any() else np.inf
    gone = (amounts[1] < _GONE * amounts[0]) & known
    lead = _lead_from(gone, amounts[0])
    if lead is None or off > 0.25 * strong:
        return None
    left = _left(amounts[1][lead - 1 :], amounts[0][lead - 1 :])
    return Finding(
        "erased",
        lead,
        bounded((1 - left) * (case.horizon - lead + 1) / case.horizon),
        f"{since(lead)} what moves is gone and the background is kept: of what stands out in the truth, in "
        f"{percent(float(there.mean()))} of the picture, {percent(left)} is left.",
        "A still background fills most pictures, so that a loss over all pixels hardly sees what moves. Look at the RMSE "
        "where it moves; give SSIM a share of the loss, work at a larger size, or take a forecaster that moves the picture "
        "(Learned flow, Optical flow)."
        if case.learned
        else "A mean over time has no moving things. Take a rule that moves the last frame (Optical flow), or a network.",
    )


def noise_limited(case: Case) -> Finding | None:
    """What is left of the error has no structure: neighbours in it are unrelated, as in noise. Then nothing can be gained."""
    leads = np.unique(np.linspace(0, case.horizon - 1, _JUDGED_LEADS).round().astype(int))
    found = [_whiteness(case.forecast[lead], case.truth[lead], case.valid) for lead in leads]
    if any(one is None for one in found):  # an exact frame, or one too small to have neighbours
        return None
    related, size = np.array(found, np.float64).T
    if (related < _WHITE).mean() < 0.9:
        return None
    return Finding(
        "noise_limited",
        1,
        bounded(1 - float(np.median(related)) / _WHITE),
        f"What is left of the error looks like noise, of {number(float(np.median(size)))} units a pixel: neighbouring pixels "
        f"of it have a correlation of {number(float(np.median(related)))}.",
        "There is little to gain: no forecaster can know the noise of a frame to come. Average frames or denoise the series "
        "if the noise is the camera's.",
        limit=True,
    )


def _lead_from(lost: Mask, wanted: Array) -> int | None:
    """As `lead_from`, of the leads at which the truth has something to be lost: the others say neither yes nor no."""
    leads = np.flatnonzero(wanted)
    first = lead_from(lost[leads])
    return None if first is None else int(leads[first - 1]) + 1


def _left(kept: Array, wanted: Array) -> float:
    """What is left of all that is wanted: of the sums, as at single leads nothing or next to nothing may be wanted."""
    return float(kept.sum() / wanted.sum())


def _detail(case: Case, counted: Mask | None) -> tuple[Array, Array] | None:
    """Each (lead,): gradient energy of the forecast, and that of the truth or of the last observed frame, whichever has less,
    without their noise; None where noise is most of it."""
    mask = np.ones(case.truth.shape[1:3], np.bool_) if counted is None else counted
    n_pairs = (np.count_nonzero(mask[:, 1:] & mask[:, :-1]) + np.count_nonzero(mask[1:] & mask[:-1])) * case.truth.shape[-1]
    forecast, truth, last = (
        np.array([gradient_energy(frame, counted) for frame in frames])
        for frames in (case.forecast, case.truth, case.history[-1:])
    )
    grain = 2 * case.noise**2 * n_pairs
    if n_pairs == 0 or min((truth - grain).mean() - _DETAIL * truth.mean(), (last - grain - _DETAIL * last)[0]) <= 0:
        return None
    return forecast, np.minimum(*(np.maximum(one - grain, _DETAIL * one) for one in (truth, last)))


def _whiteness(forecast: Array, truth: Array, valid: Mask | None) -> tuple[float, float] | None:
    """(largest correlation of the error with its neighbour right or below, its root mean square); None where there is none."""
    error = np.subtract(forecast, truth, dtype=np.float64)  # squares of large or small numbers leave float32
    if valid is not None:
        error = np.where(valid[..., None], error, 0.0)
    power = float(np.square(error).mean())
    if power == 0 or min(error.shape[:2]) < 8:
        return None
    right = float((error[:, 1:] * error[:, :-1]).mean()) / power
    below = float((error[1:] * error[:-1]).mean()) / power
    share = 1.0 if valid is None else float(valid.mean())
    return max(abs(right), abs(below)), (power / share) ** 0.5
