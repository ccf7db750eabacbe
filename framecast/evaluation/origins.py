"""Rolling origins: from which other moments a fitted forecaster can be asked to forecast, and what its scores there say.

A score from one origin is one draw: the test may have been an easy or a hard moment. Origins inside the test are honest, the
forecaster has not seen what follows, but each leaves fewer frames to judge. Origins before the test leave a whole horizon, and
what was fitted has seen the frames it is judged by there: with them a forecaster that learned by heart looks good. The two are
never averaged together.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.hindcast import past_origins
from framecast.metrics.contract import Array
from framecast.series.frames import Split

_INSIDE, _BEFORE = 4, 3
_SHORTEST = 2


@dataclass(frozen=True)
class Origin:
    """Where a forecast begins: `n_past` frames are known, `horizon` frames can be judged."""

    n_past: int
    horizon: int


def rolling_origins(split: Split) -> list[Origin]:
    """The origins beside the test's own that a forecaster fitted for `split` is asked from, the two kinds in turn, so that
    whoever stops early has both: every fifth of the test, and up to three of the past origins that rules choose their settings
    by, which leave a whole horizon before the test where the series is long enough."""
    horizon, start = split.horizon, split.test.start
    step = max(1, round(horizon / (_INSIDE + 1)))
    inside = [Origin(start + offset, horizon - offset) for offset in range(step, horizon - _SHORTEST + 1, step)][:_INSIDE]
    starts, whole = past_origins(start, horizon)
    before = [Origin(n_past, whole) for n_past in starts[:_BEFORE] if whole >= _SHORTEST]
    pairs = itertools.zip_longest(inside, before)
    return [one for pair in pairs for one in pair if one is not None]


@dataclass(frozen=True, eq=False)
class Spread:
    """Scores of one forecaster over origins, lead by lead, (lead,) each; at long leads fewer origins are left."""

    mean: Array
    low: Array
    high: Array
    n_origins: Array

    @property
    def most(self) -> int:
        return int(self.n_origins.max())


def inside_test(curves: Sequence[ScoreCurve], split: Split) -> list[ScoreCurve]:
    """Those from the test's own origin or a later one: nobody had seen what they are judged by."""
    return [curve for curve in curves if curve.origin >= split.origin]


def before_test(curves: Sequence[ScoreCurve], split: Split) -> list[ScoreCurve]:
    """Those whose frames the forecaster was fitted on."""
    return [curve for curve in curves if curve.origin < split.origin]


def spread(curves: Sequence[ScoreCurve], forecaster: str, metric: str) -> Spread | None:
    """Over all origins among `curves`; None where there are none. A lead that an origin does not reach is left out there."""
    found = [curve.values for curve in curves if (curve.forecaster, curve.metric) == (forecaster, metric)]
    if not found:
        return None
    table = np.full((len(found), max(len(one) for one in found)), np.nan)
    for row, one in enumerate(found):
        table[row, : len(one)] = one
    reached = np.array([[lead < len(one) for lead in range(table.shape[1])] for one in found])
    low, high = np.where(reached, table, np.inf).min(axis=0), np.where(reached, table, -np.inf).max(axis=0)
    counts = reached.sum(axis=0)
    return Spread(np.where(reached, table, 0.0).sum(axis=0) / counts, low, high, counts)
