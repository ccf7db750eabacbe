"""Scoring the weights while they are trained: the whole rollout over the validation frames, not the one-step loss."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.leaving import may_be_left
from framecast.metrics.ssim import ssim_map
from framecast.networks.contract import answers_each
from framecast.networks.rollout import Call, decisive, frames_at_once, rollout
from framecast.training.batches import TrainingData
from framecast.training.loss import alike_outside, inside, pairs
from framecast.training.progress import Preview
from framecast.training.settings import TrainingSettings

STRIP_LEADS = 6
FRAMES_AT_ONCE = 8
STRIP_PX = 96
"""Longest side of the pictures of a strip."""


@dataclass(frozen=True, eq=False)
class Validated:
    """What one validation rollout gave."""

    scores: dict[str, float]
    curves: dict[str, tuple[float, ...]]
    """See ROLLOUT_CURVES."""
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

    def __init__(self, network: nn.Module, data: TrainingData, settings: TrainingSettings, context: int) -> None:
        self.data, self.context, self.tiled = data, context, bool(settings.tile)
        absorbed = data.valid.start if answers_each(network) else min(context, data.valid.start)
        self.n_frames = absorbed + len(data.valid)
        """That pass the network in one validation."""
        self.active = settings.validation and len(data.valid) > 0
        self.counted = data.mask if data.holds else None
        self.clamp = seen_range(data.frames[: data.valid.start]) if settings.clamp and self.active else None
        self.zero_block = len(data.valid) if settings.zero_block else 0
        self._persistence: dict[str, Tensor] = {}
        self._frames_passed = 0
        self._fraction_passed = 0.0
        self._last_fraction = 0.0

    @property
    def counts(self) -> tuple[float, ...]:
        """What decides when it is due."""
        return (self._frames_passed, self._fraction_passed, self._last_fraction)

    @counts.setter
    def counts(self, counts: tuple[float, ...]) -> None:
        self._frames_passed, self._fraction_passed, self._last_fraction = int(counts[0]), counts[1], counts[2]

    def passed(self, n_frames: int, fraction: float) -> None:
        """Take note of a training step on so many frames; forward and backward count as three passes."""
        self._frames_passed += 3 * n_frames
        self._fraction_passed = fraction

    def due(self, ended: bool) -> bool:
        enough = self._frames_passed >= self.SHARE * self.n_frames
        return self.active and (ended or (enough and self._fraction_passed - self._last_fraction >= 1 / self.MOST))

    @torch.no_grad()
    def __call__(self, network: nn.Module, fraction: float, call: Call | None = None) -> Validated:
        """`call` is what to call in place of the network itself."""
        self._frames_passed, self._last_fraction = 0, fraction
        network.eval()
        valid = self.data.valid
        past = decisive(network, self.data.frames[None, : valid.start], self.context)
        at_once = frames_at_once(network, self.context, tiled=self.tiled)
        mask = self.data.mask
        steps = rollout(
            call or network,
            past,
            len(valid),
            clamp=self.clamp,
            zero_block=self.zero_block,
            warm_block=at_once,
            mask=mask if self.data.holds else None,
        )
        forecast = steps[0]
        truth = self.data.frames[valid.start : valid.stop].to(torch.float32)
        if mask is not None:  # to be looked at, and so that no window of SSIM brings it to a pixel beside
            forecast = torch.where(mask > 0, forecast, truth)
        last = past[0, -1:].to(torch.float32)
        curves = self._scored(forecast, truth)
        if not self._persistence:
            still = last.expand_as(truth) if mask is None else torch.where(mask > 0, last, truth)
            self._persistence = {f"persistence_{name}": curve for name, curve in self._scored(still, truth).items()}
        within, truly_within = (_steps_within(frames, self.counted) for frames in (forecast, truth))
        curves |= {**self._persistence, "sharpness": within / truly_within.clamp_min(1e-12)}
        moved, truly_moved = (_steps_between(last, frames, self.counted) for frames in (forecast, truth))
        curves["motion"] = moved / truly_moved.mean().clamp_min(1e-12)
        scores = {name: float(curves[name].mean()) for name in ("ssim", "mse")}
        rounded = {name: tuple(float(f"{number:.5g}") for number in curve.tolist()) for name, curve in curves.items()}
        return Validated(scores, rounded, _strip(forecast, truth, valid.start))

    def _scored(self, frames: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """As METRICS score, but for a mask of which no pixel is left where windows of SSIM fit: then all of them count."""
        squared, similar = [], []
        windows = None if self.counted is None else inside(self.counted)
        windows = windows if windows is not None and windows.any() else None
        for f, t in zip(frames, truth, strict=True):
            may_be_left()
            squared.append(_mean((f - t) ** 2, self.counted))
            seen, known = (f, t) if self.counted is None else alike_outside(self.counted, f, t)
            similar.append(_mean(ssim_map(seen[None], known[None], self.data.data_range), windows))
        return {"ssim": torch.stack(similar), "mse": torch.stack(squared)}


def seen_range(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Lowest and highest value per channel of frames (t, c, h, w), each (c, 1, 1) float32: what a rollout is clamped to. A few
    frames at a time where torch compares no numbers of their type."""
    if frames.dtype == torch.uint16:
        parts = [seen_range(part.to(torch.float32)) for part in torch.split(frames, FRAMES_AT_ONCE)]
        return torch.stack([low for low, _ in parts]).amin(dim=0), torch.stack([high for _, high in parts]).amax(dim=0)
    extremes = torch.aminmax(frames.amin(dim=0).flatten(1), dim=1).min, torch.aminmax(frames.amax(dim=0).flatten(1), dim=1).max
    low, high = (values.to(torch.float32).view(-1, 1, 1) for values in extremes)
    return low, high


