"""A few numbers of every frame, from one pass over all of them; nothing else of a frame is kept.

Every pixel of every frame counts for the mean, the extremes, the comparison of frames and the reduced copies of at most
32 x 32 blocks, which all later questions about time are asked of. What needs single pixels (values at the end of the range,
noise) is looked at in rows that are evenly spread.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from framecast.series.blocks import block_sums
from framecast.series.frames import FrameSeries
from framecast.series.look_ahead import in_order
from framecast.series.preparation import reduced_shape

Array = np.ndarray[Any, np.dtype[Any]]
Seen = Callable[[int, int], None]
"""Called with the number of frames looked at and how many there are."""

_BLOCKS = 32 * 32
_KEPT = 2**24
"""Values of the reduced copies of all frames together: 64 MiB. Very long series are kept coarser."""
_SAMPLED = 2**16
"""Pixels of a frame of which it is asked whether they lie at an end of the value range."""


@dataclass(frozen=True, eq=False)
class Measures:
    """Arrays have one entry a frame unless they say otherwise. Masked pixels count nowhere."""

    mean: Array
    low: Array
    high: Array
    """Mean, lowest and highest value of each frame, in units."""
    small: Array
    """(time, block row, block column) float32: means over blocks of pixels and all channels, NaN without any pixel."""
    duplicates: tuple[tuple[int, ...], ...]
    """Groups of frames that are equal in every pixel, earliest first."""
    at_bottom: float
    at_top: float
    """Share of the sampled values that lie at the lowest (highest) value of the range. A pixel that lies there in every frame
    does not count: it is a drawing or a background."""
    grey: bool
    """Whether all channels are equal wherever it was looked; False for one channel."""

    @property
    def n_frames(self) -> int:
        return len(self.mean)

    @cached_property
    def pixels(self) -> Array:
        """(time, block) float32: `small` without blocks that carry no pixel."""
        flat: Array = self.small.reshape(self.n_frames, -1)
        return flat[:, np.isfinite(flat[0])]

    @cached_property
    def change(self) -> Array:
        """(time - 1,): mean absolute change of the blocks from each frame to the next, in units."""
        change: Array = np.abs(np.diff(self.pixels, axis=0)).mean(axis=1, dtype=np.float64)
        return change


@dataclass(frozen=True, eq=False)
class _Look:
    """What is kept of one frame."""

    sums: Array
    low: float
    high: float
    bottom: Array
    top: Array
    grey: bool


def measure(series: FrameSeries, seen: Seen | None = None) -> Measures:
    """Look at every frame once, in several threads."""
    n_frames = series.n_frames
    blocks = reduced_shape(series.height, series.width, max(16, min(_BLOCKS, _KEPT // n_frames)))
    counts = block_sums(np.ones((series.height, series.width, 1)) if series.valid is None else series.valid[..., None], blocks)
    step = max(1, -(-series.height * series.width // _SAMPLED))
    looks = []
    n_bottom = n_top = np.zeros(0, np.int64)
    with closing(in_order(partial(_look, series, blocks, step), range(n_frames))) as stream:
        for index, look in enumerate(stream):
            if not index:
                n_bottom, n_top = np.zeros(look.bottom.shape, np.int64), np.zeros(look.top.shape, np.int64)
            n_bottom += look.bottom
            n_top += look.top
            looks.append((look.sums, look.low, look.high, look.grey))
            if seen is not None:
                seen(index + 1, n_frames)
    sums, low, high, grey = (np.array(column) for column in zip(*looks, strict=True))
    with np.errstate(invalid="ignore"):
        small = (sums / (counts * series.n_channels)).astype(np.float32)
    return Measures(
        mean=sums.sum(axis=(1, 2)) / (counts.sum() * series.n_channels),
        low=low,
        high=high,
        small=small,
        duplicates=_equal_frames(series, sums),
        at_bottom=_sometimes(n_bottom, n_frames),
        at_top=_sometimes(n_top, n_frames),
        grey=series.n_channels > 1 and bool(grey.all()),
    )


def _look(series: FrameSeries, blocks: tuple[int, int], step: int, index: int) -> _Look:
    frame = np.asarray(series.frames[index])
    rows = frame[::step]
    seen = frame
    if series.valid is not None:
        rows = rows[series.valid[::step]]
        seen = frame[series.valid]
        frame = np.where(series.valid[..., None], frame, frame.dtype.type(0))
    bottom, top = series.value_range
    return _Look(
        sums=block_sums(frame, blocks),
        low=float(seen.min()),
        high=float(seen.max()),
        bottom=np.any(rows <= bottom, axis=-1),
        top=np.any(rows >= top, axis=-1),
        grey=bool((rows[..., :1] == rows[..., 1:]).all()),
    )


def _equal_frames(series: FrameSeries, sums: Array) -> tuple[tuple[int, ...], ...]:
    """Frames of equal block sums are compared pixel by pixel; others cannot be equal."""
    alike: dict[bytes, list[int]] = defaultdict(list)
    for index, one in enumerate(sums):
        alike[one.tobytes()].append(index)
    groups: list[list[int]] = []
    for candidates in alike.values():
        found: list[list[int]] = []
        for index in candidates if len(candidates) > 1 else ():
            home = next((group for group in found if np.array_equal(series.frames[group[0]], series.frames[index])), None)
            if home is None:
                found.append([index])
            else:
                home.append(index)
        groups += [group for group in found if len(group) > 1]
    return tuple(sorted(tuple(group) for group in groups))


def _sometimes(counts: Array, n_frames: int) -> float:
    return float(counts[counts < n_frames].sum() / (counts.size * n_frames)) if counts.size else 0.0
