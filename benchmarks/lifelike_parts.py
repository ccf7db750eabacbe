"""What the made series of benchmarks/lifelike.py are drawn and recorded with: noise, lamp, camera, paint."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, shift

Array = npt.NDArray[np.float64]
Random = np.random.Generator
TURN = 2 * np.pi


def smooth_noise(rng: Random, height: int, width: int, sigma: float) -> Array:
    """(height, width), standard deviation 1, periodic, smooth over `sigma` pixels."""
    field = gaussian_filter(rng.normal(size=(height, width)), sigma, mode="wrap")
    return np.asarray(field / field.std())


def soft(distance: Array, sharpness: float = 2.0) -> Array:
    """1 where the distance to an edge is well below 0 (inside), 0 where it is well above."""
    return 0.5 * (1 - np.tanh(distance * sharpness / 2))


def wander(rng: Random, memory: float, *shape: int) -> Iterator[Array]:
    """Numbers of standard deviation 1 that forget their past in some 1 / (1 - memory) frames (Ornstein-Uhlenbeck)."""
    value = rng.normal(size=shape)
    while True:
        yield value
        value = memory * value + np.sqrt(1 - memory**2) * rng.normal(size=shape)


def lamp(rng: Random, height: int, width: int, swing: float) -> Iterator[Array]:
    """(height, width), near 1: darker in the corners, brighter on one side, both level and side drifting by some `swing`."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    for level, down, right in wander(rng, 0.99, 3):
        yield (1 + swing * (level + down * y + right * x)) * (1 - 0.08 * (y**2 + x**2))


def camera(rng: Random, frame: Array, gain: float, read: float) -> Array:
    """Adds shot noise, of a variance that is `gain` times the light, and read noise of standard deviation `read`."""
    return frame + np.sqrt(gain * np.clip(frame, 0, None) + read**2) * rng.normal(size=frame.shape)


def moved(frame: Array, down: float, right: float) -> Array:
    return np.asarray(shift(frame, (down, right) + (0,) * (frame.ndim - 2), order=1, mode="nearest"))


def paint(frame: Array, cover: Array, colour: tuple[float, ...] | Array) -> Array:
    """`frame`, (height, width, 3), with a colour laid over it as far as `cover`, (height, width), says."""
    return frame + cover[..., None] * (np.array(colour) - frame)


def laplacian(field: Array) -> Array:
    """Nine points, no flux through the border."""
    p = np.pad(field, 1, mode="edge")
    straight = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]
    return (4 * straight + p[:-2, :-2] + p[:-2, 2:] + p[2:, :-2] + p[2:, 2:] - 20 * field) / 6


def slopes(field: Array) -> tuple[Array, Array]:
    """Along height and width, over two pixels, no slope through the border."""
    p = np.pad(field, 1, mode="edge")
    return (p[2:, 1:-1] - p[:-2, 1:-1]) / 2, (p[1:-1, 2:] - p[1:-1, :-2]) / 2
