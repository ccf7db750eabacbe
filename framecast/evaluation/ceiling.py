"""The ceiling: what a perfect forecast at the working size would score on the native grid.

A network that sees small frames cannot give back detail that moves and that it never saw. Shown beside its scores, the
ceiling says how much of a gap to 1 a larger working size could close, and how much only a better forecaster. It is no bound
for forecasters that work at native size, as the simple rules do.
"""

from collections.abc import Sequence

import numpy as np

from framecast.evaluation.scores import ScoreCurve, score
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.preparation import reduce_frames, restore_frames

NAME = "ceiling"


def ceiling(
    series: FrameSeries, split: Split, preparation: Preparation, *, metrics: Sequence[str] | None = None
) -> list[ScoreCurve]:
    """Scores of the true test frames after they went down to the working size and back as a forecast does.

    `series` is whole, test frames included. Perfect at native size, and for a series that does not move at any size. Done a
    frame at a time: no float copy of the horizon is made.
    """
    shape = preparation.working_shape(series.height, series.width)
    last = series.frames[split.origin]
    last_small = reduce_frames(last[None], shape)[0]
    curves: dict[str, list[float]] = {}
    for index in split.test:
        truth = series.frames[index : index + 1]
        small = reduce_frames(truth, shape).astype(np.float32)
        forecast = series.native(restore_frames(small, last_small, last))
        for curve in score(
            NAME, forecast, truth, origin=split.origin, data_range=series.data_range, valid=series.valid, metrics=metrics
        ):
            curves.setdefault(curve.metric, []).extend(curve.values.tolist())
    return [ScoreCurve(NAME, metric, split.origin, np.array(values)) for metric, values in curves.items()]
