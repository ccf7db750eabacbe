"""How the picture moves: one smooth backward displacement from frame to frame, found small, and where it leads.

A motion field b says that the content at x came from x + b(x) one frame earlier. Composed over the leads it leads back to the
last true frame, which is sampled once, so that nothing blurs by being resampled (backward semi-Lagrangian advection; Germann
and Zawadzki, Monthly Weather Review 130 (2002) 2859-2873, section 4).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from framecast.leaving import may_be_left
from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames, reduced_shape
from framecast.series.warping import enlarge_displacement

Array = np.ndarray[Any, np.dtype[Any]]

ESTIMATORS = ("ILK", "TV-L1", "joint")
_SEARCHED_PIXELS = 128 * 128
FEWEST_PIXELS = 8
"""Along either side; smaller pictures say nothing of a motion."""
LONGEST = _SEARCHED_PIXELS // 4
"""So many times as long as wide, and a single row or column of a picture would be searched."""
_COARSEST, _STEPS, _LONGEST_STEP, _STIFFNESS = 12, 4, 2.0, 0.01


def can_be_searched(height: int, width: int) -> bool:
    """Whether a picture of that size says anything of a motion."""
    return min(height, width) >= FEWEST_PIXELS and max(height, width) < LONGEST * min(height, width)


def small_frames(frames: Frames) -> Array:
    """(time, height, width, channel) as (time, h, w) float32 from 0 to 1, area-averaged: the channels in the mixture that
    varies most, so that one motion is found for all of them."""
    shape = reduced_shape(frames.shape[1], frames.shape[2], _SEARCHED_PIXELS)
    small: Array = reduce_frames(frames, shape).astype(np.float64)
    nothing = 1e-12 * float(np.abs(small).max()) or 1.0  # what is less is rounding
    if small.shape[-1] > 1:
        pixels = (small - small.mean(axis=(0, 1, 2))).reshape(-1, small.shape[-1])
        small = small @ np.linalg.eigh(pixels.T @ pixels)[1][:, -1:]
    small = small[..., 0] - small.min()
    return np.asarray(small / max(float(small.max()), nothing), np.float32)


def mean_motion(small: Array, estimator: str) -> Array:
    """The mean over all pairs of neighbours in `small` (time, h, w) of the backward motion (2, h, w), in its pixels a frame.

    "ILK" (iterative Lucas-Kanade; Le Besnerais and Champagnat, ICIP 2005) and "TV-L1" (Zach, Pock and Bischof, DAGM 2007) are
    scikit-image's.
    """
    from skimage.registration import optical_flow_ilk, optical_flow_tvl1  # takes a second to import

    estimate: Any = {"ILK": optical_flow_ilk, "TV-L1": optical_flow_tvl1}[estimator]
    total = np.zeros((2, *small.shape[1:]))
    for earlier, later in zip(small, small[1:], strict=False):
        total += np.nan_to_num(estimate(later, earlier), posinf=0.0, neginf=0.0)
    return total / (len(small) - 1)


def smoothed(field: Array, smoothing: float) -> Array:
    """`field` (2, h, w) under a Gaussian of that standard deviation in pixels."""
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(field, (0, smoothing, smoothing), mode="nearest"))


def trajectories(field: Array, times: Iterable[float]) -> Iterator[Array]:
    """The displacement (2, h, w) in pixels of `field` (2, h, w) from each of the ascending `times`, in frames after the last
    one, back to that one.

    The field is sampled along the way and never resampled, so that whirls keep turning.
    """
    place = np.indices(field.shape[1:]).astype(np.float64)
    way, step, n_steps = np.zeros_like(place), np.zeros_like(place), 0
    for time in times:
        may_be_left()
        while n_steps < time:
            way = way + step
            step = sampled(field, place + way)
            n_steps += 1
        yield way + step * (time - n_steps + 1)


def sampled(pictures: Array, place: Array) -> Array:
    """Pictures (n, h, w) at the places (2, ...) in rows and columns: (n, ...) float64, bilinear, their border repeated
    outwards. scipy's map_coordinates takes four times as long."""
    import torch
    from torch.nn.functional import grid_sample

    rows, columns = place[0] * (2 / (pictures.shape[1] - 1)) - 1, place[1] * (2 / (pictures.shape[2] - 1)) - 1
    at = torch.from_numpy(np.stack([columns, rows], axis=-1)).reshape(1, 1, -1, 2)
    maps = torch.from_numpy(np.ascontiguousarray(pictures, np.float64))[None]
    found = grid_sample(maps, at, mode="bilinear", padding_mode="border", align_corners=True)
    return np.asarray(found.numpy().reshape(len(pictures), *place.shape[1:]))


def joint_motion(small: Array, window: float) -> Array:
    """The one backward motion (2, h, w) that serves all pairs of neighbours in `small` (time, h, w) best, in its pixels.

    Least squares (Lucas and Kanade, IJCAI 1981, section 3, summed over the pairs) in Gaussian windows of that standard
    deviation, from coarse to fine. Where the picture is empty, what the coarser grid said stays: rain moves on into
    dry sky.
    """
    shape = small.shape[1:]
    field = np.zeros((2, 1, 1))
    for scale in _scales(shape):
        may_be_left()
        level = (max(1, round(shape[0] / scale)), max(1, round(shape[1] / scale)))
        frames = reduce_frames(small[..., None], level)[..., 0]
        field = enlarge_displacement(field, level).astype(np.float64)
        for _ in range(_STEPS):
            field += _step(frames, field, window)
    return field


def _scales(shape: Sequence[int]) -> list[int]:
    """Powers of two, the coarsest first, at which the shorter side has a few pixels left."""
    return [2**power for power in range(8, -1, -1) if power == 0 or min(shape) >= _COARSEST * 2**power]


def _step(frames: Array, field: Array, window: float) -> Array:
    """The least-squares correction (2, h, w) of `field` in a Gaussian window around every pixel."""
    from scipy.ndimage import gaussian_filter

    sums = np.zeros((5, *field.shape[1:]))
    place = np.indices(field.shape[1:]) + field
    for earlier, later in zip(frames, frames[1:], strict=False):
        may_be_left()
        (moved,) = sampled(earlier[None], place)
        down, right = np.gradient(moved)
        left = later - moved
        sums += [down * down, down * right, right * right, down * left, right * left]
    dd, dr, rr, dl, rl = gaussian_filter(sums, (0, window, window), mode="nearest")
    stiff = _STIFFNESS * float(dd.mean() + rr.mean()) + 1e-12
    dd, rr = dd + stiff, rr + stiff
    correction = np.stack([rr * dl - dr * rl, dd * rl - dr * dl]) / (dd * rr - dr * dr)
    return np.asarray(np.clip(correction, -_LONGEST_STEP, _LONGEST_STEP))
