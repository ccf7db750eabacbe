"""One timed trial: the training step that a run would take, taken before it on the same device, timed and weighed.

Not estimated but measured, with the real network, batch, unroll and number format on frames of noise: a step costs the same
whatever is on the frames. `measure` takes some seconds and much memory, so a server asks for it in a process of its own:

    python -m framecast.runs.trial < question.json > answer.json

which also keeps a trial that runs out of memory from taking the server along. From its answer follow, by arithmetic alone,
the time of an epoch and of the whole run.
"""

import dataclasses
import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench, training_span
from framecast.runs.devices import torch_threads
from framecast.series.frames import FrameSeries, Split
from framecast.settings import Settings, Value
from framecast.training.pace import MOST_EPOCHS

N_STEPS = 2
"""Steps that are timed, after some that are not: the first makes what others find, and a GPU is slower until it replays."""


@dataclass(frozen=True)
class Question:
    forecaster: str
    settings: Mapping[str, Value]
    height: int
    width: int
    """At working size."""
    channels: int
    device: str
    n_threads: int

    def key(self) -> str:
        """Equal where the answer is."""
        free = ("epochs", "minutes", "steps", "learning_rate", "refit", "validation", "select_by", "averaging", "schedule")
        settings = {name: value for name, value in self.settings.items() if name not in free}
        return json.dumps({**vars(self), "settings": settings}, sort_keys=True)


@dataclass(frozen=True)
class Trial:
    short_s: float
    """Seconds of a step at the shortest unroll."""
    full_s: float
    """Seconds of a step at the full one."""
    peak_bytes: int
    """The most that the steps held, beyond what the process held before; 0 where nobody can tell."""


@dataclass(frozen=True)
class Duration:
    """How long a run takes, about."""

    epoch_s: float
    """Mean over its epochs, validation with it."""
    n_epochs: int
    """Of the first stage: as many as are asked for, or as fit into the time limit."""
    total_s: float
    """At most: a refit may end sooner."""
    limited: bool = False
    """The time limit ends it."""

    def sentence(self) -> str:
        epoch = f"An epoch takes about {_in_words(self.epoch_s)}"
        epochs = f"{self.n_epochs:,} epoch{'' if self.n_epochs == 1 else 's'}"
        if self.limited:
            return f"{epoch}; about {epochs} fit into the time limit of {_in_words(self.total_s)}."
        return f"{epoch}, {epochs} with all that follows up to {_in_words(self.total_s)}."


def measure(question: Question) -> Trial:
    """Take the steps. Raises what training raises, DeviceMemoryError among it."""
    with torch_threads(question.n_threads):
        return _measure(question)


def _measure(question: Question) -> Trial:
    kind = FORECASTERS[question.forecaster]
    settings: Any = kind.settings.from_mapping(question.settings)
    base = dataclasses.replace(
        settings, minutes=0.0, epochs=MOST_EPOCHS, refit=False, validation=False, unroll_curriculum=False, warmup=0.0
    )
    _timed_steps(question, dataclasses.replace(base, unroll=1, batch_size=1, steps=1))
    before = _held(question.device, reset=True)
    n_steps = _uncounted(question, base) + N_STEPS
    full = _timed_steps(question, dataclasses.replace(base, steps=n_steps))
    peak = _held(question.device) - before
    short = _timed_steps(question, dataclasses.replace(base, unroll=1, steps=n_steps))
    return Trial(min(short, full), full, max(0, peak))


def duration(trial: Trial, settings: Settings, split: Split) -> Duration:
    """Of a run with these settings on this split: steps grow with the unroll, validation adds its rollouts, a refit comes on
    top, a time limit cuts off."""
    asked: Any = settings
    span = training_span(settings, split)
    validated = asked.validation and len(split.valid) > 0
    per_epoch = _steps_per_epoch(settings, split)
    step_s = step_seconds(trial, settings, split)
    epoch_s = per_epoch * step_s
    n_steps = most_steps(settings, split)
    total = n_steps * step_s
    stages = 1
    if validated and asked.refit:
        stages = 2
        total += n_steps * step_s * len(range(split.test.start)) / span
    limit = asked.minutes * 60
    if limit and total > limit:
        share = 0.4 if stages == 2 else 1.0
        return Duration(epoch_s, max(1, round(share * limit / epoch_s)), limit, limited=True)
    return Duration(epoch_s, max(1, math.ceil(n_steps / per_epoch)), total)


