"""The one training loop: step, validate by rollout, keep the best, yield.

A generator, so that whoever runs it may stop by leaving it and nothing needs a callback. It sees the frames of its `span` and,
where validation is on, forecasts the `valid` frames from the last one before them; the weights kept are those whose whole
rollout was best, not those with the best one-step loss.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from framecast.errors import DivergedError
from framecast.metrics.ssim import ssim_map
from framecast.networks.rollout import rollout, unroll
from framecast.training.progress import FitProgress, Preview
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget, learning_rate, unroll_at
from framecast.training.settings import TrainingSettings

SIGN_OF_LIFE_S = 1.0
PREVIEW_LEAD = 10


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


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What the loop may look at. `frames` (t, c, h, w) on the device as stored integers (or float32), at working size."""

    frames: Tensor
    span: range
    """Frames that windows are cut from."""
    valid: range
    """Frames the validation rollout forecasts; empty for none."""
    data_range: float
    mask: Tensor | None = None
    """(h, w) float, 1 where a pixel carries data."""


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
) -> Iterator[FitProgress]:
    """Train `network` (it speaks units; it emits `block` frames at once) until `stop_at` of the budget and put what was best
    into `best`.

    Raises DivergedError when the loss stops being a number.
    """
    generator = torch.Generator().manual_seed(seed)
    longest_unroll = len(data.span) - context
    assert longest_unroll >= 1, "a window must fit into the training span; checked before a run is queued"
    optimizer = _optimizer(network, settings)
    spread = torch.tensor(scaler.spread, device=data.frames.device).view(-1, 1, 1)
    validator = Validator(data, settings)
    order = torch.randperm(longest_unroll, generator=generator)  # as many windows as there are at unroll 1
    step = epoch = 0
    last_sign = time.monotonic()
    losses: list[Tensor] = []
    network.train()
    while (fraction := budget.fraction(step)) < stop_at:
        if settings.shuffle == "each epoch":
            order = torch.randperm(longest_unroll, generator=generator)
        batches = torch.split(order[: budget.steps_per_epoch * settings.batch_size], settings.batch_size)
        for batch in batches:
            n_unroll = unroll_at(settings, fraction, longest_unroll, block)
            rate = learning_rate(settings, fraction)
            for group in optimizer.param_groups:
                group["lr"] = rate
            window = _windows(data, batch, context + n_unroll)
            given = _with_noise(window, context, settings.input_noise, spread, generator)
            losses.append(_step(network, optimizer, window, given, spread, data.mask, settings, context))
            step += 1
            validator.passed(window, fraction)
            fraction = budget.fraction(step)
            ended = fraction >= stop_at
            epoch_done = ended or batch is batches[-1]
            epoch += epoch_done
            overdue = time.monotonic() - last_sign > SIGN_OF_LIFE_S
            validating = validator.due(ended)
            if not (epoch_done or validating or overdue):
                continue
            train_loss = _mean_loss(losses, epoch, rate)  # before validating: a broken network has nothing to forecast
            validated = None
            improved = ended and not validator.active  # nothing to choose by: the last weights are the ones
            if validating:
                validated = validator(network, fraction)
                if improved := validated.score(settings.select_by) > best.score:
                    best.keep(network, validated.score(settings.select_by), fraction, epoch + (not epoch_done))
                network.train()
            last_sign = time.monotonic()
            share = min(1.0, fraction / stop_at)
            yield FitProgress(
                stage=stage,
                epoch=epoch,
                n_epochs=None if budget.seconds else max(1, round(budget.epochs * stop_at)),
                step=step,
                fraction=share,
                elapsed_s=budget.elapsed_s(),
                remaining_s=budget.elapsed_s() * (1 - share) / share if share > 0 else None,
                train_loss=train_loss,
                valid_scores=validated.scores if validated else {},
                best_epoch=best.epoch or None,
                learning_rate=rate,
                unroll=n_unroll,
                epoch_done=epoch_done,
                improved=improved,
                preview=validated.preview if validated else None,
            )
            if epoch_done or validated:
                losses = []
            if ended:
                break


def _step(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    window: Tensor,
    given: Tensor,
    spread: Tensor,
    mask: Tensor | None,
    settings: TrainingSettings,
    context: int,
) -> Tensor:
    """One optimiser step on windows (b, t, c, h, w) in units; `given` is what the network is shown of them. The loss."""
    burn_in = min(settings.burn_in or context, context)
    with autocast(window.device, settings.precision):
        forecast = unroll(network, given, burn_in=burn_in, context=context, truncate=settings.truncate)
    loss = _loss((forecast - window[:, burn_in:]) / spread, settings.loss, mask)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    _clip(network, settings)
    optimizer.step()
    return loss.detach()


def _mean_loss(losses: list[Tensor], epoch: int, rate: float) -> float:
    mean = float(torch.stack(losses).mean())
    if not np.isfinite(mean):
        raise DivergedError(
            f"The loss stopped being a number in epoch {epoch} at learning rate {rate:.1g}. "
            f"Train again with a smaller learning rate, for example {rate / 5:.1g}."
        )
    return mean