def _strip(forecast: Tensor, truth: Tensor, first_frame: int) -> Preview:
    """A few leads of a rollout (t, c, h, w): each about so many times as far ahead as the one before."""
    leads = list(range(1, len(truth) + 1))
    if len(leads) > STRIP_LEADS:
        leads = sorted({round(lead) for lead in np.geomspace(1, len(truth), STRIP_LEADS).tolist()})
    chosen = [lead - 1 for lead in leads]
    return Preview(tuple(leads), first_frame, _pictures(forecast[chosen]), _pictures(truth[chosen]))


def _pictures(frames: Tensor) -> np.ndarray[Any, Any]:
    """(t, c, h, w) to (t, h', w', c) with no side above STRIP_PX, by area averaging."""
    height, width = frames.shape[-2:]
    scale = min(1.0, STRIP_PX / max(height, width))
    small = F.adaptive_avg_pool2d(frames, (max(1, round(scale * height)), max(1, round(scale * width))))
    return small.permute(0, 2, 3, 1).cpu().numpy()


def _mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Of maps (..., h, w), over the pixels that count; what is elsewhere is a number."""
    return values.mean() if mask is None else (values * mask).mean() / mask.mean().clamp_min(1e-6)


def _steps_within(frames: Tensor, mask: Tensor | None) -> Tensor:
    """Sum of the sizes of the steps between neighbouring pixels that count, of each frame (t, c, h, w): (t,). A frame at a
    time, as below: a rollout may be as large as memory allows."""
    both = {axis: 1.0 if mask is None else pairs(mask, axis) for axis in (-2, -1)}
    return torch.stack([sum((frame.diff(dim=axis).abs() * both[axis]).sum() for axis in both) for frame in frames])


def _steps_between(last: Tensor, frames: Tensor, mask: Tensor | None) -> Tensor:
    """Mean size of the step that leads to each frame, to the first one from `last` (1, c, h, w): (t,)."""
    before = [last[0], *frames[:-1]]
    return torch.stack([_mean((frame - one).abs(), mask) for one, frame in zip(before, frames, strict=True)])
