"""Fold: a network trained on frames before all origins that judge it, for several lengths of time.

How long to train is part of what is chosen, so each length is a training of its own, from the beginning to a learning rate of
zero. One long training looked at on the way would say little of a shorter one: left in the middle, its rate is still high and
its unroll short, and at equal steps it forecast much worse (docs/decisions.md). What a validation score has chosen it cannot
weigh: the length at which a network is judged at one origin is the one that was best at the other origins. Training pauses
while others work, and the pause is no part of its time.

When auto goes further, the longest training there was goes further, as a network by itself would, and is looked at once more:
one moment more to choose from, by the same origins. Moments of an extension can be left out again, so that what was found
before it can be told once more.
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
    further: int = 0
    """With which extension; 0 is the first fit."""
    n_steps: int = 0
    """Of training, all in all."""


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
        self.ended: Course | None = None
        """The longest training that was looked at, as it ended; None of a network that was left behind."""
        self.n_further = 0
        """Extensions that it has been through."""
        self.stumbled = ""
        """Why it could not go through the last one, as a sentence."""

    def train(self, length: float, resumed: Course | None = None, way: str = "") -> Iterator[FitProgress]:
        """Train anew for so much of the whole time, or go on from where such a training stood; then look at the network. Left
        early, it is not looked at. A `way` back to native size is among those looked at, whatever these frames ask for."""
        self.length = length
        try:
            yield from self._trained(resumed, 0, way)
        except (DivergedError, DeviceMemoryError) as error:
            self.failure = str(error)

    def go_further(self, number: int, unit: str, amount: float, resumed: Course | None = None) -> Iterator[FitProgress]:
        """The same for its longest training, which goes further by so many "epochs", "steps" or "minutes" with extension
        `number`. What was seen before stays, however that ends."""
        assert self.ended is not None
        self.length = self.longest
        if resumed is None:
            resumed = replace(self.ended)
            resumed.extend(unit, amount)
        self.stumbled = ""
        try:
            yield from self._trained(resumed, number)
        except (DivergedError, DeviceMemoryError) as error:
            self.stumbled = str(error)
        self.n_further = number

    def _trained(self, resumed: Course | None, further: int, way: str = "") -> Iterator[FitProgress]:
        watch, stop = Stopwatch(self._clock), min(self.origins)
        settings = settings_for(self.settings, self.length)
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
            if way:
                self._forecaster.restoration = way
            self._look(further)
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
            "n_further": self.n_further,
            "stumbled": self.stumbled,
        }
        return content, [forecasts for _, forecasts in self._seen]

    def take_up(self, content: dict[str, Any], forecasts: list[list[Frames]], ended: Course | None = None) -> None:
        """What `to_mapping` gave, and how its longest training ended."""
        self.ended = ended
        self.n_further, self.stumbled = content.get("n_further", 0), content.get("stumbled", "")
        self.done, self.failure, self._scores = content["done"], content["failure"], content["scores"]
        self._seen = [(Moment(**moment), kept) for moment, kept in zip(content["moments"], forecasts, strict=True)]

    def hindcast(self, further: int) -> Hindcast[Moment]:
        """What was seen up to this extension: candidates are the moments looked at."""
        counted = [index for index, (moment, _) in enumerate(self._seen) if moment.further <= further]
        scores = np.array([self._scores[index] for index in counted]).reshape(-1, len(self.origins))
        return Hindcast([self._seen[index][0] for index in counted], self.origins, scores)

    def steps_of(self, length: float) -> int:
        """Of the first training of this length."""
        return next(moment.n_steps for moment, _ in self._seen if (moment.length, moment.further) == (length, 0))

    @property
    def longest(self) -> float:
        """Length of the longest training that was looked at."""
        return self._seen[-1][0].length

    def forecast_by(self, restoration: str, origin: int = 0) -> Frames:
        """What the longest training forecast from an origin, taken back to native size in this way."""
        return next(seen[origin] for moment, seen in reversed(self._seen) if moment.restoration == restoration)

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
        return max((float(np.mean(scores)) for scores in self._scores), default=float("-inf"))

    def score_at(self, length: float) -> float:
        """The same when nothing longer had been tried."""
        first = [moment.length if not moment.further else float("inf") for moment, _ in self._seen]
        scores = [scores for tried, scores in zip(first, self._scores, strict=True) if tried <= length]
        return max((float(np.mean(one)) for one in scores), default=float("-inf"))

    def judged(self, further: int) -> list[Frames]:
        """For each origin what was forecast from it at the moment that the other origins would have chosen, of those seen up
        to this extension."""
        hindcast, seen = self.hindcast(further), dict(self._seen)
        return [seen[hindcast.best_without(origin)][index] for index, origin in enumerate(self.origins)]

    def _look(self, further: int) -> None:
        assert self._forecaster is not None
        ssim = METRICS["ssim"].function
        forecasts: dict[str, list[Frames]] = {}
        scores: dict[str, list[float]] = {}
        for origin in self.origins:
            truth = self.view.patches(self.history.frames[origin + self.view.leads])
            said = self._forecaster.hindcasts(self.history.frames[:origin], self.horizon, self.view)
            for way, forecast in said.items():
                if not np.isfinite(forecast).all():
                    raise DivergedError("Its forecast stopped being a number.")
                kept = self.history.native(forecast)
                forecasts.setdefault(way, []).append(kept)
                value = ssim(kept, truth, data_range=self.history.data_range, valid=self.view.valid).mean()
                scores.setdefault(way, []).append(float(value))
        self.ended = self._forecaster.where_it_ended()
        for way in forecasts:
            self._seen.append((Moment(self.length, way, further, self.ended.ended_step), forecasts[way]))
            self._scores.append(scores[way])


def settings_for(settings: Any, length: float) -> Any:
    """The same training in a part of its time, or of its epochs where no time is set; at least one epoch."""
    if settings.minutes:
        return replace(settings, minutes=settings.minutes * length)
    return replace(settings, epochs=max(1, round(settings.epochs * length)))
