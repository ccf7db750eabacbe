"""Scaled: a network that speaks scaled values, made to speak the units of the series.

Rollout, feedback, clamping and the residual form all work in units; only the network inside sees scaled values. In the
residual form it answers with a change, which has no mean to add; the last frame then stays as it is to the bit. In anomaly
form the mean is a whole frame, one value for each pixel; it is then kept with the weights, as no number can stand for it.
"""

import torch
from torch import Tensor, nn

from framecast.networks.advect import warp
from framecast.networks.contract import Motion, State, motion_of
from framecast.networks.wrap import Wrapper
from framecast.training.scaling import Scaler


class Scaled(Wrapper):
    """Around a network of the contract: frames (b, t, c, h, w) in units, integers or floats, to float32 frames or changes.
    `mean_frame` (c, h, w) is subtracted in place of the scaler's mean."""

    mean: Tensor
    spread: Tensor

    def __init__(
        self, network: nn.Module, scaler: Scaler, *, answers_change: bool, mean_frame: Tensor | None = None
    ) -> None:
        super().__init__(network)
        self.answers_change = answers_change
        mean, spread = (torch.tensor(values, dtype=torch.float32).view(-1, 1, 1) for values in (scaler.mean, scaler.spread))
        self.register_buffer("mean", mean if mean_frame is None else mean_frame, persistent=mean_frame is not None)
        self.register_buffer("spread", spread, persistent=False)

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, **asked: int
    ) -> tuple[Tensor, State]:
        scaled = (frames.to(torch.float32) - self.mean) / self.spread
        answer, state = self.network(scaled, state, fed_back=fed_back, **asked)
        answer = answer.to(torch.float32) * self.spread  # under autocast the network may answer in bfloat16
        return (answer if self.answers_change else answer + self.mean), state

    def motion(self, state: State) -> Motion | None:
        """The residual in units. A mean that is one number stays where it is when the picture moves; a mean frame would be
        moved with it, which the residual takes back."""
        motion = motion_of(self.network, state)
        if motion is None:
            return None
        height, width = self.mean.shape[-2:]
        if (height, width) == (1, 1):
            return motion[0], motion[1] * self.spread
        displacement, residual = (part[..., :height, :width] for part in motion)
        mean = self.mean[None].expand(len(displacement), -1, -1, -1)
        return displacement, residual * self.spread + mean - warp(mean, displacement)
