"""How much of what changes from frame to frame is noise that no forecaster can foresee.

The diagonal difference of four neighbouring pixels, (a - b - c + d) / 2, removes what is smooth and keeps the variance of
white noise (Immerkaer 1996 uses its 3 x 3 relative). Taken of single frames it still sees fine texture, taken of the change
between frames it still sees what moves; noise is in both, so the smaller of the two is believed. Values beyond three standard
deviations are edges, not noise, and are left out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.series.frames import FrameSeries

Array = np.ndarray[Any, np.dtype[Any]]

_PAIRS, _ROWS = 40, 64


@dataclass(frozen=True)
class Noise:
    level: float
    """Standard deviation of white noise in a frame, in units."""
    share: float
    """The part of the mean squared change from frame to frame that this noise makes, 0 to 1."""
    n_pairs: int
    n_rows: int
    """What was looked at: pairs of neighbouring frames, and rows of each; no row where no four neighbours carry data, of which
    noise could be told."""


def noise(series: FrameSeries) -> Noise:
    """Estimated from pairs of frames that are evenly spread; pairs without any change say nothing and are passed over."""
    n_pairs = min(_PAIRS, series.n_frames - 1)
    above = _rows(series.height)
    mask = np.ones((series.height, series.width), bool) if series.valid is None else series.valid
    valid = _two_rows(mask, above)
    if not _squares(valid).any():
        return Noise(0.0, 0.0, n_pairs, 0)
    found = []
    for first in np.linspace(0, series.n_frames - 2, n_pairs).round().astype(int):
        here, there = (_two_rows(series.frames[index], above) for index in (first, first + 1))
        change = there - here
        if not change[valid].any():
            continue
        spatial, temporal = _spread(_diagonal(here, valid)), _spread(_diagonal(change, valid)) / np.sqrt(2)
        found.append((min(spatial, temporal), float(np.square(change[valid], dtype=np.float64).mean())))
    if not found:
        return Noise(0.0, 0.0, n_pairs, 2 * len(above))
    level, change_squared = (float(np.median(column)) for column in zip(*found, strict=True))
    return Noise(level, min(1.0, 2 * level**2 / change_squared), n_pairs, 2 * len(above))


def _rows(height: int) -> Array:
    """The upper rows of pairs of neighbours, evenly spread; none where there is one row only."""
    n_pairs = min(_ROWS // 2, height // 2)
    return np.arange(n_pairs) * (height - 2) // max(1, n_pairs - 1)


def _two_rows(frame: Array, above: Array) -> Array:
    """(2, pair, column, ...): the upper and the lower rows, as float32 unless they are a mask."""
    rows = np.stack([frame[above], frame[above + 1]])
    return rows if rows.dtype == np.bool_ else rows.astype(np.float32)


def _diagonal(rows: Array, valid: Array) -> Array:
    """Of all squares of four valid neighbours in (2, pair, column, channel), one number for each square and channel."""
    square = (rows[0, :, :-1] - rows[0, :, 1:] - rows[1, :, :-1] + rows[1, :, 1:]) / 2
    return square[_squares(valid)].ravel()


def _squares(valid: Array) -> Array:
    """(pair, column): whether all four pixels of a square are valid, by the mask (2, pair, column)."""
    found: Array = valid[0, :, :-1] & valid[0, :, 1:] & valid[1, :, :-1] & valid[1, :, 1:]
    return found


def _spread(values: Array) -> float:
    """Standard deviation without what lies beyond three of it, cut three times."""
    for _ in range(3):
        spread = values.std(dtype=np.float64) if values.size else 0.0
        values = values[np.abs(values) <= 3 * spread]
    return float(values.std(dtype=np.float64)) if values.size else 0.0
