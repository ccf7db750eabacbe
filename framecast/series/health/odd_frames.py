"""Frames that do not belong: a title card, a blank, a flash between frames that are alike; and cuts, where two films meet.

A frame that does not belong is reached by a jump and left by a jump, and what was before it and what comes after it are nearer
to each other than either is to it. Up to four such frames in a row are found, however alike they are among themselves, and up
to two at either end of the series; of a card that stands still, any number up to a fifth of the series. A jump after which
the picture stays is a cut. What counts as a jump is measured against the usual change nearby, so that a series that changes
much everywhere has none.
"""

from typing import Any

import numpy as np

from framecast.series.health.measures import Measures

Array = np.ndarray[Any, np.dtype[Any]]

LONGEST = 4
"""So many frames in a row may not belong; more are an episode of the series."""
_AT_AN_END = 2
_STILL, _CARD = 0.4, 0.2
"""Frames that change less than this share of the usual change stand still; such ones may be this share of the series."""
_MOST = 0.05
"""What more than this share of the frames do belongs to the series."""
_JUMP, _CUT, _END = 3.0, 6.0, 8.0
"""A jump, a cut and a jump near an end are so many times the usual change nearby."""
PLAIN, _SEEN = 5.0, 0.02
"""A jump of so many times the usual change needs no size; a smaller one changes this share of the contrast, or is none."""
_NEARBY = 15
_NEAR = 0.6
_REACH = 5
_NOTHING = 2e-3
"""Share of the contrast that is no change."""


def odd_frames(measures: Measures) -> tuple[int, ...]:
    """Indices, from 0; empty for a series of fewer than 8 frames, in which nothing is usual."""
    n_frames, pixels = measures.n_frames, measures.pixels
    if n_frames < 8:
        return ()
    size = jumps(measures)
    leaps = _leaps(measures, size)
    most_still = max(LONGEST, int(_CARD * n_frames))
    odd: set[int] = set()
    still: set[int] = set()
    for before in np.flatnonzero(leaps).tolist():
        for after in range(before + 2, min(before + most_still + 2, n_frames)):
            stands = bool((size[before + 1 : after - 1] < _STILL).all())
            if after - before - 1 > LONGEST and not stands:
                break
            across = np.abs(pixels[after] - pixels[before]).mean(dtype=np.float64)
            if leaps[after - 1] and across < _NEAR * min(measures.change[before], measures.change[after - 1]):
                (still if stands and after - before > 2 else odd).update(range(before + 1, after))
                break
    for index in range(_AT_AN_END):
        if size[index] > _END and not odd & {index, index + 1}:
            odd.update(range(index + 1))
        if size[-1 - index] > _END and not odd & {n_frames - 1 - index, n_frames - 2 - index}:
            odd.update(range(n_frames - 1 - index, n_frames))
    first, last = _still_run(size), n_frames - _still_run(size[::-1])
    if _AT_AN_END <= first <= most_still and size[first - 1] > _END:
        still.update(range(first))
    if n_frames - most_still <= last <= n_frames - _AT_AN_END and size[last - 1] > _END:
        still.update(range(last, n_frames))
    found = (odd if len(odd) <= max(LONGEST, _MOST * n_frames) else set()) | (still if len(still) <= most_still else set())
    return tuple(sorted(found))


def _leaps(measures: Measures, size: Array) -> Array:
    """(time - 1,) bool: which changes are jumps. A small one counts only where a person could see it: a lamp that is one
    hundredth dimmer for a frame makes no frame that does not belong."""
    contrast = float(np.median(measures.high) - np.median(measures.low))
    result: Array = (size > PLAIN) | ((size > _JUMP) & (measures.change > _SEEN * contrast))
    return result


def _still_run(size: Array) -> int:
    """How many frames stand still from the first one on; the number of all frames where nothing moves."""
    moving = np.flatnonzero(size >= _STILL)
    return int(moving[0]) + 1 if len(moving) else len(size) + 1


def cuts(measures: Measures, odd: tuple[int, ...]) -> tuple[int, ...]:
    """Indices of frames that begin something else: the picture changes at once and stays changed."""
    size, pixels = jumps(measures), measures.pixels
    found = []
    for step in np.flatnonzero(size > _CUT) + 1:
        before, after = pixels[max(0, step - _REACH) : step], pixels[step : step + _REACH]
        apart = np.abs(np.median(after, axis=0) - np.median(before, axis=0)).mean(dtype=np.float64)
        stays = apart > _NEAR * measures.change[step - 1]
        if stays and min(len(before), len(after)) > _AT_AN_END and not set(odd) & {step - 1, step}:
            found.append(int(step))
    return tuple(found) if len(found) <= max(3, _MOST * measures.n_frames) else ()


def jumps(measures: Measures) -> Array:
    """(time - 1,): each change as a multiple of the median change nearby."""
    change = measures.change
    nothing = _NOTHING * max(float(np.median(measures.high) - np.median(measures.low)), 1e-300)
    usual = np.array(
        [np.median(change[max(0, index - _NEARBY) : index + _NEARBY + 1]) for index in range(len(change))], np.float64
    )
    result: Array = change / np.maximum(np.maximum(usual, 0.5 * np.median(change)), nothing)
    return result
