"""Scaler: units of the series to what a network sees, learned from training frames only."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.series.frames import Frames


@dataclass(frozen=True)
class Scaler:
    """Per-channel mean and spread (standard deviation) of the training frames, in units."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def fit(
        cls,
        frames: Frames,
        valid: np.ndarray[Any, Any] | None = None,
        *,
        normalise: bool = True,
        around: np.ndarray[Any, Any] | None = None,
    ) -> "Scaler":
        """Measure `frames` (time, height, width, channel); masked pixels, where `valid` is false, do not count.

        Summed in float64 frame by frame, so that nothing holds the series as float. With `normalise` off mean is 0 and
        spread 1: the network sees units. A channel that never varies keeps spread 1. With `around`, a frame (height, width,
        channel), the spread is that of the differences from it, and the mean is its mean.
        """
        n_channels = frames.shape[-1]
        total, squares, count = np.zeros(n_channels), np.zeros(n_channels), 0
        shift = frames[0].reshape(-1, n_channels).mean(axis=0, dtype=np.float64)  # keeps the squares exact far from zero
        centre = None
        if around is not None:
            centre = (around.reshape(-1, n_channels) if valid is None else around[valid]).astype(np.float64)
            shift = centre.mean(axis=0)
        for frame in frames:
            pixels = frame.reshape(-1, n_channels) if valid is None else frame[valid]
            centred = pixels.astype(np.float64) - (shift if centre is None else centre)
            total += centred.sum(axis=0)
            squares += (centred**2).sum(axis=0)
            count += len(pixels)
        mean = total / count
        spread = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        spread[spread == 0] = 1.0
        if not normalise:
            mean, spread = -shift, np.ones(n_channels)
        return cls(*(tuple(map(float, values)) for values in (mean + shift, spread)))


def mean_frame(frames: Frames) -> np.ndarray[Any, Any]:
    """The mean of `frames` (time, height, width, channel) over time, (height, width, channel) float32. Masked pixels, too,
    have their own: what is held there is then no difference, however far it is from what is seen beside it."""
    total = np.zeros(frames.shape[1:])
    for frame in frames:
        total += frame
    total /= len(frames)
    return total.astype(np.float32)
