"""The forecast of a simple rule on a split, made when somebody asks to see it: a run keeps the scores of rules, not frames."""

import tempfile

import numpy as np

from framecast.evaluation.verdict import REFERENCE
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.runs.devices import n_threads_alone, torch_threads
from framecast.runs.forecasting import native_forecast
from framecast.series.frames import Frames, FrameSeries, Split


def rule_forecast(name: str, series: FrameSeries, split: Split, seed: int = 0) -> Frames:
    """(lead, height, width, channel) as a run would keep it: the rule at its usual settings, fitted on the frames before the
    test. Read only. The frames lie in a file without a name, so that several of them need not fit into memory; it is gone with
    the array. Raises InputError where the rule cannot serve this series.
    """
    if name == REFERENCE:
        return np.broadcast_to(series.frames[split.origin], (split.horizon, *series.frames.shape[1:]))
    kind = FORECASTERS[name]
    rule = kind.make(kind.configure(), Workbench(seed=seed))
    with torch_threads(n_threads_alone()):
        for _ in rule.fit(series.head(split.test.start), split):
            pass
        forecast = native_forecast(rule, series, split.test.start, split.horizon, kind.title)
    with tempfile.TemporaryFile() as file:
        kept: Frames = np.memmap(file, forecast.dtype, "w+", shape=forecast.shape)
    kept[:] = forecast
    kept.flags.writeable = False
    return kept
