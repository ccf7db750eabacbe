"""A series with a known law, and forecasts of it that have exactly one fault each."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

from framecast.evaluation.case import Case

SIZE, N_HISTORY, HORIZON = 64, 80, 20
ORBITS = ((17.0, 14, 0.0), (29.0, 22, 2.0), (11.3, 7, 4.0))
"""Period in frames, radius in pixels, phase: no two frames are alike."""


def frame(time: float, channels: int = 1) -> np.ndarray:
    """(height, width, channel) float64: three bright discs on orbits before a still texture."""
    y, x = np.mgrid[:SIZE, :SIZE]
    picture = BACKGROUND.copy()
    for period, radius, phase in ORBITS:
        angle = 2 * np.pi * time / period + phase
        distance = np.hypot(y - 32 - radius * np.sin(angle), x - 32 - radius * np.cos(angle))
        picture += 110 / (1 + np.exp((distance - 3.5) / 0.4))
    return np.repeat(picture[..., None], channels, axis=-1)


BACKGROUND = 80 + 12 * gaussian_filter(np.random.default_rng(0).normal(size=(SIZE, SIZE)), 1.2, mode="wrap") * 4


def frames(times, channels: int = 1, noise: float = 1.0, seed: int = 0) -> np.ndarray:
    """uint8, with a camera's noise."""
    made = np.stack([frame(time, channels) for time in times])
    made += np.random.default_rng(seed).normal(0, noise, made.shape)
    return stored(made)


def stored(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


PAST = np.arange(N_HISTORY)
LEADS = np.arange(1, HORIZON + 1)
NOW = N_HISTORY - 1 + LEADS


def case(forecast: np.ndarray, truth: np.ndarray | None = None, noise: float = 1.0, **facts) -> Case:
    history = frames(PAST, forecast.shape[-1], noise)
    truth = frames(NOW, forecast.shape[-1], noise, seed=1) if truth is None else truth
    return Case(stored(forecast), truth, history, 255.0, **facts)


def near(channels: int = 1) -> np.ndarray:
    """A good forecast, float64: right but for a little error without structure."""
    return frames(NOW, channels, 0.5, seed=2).astype(np.float64)


def _intruder(truth: np.ndarray) -> np.ndarray:
    """A large striped thing that comes in at the sixth lead and stays."""
    stripes = np.where(np.arange(24) % 6 < 3, 15, 240)
    changed = truth.copy()
    changed[5:, 36:60, 36:60] = stripes[:, None]
    return changed


def _blurred() -> Case:
    pairs = zip(0.25 * LEADS, near(), strict=True)
    return case(np.stack([gaussian_filter(one, (sigma, sigma, 0)) for sigma, one in pairs]))


def _grid(period: int, **facts) -> Case:
    """A ripple as of patches, in both directions; of the working size where that is less."""
    y, x = np.mgrid[:SIZE, :SIZE]
    ripple = np.cos(2 * np.pi * x / period) + np.cos(2 * np.pi * y / period)
    return case(near() + 7.0 * ripple[..., None], **facts)


def _erased() -> Case:
    share = np.clip(LEADS / 8, 0, 1)[:, None, None, None]
    return case((1 - share) * near() + share * BACKGROUND[None, ..., None])


def _colours() -> Case:
    shift = LEADS[:, None, None, None] * np.array([1.2, 0.0, -1.2])
    return case(near(3) + shift)


MADE: dict[str, tuple[Callable[[], Case], set[str]]] = {
    "good": (lambda: case(near()), {"noise_limited"}),
    "good in colour": (lambda: case(near(3)), {"noise_limited"}),
    "exact": (lambda: case(frames(NOW, 1, 0.0), frames(NOW, 1, 0.0), 0.0), set()),
    "without noise": (lambda: case(frames(NOW, 1, 0.0), None, 4.0), {"noise_limited"}),
    "frozen": (lambda: case(np.repeat(frames(PAST[-1:]), HORIZON, axis=0)), {"frozen"}),
    "frozen late": (lambda: case(np.concatenate([near()[:8], np.repeat(near()[7:8], HORIZON - 8, axis=0)])), {"frozen"}),
    "blurred": (_blurred, {"blurred"}),
    "grid": (lambda: _grid(2), {"grid"}),
    "wider grid": (lambda: _grid(4), {"grid"}),
    "grid of the working size": (lambda: _grid(4, working_size=32), {"grid"}),
    "erased": (_erased, {"erased", "frozen"}),
    "brighter": (lambda: case(near() + 3 * LEADS[:, None, None, None]), {"drifted"}),
    "off colour": (_colours, {"drifted"}),
    "exploded": (lambda: case(100 + (near() - 100) * 1.15 ** LEADS[:, None, None, None]), {"exploded"}),
    "half the speed": (lambda: case(frames(N_HISTORY - 1 + 0.5 * LEADS)), {"mistimed"}),
    "too fast": (lambda: case(frames(N_HISTORY - 1 + 1.3 * LEADS)), {"mistimed"}),
    "three frames behind": (lambda: case(frames(NOW - 3)), {"mistimed"}),
    "two frames ahead": (lambda: case(frames(NOW + 2)), {"mistimed"}),
    "told again": (lambda: case(frames(PAST[20 : 20 + HORIZON])), {"replaying"}),
    "something new": (lambda: case(near(), _intruder(frames(NOW, seed=1))), {"new_content"}),
    "made small": (
        lambda: case(
            np.stack([gaussian_filter(one, (0.7, 0.7, 0)) for one in near()]),
            working_size=32,
            ceiling=0.85,
            reached=0.83,
        ),
        {"size_limited"},
    ),
}
"""Name to a case and to exactly what there is to be found in it."""
