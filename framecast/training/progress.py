"""FitProgress: what a forecaster says of itself while it is fitted. No torch here, so that pages may read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROLLOUT_CURVES = {
    "ssim": "SSIM of the forecast",
    "mse": "mean squared error of the forecast",
    "persistence_ssim": "SSIM of the last true frame repeated",
    "persistence_mse": "mean squared error of the last true frame repeated",
    "sharpness": "size of the steps between neighbouring pixels, as a share of that in the truth",
    "motion": "size of the steps from frame to frame, as a share of the mean of that in the truth",
}
"""What is known of a validation rollout at each lead, and how it is called."""


@dataclass(frozen=True, eq=False)
class Preview:
    """A validation rollout as it is by now, at a few of its leads: a strip of truth over forecast."""

    leads: tuple[int, ...]
    """1 for the first frame after what was observed."""
    first_frame: int
    """Index in the series of the frame at lead 1."""
    forecast: np.ndarray[Any, Any]
    """(lead, height, width, channel) float32 in native units, working size or what a strip has room for."""
    truth: np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class FitProgress:
    """One sign of life. Yielded at the end of each epoch (`epoch_done`) and every second or so inside a long one."""

    stage: str
    """For a person: "Finding the best training length", "Training on all history", ..."""
    epoch: int = 0
    """Epochs finished in this stage."""
    n_epochs: int | None = None
    """Epochs this stage will take; None where minutes are the budget."""
    step: int = 0
    """Optimiser steps in this stage."""
    fraction: float = 0.0
    """Share of the whole fit that is done, 0 to 1."""
    elapsed_s: float = 0.0
    remaining_s: float | None = None
    train_loss: float | None = None
    """Mean over the steps since the last epoch ended or the last validation was made."""
    valid_scores: Mapping[str, float] = field(default_factory=dict)
    """Scores of the rollout over the validation frames, empty where none was made: {"ssim": 0.91, "mse": 0.002}."""
    valid_curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """The same rollout lead by lead; see ROLLOUT_CURVES. Empty where none was made."""
    best_epoch: int | None = None
    learning_rate: float | None = None
    unroll: int | None = None
    gradient_norm: float | None = None
    """Before the threshold shortens it; mean over the same steps as the training loss."""
    frames_per_second: float | None = None
    """Training frames that the network was shown each second since the last sign of life; validation not counted."""
    memory_bytes: int | None = None
    """Held by this process on the CPU; on a GPU, the most that torch has held there since it began."""
    epoch_done: bool = False
    part_done: bool = False
    """Something that took long is finished, as one of several networks: time to keep where the fit stands
    however short ago it was kept."""
    improved: bool = False
    """The forecaster's best state so far was made in this epoch: time to save it."""
    preview: Preview | None = None
    set_backs: int = 0
    """How often the loss stopped being a number or exploded, and training went back to the last good weights at half the
    learning rate; counted from the beginning of the stage."""
    finding: str = ""
    """What the fit found out, as a sentence for a person; in the last progress where there is something to say."""
    steps_per_epoch: int | None = None
    """Of this stage, where it has them: tells how far into an epoch a validation was made."""

    def to_mapping(self) -> dict[str, Any]:
        """What is kept in progress.jsonl: all but the preview."""
        values = {name: value for name, value in vars(self).items() if name != "preview"}
        curves = {name: list(curve) for name, curve in self.valid_curves.items()}
        return {**values, "valid_scores": dict(self.valid_scores), "valid_curves": curves}
