"""A series at working size, reduced once however often and from however many origins it is asked for.

Choosing between forecasters looks at the same frames from several origins and for several networks. What is kept hangs on the
frames themselves, which are never written (see FrameSeries), and goes when they go.
"""

import threading
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Reduction:
    """Frames (time, h, w, channel) at working size, and the lowest and highest native value up to the last of them."""

    small: Frames
    low: Array
    high: Array
    """(channel,) float32 each."""


@dataclass(eq=False)
class _Kept:
    small: Frames | None
    """None where frames are worked on at native size: they are not copied."""
    low: Array
    high: Array
    """(time, channel), of each frame."""


_kept: dict[tuple[Any, ...], _Kept] = {}
_lock = threading.Lock()


def reduction_of(frames: Frames, shape: tuple[int, int]) -> Reduction:
    """`frames` (time, height, width, channel) at working size `shape`. Slices that begin with the same frame of the same
    array share their work: only frames beyond the longest one so far are reduced."""
    with _lock:
        key = _key(frames, shape)
        kept = _kept.get(key)
        n_known = 0 if kept is None else len(kept.low)
        if n_known < len(frames):
            kept = _extended(kept, frames[n_known:], shape)
            _kept[key] = kept
        assert kept is not None
        n_frames = len(frames)
        small = frames if kept.small is None else kept.small[:n_frames]
        return Reduction(small, *_outer(kept.low[:n_frames], kept.high[:n_frames]))


def extremes(frames: Frames) -> tuple[Array, Array]:
    """Lowest and highest value of each channel, (channel,) float32, frame by frame so that a memory map stays on disk."""
    return _outer(*_of_each(frames))


def _outer(low: Array, high: Array) -> tuple[Array, Array]:
    return low.min(axis=0).astype(np.float32), high.max(axis=0).astype(np.float32)


def _of_each(frames: Frames) -> tuple[Array, Array]:
    """(time, channel) each; one axis after the other: over both at once numpy takes fifty times as long."""
    low = np.stack([frame.min(axis=0).min(axis=0) for frame in frames])
    high = np.stack([frame.max(axis=0).max(axis=0) for frame in frames])
    return low, high


def _extended(kept: _Kept | None, frames: Frames, shape: tuple[int, int]) -> _Kept:
    low, high = _of_each(frames)
    small = None if frames.shape[1:3] == shape else reduce_frames(frames, shape)
    if kept is None:
        return _Kept(small, low, high)
    whole = None if small is None or kept.small is None else np.concatenate([kept.small, small])
    return _Kept(whole, np.concatenate([kept.low, low]), np.concatenate([kept.high, high]))


def _key(frames: Frames, shape: tuple[int, int]) -> tuple[Any, ...]:
    """What the frames are a slice of, where they begin and how they lie; forgotten with the array they are a slice of."""
    owner: Array = frames
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    key = (id(owner), frames.__array_interface__["data"][0], frames.strides, frames.shape[1:], frames.dtype.str, shape)
    if key not in _kept:
        weakref.finalize(owner, _kept.pop, key, None).atexit = False
    return key
