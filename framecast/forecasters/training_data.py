"""Frames of a series as the training loop takes them: reduced, as tensors, and those of another series as if it were this one.

Another series has its own mean and spread for each channel. Its frames are brought to those of the series that is forecast,
so that the network sees both scaled alike and one scaler, mask and loss serve them all.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from framecast.series.frames import Frames, FrameSeries, Preparation
from framecast.series.preparation import reduce_frames, reduce_mask
from framecast.training.batches import TrainingData
from framecast.training.scaling import Scaler


def as_if_this_series(
    other: FrameSeries, preparation: Preparation, scaler: Scaler, *, normalise: bool, device: str
) -> TrainingData:
    """All frames of `other` at their own working size, with the channels, mean and spread that `scaler` has.

    A single channel is repeated, and several become one by their mean; what else does not fit is refused before a run is
    queued. Nothing is validated on it.
    """
    shape = preparation.working_shape(other.height, other.width)
    mask = None if other.valid is None else reduce_mask(other.valid, shape)
    small = _with_channels(reduce_frames(other.frames, shape), len(scaler.mean))
    own = Scaler.fit(small, mask, normalise=normalise)
    gain = np.array(scaler.spread) / np.array(own.spread)
    frames = np.empty(small.shape, np.float32)
    for index, frame in enumerate(small):  # all at once would be in memory as float64, twice
        frames[index] = (frame - np.array(own.mean)) * gain + np.array(scaler.mean)
    return TrainingData(
        frames=to_tensor(frames).to(device),
        span=range(len(frames)),
        valid=range(0),
        data_range=float(other.data_range * gain.mean()),
        mask=mask_tensor(mask, device),
    )


def to_tensor(frames: Frames) -> Tensor:
    """(t, h, w, c) to (t, c, h, w) in the type they are stored in: whole numbers stay whole numbers, on the device too."""
    kept = frames if frames.dtype in (np.uint8, np.uint16) else frames.astype(np.float32, copy=False)
    return torch.from_numpy(np.require(kept.transpose(0, 3, 1, 2), requirements=["C", "W"]))


def mask_tensor(mask: np.ndarray[Any, Any] | None, device: str) -> Tensor | None:
    """(h, w) float32, 1 where a pixel carries data."""
    return None if mask is None else torch.from_numpy(mask).to(device, torch.float32)


def _with_channels(frames: Frames, n_channels: int) -> Frames:
    if frames.shape[-1] == n_channels:
        return frames
    if n_channels == 1:
        grey: Frames = frames.mean(axis=-1, keepdims=True, dtype=np.float32)
        return grey
    assert frames.shape[-1] == 1, "checked before a run is queued"
    return np.repeat(frames, n_channels, axis=-1)
