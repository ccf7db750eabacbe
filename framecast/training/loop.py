"""The one training loop: step, validate by rollout, keep the best, yield.

A generator, so that whoever runs it may stop by leaving it and nothing needs a callback. It sees the frames of its `span` and,
where validation is on, forecasts the `valid` frames from the last one before them; the weights kept are those whose whole
rollout was best, not those with the best one-step loss.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from framecast.errors import DivergedError
from framecast.training.batches import TrainingData, batches_of, n_windows
from framecast.training.compiling import Compiled, asked_for
from framecast.training.copies import copied
from framecast.training.memory import memory_in_use
from framecast.training.progress import FitProgress
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget, learning_rate, sampling_at, unroll_at
from framecast.training.settings import TrainingSettings
from framecast.training.standing import Standing
from framecast.training.team import Team
from framecast.training.validation import Validator

SIGN_OF_LIFE_S = 1.0
JUDGED_EVERY = 200
"""Steps of a long epoch, after which the loss is looked at. Beside that the device is waited for only at a sign of life."""


@dataclass
class Best:
    """The best weights so far, and when they were made. Filled by `train`; stays empty where nothing is validated."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    score: float = -np.inf
    """Higher is better, whatever the metric."""
    fraction: float = 0.0
    epoch: int = 0
    step: int = 0
    elapsed_s: float = 0.0

    def keep(self, network: nn.Module, score: float, fraction: float, epoch: int, step: int, elapsed_s: float) -> None:
        self.weights = copied(network.state_dict(), into=self.weights)
        self.score, self.fraction, self.epoch, self.step, self.elapsed_s = score, fraction, epoch, step, elapsed_s


