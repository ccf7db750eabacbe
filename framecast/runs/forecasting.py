"""A forecaster's forecast as a run keeps it, and its scores on the test frames."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from framecast.errors import DivergedError
from framecast.forecasters.contract import Forecaster, retreats_of
from framecast.leaving import may_be_left
from framecast.metrics.contract import Mask
from framecast.metrics.moving import moving_pixels
from framecast.runs.run_folder import Run
from framecast.series.frames import Frames, FrameSeries, Split

if TYPE_CHECKING:
    from framecast.evaluation.scores import ScoreCurve


class Scoring:
    """Several forecasts of the same frames, the `horizon` after the first `n_past` of a series, by every metric.

    Which of their pixels move is found once, and so are the scores of the last frame repeated: that is what each rule
    forecasts that finds nothing better, and scoring takes longer than telling that it is the same.
    """

    def __init__(
        self, series: FrameSeries, n_past: int, horizon: int, n_threads: int | None = None, device: str = "cpu"
    ) -> None:
        """In so many threads, by default one a core, or on a GPU."""
        self._series, self._origin, self._n_threads, self._device = series, n_past - 1, n_threads, device
        self._truth, self._last = series.frames[n_past : n_past + horizon], series.frames[n_past - 1]
        self._of_last: list[ScoreCurve] = []

    def score(self, name: str, forecast: Frames) -> "list[ScoreCurve]":
        """The curves of the `forecast` (lead, height, width, channel) of the forecaster `name`."""
        from framecast.evaluation.scores import score

        still = forecast.shape == self._truth.shape and all(np.array_equal(frame, self._last) for frame in forecast)
        if still and self._of_last:
            return [replace(curve, forecaster=name) for curve in self._of_last]
        curves = score(
            name,
            forecast,
            self._truth,
            origin=self._origin,
            data_range=self._series.data_range,
            valid=self._series.valid,
            last=self._last,
            moving=self._moving if self._device == "cpu" else None,
            n_threads=self._n_threads,
            device=self._device,
        )
        if still:
            self._of_last = curves
        return curves

    @cached_property
    def _moving(self) -> Mask:
        return moving_pixels(self._truth, self._last, self._series.valid)


def score_test(
    name: str, forecast: Frames, series: FrameSeries, split: Split, n_threads: int | None = None, device: str = "cpu"
) -> "list[ScoreCurve]":
    """The forecast of the test frames by every metric, in so many threads, by default one a core, or on a GPU."""
    return Scoring(series, split.test.start, split.horizon, n_threads, device).score(name, forecast)


def forecast_first(run: Run, series: FrameSeries, finding: str) -> tuple[Frames, str]:
    """The forecast of the test frames by what the fit has saved, and what it found. Where memory made the forecaster do it in
    another way than it was meant to, that is said there, and saved for every forecast from the run folder."""
    forecaster = run.forecaster()
    before = retreats_of([forecaster])
    forecast = _forecast_test(run, forecaster, series)
    retreat = retreats_of([forecaster])
    if retreat not in finding:
        finding = f"{finding.replace(before, '').strip()} {retreat}".strip()
    if retreat != before:
        run.save_forecaster(forecaster)
    return forecast, finding


def forecast_again(run: Run, series: FrameSeries) -> Frames:
    """The same, from the run folder alone, in which nothing changes."""
    return _forecast_test(run, run.forecaster(), series)


def native_forecast(forecaster: Forecaster, series: FrameSeries, n_past: int, horizon: int, title: str) -> Frames:
    """(horizon, height, width, channel) as the series would store it, from its first `n_past` frames."""
    values = forecaster.forecast(series.frames[:n_past], horizon)
    assert values.shape == (horizon, *series.frames.shape[1:]), f"{title} forecast {values.shape}"
    forecast = np.empty(values.shape, series.frames.dtype)
    for index, frame in enumerate(values):
        may_be_left()
        if not np.isfinite(frame).all():
            raise DivergedError(
                f"The forecast of {title} is not a number everywhere from lead {index + 1} on; it must be finite. "
                "Train again with a smaller learning rate, or with its forecasts clamped."
            )
        forecast[index] = series.native(frame)
    return forecast


def _forecast_test(run: Run, forecaster: Forecaster, series: FrameSeries) -> Frames:
    split = run.record.split
    return native_forecast(forecaster, series, split.test.start, split.horizon, run.record.title)
