"""A case: one forecast, the truth, and what was known before, as a diagnosis looks at them.

Most faults are as plain on small frames as on large ones, so each frame is reduced once to at most SMALL_PIXELS cells, in
which noise is averaged away; what concerns fine detail is looked at in native frames. All numbers here are in units of the
series.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from framecast.metrics.contract import Array, Mask
from framecast.metrics.moving import moving_pixels, noise_of_differences
from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames, reduced_shape

SMALL_PIXELS = 96 * 96
_SUSTAINED = 0.8
_BACKGROUND_FRAMES = 40


@dataclass(frozen=True, eq=False)
class Case:
    """`forecast` and `truth` are (lead, height, width, channel), `history` the true frames up to the origin, (time, height,
    width, channel), all as the series stores them; `valid` the (height, width) mask of the pixels that count."""

    forecast: Frames
    truth: Frames
    history: Frames
    data_range: float
    valid: Mask | None = None
    learned: bool = True
    """Whether weights were trained; rules have other remedies."""
    working_size: int | None = None
    """The shorter side of what the forecaster saw, where that is less than native."""
    ceiling: float | None = None
    """Mean SSIM that a perfect forecast of the working size would get, where that is less than native."""
    reached: float | None = None
    """Mean SSIM of the forecast at the leads that the ceiling is the mean of."""

    @property
    def horizon(self) -> int:
        return len(self.truth)

    @property
    def last(self) -> Frames:
        """The last observed frame, (height, width, channel)."""
        frame: Frames = self.history[-1]
        return frame

    @cached_property
    def small_forecast(self) -> Array:
        """(lead, cell, channel) float32: the forecast where its cells are valid."""
        return self._cells(self.forecast)

    @cached_property
    def small_truth(self) -> Array:
        return self._cells(self.truth)

    @cached_property
    def small_history(self) -> Array:
        return self._cells(self.history)

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of cells."""
        height, width = self.truth.shape[1:3]
        return reduced_shape(height, width, SMALL_PIXELS)

    @cached_property
    def cells(self) -> Mask:
        """(row, column): the cells that lie wholly within the mask; all where none does."""
        if self.valid is None:
            return np.ones(self.shape, np.bool_)
        share = reduce_frames(self.valid[None, ..., None].astype(np.float32), self.shape)[0, ..., 0]
        whole: Mask = share > 1 - 1e-3
        return whole if whole.any() else np.ones(self.shape, np.bool_)

    @cached_property
    def noise(self) -> float:
        """Standard deviation of the noise of a pixel of the truth."""
        return noise_of_differences(self.truth, self.last, self.valid) / 2**0.5

    @cached_property
    def small_noise(self) -> float:
        """The same of a cell, were its pixels' noises independent."""
        height, width = self.truth.shape[1:3]
        rows, columns = self.shape
        share: float = (rows * columns / (height * width)) ** 0.5
        return self.noise * share

    @cached_property
    def moving(self) -> Mask:
        """(height, width): where the truth moves; see framecast.metrics.moving."""
        return moving_pixels(self.truth, self.last, self.valid)

    @cached_property
    def background(self) -> Array:
        """(cell, channel): what usually was where, the median of frames spread over the history."""
        chosen = np.unique(np.linspace(0, len(self.history) - 1, _BACKGROUND_FRAMES).round().astype(int))
        found: Array = np.median(self.small_history[chosen], axis=0)
        return found

    @cached_property
    def contrast(self) -> float:
        """Standard deviation over the cells of the last observed frame, the mean over channels."""
        return float(self.small_history[-1].std(axis=0, dtype=np.float64).mean())

    @cached_property
    def moves(self) -> bool:
        """Whether the truth goes anywhere, beyond noise, from the last observed frame."""
        gone = mean_square(self.small_truth - self.small_history[-1]).max()
        return bool(gone > 8 * self.small_noise**2 + (1e-4 * self.data_range) ** 2)

    @cached_property
    def still(self) -> Mask:
        """(lead,): where the forecast changes by less than a seventh of what the truth does, beyond its noise; never where
        the truth hardly changes itself."""
        starts = self.small_history[-1:]
        both = (np.concatenate([starts, frames]) for frames in (self.small_forecast, self.small_truth))
        forecast, truth = (mean_square(np.diff(frames, axis=0)) for frames in both)
        grain = 2 * self.small_noise**2
        # over a few leads: a truth that pauses for a frame is no news about the forecast
        wanted = _smoothed(np.maximum(truth - grain, 0))
        judged = wanted > max(grain, (1e-4 * self.data_range) ** 2)
        found: Mask = judged & (_smoothed(forecast) < 0.02 * wanted) & self.moves
        return found

    def grid(self, frames: Array) -> Array:
        """Frames of cells (time, cell, channel) as (time, row, column, channel); a frame's mean where no cell is valid."""
        out = np.empty((len(frames), *self.shape, frames.shape[-1]), np.float32)
        out[:] = frames.mean(axis=1)[:, None, None]
        out[:, self.cells] = frames
        return out

    def _cells(self, frames: Frames) -> Array:
        """(time, cell, channel) float32, from one frame after the other: a history may be larger than memory."""
        valid = None if self.valid is None or self.valid.all() else self.valid[..., None]
        found = np.empty((len(frames), np.count_nonzero(self.cells), frames.shape[-1]), np.float32)
        for index, frame in enumerate(frames):
            shown = frame if valid is None else np.where(valid, frame, np.zeros((), frame.dtype))
            found[index] = reduce_frames(shown[None], self.shape)[0, self.cells]
        return found


def mean_square(frames: Array) -> Array:
    """(lead,) from (lead, ...), in float64."""
    flat: Array = np.square(frames.reshape(len(frames), -1), dtype=np.float64).mean(axis=1)
    return flat


def lead_from(flags: Mask, at_least: int = 1) -> int | None:
    """The first lead, from 1, from which on `flags` hold nearly always to the end, for so many leads; None without one."""
    for index in np.flatnonzero(flags):
        if len(flags) - index >= at_least and flags[index:].mean() >= _SUSTAINED:
            return int(index) + 1
    return None


def _smoothed(values: Array, reach: int = 2) -> Array:
    """Mean over each lead and its neighbours."""
    kernel = np.ones(2 * reach + 1)
    counts = np.convolve(np.ones(len(values)), kernel, "same")[: len(values)] if len(values) >= len(kernel) else None
    if counts is None:
        return np.full(len(values), values.mean())
    found: Array = np.convolve(values, kernel, "same") / counts
    return found