def train(
    network: nn.Module,
    data: TrainingData,
    scaler: Scaler,
    settings: TrainingSettings,
    *,
    context: int,
    block: int = 1,
    budget: Budget,
    best: Best,
    seed: int,
    stage: str,
    stop_at: float = 1.0,
    more: Sequence[TrainingData] = (),
    standing: Standing | None = None,
    team: Team | None = None,
) -> Iterator[FitProgress]:
    """Train `network` (it speaks units; it emits `block` frames at once) until `stop_at` of the budget, by a step at least,
    and put what was best into `best`.

    Windows are cut from the span of `data` and those of `more`, series of any size in the same units; a step has windows of
    one series. A `standing` that was loaded is where it goes on from. When the loss stops being a number or explodes, training
    goes back to the last good weights at half the rate; raises DivergedError where that does not help. Steps are taken with
    the `team`, by default by this process alone.
    """
    series = [data, *more]
    generator = torch.Generator().manual_seed(seed)
    longest = [len(one.span) - context for one in series]
    assert min(longest) >= 1, "a window must fit into the training span; checked before a run is queued"
    standing = standing or Standing()
    validator = Validator(network, data, settings, context)
    n_steps = [epoch_steps(n_windows(one, context, settings), settings) for one in series]
    orders = [torch.randperm(n, generator=generator) for n in longest]  # as many windows as there are at unroll 1
    n_shown = 0
    network.train()
    standing.begin(network, settings, validator, generator, budget, stop_at)
    team = team or Team()
    compiled = Compiled(network, replay=True) if team.alone and asked_for(settings) else None
    team.begin(network, settings, context, scaler, standing.optimizer, compiled)
    last_sign = time.monotonic()
    shown_since = budget.clock()
    while not standing.ended:
        fraction = budget.fraction(standing.step) if standing.step else 0.0
        standing.epoch_begins()
        if settings.shuffle == "each epoch":
            orders = [torch.randperm(n, generator=generator) for n in longest]
        batches = batches_of(orders, n_steps, settings.batch_size, generator)
        standing.epoch_drawn()
        for index, chosen in batches[standing.place :]:
            n_unroll = unroll_at(settings, fraction, longest[index], block)
            rate = learning_rate(settings, fraction) * standing.slower
            for group in standing.optimizer.param_groups:
                group["lr"] = rate
            mixing = sampling_at(settings, fraction)
            loss, norm, n_frames = team.step(standing.optimizer, series, index, chosen, n_unroll, mixing, generator)
            standing.losses.append(loss)
            standing.norms.append(norm)
            n_shown += n_frames
            standing.step += 1
            standing.place += 1
            validator.passed(n_frames, fraction)
            fraction = budget.fraction(standing.step)
            standing.average.update(standing.step, fraction)
            standing.ended = ended = fraction >= stop_at  # asked here alone: time may run out between two epochs, unseen
            epoch_done = ended or standing.place == len(batches)
            if epoch_done:
                standing.epoch, standing.place = standing.epoch + 1, 0
            overdue = time.monotonic() - last_sign > SIGN_OF_LIFE_S
            validating = validator.due(ended)
            judged = epoch_done or validating or standing.step % JUDGED_EVERY == 0  # by steps: the clock must not decide
            if not (judged or overdue):
                continue
            train_loss, gradient_norm = (float(torch.stack(seen).mean()) for seen in (standing.losses, standing.norms))
            if judged and not standing.judge(train_loss):  # before validating: a broken network has nothing to forecast
                if not standing.set_back():
                    raise _diverged(train_loss, standing, settings, standing.epoch + (not epoch_done))
                team.begin_again(standing.optimizer)
                train_loss = gradient_norm = np.nan
            elif not (epoch_done or validating or overdue):
                continue
            frames_per_second = n_shown / max(budget.clock() - shown_since, 1e-6)  # the loss was waited for
            validated = None
            improved = ended and not validator.active  # nothing to choose by: the last weights are the ones
            if validating:
                averaged = standing.average.network
                validated = validator(averaged, fraction, compiled.forecasting if compiled and averaged is network else None)
                if improved := (score := validated.score(settings.select_by)) > best.score:
                    epoch = standing.epoch + (not epoch_done)
                    best.keep(standing.average.network, score, fraction, epoch, standing.step, standing.elapsed_s)
                network.train()
            if ended:
                standing.average.hand_over()
            if epoch_done or validated:
                standing.losses, standing.norms = [], []
            last_sign = time.monotonic()
            share = min(1.0, fraction / stop_at)
            yield FitProgress(
                stage=stage,
                epoch=standing.epoch,
                n_epochs=budget.n_epochs(stop_at),
                step=standing.step,
                steps_per_epoch=len(batches),
                fraction=share,
                elapsed_s=budget.elapsed_s(),
                remaining_s=budget.elapsed_s() * (1 - share) / share if share > 0 else None,
                train_loss=_known(train_loss),
                valid_scores=validated.scores if validated else {},
                valid_curves=validated.curves if validated else {},
                best_epoch=best.epoch or None,
                learning_rate=rate,
                unroll=n_unroll,
                gradient_norm=_known(gradient_norm),
                frames_per_second=frames_per_second,
                memory_bytes=memory_in_use(data.frames.device),
                epoch_done=epoch_done,
                improved=improved,
                set_backs=standing.set_backs,
                preview=validated.preview if validated else None,
                finding=team.note,
            )
            n_shown, shown_since = 0, budget.clock()
            if ended:
                break


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _diverged(loss: float, standing: Standing, settings: TrainingSettings, epoch: int) -> DivergedError:
    """The learning rate that is named is the one that was chosen: what schedule and set-backs had made of it by then is none
    that a person could set."""
    what = f"grew to {loss:.3g}, a hundred times what it was" if np.isfinite(loss) else "stopped being a number"
    again = f", although training went back to good weights {standing.set_backs} times" if standing.set_backs else ""
    lowest = next(field.minimum for field in settings.fields() if field.name == "learning_rate")
    lower = max(lowest or 0.0, float(f"{settings.learning_rate / 5:.1g}"))
    said = f"The loss {what} in epoch {epoch} at learning rate {settings.learning_rate:g}{again}."
    if lower >= settings.learning_rate:  # there is none below
        return DivergedError(f"{said} There is no lower one; train again with a lower gradient threshold.")
    return DivergedError(
        f"{said} Train again with a smaller learning rate, for example {lower:g}.", remedies=({"learning_rate": lower},)
    )


def epoch_steps(n: int, settings: TrainingSettings) -> int:
    """Optimiser steps in one pass over `n` windows."""
    if settings.drop_last:
        return max(1, n // settings.batch_size)
    return -(-n // settings.batch_size)
