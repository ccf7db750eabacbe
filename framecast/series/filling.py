"""Missing values that come and go, filled in time: between the frames before and after, at the ends with the nearest frame.

Only where a person asked for it. A gap may be as long as the series, so the frames are laid out on disk once and filled a
strip of pixels at a time; memory stays flat.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from framecast.series.readers.contract import Frame, FrameStream

Array = np.ndarray[Any, np.dtype[Any]]
STRIP_BYTES = 2**25


def filled(frames: Iterable[Frame], scratch: Path | None) -> FrameStream:
    """The frames (height, width, channel) with no NaN in a pixel that has a value in any of them.

    A pixel that never has one stays NaN. `scratch` is the folder of a file that is gone at the end.
    """
    with tempfile.TemporaryFile(dir=scratch) as file:
        shape: tuple[int, ...] = ()
        n_frames = 0
        for frame in frames:
            shape = frame.shape
            file.write(np.ascontiguousarray(frame, np.float32).data)
            n_frames += 1
        if n_frames == 0:
            return
        file.flush()
        laid_out: Array = np.memmap(file, np.float32, "r+", shape=(n_frames, int(np.prod(shape))))
        step = max(1, STRIP_BYTES // (8 * n_frames))
        for start in range(0, laid_out.shape[1], step):
            strip = np.array(laid_out[:, start : start + step])
            gaps = np.isnan(strip).any(axis=0)
            if gaps.any():
                strip[:, gaps] = in_time(strip[:, gaps])
                laid_out[:, start : start + step] = strip
        for flat in laid_out:
            yield np.array(flat).reshape(shape)


def in_time(values: Array) -> Array:
    """(time, pixel) float32 with every NaN replaced by the line between its neighbours in time."""
    n_frames = len(values)
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
