"""Checks of what happens over time: nothing at all, a rhythm, a flicker of the whole picture, a drift that does not return."""

from typing import Any

import numpy as np

from framecast.series.health.finding import Finding, Subject, amount, percent
from framecast.series.periods import autocorrelation, periods_in

Array = np.ndarray[Any, np.dtype[Any]]

_FLICKER, _SHARE, _TOGETHER, _QUICK = 0.002, 0.3, 0.7, 0.25
_DRIFT, _GROWS, _REPEATS = 0.1, 1.5, 0.7
_FEWEST = 16
"""Frames from which on anything is said of time."""


def check_still(subject: Subject) -> Finding | None:
    """A series in which nothing ever changes."""
    groups = subject.measures.duplicates
    if not groups or len(groups[0]) < subject.n_frames:
        return None
    return Finding("change", "problem", "Every frame is the same: nothing ever changes.", "There is nothing to forecast here.")


def check_period(subject: Subject) -> Finding | None:
    found = period(subject)
    if found is None:
        return None
    n_frames, strength = found
    sentence = f"The series repeats about every {n_frames:,} frames: frames so far apart correlate by {strength:.2f}."
    return Finding("period", "fine", sentence, "The forecaster Seasonal makes use of it; Auto tries it.")


def period(subject: Subject) -> tuple[int, float] | None:
    """The dominant period in frames and the correlation there; None where none stands out. The picture is asked, not its
    brightness as a whole: a flicker is no season."""
    if subject.n_frames < _FEWEST:
        return None
    blocks = subject.measures.pixels
    if flickers(subject):
        blocks = blocks - blocks.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    correlation = autocorrelation(blocks[:, :, None, None])
    found = periods_in(correlation)
    return (found[0], float(correlation[found[0]])) if found and correlation[found[0]] >= _REPEATS else None


def check_flicker(subject: Subject) -> Finding | None:
    """Whether the brightness of the whole picture goes up and down from one frame to the next."""
    if not flickers(subject):
        return None
    mean, units = subject.measures.mean, subject.series.units
    rhythm = _rhythm(mean)
    every = f", again and again every {rhythm:.3g} frames" if rhythm else ""
    size = float(np.sqrt(2) * _slow_part_removed(mean).std())
    sentence = f"The whole picture flickers: its brightness goes up and down by about {amount(size, units)}{every}."
    share = percent(_common_share(subject))
    advice = f"It makes {share} of what changes from frame to frame. Was a lamp out of step with the shutter?"
    return Finding("flicker", "look", sentence, advice)


def flickers(subject: Subject) -> bool:
    if subject.n_frames < _FEWEST:
        return False
    mean = subject.measures.mean
    size = float(1.4826 * np.median(np.abs(_quick_part(mean))))
    return (
        subject.share(size) >= _FLICKER
        and _quickness(mean) >= _QUICK
        and _common_share(subject) >= _SHARE
        and _together(subject.measures.small) >= _TOGETHER
    )


def _common_share(subject: Subject) -> float:
    """The part of the squared change from frame to frame that all blocks have in common."""
    change = np.diff(subject.measures.pixels, axis=0).astype(np.float64)
    return float(np.median(np.square(change.mean(axis=1)) / np.maximum(np.square(change).mean(axis=1), 1e-300)))


def check_drift(subject: Subject) -> Finding | None:
    """Whether the mean brightness goes one way from the beginning to the end."""
    mean = subject.measures.mean
    if subject.n_frames < _FEWEST:
        return None
    third = max(1, len(mean) // 4)
    begins, ends = float(np.median(mean[:third])), float(np.median(mean[-third:]))
    time = np.arange(len(mean))
    followed = np.corrcoef(time, mean)[0, 1] if mean.std() > 0 else 0.0
    contrast = float(np.median(subject.measures.high) - np.median(subject.measures.low))
    if abs(ends - begins) < _DRIFT * contrast or abs(followed) < 0.8:
        return None
    units = subject.series.units
    way = "brighter" if ends > begins else "darker"
    sentence = f"The picture gets {way}: {amount(begins, units)} on average at the beginning, {amount(ends, units)} at last."
    return Finding("drift", "look", sentence, "The last frames lie beyond what is learned from. Try Damped trend.")


def check_trend(subject: Subject) -> Finding | None:
    """Whether frames become less and less alike the farther apart they are, as in growth, and never return."""
    if subject.n_frames < 2 * _FEWEST:
        return None
    pixels, n_frames = subject.measures.pixels, subject.n_frames
    apart = [_apart(pixels, n_frames // part, n_frames // (part // 2)) for part in (16, 8, 4)]
    if min(apart[1] / max(apart[0], 1e-300), apart[2] / max(apart[1], 1e-300)) < _GROWS:
        return None
    sentence = "The picture moves on and does not come back: frames are less alike the farther apart they are."
    return Finding("trend", "fine", sentence, "Averages of the past say little here; forecasters that follow the motion fit.")


def _apart(pixels: Array, first: int, stop: int) -> float:
    """Mean absolute difference of frames whose distance is from `first` to below `stop`, over at most 16 distances."""
    lags = np.unique(np.linspace(first, stop - 1, 16).round().astype(int))
    return float(np.mean([np.abs(pixels[lag:] - pixels[:-lag]).mean(dtype=np.float64) for lag in lags]))


def _quick_part(mean: Array) -> Array:
    """What each value departs from the mean of its two neighbours by, without the half that is theirs."""
    return (mean[1:-1] - (mean[:-2] + mean[2:]) / 2) * (2 / 3)


def _quickness(mean: Array) -> float:
    """Fourth differences beside second ones, each as a multiple of what white noise has: a swing of some eight frames or more
    has few of them, however large it is, so that a day is no flicker."""
    second, fourth = (float(np.median(np.abs(np.diff(mean, order)))) / scale for order, scale in ((2, 6**0.5), (4, 70**0.5)))
    return fourth / second if second > 0 else 0.0


def _slow_part_removed(mean: Array) -> Array:
    """Without the mean over the seven frames around."""
    slow = np.convolve(np.pad(mean, 3, mode="reflect"), np.full(7, 1 / 7), mode="valid")
    result: Array = mean - slow
    return result


def _together(small: Array) -> float:
    """How much the four quarters of the picture flicker alike: the lowest of their correlations."""
    rows, columns = small.shape[1] // 2, small.shape[2] // 2
    if not rows or not columns:
        return 0.0
    halves = (small[:, :rows], small[:, rows:])
    quarters = [half[:, :, side] for half in halves for side in (slice(columns), slice(columns, None))]
    flat = [part.reshape(len(small), -1) for part in quarters if np.isfinite(part).any()]
    means = [np.asarray(np.nanmean(part, axis=1, dtype=np.float64)) for part in flat]
    quick = [_quick_part(mean) for mean in means if mean.std() > 0]
    return float(np.corrcoef(quick).min()) if len(quick) > 1 else 0.0


def _rhythm(mean: Array) -> float | None:
    """The period of the brightness in frames, where one stands out of its spectrum; None otherwise."""
    time = np.arange(len(mean))
    rest = mean - np.polyval(np.polyfit(time, mean, 2), time)
    power = np.square(np.abs(np.fft.rfft(rest * np.hanning(len(rest)))))
    power[0] = 0
    peak = int(power.argmax())
    around = slice(max(1, peak - 2), peak + 3)
    if power[around].sum() < 0.4 * power.sum():
        return None
    centre = float((power[around] * np.arange(len(power))[around]).sum() / power[around].sum())
    return len(mean) / centre
