"""Faults of the whole picture: it stands still, its level drifts, or its values run away."""

import numpy as np

from framecast.evaluation.case import Case, lead_from, mean_square
from framecast.evaluation.faults.finding import Finding, bounded, number, percent, since
from framecast.metrics.contract import Array

_DRIFT = 0.1
"""Of the contrast: a level that is off by less is no drift."""
_MARGIN = 0.1
"""Of the range of all that was observed: values beyond it have run away."""
_GOES = 0.4
"""Of the distance that the truth goes: what goes less far in small steps stands still."""
_OUTSIDE, _CLIPPED = 0.03, 0.1
_AT_ONCE = 2
"""Values that are wrong by that lead did not run away: they were never right."""


def frozen(case: Case) -> Finding | None:
    """The picture stands still while the truth goes on: from frame to frame less than a seventh of the true change is left,
    noise not counted, and slow as it is it goes nowhere: a picture that fades away frame by frame drifts."""
    lead = lead_from(case.still)
    if lead is None:
        return None
    gone = (frames[lead - 1 :] - frames[lead - 1] for frames in (case.small_forecast, case.small_truth))
    furthest, wanted = (float(mean_square(one).max()) for one in gone)
    if furthest > _GOES**2 * wanted:
        return None
    share = (case.horizon - lead + 1) / case.horizon
    steps = [np.diff(frames[max(0, lead - 2) :], axis=0) for frames in (case.small_forecast, case.small_truth)]
    sizes = [float(np.sqrt(mean_square(step).mean())) if step.size else 0.0 for step in steps]
    kept = min(1.0, sizes[0] / sizes[1]) if sizes[1] > 0 else 0.0
    happens = "nothing" if kept < 0.005 else f"only {percent(kept)} of the true change"
    return Finding(
        "frozen",
        lead,
        bounded(share * (1 - kept)),
        f"{since(lead)} the picture stands still: {happens} happens from one frame to the next.",
        "Train longer and with more of its own forecasts in a row (unroll), so that standing still costs; or let Auto blend "
        "networks with rules that move, as Optical flow or Seasonal."
        if case.learned
        else "Take a forecaster that moves: Optical flow for motion, Seasonal for what repeats, or Auto, which tries all.",
    )


def drifted(case: Case) -> Finding | None:
    """The level of the picture, or of a colour, leaves the truth by more than a tenth of the contrast, and it is the forecast
    that went: a truth that brightens beside a still picture is no drift of the forecast. Levels are medians over cells, which
    a few things that come and go do not move."""
    bias, own = (
        np.median(case.small_forecast - reference, axis=1)  # (lead, channel)
        for reference in (case.small_truth, case.small_history[-1])
    )
    limit = max(_DRIFT * case.contrast, 4 * case.small_noise)
    went = (np.abs(bias) > limit) & (np.sign(own) == np.sign(bias)) & (np.abs(own) > 0.5 * np.abs(bias))
    lead = lead_from(went.any(axis=1))
    if lead is None or limit == 0:
        return None
    worst = float(np.abs(bias[-1]).max())
    # a last frame without a picture, as one that was never exposed, has no contrast to be a share of
    share = f", {percent(worst / case.contrast)} of the contrast of the picture" if case.contrast > 0 else ""
    return Finding(
        "drifted",
        lead,
        bounded(worst / (10 * limit) + 0.2),
        f"{since(lead)} {_level(bias[-1])} at the last lead{share}.",
        "A small error of the mean adds up when forecasts are fed back. Train with a longer unroll, let it forecast the "
        "change from the last frame, or take a forecaster that falls back to the mean, as Damped return."
        if case.learned
        else "The trend that it carries on does not last: choose one that is damped, or Auto.",
    )


def exploded(case: Case) -> Finding | None:
    """Values run out of all that was observed, or pile up at its ends: saturation is an explosion that was clipped."""
    bottom, top = float(case.small_history.min()), float(case.small_history.max())
    margin = _MARGIN * (top - bottom)
    small = case.small_forecast
    outside = ((small < bottom - margin) | (small > top + margin)).mean(axis=(1, 2))
    clipped = _clipped(case)
    sizes = [frames.std(axis=1, dtype=np.float64).mean(axis=1) for frames in (small, case.small_history)]
    contrast = sizes[0] / (sizes[1].max() or 1.0)
    wild = contrast > 2
    lead = lead_from((outside > _OUTSIDE) | (clipped > _CLIPPED) | (wild & (top > bottom)))
    if lead is None:
        return None
    worst = float(max(outside[lead - 1 :].max(), clipped[lead - 1 :].max()))
    said = (
        f"{percent(float(clipped[lead - 1 :].max()))} of the pixels are at an end of the range, where the truth is not"
        if clipped[lead - 1 :].max() >= outside[lead - 1 :].max() and clipped.max() > 0
        else f"up to {percent(float(outside[lead - 1 :].max()))} of the picture has values that were never observed"
    )
    if worst < _OUTSIDE:  # neither is seen in a share of the picture: it is the contrast that grew
        said = f"its contrast is up to {number(float(contrast[lead - 1 :].max()))} times the largest that was observed"
    if lead <= _AT_ONCE and case.learned:
        return Finding(
            "exploded",
            lead,
            bounded(0.5 + worst),
            f"{since(lead)} its values are not those of the series: {said}.",
            "It was never right, so it is no matter of the horizon: let it forecast the change from the last frame, "
            "scale its values, push no zeros through it before it forecasts, and train longer.",
        )
    return Finding(
        "exploded",
        lead,
        bounded(0.5 + worst),
        f"{since(lead)} values run away: {said}.",
        "Its errors grow when they are fed back. Train with a longer unroll or with noise on its input, lower the learning "
        "rate, or clamp its forecasts to the range that was observed."
        if case.learned
        else "What it carries on does not last: choose a rule that is damped, or Auto.",
    )


def _clipped(case: Case) -> Array:
    """(lead,): share of native values at either end of what was observed, beyond the share that the truth has there; an end
    at which the history often is, as an empty background, is left out."""
    step = max(1, int((case.truth.shape[1] * case.truth.shape[2] / 250_000) ** 0.5))
    seen = np.s_[:, ::step, ::step]
    mask = slice(None) if case.valid is None else case.valid[::step, ::step].ravel()
    # (lead, pixel, channel) of a grid of pixels
    forecast, truth, past = (
        frames[seen].reshape(len(frames), -1, frames.shape[-1])[:, mask]
        for frames in (case.forecast, case.truth, case.history[:: max(1, len(case.history) // 20)])
    )
    found = np.zeros(case.horizon)
    if past.size == 0 or past.min() == past.max():
        return found
    for end, beyond in ((past.min(), np.less_equal), (past.max(), np.greater_equal)):
        if beyond(past, end).mean() < 0.2:
            extra = beyond(forecast, end).mean(axis=(1, 2)) - beyond(truth, end).mean(axis=(1, 2))
            found += np.maximum(extra, 0)
    return found


def _level(bias: Array) -> str:
    """'its level drifts: 7.5 too high', 'its colours shift: red +8.1, green -2.2, blue -6'."""
    common = float(bias.mean())
    if len(bias) == 3 and float(np.abs(bias - common).max()) > abs(common):
        signed = (f"{'+' if value > 0 else ''}{number(float(value))}" for value in bias)
        return "its colours shift: " + ", ".join(map(" ".join, zip(("red", "green", "blue"), signed, strict=True)))
    return f"its level drifts: {number(abs(common))} too {'high' if common > 0 else 'low'}"