def epoch_steps(n_windows: int, settings: TrainingSettings) -> int:
    """Optimiser steps in one pass over so many windows."""
    if settings.drop_last:
        return max(1, n_windows // settings.batch_size)
    return -(-n_windows // settings.batch_size)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """bfloat16 where asked for, or under "auto" where the device computes with it natively; elsewhere it would be slower."""
    enabled = precision == "bfloat16" or (precision == "auto" and _native_bfloat16(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def _native_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not public; absent means float32
    return device.type == "cpu" and supported is not None and bool(supported())


@dataclass(frozen=True, eq=False)
class Validated:
    """What one validation rollout gave."""

    scores: dict[str, float]
    preview: Preview

    def score(self, select_by: str) -> float:
        """Higher is better."""
        return -self.scores["mse"] if select_by == "mse" else self.scores[select_by]


class Validator:
    """Forecasts the validation frames from the last frame before them and scores the rollout at working size.

    Done so often that it takes about a fifth of the time, counted in frames that pass the network and not in seconds, so that
    a run can be repeated exactly; and no more than some fifty times in a run.
    """

    SHARE = 5
    MOST = 50

    def __init__(self, data: TrainingData, settings: TrainingSettings) -> None:
        self.data = data
        self.active = settings.validation and len(data.valid) > 0
        self.clamp = seen_range(data.frames[: data.valid.start]) if settings.clamp and self.active else None
        self.zero_block = len(data.valid) if settings.zero_block else 0
        self._frames_passed = 0
        self._fraction_passed = 0.0
        self._last_fraction = 0.0

    def passed(self, window: Tensor, fraction: float) -> None:
        """Take note of a training step on this window; forward and backward count as three passes."""
        self._frames_passed += 3 * window.shape[0] * window.shape[1]
        self._fraction_passed = fraction

    def due(self, ended: bool) -> bool:
        enough = self._frames_passed >= self.SHARE * self.data.valid.stop
        return self.active and (ended or (enough and self._fraction_passed - self._last_fraction >= 1 / self.MOST))

    @torch.no_grad()
    def __call__(self, network: nn.Module, fraction: float) -> Validated:
        self._frames_passed, self._last_fraction = 0, fraction
        network.eval()
        valid = self.data.valid
        past = self.data.frames[None, : valid.start]
        forecast = rollout(network, past, len(valid), clamp=self.clamp, zero_block=self.zero_block)[0]
        truth = self.data.frames[valid.start : valid.stop].to(torch.float32)
        mask = self.data.mask
        if mask is not None:  # masked pixels are equal in both, so that neither score sees them
            forecast = torch.where(mask > 0, forecast, truth)
        per_lead = [ssim_map(f[None], t[None], self.data.data_range).mean() for f, t in zip(forecast, truth, strict=True)]
        scores = {"ssim": float(torch.stack(per_lead).mean()), "mse": float(((forecast - truth) ** 2).mean())}
        lead = min(PREVIEW_LEAD, len(valid))
        return Validated(scores, Preview(lead, valid[lead - 1], *(_picture(frames[lead - 1]) for frames in (forecast, truth))))


def seen_range(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest value per channel of frames (t, c, h, w), each (c, 1, 1) float32: what a rollout is clamped to."""
    extremes = torch.aminmax(frames.amin(dim=0).flatten(1), dim=1).min, torch.aminmax(frames.amax(dim=0).flatten(1), dim=1).max
    low, high = (values.to(torch.float32).view(-1, 1, 1) for values in extremes)
    return low, high


def _picture(frame: Tensor) -> np.ndarray[Any, Any]:
    return frame.permute(1, 2, 0).cpu().numpy()


def _windows(data: TrainingData, order: Tensor, length: int) -> Tensor:
    """(b, length, c, h, w): one window for each entry of `order`, wrapped to the starts that windows of this length have."""
    starts = data.span.start + order % (len(data.span) - length + 1)
    index = starts[:, None] + torch.arange(length)
    return data.frames[index.to(data.frames.device)].to(torch.float32)


def _with_noise(window: Tensor, context: int, amount: float, spread: Tensor, generator: torch.Generator) -> Tensor:
    if amount == 0:
        return window
    noise = torch.randn(window[:, :context].shape, generator=generator).to(window.device)
    return torch.cat([window[:, :context] + amount * spread * noise, window[:, context:]], dim=1)


def _loss(error: Tensor, kind: str, mask: Tensor | None) -> Tensor:
    """Mean over unmasked pixels of the scaled error (b, t, c, h, w); the half sum of squares is summed over a frame as
    MATLAB's regression layer does and averaged over frames."""
    if mask is not None:
        error = error * mask
    filled = 1.0 if mask is None else float(mask.mean())
    if kind == "half sum of squares":
        return 0.5 * (error**2).sum(dim=(-3, -2, -1)).mean()
    parts = {"l1": error.abs().mean, "mse": (error**2).mean}
    total = torch.stack([parts[name]() for name in kind.split("+")]).sum()
    return total / filled


def _optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Weight decay pulls at weight arrays only, not at biases and normalisation, as MATLAB and common practice have it."""
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # fused: one pass over each weight array, without copies as large as the weights
    return kind([group for group in groups if group["params"]], lr=settings.learning_rate, fused=True)


def _clip(network: nn.Module, settings: TrainingSettings) -> None:
    if settings.clip == 0:
        return
    groups = [[p] for p in network.parameters()] if settings.clip_mode == "per weight" else [list(network.parameters())]
    for group in groups:
        nn.utils.clip_grad_norm_(group, settings.clip)
