"""Sums over the pixels of a frame that are fast in float32 and exact enough: in blocks, added up in float64."""

import numpy as np

from framecast.metrics.contract import Array

_BLOCK = 65536
_SURE = 1e-24
"""A sum of squares below it may be made of squares that float32 cannot hold, and so may one above its inverse."""


def inner(one: Array, other: Array) -> float:
    """Sum of products of two float32 arrays of one axis."""
    n_blocks = 1 + one.size // _BLOCK
    pairs = zip(np.array_split(one, n_blocks), np.array_split(other, n_blocks), strict=True)
    return float(sum(float(left @ right) for left, right in pairs))


def energy(values: Array) -> float:
    """Sum of squares of a float32 array of one axis, also where a square leaves float32."""
    with np.errstate(over="ignore"):
        found = inner(values, values)
    if _SURE < found < 1 / _SURE or not values.size:
        return found
    scale = towards_one(values)
    scaled = values * scale
    return inner(scaled, scaled) / float(scale) ** 2


def towards_one(values: Array) -> np.float32:
    """The power of two that brings the largest of the values near 1, so that no square leaves float32 and no digit changes."""
    return np.float32(2.0 ** -min(126, max(-126, int(np.frexp(np.abs(values).max())[1]))))


def ratio(forecast: float, truth: float) -> float:
    """One amount over another, 1 where both are nothing."""
    if truth == 0:
        return 1.0 if forecast == 0 else float("inf")
    return forecast / truth
