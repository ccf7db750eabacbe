"""The backtest of a run: what its forecaster, persistence and the best simple rule score from other origins.

    backtest.csv   the columns of scores.csv; the curves of the test's own origin too, to tell which scores it belongs to

Nothing is fitted again: the forecaster is the one in the run folder, with the settings it has. It takes a forecast for
each origin, so it stops at a time limit, and what is done by then is kept. It can be made later, and made again.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from framecast.errors import InputError, StorageError
from framecast.evaluation.origins import rolling_origins
from framecast.evaluation.scores import ScoreCurve, read_scores, write_scores
from framecast.evaluation.verdict import REFERENCE, best_rule
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster, Workbench
from framecast.leaving import left_when
from framecast.runs.devices import torch_threads
from framecast.runs.forecasting import Scoring, native_forecast
from framecast.runs.reading import UNREADABLE
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries

SECONDS = 60.0
"""A backtest after a run takes so long at most, or a tenth of what the fit took where that is more; and one forecast more."""


def kept_backtest(run: Run) -> list[ScoreCurve]:
    """The curves of all origins, the test's own among them; empty where there is none, or one of an earlier forecast."""
    try:
        curves = read_scores(_path(run))
        own = _at_test(run, (run.record.forecaster,))
    except UNREADABLE:  # not there, or damaged: it can be made again
        return []
    kept = {(curve.forecaster, curve.metric, curve.origin): curve.values.tolist() for curve in curves}
    fits = own and all(kept.get((one.forecaster, one.metric, one.origin)) == one.values.tolist() for one in own)
    return curves if fits else []


def backtest(
    run: Run,
    series: FrameSeries,
    *,
    seconds: float | None = None,
    fitted: Mapping[str, Forecaster] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """Make and keep the backtest of a finished run: yields the number of origins done, first 0. `seconds` is the time limit,
    None for the usual one; an origin that has begun is finished. One of more origins that is kept stays until this one has as
    many. `series` is the run's, whole; `fitted` are rules that need not be fitted again."""
    record = run.record
    fitted_s = float(run.summary().get("fit_seconds", {}).get(record.forecaster, 0.0))
    limit = max(SECONDS, fitted_s / 10) if seconds is None else seconds
    began = time.monotonic()
    yield 0
    with torch_threads(record.n_threads):
        forecasters = _forecasters(run, series, fitted or {})
        curves, n_kept = _at_test(run, tuple(forecasters)), len(kept_backtest(run))
        for done, origin in enumerate(rolling_origins(record.split), start=1):
            if stop() or time.monotonic() - began > limit:
                return
            scoring = Scoring(series, origin.n_past, origin.horizon, record.n_threads)
            for name, forecaster in forecasters.items():
                with left_when(stop), contextlib.suppress(InputError):  # a past too short for this rule
                    curves += scoring.score(name, native_forecast(forecaster, series, origin.n_past, origin.horizon, name))
            if len(curves) >= n_kept:
                with contextlib.suppress(StorageError):  # a disk that takes nothing
                    write_scores(_path(run), curves)
            yield done


def _forecasters(run: Run, series: FrameSeries, fitted: Mapping[str, Forecaster]) -> dict[str, Forecaster]:
    """The run's own, persistence, and the best simple rule at its usual settings, fitted as beside the run."""
    record = run.record
    rule = best_rule(run.scores(), record.forecaster)
    found = {record.forecaster: run.forecaster()}
    for name in (REFERENCE, *([rule] if rule in FORECASTERS else [])):
        if name is None or name in found:
            continue
        if name in fitted:
            found[name] = fitted[name]
            continue
        kind = FORECASTERS[name]
        forecaster = kind.make(kind.configure(), Workbench(seed=record.seed))
        try:
            for _ in forecaster.fit(series.head(record.split.test.start), record.split):
                pass
        except InputError:
            continue
        found[name] = forecaster
    return found


def _at_test(run: Run, names: tuple[str, ...]) -> list[ScoreCurve]:
    return [curve for curve in run.scores() if curve.forecaster in names]


def _path(run: Run) -> Path:
    return run.folder / "backtest.csv"