def step_seconds(trial: Trial, settings: Settings, split: Split) -> float:
    """Of a step, the mean over a run with these settings on this split, its share of the validation rollouts with it."""
    from framecast.training.schedule import unroll_at
    from framecast.training.validation import Validator

    asked: Any = settings
    context, block = asked.context, int(getattr(asked, "block", 1))
    longest = training_span(settings, split) - context
    unrolls = [unroll_at(asked, float(fraction), longest, block) for fraction in np.linspace(0, 0.999, 50)]
    growth = (trial.full_s - trial.short_s) / max(1, max(asked.unroll, block) - block)
    step_s = float(np.mean([trial.short_s + growth * (one - block) for one in unrolls]))
    if asked.validation and len(split.valid) > 0:  # as the validator counts: a step is three passes of its frames
        frames = asked.batch_size * (context + float(np.mean(unrolls)))
        rollout_s = split.valid.stop * step_s / (3 * frames)
        every = max(Validator.SHARE * split.valid.stop / (3 * frames), 1.0)
        step_s += rollout_s / every
    return step_s


def most_steps(settings: Settings, split: Split) -> int:
    """Steps that end a training with these settings on this split, where time does not end it before."""
    asked: Any = settings
    most = int(asked.epochs) * _steps_per_epoch(settings, split)
    return min(most, int(asked.steps)) if asked.steps else most


def _steps_per_epoch(settings: Settings, split: Split) -> int:
    from framecast.training.loop import epoch_steps

    asked: Any = settings
    longest = training_span(settings, split) - asked.context
    return epoch_steps(longest - min(asked.unroll, longest) + 1, asked)


def _in_words(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _timed_steps(question: Question, settings: Any) -> float:
    """Seconds of one step, the first ones not counted."""
    unroll = max(settings.unroll, int(getattr(settings, "block", 1)))
    n_frames = settings.context + unroll + settings.batch_size - 1  # as many windows as one step takes
    shape = (n_frames, question.height, question.width, question.channels)
    frames = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    split = Split(range(n_frames), range(n_frames, n_frames), range(n_frames, n_frames + 1))
    clock = _Clock()
    forecaster = FORECASTERS[question.forecaster].make(settings, Workbench(device=question.device))
    last = None
    for last in forecaster.fit(FrameSeries("trial", frames, (0.0, 255.0)), split):
        clock.note(last.step, last.elapsed_s)
    assert last is not None
    return clock.per_step(_uncounted(question, settings))


def _uncounted(question: Question, settings: Any) -> int:
    import torch

    from framecast.training.replaying import steps_until_replayed

    return steps_until_replayed(settings, torch.device(question.device))


class _Clock:
    """Seconds a step, from signs of life that each say so many steps in so many seconds."""

    def __init__(self) -> None:
        self._signs: dict[int, float] = {}

    def note(self, step: int, elapsed_s: float) -> None:
        self._signs.setdefault(step, elapsed_s)

    def per_step(self, uncounted: int = 1) -> float:
        """After the first `uncounted` ones, where there were more."""
        steps = sorted(step for step in self._signs if step)
        last = steps[-1]
        first = next((step for step in steps if step >= uncounted), last)
        if first == last:
            return self._signs[last] / last
        return (self._signs[last] - self._signs[first]) / (last - first)


def _held(device: str, *, reset: bool = False) -> int:
    """Bytes held now (`reset`: and the peak counts from here), or the most since; 0 where nobody can tell."""
    if device.startswith("cuda"):
        import torch

        if reset:
            torch.cuda.reset_peak_memory_stats(device)
            return int(torch.cuda.memory_allocated(device))
        return int(torch.cuda.max_memory_allocated(device))
    try:
        if reset:
            with open("/proc/self/clear_refs", "w", encoding="ascii") as control:
                control.write("5")
        with open("/proc/self/status", encoding="ascii") as status:
            values = dict(line.split(":", 1) for line in status)
        return int(values["VmRSS" if reset else "VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        return 0


def main() -> None:
    if hasattr(os, "nice"):
        os.nice(10)
    question = Question(**json.load(sys.stdin))
    try:
        answer: dict[str, Any] = vars(measure(question))
    except FrameCastError as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
