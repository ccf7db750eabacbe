"""Proper orthogonal decomposition, and forecasts as weighted sums of past frames.

With n frames the modes come from the n x n matrix of their inner products (the method of snapshots, Sirovich 1987, Quart.
Appl. Math. 45, part I), taken of reduced frames; no matrix over pixels is ever made. What a linear rule says of the modes it
says of the frames: mean frame, modes and the part of the last frame that the modes miss are all sums of past frames. A
forecast is therefore one matrix of weights, (lead, past frame), which is applied to native frames, or to as much of them as
a hindcast sees. It is kept as a product: past frames are summed to the few patterns once, and these to each lead.

The matrix has the square of the frames and its modes cost their cube, so of a longer past the newest MOST_FRAMES are taken
apart and summed, as if the series began with them; only the range of values is that of the whole past.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from framecast.forecasters.hindcast import View
from framecast.forecasters.tuned_rule import bounds
from framecast.metrics.sums import towards_one
from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames, reduced_shape

Array = np.ndarray[Any, np.dtype[Any]]
Found = TypeVar("Found")
REDUCED_PIXELS = 96 * 96
MOST_FRAMES = 1500
"""That are taken apart: of more, the newest."""
MARGIN = 0.3
"""Coefficients may leave the range they had by this share of it."""
_NEGLIGIBLE = 1e-6
"""Standard deviation of a mode over that of the first, below which it is rounding."""
_BLOCK = 1 << 14
"""Values of a frame that are summed at a time: small enough for the cache, and large enough that threads do not
wait for each other all the time on a busy machine."""
_SUMMED = 1 << 12
"""Values of each past frame that are summed at a time; all of them together stay near the processor."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights (lead, n) of past frames that make forecast frames, each row with sum 1: `of_parts` (lead, k) times `parts`
    (k, n)."""

    of_parts: Array
    parts: Array

    @classmethod
    def still(cls, n: int, horizon: int) -> "Weights":
        """Of the last of n frames alone."""
        return cls(np.ones((horizon, 1)), _last(min(n, MOST_FRAMES)))

    @property
    def whole(self) -> Array:
        return np.asarray(self.of_parts @ self.parts)


@dataclass(frozen=True, eq=False)
class Modes:
    """The temporal side of a decomposition of n frames: columns are modes, the strongest first."""

    coefficients: Array
    """(n, r) float64, scaled to standard deviation 1; frame t is mean + sum over modes of coefficient times mode."""
    strengths: Array
    """(r,) standard deviation of each mode in the frames."""

    @classmethod
    def of(cls, products: Array, most: int) -> "Modes":
        """From the inner products (n, n) of frames, which need not be centred. At most `most` modes; none for a still."""
        n = len(products)
        centred = products - products.mean(axis=0) - products.mean(axis=1)[:, None] + products.mean()
        variances, vectors = np.linalg.eigh(centred)
        order = np.argsort(variances)[::-1][: min(most, n - 1)]
        strengths = np.sqrt(np.maximum(variances[order], 0) / n)
        floor = max(_NEGLIGIBLE * (strengths[0] if len(strengths) else 0), 1e-7 * np.sqrt(max(products.trace(), 0) / n))
        kept = order[strengths > floor]
        return cls(vectors[:, kept] * np.sqrt(n), strengths[strengths > floor])

    def first(self, n_modes: int) -> "Modes":
        return Modes(self.coefficients[:, :n_modes], self.strengths[:n_modes])

    def clamped(self, coefficients: Array) -> Array:
        """Held within the range seen and a margin around it."""
        low, high = self.coefficients.min(axis=0), self.coefficients.max(axis=0)
        return np.clip(coefficients, low - MARGIN * (high - low), high + MARGIN * (high - low))

    @property
    def parts(self) -> Array:
        """(2 + r, n): weights of past frames that make the last one, their mean and each mode."""
        n = len(self.coefficients)
        return np.concatenate([_last(n), np.full((1, n), 1 / n), self.coefficients.T / n])

    def weights(self, future: Array, anchor: float) -> Weights:
        """What makes the frames with these coefficients (lead, r).

        What the modes miss of the last frame is added back, `anchor` to the power of the lead of it; without it a forecast
        starts with a jump.
        """
        kept = anchor ** np.arange(1, len(future) + 1)[:, None]
        return Weights(np.concatenate([kept, 1 - kept, future - kept * self.coefficients[-1]], axis=1), self.parts)


def products(frames: Frames) -> Array:
    """Inner products (n, n) float64 of reduced frames (time, height, width, channel), counted from the first of them, so that
    the products of fewer frames are the upper left part of it."""
    shape = reduced_shape(frames.shape[1], frames.shape[2], REDUCED_PIXELS)
    reduced = reduce_frames(frames, shape).reshape(len(frames), -1).astype(np.float32)
    reduced -= reduced[0].copy()
    scale = towards_one(reduced)
    reduced *= scale
    total = np.zeros((len(frames), len(frames)))
    for start in range(0, reduced.shape[1], _BLOCK):
        block = reduced[:, start : start + _BLOCK]
        total += block @ block.T
    return total / float(scale) ** 2


def combined(past: Frames, weights: Weights) -> Frames:
    """(lead, height, width, channel) float32: the last past frames, as many as there are `weights`, summed with them, and held
    within the values of the past."""
    n_leads, n_summed = weights.of_parts.shape[0], weights.parts.shape[1]
    out = np.empty((n_leads, *past.shape[1:]), np.float32)
    columns, flat = out.reshape(n_leads, -1), past[-n_summed:].reshape(n_summed, -1)
    of_parts, parts = (one.astype(np.float32) for one in (weights.of_parts, weights.parts))
    low, high = bounds(past)
    room = np.empty(n_summed * _SUMMED, np.float32)
    for start in range(0, columns.shape[1], _SUMMED):
        part = slice(start, start + _SUMMED)
        last = flat[-1, part].astype(np.float32)  # differences keep float32 exact far from zero, and the last frame itself
        away = room[: n_summed * len(last)].reshape(n_summed, -1)
        np.copyto(away, flat[:, part])
        away -= last
        summed = of_parts @ (parts @ away)
        summed += last
        np.clip(summed, low, high, out=columns[:, part])
    return out


class Known:
    """A history, of whose first n frames decompositions and forecasts are asked again and again by hindcasts."""

    MOST_MODES = 64

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._products: tuple[int, Array] | None = None
        """From which frame on, and the inner products of these."""
        self._modes: dict[int, Modes] = {}
        self._view: View | None = None
        self._found: dict[Hashable, Any] = {}
        self._seen: dict[int, Array] = {}
        """By number of frames: what the view sees of the parts of all their modes."""

    def once(self, key: Hashable, find: Callable[[], Found]) -> Found:
        """What `find` gives, found once for all candidates that ask by this key."""
        if key not in self._found:
            self._found[key] = find()
        found: Found = self._found[key]
        return found

    def modes(self, n: int) -> Modes:
        """Of the first n frames, or the newest of these."""
        start = _start(n)
        if n not in self._modes:
            if self._products is None or self._products[0] != start:
                self._products = start, products(self._frames[start : start + MOST_FRAMES])
            self._modes[n] = Modes.of(self._products[1][: n - start, : n - start], self.MOST_MODES)
        return self._modes[n]

    def combined(self, n: int, weights: Weights, view: View) -> Frames:
        """What `view` sees of `combined`, of the first n frames."""
        if self._view is not view:
            self._seen.clear()
            self._view, self._from = view, -1
            self._low, self._high = (
                extreme.accumulate([reduce(frame) for frame in self._frames])
                for extreme, reduce in ((np.minimum, np.min), (np.maximum, np.max))
            )
        if self._from != (start := _start(n)):
            patches = view.patches(self._frames[start : start + MOST_FRAMES])
            self._from, self._shape = start, patches.shape[1:]
            self._first = patches[0].reshape(-1).astype(np.float32)
            self._patches = patches.reshape(len(patches), -1).astype(np.float32) - self._first
        out = weights.of_parts[view.leads].astype(np.float32) @ self._parts_seen(n, weights.parts) + self._first
        np.clip(out, self._low[n - 1], self._high[n - 1], out=out)
        return np.asarray(out.reshape(-1, *self._shape), np.float32)

    def _parts_seen(self, n: int, parts: Array) -> Array:
        """(k, values seen): the parts of fewer modes are the first of those of all, which are summed but once."""
        every, patches = self.modes(n).parts, self._patches[: n - self._from]
        if not np.array_equal(parts, every[: len(parts)]):
            return np.asarray(parts.astype(np.float32) @ patches)
        if n not in self._seen:
            self._seen[n] = every.astype(np.float32) @ patches
        return self._seen[n][: len(parts)]


def _start(n: int) -> int:
    """The first of n frames that is taken apart."""
    return max(0, n - MOST_FRAMES)


def _last(n: int) -> Array:
    weights = np.zeros((1, n))
    weights[:, -1] = 1
    return weights
