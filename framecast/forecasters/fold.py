"""Fold: a network trained on frames before all origins that judge it, looked at now and then.

What a validation score has chosen it cannot weigh: the share of the training at which a network is judged at one origin is
the one that was best at the other origins. Training pauses while it forecasts, and the pause is no part of its time.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.errors import DeviceMemoryError, DivergedError
from framecast.forecasters.contract import Workbench
from framecast.forecasters.hindcast import Hindcast, View
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.metrics.contract import METRICS
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.training.progress import FitProgress

SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""Of the training, after which a network is looked at."""


class Stopwatch:
    """A clock that runs only between `start` and `stop`."""

    def __init__(self) -> None:
        self._passed, self._since = 0.0, 0.0
        self._running = False

    def __call__(self) -> float:
        return self._passed + (time.monotonic() - self._since if self._running else 0.0)

    def start(self) -> None:
        self._since, self._running = time.monotonic(), True

    def stop(self) -> None:
        self._passed, self._running = self(), False


@dataclass(frozen=True)
class Moment:
    """When to stop training, and which way a forecast goes back to native size."""

    share: float
    restoration: str


class Fold:
    """A network on the frames before the oldest of `origins`, and its hindcasts from all of them."""

    def __init__(
        self,
        name: str,
        settings: Any,
        workbench: Workbench,
        history: FrameSeries,
        origins: tuple[int, ...],
        horizon: int,
        view: View,
    ) -> None:
        self.name, self.settings = name, settings
        self.history, self.origins, self.horizon, self.view = history, origins, horizon, view
        self.watch = Stopwatch()
        self.failure = ""
        """Why it was given up, as a sentence; empty while it goes on."""
        self._forecaster = NetworkForecaster(name, settings, workbench, clock=self.watch)
        stop = min(origins)
        self._steps = self._forecaster.fit(
            history.head(stop), Split(range(stop), range(stop, stop), range(stop, stop + horizon))
        )
        self._seen: list[tuple[Moment, list[Frames]]] = []
        self._scores: list[list[float]] = []
        self._share = 0.0
        self.just_looked = False
        """Whether the last progress came with a look at the network."""

    def advance(self, until: float) -> Iterator[FitProgress]:
        """Train on until this share, with a look at each of SHARES on the way."""
        while self._share < until and not self.failure:
            self.watch.start()
            try:
                progress = next(self._steps, None)
            except (DivergedError, DeviceMemoryError) as error:
                self.failure = str(error)
                return
            finally:
                self.watch.stop()
            before, self._share = self._share, 1.0 if progress is None else progress.fraction
            self.just_looked = any(before < share <= self._share for share in SHARES)
            if self.just_looked:
                self._look()
            if progress is not None:
                yield progress

    def close(self) -> None:
        """Forget the network; what was seen of it stays."""
        self._steps.close()  # type: ignore[attr-defined]
        del self._forecaster

    @property
    def hindcast(self) -> Hindcast[Moment]:
        """What was seen: candidates are the moments looked at."""
        scores = np.array(self._scores).reshape(-1, len(self.origins))
        return Hindcast([moment for moment, _ in self._seen], self.origins, scores)

    @property
    def has_looked(self) -> bool:
        """Whether there is anything to judge it by."""
        return bool(self._seen)

    @property
    def score(self) -> float:
        """Mean SSIM over origins at the best moment; -inf where there is none."""
        return float(self.hindcast.scores.mean(axis=1).max()) if self._seen else float("-inf")

    def judged(self) -> list[Frames]:
        """For each origin what was forecast from it at the moment that the other origins would have chosen."""
        hindcast, seen = self.hindcast, dict(self._seen)
        return [seen[hindcast.best_without(origin)][index] for index, origin in enumerate(self.origins)]

    def _look(self) -> None:
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
            self._seen.append((Moment(self._share, way), forecasts[way]))
            self._scores.append(scores[way])
