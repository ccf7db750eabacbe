"""Sums over one channel of a forecast frame and its truth, a strip of rows at a time, all intermediate results in the cache.

Values are centred on a number near the mean of the truth before they are summed or blurred, so float32 is enough for them;
sums of strips are added up in float64. Outside the mask both planes are that number, then the mean of the valid truth.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from framecast.metrics.blur import REACH, blur_into
from framecast.metrics.contract import Array, Mask

K1, K2 = 0.01, 0.03
SUMS = (
    "squared", "absolute", "moving",  # errors: forecast minus truth, squared where it moves
    "forecast", "truth", "forecast_energy", "truth_energy", "product",  # minus the same number each
    "forecast_gradient", "truth_gradient",  # squared differences of neighbours, right and below
    "forecast_change", "truth_change",  # squared differences from the frame before
    "ssim", "windows",  # values of the map, and how many
)  # fmt: skip
_VALUES = 120_000
"""In a strip. Its ten arrays are a few times the second level of a core's cache, and far from leaving the third. Strips of a
third of that fit the second and are no quicker; two threads wait for the interpreter at every call, and would make three times
as many."""


def sums_of_plane(
    planes: Sequence[Array],
    data_range: float,
    parts: Collection[str],
    valid: Mask | None,
    moving: Mask | None,
    drawn: Array | None,
) -> Mapping[str, float]:
    """SUMS of forecast and truth, the first two of `planes` (height, width); the next two are the frames before them.

    `drawn` (3, height, width), where given, gets error, size of error and SSIM added.
    """
    strips = _Strips(planes, data_range, parts, valid, moving, drawn)
    height = len(planes[0])
    for top in range(0, height, strips.n_rows):
        strips.take(top, min(top + strips.n_rows, height))
    return strips.sums


class _Strips:
    def __init__(
        self,
        planes: Sequence[Array],
        data_range: float,
        parts: Collection[str],
        valid: Mask | None,
        moving: Mask | None,
        drawn: Array | None,
    ) -> None:
        self.planes, self.parts, self.valid, self.moving, self.drawn = planes, parts, valid, moving, drawn
        self.sums = dict.fromkeys(SUMS, 0.0)
        truth = planes[1]
        near = truth[::8, ::8] if valid is None else truth[valid]
        self.middle = np.float32(near.mean(dtype=np.float64))
        self.floors = [np.float32(2 * (k * data_range) ** 2) for k in (K1, K2)]
        height, width = truth.shape
        self.n_rows = min(height, max(8, _VALUES // width // 8 * 8))
        most = (min(height, self.n_rows + 2 * REACH)) * width
        self.room = [np.empty(n * most, np.float32) for n in (4, 2, 4, 4, 1)]

    def take(self, top: int, bottom: int) -> None:
        """Rows `top` to `bottom`, the windows of SSIM whose middle is in them, and neighbours as far as the row below."""
        height, width = self.planes[0].shape
        first, stop = max(0, top - REACH), min(height, bottom + REACH)
        rows, inner = slice(top, bottom), slice(top - first, bottom - first)
        outside = None if self.valid is None else ~self.valid[first:stop]
        stack = self._array(0, 4, stop - first, width)
        both = self._array(1, 2, stop - first, width)
        spare = self._array(4, 1, bottom - top, width)[0]
        for one, plane in zip(both, self.planes, strict=False):
            np.copyto(one, plane[first:stop])
        difference, total, squares, total_squares = stack
        np.subtract(both[0], both[1], out=difference)
        _blank(difference, outside)
        if "changes" in self.parts:
            self._changes(both[:, inner], rows, None if outside is None else outside[inner], spare)
        both -= self.middle
        for one in both:
            _blank(one, outside)
        np.multiply(difference, difference, out=squares)
        if "errors" in self.parts:
            self._errors(both[:, inner], difference[inner], spare, rows)
        if "moving" in self.parts and self.moving is not None:
            np.copyto(spare, self.moving[rows])
            self.sums["moving"] += _dot(spare, squares[inner])
        if "gradients" in self.parts:
            self._gradients(both, inner, outside, spare)
        low, high = max(top, REACH), min(bottom, height - REACH)
        if "ssim" in self.parts and low < high:
            np.add(both[0], both[1], out=total)
            np.multiply(total, total, out=total_squares)
            self._ssim(stack[:, low - REACH - first : high + REACH - first], low, high)

    def _errors(self, both: Array, difference: Array, spare: Array, rows: slice) -> None:
        forecast, truth = both
        np.abs(difference, out=spare)
        if self.drawn is not None:
            self.drawn[0, rows] += difference
            self.drawn[1, rows] += spare
        self._add("squared", _dot(difference, difference))
        self._add("absolute", float(spare.sum()))
        self._add("forecast", float(forecast.sum()))
        self._add("truth", float(truth.sum()))
        self._add("forecast_energy", _dot(forecast, forecast))
        self._add("truth_energy", _dot(truth, truth))
        self._add("product", _dot(forecast, truth))

    def _changes(self, now: Array, rows: slice, outside: Mask | None, spare: Array) -> None:
        for name, one, plane in zip(("forecast", "truth"), now, self.planes[2:], strict=True):
            np.copyto(spare, plane[rows])
            np.subtract(one, spare, out=spare)
            _blank(spare, outside)
            self._add(f"{name}_change", _dot(spare, spare))

    def _gradients(self, both: Array, inner: slice, outside: Mask | None, spare: Array) -> None:
        below = slice(inner.start, min(inner.stop, both.shape[1] - 1))
        under = slice(below.start + 1, below.stop + 1)
        for name, one in zip(("forecast", "truth"), both, strict=True):
            right = spare[:, :-1]
            np.subtract(one[inner, 1:], one[inner, :-1], out=right)
            spare[:, -1] = 0
            if outside is not None:
                _blank(right, outside[inner, 1:] | outside[inner, :-1])
            self._add(f"{name}_gradient", _dot(spare, spare))
            down = spare[: below.stop - below.start]
            np.subtract(one[under], one[below], out=down)
            if outside is not None:
                _blank(down, outside[under] | outside[below])
            self._add(f"{name}_gradient", _dot(down, down))

    def _ssim(self, stack: Array, low: int, high: int) -> None:
        """See the head of framecast.metrics.ssim; everything in place."""
        width = stack.shape[-1]
        found = self._array(3, 4, high - low, width - 2 * REACH)
        blur_into(stack, self._array(2, 4, high - low, width), found)
        mean_difference, mean_total, difference, total = found
        mean_difference *= mean_difference
        difference -= mean_difference
        work = self._array(2, 2, *mean_total.shape)
        np.multiply(mean_total, mean_total, out=work[0])
        total -= work[0]
        mean_total += 2 * self.middle
        mean_total *= mean_total
        for top, bottom, floor in zip((mean_difference, difference), (mean_total, total), self.floors, strict=True):
            bottom += top
            bottom += floor
            top /= bottom
            top *= -2
            top += 1
        luminance, structure = mean_difference, difference
        windows = luminance.size
        columns = slice(REACH, width - REACH)
        if self.drawn is not None:
            self.drawn[2, low:high, columns] += np.multiply(luminance, structure, out=work[0])
        if self.valid is not None:
            inside = self.valid[low:high, columns]
            windows = int(np.count_nonzero(inside))
            _blank(luminance, ~inside)
        self._add("ssim", _dot(luminance, structure))
        self._add("windows", windows)

    def _add(self, name: str, value: float) -> None:
        self.sums[name] += value

    def _array(self, room: int, n: int, height: int, width: int) -> Array:
        """(n, height, width), contiguous, in a place that is used again for every strip."""
        return self.room[room][: n * height * width].reshape(n, height, width)


def _dot(one: Array, other: Array) -> float:
    """Sum of products of contiguous arrays."""
    return float(one.reshape(-1) @ other.reshape(-1))


def _blank(values: Array, outside: Mask | None) -> None:
    """0 in place of what does not count, also where it is not a number."""
    if outside is not None:
        np.copyto(values, np.float32(0), where=outside)
