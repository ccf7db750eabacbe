"""Fold: a network trained on frames before all origins that judge it, for several lengths of time.

How long to train is part of what is chosen, so each length is a training of its own, from the beginning to a learning rate of
zero. One long training looked at on the way would say little of a shorter one: left in the middle, its rate is still high and
its unroll short, and at equal steps it forecast much worse (docs/decisions.md). What a validation score has chosen it cannot
weigh: the length at which a network is judged at one origin is the one that was best at the other origins. Training pauses
while others work, and the pause is no part of its time.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from framecast.errors import DeviceMemoryError, DivergedError
from framecast.forecasters.contract import Workbench
from framecast.forecasters.course import Course
from framecast.forecasters.hindcast import Hindcast, View
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.metrics.contract import METRICS
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.training.progress import FitProgress

LENGTHS = (0.125, 0.25, 0.5)
"""Of the whole time of a network, that trainings on the fold take, shortest first; the whole of it is left to the refit."""


class Stopwatch:
    """A clock that runs only between `start` and `stop`; `clock` is the one that never stands still."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._passed, self._since = 0.0, 0.0
        self._running = False

    def __call__(self) -> float:
        return self._passed + (self._clock() - self._since if self._running else 0.0)

    def start(self) -> None:
        self._since, self._running = self._clock(), True

    def stop(self) -> None:
        self._passed, self._running = self(), False


@dataclass(frozen=True)
class Moment:
    """How long to train, and which way a forecast goes back to native size."""

    length: float
    """One of LENGTHS."""
    restoration: str


class Fold:
    """A network on the frames before the oldest of `origins`, and its hindcasts from all of them. `settings` are those of the
    whole training."""

    def __init__(
        self,
        name: str,
        settings: Any,
        workbench: Workbench,
        history: FrameSeries,
        origins: tuple[int, ...],
        horizon: int,
        view: View,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.settings = name, settings
        self.history, self.origins, self.horizon, self.view = history, origins, horizon, view
        self.failure = ""
        """Why it was given up, as a sentence; empty while it goes on."""
        self._workbench, self._clock = workbench, clock
        self._forecaster: NetworkForecaster | None = None
        self._seen: list[tuple[Moment, list[Frames]]] = []
        self._scores: list[list[float]] = []
        self.done: list[float] = []
        """Lengths that nothing more is to be learned of."""
        self.length = 0.0
        """Of the training at work, or the last one."""

    def train(self, length: float, resumed: Course | None = None) -> Iterator[FitProgress]:
        """Train anew for so much of the whole time, or go on from where such a training stood; then look at the network. Left
        early, it is not looked at."""
        watch, stop = Stopwatch(self._clock), min(self.origins)
        settings = settings_for(self.settings, length)
        self.length = length
        self._forecaster = NetworkForecaster(self.name, settings, self._workbench, clock=watch)
        if resumed is not None:
            self._forecaster.take_up(resumed)
        split = Split(range(stop), range(stop, stop), range(stop, stop + self.horizon))
        steps = self._forecaster.fit(self.history.head(stop), split)
        try:
            while True:
                watch.start()
                try:
                    progress = next(steps, None)
                finally:
                    watch.stop()
                if progress is None:
                    break
                yield progress
            self._look(length)
        except (DivergedError, DeviceMemoryError) as error:
            self.failure = str(error)
        finally:
            steps.close()  # type: ignore[attr-defined]
            self._forecaster = None

    @property
    def at_work(self) -> NetworkForecaster | None:
        """The network that is trained at this moment."""
        return self._forecaster

    def to_mapping(self) -> tuple[dict[str, Any], list[list[Frames]]]:
        """What was seen and decided by now: for JSON, and the forecasts of each moment from each origin."""
        content = {
            "name": self.name,
            "done": self.done,
            "failure": self.failure,
            "moments": [asdict(moment) for moment, _ in self._seen],
            "scores": self._scores,
        }
        return content, [forecasts for _, forecasts in self._seen]

    def take_up(self, content: dict[str, Any], forecasts: list[list[Frames]]) -> None:
        """What `to_mapping` gave."""
        self.done, self.failure, self._scores = content["done"], content["failure"], content["scores"]
        self._seen = [(Moment(**moment), kept) for moment, kept in zip(content["moments"], forecasts, strict=True)]

    @property
    def hindcast(self) -> Hindcast[Moment]:
        """What was seen: candidates are the moments looked at."""
        scores = np.array(self._scores).reshape(-1, len(self.origins))
        return Hindcast([moment for moment, _ in self._seen], self.origins, scores)

    @property
    def has_looked(self) -> bool:
        """Whether there is anything to judge it by."""
        return bool(self._seen)

    def failed_by(self, length: float) -> bool:
        """Whether it was given up by then."""
        return bool(self.failure) and max(self.done, default=0.0) <= length

    @property
    def score(self) -> float:
        """Mean SSIM over origins at the best moment; -inf where there is none."""
        return self.score_at(float("inf"))

    def score_at(self, length: float) -> float:
        """The same when nothing longer had been tried."""
        scores = [scores for (moment, _), scores in zip(self._seen, self._scores, strict=True) if moment.length <= length]
        return float(np.array(scores).mean(axis=1).max()) if scores else float("-inf")

    def judged(self) -> list[Frames]:
        """For each origin what was forecast from it at the moment that the other origins would have chosen."""
        hindcast, seen = self.hindcast, dict(self._seen)
        return [seen[hindcast.best_without(origin)][index] for index, origin in enumerate(self.origins)]

    def _look(self, length: float) -> None:
        assert self._forecaster is not None
        ssim = METRICS["ssim"].function
        forecasts: dict[str, list[Frames]] = {}
        scores: dict[str, list[float]] = {}
        for origin in self.origins:
            truth = self.view.patches(self.history.frames[origin + self.view.leads])
            said = self._forecaster.hindcasts(self.history.frames[:origin], self.horizon, self.view)
            for way, forecast in said.items():
                if not np.isfinite(forecast).all():
                    self.failure = "Its forecast stopped being a number."
                    return
                kept = self.history.native(forecast)
                forecasts.setdefault(way, []).append(kept)
                value = ssim(kept, truth, data_range=self.history.data_range, valid=self.view.valid).mean()
                scores.setdefault(way, []).append(float(value))
        for way in forecasts:
            self._seen.append((Moment(length, way), forecasts[way]))
            self._scores.append(scores[way])


def settings_for(settings: Any, length: float) -> Any:
    """The same training in a part of its time, or of its epochs where no time is set; at least one epoch."""
    if settings.minutes:
        return replace(settings, minutes=settings.minutes * length)
    return replace(settings, epochs=max(1, round(settings.epochs * length)))
