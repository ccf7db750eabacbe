"""What is kept on the disk while a run is fitted, and how often: its progress, what is best, and where the fit stands.

The best is what an interrupted run would forecast with. Where the fit stands (`checkpoint/last`) is all that is needed to go
on as if it had never been left; it is kept after every epoch and, in long ones, every few minutes. Both may take a share of
the time only, so that epochs of milliseconds are not spent on writing: such epochs come again, the same ones, when the run
goes on.
"""

import time
from typing import Any

from framecast.forecasters.contract import Forecaster, ResumableForecaster
from framecast.runs.run_folder import Run
from framecast.training.progress import FitProgress

SAVING_SHARE = 0.05
"""Of the time of a fit, at most about this much goes into saving the best so far, and as much into where it stands."""
EVERY_S = 120.0
"""Within an epoch, where the fit stands is kept about so often."""


class Keeper:
    """Keeps the fit of one run. `numbers` are the run's own, kept with where the fit stands."""

    def __init__(self, run: Run, forecaster: Forecaster, numbers: dict[str, Any]) -> None:
        self.run, self.forecaster, self.numbers = run, forecaster, numbers
        self._n_lines = int(numbers.get("n_lines", 0))
        self._before_s = float(numbers.get("fit_seconds", 0.0))
        self._started = time.monotonic()
        self._unsaved = False
        self._best = _Pace()
        self._last = _Pace()

    @property
    def fit_seconds(self) -> float:
        """That the fit has taken, with those before it was left and gone on with."""
        return self._before_s + time.monotonic() - self._started

    def take(self, progress: FitProgress) -> None:
        """Keep what is to be kept at this sign of life."""
        if progress.epoch_done or progress.valid_scores:
            self.run.append_progress(progress.to_mapping())
            self._n_lines += 1
        self._unsaved |= progress.improved
        if self._unsaved and self._best.allows():
            with self._best:
                self.run.save_forecaster(self.forecaster)
            self._unsaved = False
        due = progress.epoch_done or progress.improved or self._last.age_s() > EVERY_S
        if progress.part_done or (due and self._last.allows()):
            with self._last:
                self.keep_standing()

    def keep_standing(self) -> None:
        """Keep where the fit stands, now. Nothing for a forecaster that cannot go on: it begins anew, and is quick."""
        if isinstance(self.forecaster, ResumableForecaster):
            numbers = {**self.numbers, "n_lines": self._n_lines, "fit_seconds": self.fit_seconds}
            self.run.save_checkpoint(self.forecaster, numbers)


class _Pace:
    """Something that may take SAVING_SHARE of the time; as a context manager it measures one turn of it."""

    def __init__(self) -> None:
        self._began, self._ended, self._took_s = time.monotonic(), time.monotonic(), 0.0

    def allows(self) -> bool:
        return self.age_s() >= self._took_s / SAVING_SHARE

    def age_s(self) -> float:
        return time.monotonic() - self._ended

    def __enter__(self) -> None:
        self._began = time.monotonic()

    def __exit__(self, *raised: object) -> None:
        self._ended = time.monotonic()
        self._took_s = self._ended - self._began
