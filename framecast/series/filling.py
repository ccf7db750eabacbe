"""Missing values that come and go, filled in time: between the frames before and after, at the ends with the nearest frame.

Only where a person asked for it. A gap may be as long as the series, so the frames are laid out on disk once and filled a
strip of pixels at a time; memory stays flat.

What fills a gap knows the frame after it. So no gap is filled across the border to the frames that are the test by default: a
forecast must not know the frames it is asked for.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from framecast.series.frames import Split
from framecast.series.readers.contract import Frame, FrameStream

Array = np.ndarray[Any, np.dtype[Any]]
STRIP_BYTES = 2**25


def filled(frames: Iterable[Frame], scratch: Path | None) -> FrameStream:
    """The frames (height, width, channel) with no NaN in a pixel that has a value in any of them.

    A pixel that never has one stays NaN, and one that has none before the test gets the mean of its channel there; where the
    whole channel has none, the mean that it has in the test, which is one number and no picture. `scratch` is the folder of a
    file that is gone at the end.
    """
    with tempfile.TemporaryFile(dir=scratch) as file:
        shape: tuple[int, ...] = ()
        sums: list[Array] = []  # a value for each channel of each frame
        counts: list[Array] = []
        for frame in frames:
            shape = frame.shape
            there = ~np.isnan(frame)
            sums.append(np.where(there, frame, 0).sum(axis=(0, 1), dtype=np.float64))
            counts.append(there.sum(axis=(0, 1)))
            file.write(np.ascontiguousarray(frame, np.float32).data)
        n_frames = len(sums)
        if n_frames == 0:
            return
        file.flush()
        border = first_of_test(n_frames)
        before, whole = (_means(sums[:end], counts[:end]) for end in (border, n_frames))
        typical = np.tile(np.where(np.isnan(before), whole, before).astype(np.float32), shape[0] * shape[1])
        laid_out: Array = np.memmap(file, np.float32, "r+", shape=(n_frames, int(np.prod(shape))))
        step = max(1, STRIP_BYTES // (8 * n_frames))
        for start in range(0, laid_out.shape[1], step):
            strip = np.array(laid_out[:, start : start + step])
            gaps = np.isnan(strip).any(axis=0)
            if gaps.any():
                strip[:, gaps] = in_time(strip[:, gaps], border, typical[start : start + step][gaps])
                laid_out[:, start : start + step] = strip
        for flat in laid_out:
            yield np.array(flat).reshape(shape)


def first_of_test(n_frames: int) -> int:
    """Index of the first frame that is the test of so many by default; behind the last where there are too few for one."""
    return Split.of(n_frames).test.start if n_frames > 2 else n_frames


def in_time(values: Array, border: int, typical: Array) -> Array:
    """(time, pixel) float32 with every NaN replaced by the line between its neighbours in time, those before `border` by what
    is known before it: where a pixel has no value there, by the `typical` one (pixel,)."""
    there = ~np.isnan(values)
    known, later = _on_lines(values[:border]), _on_lines(values[border:])
    known = np.where(there[:border].any(axis=0) | ~there.any(axis=0), known, typical)
    if not len(later):
        return known
    later = np.where(there[border:].any(axis=0), later, known[-1])  # what was before may be known after
    return np.concatenate([known, later])


def _means(sums: list[Array], counts: list[Array]) -> Array:
    """(channel,) float64 of so many values in each of some frames; NaN for a channel without any."""
    total, number = np.sum(sums, axis=0), np.sum(counts, axis=0)
    mean: Array = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
    return mean


def _on_lines(values: Array) -> Array:
    """(time, pixel) float32 with every NaN of a pixel that has a value on the line between its neighbours in time."""
    n_frames = len(values)
    if n_frames == 0:
        return values
    time = np.arange(n_frames)[:, None]
    there = ~np.isnan(values)
    before = np.maximum.accumulate(np.where(there, time, -1), axis=0)
    after = np.minimum.accumulate(np.where(there, time, n_frames)[::-1], axis=0)[::-1]
    left, right = np.where(before < 0, after, before), np.where(after >= n_frames, before, after)
    left, right = np.clip(left, 0, n_frames - 1), np.clip(right, 0, n_frames - 1)
    share = np.where(right > left, (time - left) / np.maximum(1, right - left), 0)
    first, last = np.take_along_axis(values, left, 0), np.take_along_axis(values, right, 0)
    line: Array = ((1 - share) * first + share * last).astype(np.float32)
    return np.where(there, values, line)
