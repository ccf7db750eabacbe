"""What a run keeps of its members: how sure it was, where, and how each member did by itself.

    spread.npy    (lead, height, width, channel), the standard deviation in units, corrected as the forecaster says;
                  float16 for integer series, float32 for others
    members.csv   the columns of scores.csv: forecaster "ensemble" with the measures of framecast.evaluation.ensemble, then
                  "member 1", "member 2", ... with the usual scores

Both are there before scores.csv is, and old runs have neither. A CRPS needs all members of one lead at once and a forecaster
gives all leads of one member at once, so that the members wait in a nameless file, which is gone when the run is, however it
ends; in memory there are one member and one lead of all.
"""

from collections.abc import Iterator

import numpy as np

from framecast.evaluation.ensemble import MEASURES, judge_lead
from framecast.evaluation.scores import ScoreCurve, score
from framecast.forecasters.contract import MemberForecaster
from framecast.metrics import METRICS
from framecast.metrics.contract import Array
from framecast.runs.store import ENSEMBLE, Run
from framecast.series.frames import FrameSeries

SCORED = ("ssim", "psnr", "mse", "mae")
"""The scores of single members: those that are drawn over the leads."""


def keep_members(run: Run, series: FrameSeries) -> Iterator[None]:
    """Forecast the test frames member by member and keep what they say; a sign of life after each. Nothing where the run's
    forecaster has no members."""
    forecaster = run.forecaster()
    if not isinstance(forecaster, MemberForecaster):
        return
    split = run.record.split
    # a grey level of 8 bit is more than the members may differ by, so they are not rounded to the dtype of the series
    kept_as = np.dtype(np.float16 if series.frames.dtype == np.uint8 else np.float32)
    shape = (split.horizon, *series.frames.shape[1:])
    with run.scratch() as file:
        n_members = 0
        for member in forecaster.forecast_members(series.frames[: split.test.start], split.horizon):
            assert member.shape == shape, f"a member forecast {member.shape}"
            for frame in member:
                file.write(frame.astype(kept_as).tobytes())
            n_members += 1
            yield
        file.flush()
        members: Array = np.memmap(file, kept_as, "r", shape=(n_members, *shape))
        curves: dict[tuple[str, str], list[float]] = {}
        law = forecaster.spread_law(split.horizon)
        spread_as = np.dtype(np.float32 if series.frames.dtype == np.float32 else np.float16)
        with run.writing_spread(shape, spread_as) as write:
            for index in range(split.horizon):
                truth = np.asarray(series.frames[split.test.start + index])
                lead = members[:, index].astype(np.float32)
                values, spread = judge_lead(lead, truth, law, index, series.valid)
                write(spread)
                for measure in MEASURES:
                    curves.setdefault((ENSEMBLE, measure), []).append(values[measure])
                for number, member in enumerate(lead, start=1):
                    for metric, value in _scores(member, truth, series).items():
                        curves.setdefault((f"member {number}", metric), []).append(value)
                yield
        del members  # before its file is closed
    run.write_members([ScoreCurve(*key, split.origin, np.array(values)) for key, values in curves.items()])


def _scores(member: Array, truth: Array, series: FrameSeries) -> dict[str, float]:
    """Of one frame, in the dtype of the series, as the run's own forecast is scored."""
    forecast = series.native(member)[None]
    known = [name for name in SCORED if name in METRICS]
    found = score("", forecast, truth[None], origin=0, data_range=series.data_range, valid=series.valid, metrics=known)
    return {curve.metric: float(curve.values[0]) for curve in found}
