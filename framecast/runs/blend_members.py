"""What a run keeps of its blend: the weights per lead, and each member as a run like any other.

    weights.csv   forecaster, lead, weight; in the folder of the blend's run, there before its scores.csv is

A member is not fitted again. Its run gets the forecaster as the blend has it, its forecast of the test frames and its scores;
those of a rule the blend's run has already. The record names the blend's run, and nothing else ties the two: either may be
deleted, and the other is as good as before. When a blend was trained further, or went on after a stop, a member that is
as it was keeps its run, and one that is not gets a new one; the old one stays, for somebody may have written notes on it, and
says that it belonged to the blend.
"""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from framecast.errors import FrameCastError, StorageError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import BlendForecaster, Member
from framecast.forecasters.seeds import Seeds
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


def is_member_still(run: Run, blend: Run) -> bool:
    """Whether the blend as it is now has the forecaster of this run of a member, and no newer one in its place. Where its
    weights cannot be read, which the blend's own page says, the run is taken to be one."""
    newest = {one.record.forecaster: one.id for one in blend.store.members_of(blend)}
    try:
        weights = blend.weights()
    except StorageError:
        return newest.get(run.record.forecaster) == run.id
    return run.record.forecaster in weights and newest.get(run.record.forecaster) == run.id


def runs_of_members(run: Run, series: FrameSeries) -> Iterator[None]:
    """Make a run of every member of a finished run's blend, the heaviest first; a sign of life before each and at the end.

    Left early it leaves whole runs only. A member that cannot be kept, say because the disk is full, is left out with a line
    in the log: the blend's run is finished and stays so.
    """
    forecaster = run.forecaster()
    if not isinstance(forecaster, BlendForecaster):
        return
    members = {member.name: member for member in forecaster.members}
    before = {one.record.forecaster: one for one in run.store.members_of(run) if one.state == "finished"}
    for name, weights in run.weights().items():
        yield
        record = _record(run.record, members[name])
        try:
            if (earlier := before.get(name)) is not None:
                if _is_saved_in(earlier, members[name]):
                    earlier.write_summary({**earlier.summary(), "finding": _share(members[name], weights, run.record)})
                    continue
                record = replace(record, title=f"{record.title}, trained further")
            with _whole_or_not_at_all(run.store.create(record)) as made:
                _fill(made, members[name], weights, run, series)
            if earlier is not None:
                _belonged(earlier, run.record)
        except FrameCastError as error:
            LOG.warning("%s could not be kept: %s", record.title, error)
    for name in before.keys() - members.keys():
        with contextlib.suppress(FrameCastError):  # its summary is damaged, which its own page tells
            _belonged(before[name], run.record)
    yield


def _belonged(earlier: Run, blend: RunRecord) -> None:
    finding = f"It was a member of the blend “{blend.title}” until that was trained further."
    earlier.write_summary({**earlier.summary(), "finding": finding})


def _is_saved_in(earlier: Run, member: Member) -> bool:
    """Whether the forecaster of an earlier run is this one: it would save the same bytes."""
    with tempfile.TemporaryDirectory() as place:
        member.forecaster.save(Path(place))
        return _content(Path(place)) == _content(earlier.saved())


def _content(folder: Path) -> dict[str, bytes]:
    """By path in the folder, what is in its files, a digest of each."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): blake2b(path.read_bytes()).digest() for path in files}


def _share(member: Member, weights: Array, blend: RunRecord) -> str:
    share = f"It has {weights.mean():.0%} of the weight in “{blend.title}”, the mean over all leads."
    if not isinstance(member.forecaster, Seeds):
        return share
    return f"{share} It is the mean of {len(member.forecaster.networks)} trainings from different random starts."


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
            "finding": _share(member, weights, blend.record),
            "stopped_early": False,
            "learned_nothing": False,
            "ended_by_time": False,
            "left_out": {name: why for name, why in blend.summary().get("left_out", {}).items() if name != member.name},
            "scoring_left": blend.summary().get("scoring_left", False),
        }
    )
    made.write_scores([*own, *(curve for curve in known if curve.forecaster != member.name)])
