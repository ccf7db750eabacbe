"""FitProgress: what a forecaster says of itself while it is fitted. No torch here, so that pages may read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Preview:
    """One validation frame as it is forecast now: lead, and (height, width, channel) arrays at working size, native units."""

    lead: int
    frame: int
    """Index in the series of the frame that is forecast."""
    forecast: np.ndarray[Any, Any]
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
    best_epoch: int | None = None
    learning_rate: float | None = None
    unroll: int | None = None
    epoch_done: bool = False
    improved: bool = False
    """The forecaster's best state so far was made in this epoch: time to save it."""
    preview: Preview | None = None
    finding: str = ""
    """What the fit found out, as a sentence for a person; in the last progress where there is something to say."""

    def to_mapping(self) -> dict[str, Any]:
        """What is kept in progress.jsonl: all but the preview."""
        values = {name: value for name, value in vars(self).items() if name != "preview"}
        return {**values, "valid_scores": dict(self.valid_scores)}
