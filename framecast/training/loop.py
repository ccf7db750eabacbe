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
from framecast.networks.rollout import unroll
from framecast.training.averaging import Average
from framecast.training.batches import Batch, TrainingData, batches_of, cut, n_windows
from framecast.training.loss import pop_penalties, training_loss
from framecast.training.memory import memory_in_use
from framecast.training.optimising import autocast, clip_gradient, optimizer_of
from framecast.training.progress import FitProgress
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget, learning_rate, sampling_at, unroll_at
from framecast.training.settings import TrainingSettings
from framecast.training.validation import Validator

SIGN_OF_LIFE_S = 1.0


@dataclass
class Best:
    """The best weights so far, and when they were made. Filled by `train`; stays empty where nothing is validated."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    score: float = -np.inf
    """Higher is better, whatever the metric."""
    fraction: float = 0.0
    epoch: int = 0

    def keep(self, network: nn.Module, score: float, fraction: float, epoch: int) -> None:
        self.weights = {name: weight.detach().to("cpu", copy=True) for name, weight in network.state_dict().items()}
        self.score, self.fraction, self.epoch = score, fraction, epoch


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
) -> Iterator[FitProgress]:
    """Train `network` (it speaks units; it emits `block` frames at once) until `stop_at` of the budget and put what was best
    into `best`.

    Windows are cut from the span of `data` and those of `more`, series of any size in the same units; a step has windows of
    one series. Raises DivergedError when the loss stops being a number.
    """
    series = [data, *more]
    generator = torch.Generator().manual_seed(seed)
    longest = [len(one.span) - context for one in series]
    assert min(longest) >= 1, "a window must fit into the training span; checked before a run is queued"
    optimizer = optimizer_of(network, settings)
    average = Average(network, settings)
    spread = torch.tensor(scaler.spread, device=data.frames.device).view(-1, 1, 1)
    validator = Validator(data, settings)
    n_steps = [epoch_steps(n_windows(one, context, settings), settings) for one in series]
    orders = [torch.randperm(n, generator=generator) for n in longest]  # as many windows as there are at unroll 1
    step = epoch = 0
    last_sign = time.monotonic()
    losses: list[Tensor] = []
    norms: list[Tensor] = []
    n_shown = 0
    network.train()
    budget.begin()  # not before: the first optimiser of a process takes seconds to import
    shown_since = budget.clock()
    while (fraction := budget.fraction(step)) < stop_at:
        if settings.shuffle == "each epoch":
            orders = [torch.randperm(n, generator=generator) for n in longest]
        batches = batches_of(orders, n_steps, settings.batch_size, generator)
        for index, chosen in batches:
            data, longest_unroll = series[index], longest[index]
            n_unroll = unroll_at(settings, fraction, longest_unroll, block)
            rate = learning_rate(settings, fraction)
            for group in optimizer.param_groups:
                group["lr"] = rate
            mixing = sampling_at(settings, fraction)
            batch = cut(data, chosen, context, n_unroll, settings, mixing=mixing, spread=spread, generator=generator)
            loss, norm = _step(network, optimizer, batch, data, settings, spread, context)
            losses.append(loss)
            norms.append(norm)
            n_shown += batch.window.shape[0] * batch.window.shape[1]
            step += 1
            validator.passed(batch.window, fraction)
            fraction = budget.fraction(step)
            average.update(step, fraction)
            ended = fraction >= stop_at
            epoch_done = ended or chosen is batches[-1][1]
            epoch += epoch_done
            overdue = time.monotonic() - last_sign > SIGN_OF_LIFE_S
            validating = validator.due(ended)
            if not (epoch_done or validating or overdue):
                continue
            train_loss = _mean_loss(losses, epoch, rate)  # before validating: a broken network has nothing to forecast
            frames_per_second = n_shown / max(budget.clock() - shown_since, 1e-6)  # the loss was waited for
            validated = None
            improved = ended and not validator.active  # nothing to choose by: the last weights are the ones
            if validating:
                validated = validator(average.network, fraction)
                if improved := validated.score(settings.select_by) > best.score:
                    best.keep(average.network, validated.score(settings.select_by), fraction, epoch + (not epoch_done))
                network.train()
            if ended:
                average.hand_over()
            last_sign = time.monotonic()
            share = min(1.0, fraction / stop_at)
            yield FitProgress(
                stage=stage,
                epoch=epoch,
                n_epochs=budget.n_epochs(stop_at),
                step=step,
                fraction=share,
                elapsed_s=budget.elapsed_s(),
                remaining_s=budget.elapsed_s() * (1 - share) / share if share > 0 else None,
                train_loss=train_loss,
                valid_scores=validated.scores if validated else {},
                valid_curves=validated.curves if validated else {},
                best_epoch=best.epoch or None,
                learning_rate=rate,
                unroll=n_unroll,
                gradient_norm=float(torch.stack(norms).mean()),
                frames_per_second=frames_per_second,
                memory_bytes=memory_in_use(batch.window.device),
                epoch_done=epoch_done,
                improved=improved,
                preview=validated.preview if validated else None,
            )
            n_shown, shown_since = 0, budget.clock()
            if epoch_done or validated:
                losses, norms = [], []
            if ended:
                break


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    data: TrainingData,
    settings: TrainingSettings,
    spread: Tensor,
    context: int,
) -> tuple[Tensor, Tensor]:
    """One optimiser step on a batch: the loss, without the penalties that parts of the network may add to it, and the length
    of the gradient."""
    burn_in = min(settings.burn_in or context, context)
    with autocast(batch.window.device, settings.precision):
        forecast = unroll(
            network,
            batch.given,
            burn_in=burn_in,
            context=context,
            truncate=settings.truncate,
            pushed=batch.pushed,
            own=batch.own,
        )
    truth = batch.window[:, -forecast.shape[1] :]
    loss = training_loss(forecast, truth, settings, spread=spread, data_range=data.data_range, mask=batch.mask)
    penalty = pop_penalties(network)
    optimizer.zero_grad(set_to_none=True)
    (loss if penalty is None else loss + penalty).backward()  # type: ignore[no-untyped-call]
    norm = clip_gradient(network, settings)
    optimizer.step()
    return loss.detach(), norm.detach()


def _mean_loss(losses: list[Tensor], epoch: int, rate: float) -> float:
    mean = float(torch.stack(losses).mean())
    if not np.isfinite(mean):
        raise DivergedError(
            f"The loss stopped being a number in epoch {epoch} at learning rate {rate:.1g}. "
            f"Train again with a smaller learning rate, for example {rate / 5:.1g}."
        )
    return mean


def epoch_steps(n: int, settings: TrainingSettings) -> int:
    """Optimiser steps in one pass over `n` windows."""
    if settings.drop_last:
        return max(1, n // settings.batch_size)
    return -(-n // settings.batch_size)
