"""What the forecaster around a network promises beyond the contract of every forecaster."""

from collections.abc import Callable

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.network_forecaster import STAGE_ALL, STAGE_SEARCH, NetworkForecaster
from framecast.series.frames import FrameSeries, Split

SPLIT = Split(range(14), range(14, 20), range(20, 24))


def waves(n_frames: int = 24) -> FrameSeries:
    t, y, x = np.ogrid[:n_frames, :16, :20]
    frames = (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None]
    return FrameSeries("waves", frames, (0.0, 255.0))


def forecaster_of(clock: Callable[[], float], **changes: object) -> NetworkForecaster:
    settings = FORECASTERS["unet"].configure(changes={"context": 3, "width": 4, "levels": 1, "unroll": 1, **changes})
    return NetworkForecaster("unet", settings, Workbench(), clock=clock)


def test_a_pause_on_the_clock_of_the_caller_costs_no_budget() -> None:
    fit = forecaster_of(lambda: 0.0, epochs=2, minutes=1.0).fit(waves().head(20), SPLIT)
    stages = [progress.stage for progress in fit if progress.epoch_done]
    assert stages[:2] == [STAGE_SEARCH] * 2, "no second passed, so both epochs were run"
    assert stages[-1] == STAGE_ALL


def test_seconds_on_the_clock_of_the_caller_end_the_run() -> None:
    now = [0.0]
    epochs = 0
    for progress in forecaster_of(lambda: now[0], epochs=1000, minutes=1.0).fit(waves().head(20), SPLIT):
        epochs += progress.epoch_done
        now[0] += 30.0
    assert epochs <= 4
