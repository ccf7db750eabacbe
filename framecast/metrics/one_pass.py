"""What all metrics need of a frame and its truth, found in one pass over them.

By itself every metric reads both frames, casts them, and writes whole pictures of intermediate results: a large frame then
goes through memory some fifty times, and that is what scoring costs. In one pass a strip of rows is cast once and serves
errors, SSIM, correlation, gradients and changes while it lies in the processor's cache (`framecast.metrics.strips`). A
metric takes its number from the `Passed` frame (`MetricKind.of_frame`) and says which part of the pass it needs.

Only for uint8, uint16 and float32, see `can_pass`; whoever has other types asks each metric by itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from framecast.metrics.blur import WINDOW, cropped
from framecast.metrics.contract import Array, Mask
from framecast.metrics.strips import SUMS, sums_of_plane

_PLAIN = 1e-12
"""A data range below this, or above its inverse, squared would leave float32."""


@dataclass(frozen=True, eq=False)
class Maps:
    """One frame to be looked at, (height, width) float32 each, means over channels; NaN outside the mask."""

    error: Array
    """Forecast minus truth, in units."""
    absolute: Array
    ssim: Array
    """NaN where no window fits, too."""


@dataclass(frozen=True, eq=False)
class Passed:
    """A frame that was passed over: `forecast` and `truth` are (height, width, channel)."""

    forecast: Array
    truth: Array
    valid: Mask | None
    data_range: float
    n_pixels: int
    """That count."""
    n_moving: int
    sums: Mapping[str, Array]
    """Name of SUMS to (channel,) float64: what `framecast.metrics.strips` sums, 0 where it was not asked for."""
    maps: Maps | None = None

    @property
    def n_values(self) -> int:
        """That count, over all channels."""
        return self.n_pixels * int(self.truth.shape[-1])


def can_pass(*frames: Array, data_range: float) -> bool:
    """Whether float32 is enough for these."""
    return _PLAIN < data_range < 1 / _PLAIN and all(one.dtype in (np.uint8, np.uint16, np.float32) for one in frames)


def has_windows(shape: tuple[int, ...]) -> bool:
    """Whether SSIM's window fits into frames of this (height, width, ...); where not, a pass has no sum of it."""
    return min(shape[:2]) >= WINDOW


def pass_over(
    forecast: Array,
    truth: Array,
    *,
    data_range: float,
    parts: Collection[str],
    valid: Mask | None = None,
    before: tuple[Array, Array] | None = None,
    moving: Mask | None = None,
    maps: bool = False,
) -> Passed:
    """The sums of one frame that belong to `parts`: "errors", "ssim", "gradients", "changes", "moving".

    "changes" needs the frames `before` forecast and truth, "moving" the mask of the valid pixels that move. `maps` are made
    of whatever fits. The caller has checked that the shapes fit (`check_pair`) and the types (`can_pass`).
    """
    height, width, n_channels = truth.shape
    asked = {*parts, *(("errors", "ssim") if maps else ())}
    if not has_windows(truth.shape):
        asked.discard("ssim")
    counted = None if valid is None or valid.all() else valid
    drawn = np.zeros((3, height, width), np.float32) if maps else None
    sums = {name: np.zeros(n_channels) for name in SUMS}
    for channel in range(n_channels):
        planes = [frame[..., channel] for frame in (forecast, truth, *(before or ()))]
        for name, value in sums_of_plane(planes, data_range, asked, counted, moving, drawn).items():
            sums[name][channel] = value
    n_pixels, n_moving = (0 if one is None else int(np.count_nonzero(one)) for one in (counted, moving))
    return Passed(
        forecast,
        truth,
        counted,
        data_range,
        height * width if counted is None else n_pixels,
        n_moving,
        sums,
        None if drawn is None else _maps(drawn / np.float32(n_channels), counted, "ssim" in asked),
    )


def _maps(drawn: Array, valid: Mask | None, has_ssim: bool) -> Maps:
    error, absolute, ssim = drawn
    around = np.ones(ssim.shape, np.bool_)
    if has_ssim:
        around[cropped(ssim.shape[0]), cropped(ssim.shape[1])] = False
    ssim[around] = np.nan
    if valid is not None:
        drawn[:, ~valid] = np.nan
    return Maps(error, absolute, ssim)
