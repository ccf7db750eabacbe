"""Budget and schedules: how far the run is, and what follows from it. Everything is a function of a fraction in 0..1."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from framecast.training.settings import TrainingSettings

FIRST_UNROLL_SHARE = 0.35
"""Share of the run spent at the shortest unroll when the unroll grows; the later stages share the rest equally."""
SAMPLING_SHARE = 0.6
"""Share of the run in which truth and forecast are mixed; the rest is trained as the network will be used. PredRNN-V2 (Wang
et al. 2022, arXiv 2103.09504) stops mixing after 50,000 of its 80,000 iterations."""


@dataclass
class Budget:
    """Epochs, steps and seconds; whichever is used up first. `fraction` of a run without a time limit does not depend on the
    clock, so that such a run can be repeated exactly."""

    epochs: int
    steps_per_epoch: int
    seconds: float | None = None
    clock: Callable[[], float] = time.monotonic
    steps: int = 0
    """Most steps; 0 for no limit."""
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self, after_s: float = 0.0) -> None:
        """Count from now; of a training that goes on, `after_s` seconds that it has used already."""
        self.started = self.clock() - after_s

    def elapsed_s(self) -> float:
        return self.clock() - self.started

    @property
    def most_steps(self) -> int:
        """Steps that end the run, where time does not end it before."""
        by_epochs = self.epochs * self.steps_per_epoch
        return min(by_epochs, self.steps) if self.steps else by_epochs

    def n_epochs(self, stop_at: float = 1.0) -> int | None:
        """Epochs begun by this share of the budget; None where only the clock knows."""
        if self.seconds:
            return None
        return max(1, math.ceil(self.most_steps * stop_at / self.steps_per_epoch - 1e-9))

    def fraction(self, steps: int) -> float:
        """Share of the budget used after so many steps."""
        by_steps = steps / self.most_steps
        by_time = self.elapsed_s() / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_time))


def learning_rate(settings: TrainingSettings, fraction: float) -> float:
    """The learning rate at this fraction of the run: linear warm-up, then cosine, piecewise or constant."""
    base = settings.learning_rate
    if fraction < settings.warmup:
        return base * min(1.0, max(fraction, 1e-3) / settings.warmup)  # a warm-up shorter than 1e-3 has none to climb
    if settings.schedule == "cosine":
        after = (fraction - settings.warmup) / (1 - settings.warmup)
        return base * 0.5 * (1 + math.cos(math.pi * after))
    if settings.schedule == "piecewise":
        # the small addition keeps 125 of 300 epochs on the right side of the drop in floating point
        return base * settings.drop_factor ** math.floor(fraction / settings.drop_every + 1e-9)
    return base


def sampling_at(settings: TrainingSettings, fraction: float) -> float:
    """Probability that a frame is exchanged, truth for own forecast or the other way round: it falls linearly to zero."""
    if settings.sampling == "off":
        return 0.0
    return settings.sampling_start * max(0.0, 1 - fraction / SAMPLING_SHARE)


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
