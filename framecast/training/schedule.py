"""Budget and schedules: how far the run is, and what follows from it. Everything is a function of a fraction in 0..1."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from framecast.training.settings import TrainingSettings

FIRST_UNROLL_SHARE = 0.35
"""Share of the run spent at the shortest unroll when the unroll grows; the later stages share the rest equally."""


@dataclass
class Budget:
    """Epochs, seconds or both; whichever is used up first. `fraction` of a run bound by epochs does not depend on the clock,
    so that such a run can be repeated exactly."""

    epochs: int
    steps_per_epoch: int
    seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def elapsed_s(self) -> float:
        return self.clock() - self.started

    def fraction(self, steps: int) -> float:
        """Share of the budget used after so many steps."""
        by_steps = steps / (self.epochs * self.steps_per_epoch)
        by_time = self.elapsed_s() / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_time))


def learning_rate(settings: TrainingSettings, fraction: float) -> float:
    """The learning rate at this fraction of the run: linear warm-up, then cosine, piecewise or constant."""
    base = settings.learning_rate
    if fraction < settings.warmup:
        return base * max(fraction, 1e-3) / settings.warmup
    if settings.schedule == "cosine":
        after = (fraction - settings.warmup) / (1 - settings.warmup)
        return base * 0.5 * (1 + math.cos(math.pi * after))
    if settings.schedule == "piecewise":
        # the small addition keeps 125 of 300 epochs on the right side of the drop in floating point
        return base * settings.drop_factor ** math.floor(fraction / settings.drop_every + 1e-9)
    return base


def unroll_at(settings: TrainingSettings, fraction: float, longest: int, block: int = 1) -> int:
    """Frames to forecast after the context at this fraction of the run: 1, 2, 4 ... up to `settings.unroll` and at most
    `longest`. A network that emits `block` frames at once starts with one whole block and doubles from there, since a frame
    of it that is in no loss would stay as it was at birth."""
    last = min(max(settings.unroll, block), longest)
    first = min(block, last)
    if not settings.unroll_curriculum or last == first:
        return last
    levels: list[int] = [first * 2**power for power in range(last.bit_length()) if first * 2**power < last] + [last]
    if fraction < FIRST_UNROLL_SHARE:
        return first
    later = (fraction - FIRST_UNROLL_SHARE) / (1 - FIRST_UNROLL_SHARE) * (len(levels) - 1)
    return levels[1 + min(int(later), len(levels) - 2)]
