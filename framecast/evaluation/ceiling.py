"""The ceiling: what a perfect forecast at the working size would score on the native grid, by each way back to it.

A network that sees small frames cannot give back detail that moves and that it never saw. Shown beside its scores, the
ceiling says how much of a gap to 1 a larger working size could close, and how much only a better forecaster. It is no bound
for forecasters that work at native size, as the simple rules do.
"""

from collections.abc import Sequence

import numpy as np

from framecast.evaluation.scores import ScoreCurve, score
from framecast.forecasters.restoration import WAYS, Array, Restorer, SmallMotion
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.preparation import reduce_frames
from framecast.series.warping import warp

NAMES = {way: "ceiling" if way == "change" else f"ceiling_{way}" for way in WAYS}
"""Way to the name of its curves."""


def ceiling(
    series: FrameSeries,
    split: Split,
    preparation: Preparation,
    *,
    way: str = "change",
    metrics: Sequence[str] | None = None,
    leads: Sequence[int] | None = None,
) -> list[ScoreCurve]:
    """Scores of the true test frames after they went down to the working size and back as a forecast does.

    `series` is whole, test frames included; `way` is one of WAYS. A perfect picture does not tell the motion behind it, so for
    "warp" the motion is the optical flow found between the small frames: its ceiling is an estimate, usually from below.
    `leads` are the indices (lead 1 is 0) of those that are wanted, all by default. Perfect at native size, and for a series
    that does not move at any size. Done a frame at a time: no float copy of the horizon is made.
    """
    shape = preparation.working_shape(series.height, series.width)
    past = series.frames[: split.test.start]
    small_past = reduce_frames(past if way == "background" else past[-1:], shape)
    restorer = Restorer(way, past, small_past)
    wanted = list(split.test) if leads is None else [split.test[lead] for lead in leads]
    test = series.frames[split.test.start : split.test.stop]
    forecast = np.empty((len(wanted), *series.frames.shape[1:]), series.frames.dtype)
    for row, index in enumerate(wanted):
        small = reduce_frames(series.frames[index : index + 1], shape)[0].astype(np.float32)
        moving = way == "warp" and not restorer.native_already
        motion = _motion(small_past[-1].astype(np.float32), small, series.data_range) if moving else None
        forecast[row] = series.native(restorer(small, motion))
    return score(
        NAMES[way],
        forecast,
        test if leads is None else test[list(leads)],
        origin=split.origin,
        data_range=series.data_range,
        valid=series.valid,
        last=past[-1],
        metrics=metrics,
    )


def _motion(last: Array, now: Array, data_range: float) -> SmallMotion:
    """How `last` (h, w, channel) becomes `now`: TV-L1 flow (Zach et al. 2007) of the mean over channels, and what is left."""
    from skimage.registration import optical_flow_tvl1  # only here: it is slow to import

    grey = [frame.mean(axis=-1) / data_range for frame in (now, last)]
    displacement = optical_flow_tvl1(*grey)  # type: ignore[no-untyped-call]
    return displacement, now - warp(last, displacement)
