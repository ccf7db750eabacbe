"""Limits that are not the forecaster's fault: the truth shows what was never seen before, or the working size is too small."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from framecast.evaluation.case import Case, lead_from
from framecast.evaluation.faults.finding import Finding, bounded, percent, since
from framecast.metrics.contract import Array

_PATCH = 8
_STEP = 4
_DICTIONARY = 2500
_LOOKED_AT = 8
_UNUSUAL = 1.5
"""Times the distance that all but a hundredth of the patches before the origin stay below."""
_SHARE, _OF_ERROR = 0.02, 0.3
_CEILING = 0.98
_BY_SIZE = 0.5


def new_content(case: Case) -> Finding | None:
    """The truth shows patches unlike any before, and there lies a large part of the error. How unlike is usual is told by the
    last frames of the history, looked up in those before them. Patches are compared without their mean: light is
    no content."""
    n_recent = min(case.horizon, len(case.history) // 3)
    if n_recent < 2 or min(case.shape) < _PATCH:
        return None
    grey = {  # in units of the data range, whose squares stay within float32
        name: case.grid(frames).mean(axis=-1) / np.float32(case.data_range)
        for name, frames in (("past", case.small_history), ("truth", case.small_truth), ("forecast", case.small_forecast))
    }
    known = _dictionary(grey["past"][:-n_recent])
    recent = grey["past"][-n_recent:][_spread(n_recent)]
    leads = _spread(case.horizon)
    usual = float(np.percentile(np.concatenate([_unlike(frame, known) for frame in recent]), 99))
    floor = 4 * (case.small_noise / case.data_range) ** 2 + 2e-3**2
    shares, errors = [], []
    for lead in leads:
        unlike = _unlike(grey["truth"][lead], known) > max(_UNUSUAL**2 * usual, floor)
        error = np.square(_patches(grey["truth"][lead] - grey["forecast"][lead])).sum(axis=1)
        shares.append(float(unlike.mean()))
        errors.append(float(error[unlike].sum() / error.sum()) if error.sum() > 0 else 0.0)
    flags = (np.array(shares) > _SHARE) & (np.array(errors) > _OF_ERROR)
    index = lead_from(flags, at_least=2)
    if index is None:
        return None
    lead, share, of_error = int(leads[index - 1]) + 1, float(np.mean(shares[index - 1 :])), float(np.mean(errors[index - 1 :]))
    return Finding(
        "new_content",
        lead,
        bounded(of_error * (case.horizon - lead + 1) / case.horizon + 0.1),
        f"{since(lead)} the truth shows what was never seen before: {percent(share)} of the picture, which holds "
        f"{percent(of_error)} of the squared error.",
        "Nothing in the frames before foretells it. Add series in which it happens, or trust the forecast only up to there.",
        limit=True,
    )


def size_limited(case: Case) -> Finding | None:
    """More than half of what is missing to a perfect SSIM would be missing from a perfect forecast of the working size too."""
    if case.ceiling is None or case.reached is None:
        return None
    ceiling, reached = case.ceiling, case.reached
    missing = 1 - reached
    if ceiling > _CEILING or reached > ceiling or (1 - ceiling) < _BY_SIZE * missing:
        return None
    return Finding(
        "size_limited",
        1,
        bounded((1 - ceiling) / missing),
        f"The working size of {case.working_size} pixels is the limit: a perfect forecast of that size would reach a mean "
        f"SSIM of {ceiling:.3f}, this one reaches {reached:.3f}.",
        "Train at a larger working size; no setting of the forecaster can give back what was reduced away.",
        limit=True,
    )


def _spread(n: int) -> Array:
    """At most so many indices of n, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, _LOOKED_AT)).round().astype(int))


def _patches(frame: Array) -> Array:
    """(patch, pixel) of a frame (row, column), a few pixels apart."""
    views = sliding_window_view(frame, (_PATCH, _PATCH))[::_STEP, ::_STEP]
    return views.reshape(-1, _PATCH * _PATCH)


def _dictionary(frames: Array) -> Array:
    """Patches without their mean from anywhere in `frames` (time, row, column), always the same ones."""
    generator = np.random.default_rng(0)
    n_frames, height, width = frames.shape
    draws = [generator.integers(0, high, _DICTIONARY) for high in (n_frames, height - _PATCH + 1, width - _PATCH + 1)]
    views = sliding_window_view(frames, (_PATCH, _PATCH), axis=(1, 2))
    found = views[tuple(draws)].reshape(_DICTIONARY, -1)
    centred: Array = found - found.mean(axis=1, keepdims=True)
    return centred


def _unlike(frame: Array, known: Array) -> Array:
    """(patch,): mean squared difference to the nearest known patch."""
    patches = _patches(frame)
    patches = patches - patches.mean(axis=1, keepdims=True)
    squares = np.square(patches).sum(axis=1)[:, None] + np.square(known).sum(axis=1)[None] - 2 * patches @ known.T
    nearest: Array = np.maximum(squares.min(axis=1), 0) / patches.shape[1]
    return nearest
