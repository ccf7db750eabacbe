"""What a run keeps of its blend: the weights per lead, and each member as a run like any other.

    weights.csv   forecaster, lead, weight; in the folder of the blend's run, there before its scores.csv is

A member is not fitted again. Its run gets the forecaster as the blend has it, its forecast of the test frames and its scores;
those of a rule the blend's run has already. The record names the blend's run, and nothing else ties the two: either may be
deleted, and the other is as good as before.
"""

import contextlib
import logging
from collections.abc import Iterator

import numpy as np

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import BlendForecaster, Member
from framecast.runs.forecasting import native_forecast, score_test
from framecast.runs.record import RunRecord, new_id, utc_now
from framecast.runs.store import Array, Run
from framecast.series.frames import FrameSeries

LOG = logging.getLogger(__name__)


def keep_weights(run: Run) -> None:
    """Write the weights of a run's blend, the heaviest member first. Nothing where its forecaster is no blend."""
    forecaster = run.forecaster()
    if isinstance(forecaster, BlendForecaster):
        shares = forecaster.shares(run.record.split.horizon)
        order = np.argsort(-shares.mean(axis=0), kind="stable")
        run.write_weights({forecaster.members[index].name: shares[:, index] for index in order})


def runs_of_members(run: Run, series: FrameSeries) -> Iterator[None]:
    """Make a run of every member of a finished run's blend, the heaviest first; a sign of life before each and at the end.

    Left early it leaves whole runs only. A member that cannot be kept, say because the disk is full, is left out with a line
    in the log: the blend's run is finished and stays so.
    """
    forecaster = run.forecaster()
    if not isinstance(forecaster, BlendForecaster):
        return
    members = {member.name: member for member in forecaster.members}
    for name, weights in run.weights().items():
        yield
        record = _record(run.record, members[name])
        try:
            with _whole_or_not_at_all(run.store.create(record)) as made:
                _fill(made, members[name], weights, run, series)
        except FrameCastError as error:
            LOG.warning("%s could not be kept: %s", record.title, error)
    yield


@contextlib.contextmanager
def _whole_or_not_at_all(run: Run) -> Iterator[Run]:
    try:
        yield run
    except BaseException:  # Ctrl-C too
        run.store.delete(run.id)
        raise


def _record(blend: RunRecord, member: Member) -> RunRecord:
    kind, now = FORECASTERS[member.name], utc_now()
    own = {
        "id": new_id(member.name, now),
        "created": now.isoformat(timespec="milliseconds"),
        "title": f"{kind.title}, member of {blend.title}",
        "forecaster": member.name,
        "preset": next(iter(kind.presets)),
        "settings": member.settings.to_mapping(),
        "member_of": blend.id,
    }
    return RunRecord(**{**vars(blend), **own})


def _fill(made: Run, member: Member, weights: Array, blend: Run, series: FrameSeries) -> None:
    """Everything that a run has, scores.csv last."""
    split, title = made.record.split, FORECASTERS[member.name].title
    for line in blend.progress():
        if str(line.get("stage", "")).startswith(f"{title}: "):
            made.append_progress(line)
    made.save_forecaster(member.forecaster)
    forecast = native_forecast(made.forecaster(), series, split.test.start, split.horizon, made.record.title)
    made.write_forecast(forecast)
    known = [curve for curve in blend.scores() if curve.forecaster != blend.record.forecaster]
    own = [curve for curve in known if curve.forecaster == member.name]
    own = own or score_test(member.name, forecast, series, split, made.record.n_threads)
    made.write_summary(
        {
            "fit_seconds": {},
            "forecast_seconds": {},
            "finding": f"It has {weights.mean():.0%} of the weight in “{blend.record.title}”, the mean over all leads.",
            "stopped_early": False,
            "learned_nothing": False,
            "ended_by_time": False,
            "left_out": blend.summary().get("left_out", {}),
        }
    )
    made.write_scores([*own, *(curve for curve in known if curve.forecaster != member.name)])
