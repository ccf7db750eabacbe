"""Scoring the weights while they are trained: the whole rollout over the validation frames, not the one-step loss."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from framecast.metrics.ssim import ssim_map
from framecast.networks.rollout import rollout
from framecast.training.batches import TrainingData
from framecast.training.progress import Preview
from framecast.training.settings import TrainingSettings

PREVIEW_LEAD = 10


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
