"""What a run keeps of its members: how sure it was, where, and how each member did by itself.

    spread.npy    (lead, height, width, channel), the standard deviation in units, corrected as the forecaster says;
                  float16 for integer series, float32 for others
    members.csv   the columns of scores.csv: forecaster "ensemble" with the measures of framecast.evaluation.ensemble, then
                  "member 1", "member 2", ... with the usual scores

Both are there before scores.csv is, and old runs have neither. A CRPS needs all members of one lead at once and a forecaster
gives all leads of one member at once, so that the members wait in a nameless file, which is gone when the run is, however it
ends; in memory there are one member and one lead of all.
"""

from collections.abc import Generator, Iterator
from typing import IO

import numpy as np

from framecast.forecasters.contract import MemberForecaster
from framecast.metrics.contract import Array
from framecast.runs.devices import torch_threads
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries

SCORED = ("ssim", "psnr", "mse", "mae")
"""The scores of single members: those that are drawn over the leads."""


def keep_members(run: Run, series: FrameSeries) -> Iterator[None]:
    """Forecast the test frames member by member and keep what they say; a sign of life after each. Nothing where the run's
    forecaster has no members."""
    from framecast.evaluation.ensemble import ENSEMBLE, judge_lead
    from framecast.evaluation.scores import ScoreCurve

    forecaster = run.forecaster()
    if not isinstance(forecaster, MemberForecaster):
        return
    split = run.record.split
    law = forecaster.spread_law(split.horizon)
    curves: dict[tuple[str, str], list[float]] = {}
    with run.scratch() as file:
        members = yield from _set_aside(forecaster, series, split.test.start, split.horizon, file)
        with run.writing_spread(members.shape[1:], _spread_dtype(series)) as write:
            for index in range(split.horizon):
                truth = np.asarray(series.frames[split.test.start + index])
                lead = members[:, index].astype(np.float32)
                values, spread = judge_lead(lead, truth, law, index, series.valid)
                write(spread)
                for measure, value in values.items():
                    curves.setdefault((ENSEMBLE, measure), []).append(value)
                for number, member in enumerate(lead, start=1):
                    for metric, value in _scores(member, truth, series).items():
                        curves.setdefault((f"member {number}", metric), []).append(value)
                yield
        del members  # before its file is closed
    run.write_members([ScoreCurve(*key, split.origin, np.array(values)) for key, values in curves.items()])


def spread_beyond(run: Run, series: FrameSeries, n_steps: int) -> Frames | None:
    """How far the `n_steps` frames after the last frame of the series may be off, in the form of spread.npy: a standard
    deviation in units, (lead, height, width, channel). None where the run's forecaster has no members."""
    from framecast.forecasters.calibration import ensemble_variance

    forecaster = run.forecaster()
    if not isinstance(forecaster, MemberForecaster):
        return None
    law = forecaster.spread_law(n_steps)
    spread = np.empty((n_steps, *series.frames.shape[1:]), _spread_dtype(series))
    with torch_threads(run.record.n_threads), run.scratch() as file:
        members = _exhaust(_set_aside(forecaster, series, series.n_frames, n_steps, file))
        for index in range(n_steps):
            spread[index] = law.deviation(index, ensemble_variance(members[:, index].astype(np.float32)))
        del members
    return spread


def _set_aside(
    forecaster: MemberForecaster, series: FrameSeries, n_past: int, horizon: int, file: IO[bytes]
) -> Generator[None, None, Array]:
    """(member, lead, height, width, channel) as a read-only map of `file`; yields after each member."""
    # a grey level of 8 bit is more than the members may differ by, so they are not rounded to the dtype of the series
    kept_as = np.dtype(np.float16 if series.frames.dtype == np.uint8 else np.float32)
    shape = (horizon, *series.frames.shape[1:])
    n_members = 0
    for member in forecaster.forecast_members(series.frames[:n_past], horizon):
        assert member.shape == shape, f"a member forecast {member.shape}"
        for frame in member:
            file.write(frame.astype(kept_as).tobytes())
        n_members += 1
        del member  # before the next one is made
        yield
    file.flush()
    members: Array = np.memmap(file, kept_as, "r", shape=(n_members, *shape))
    return members


def _exhaust(steps: Generator[None, None, Array]) -> Array:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Array = end.value
            return found


def _spread_dtype(series: FrameSeries) -> np.dtype[np.float16] | np.dtype[np.float32]:
    return np.dtype(np.float32) if series.frames.dtype == np.float32 else np.dtype(np.float16)


def _scores(member: Array, truth: Array, series: FrameSeries) -> dict[str, float]:
    """Of one frame, in the dtype of the series, as the run's own forecast is scored."""
    from framecast.evaluation.scores import score

    forecast = series.native(member)[None]
    found = score("", forecast, truth[None], origin=0, data_range=series.data_range, valid=series.valid, metrics=SCORED)
    return {curve.metric: float(curve.values[0]) for curve in found}
