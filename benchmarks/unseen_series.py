"""Twelve made series that nothing in FrameCast was chosen by: python -m benchmarks.unseen_series FOLDER [NAME ...] [--mnist]

Each becomes FOLDER/NAME.npy, uint8, (frame, height, width) or (frame, height, width, 3), for benchmarks.skill. One generator
of random numbers goes through all of them in order, so that a name is the same series whatever else is asked for. It takes
minutes.
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from benchmarks.moving_mnist import DIGITS_FILE, read_digits

Array = npt.NDArray[np.float64]
Random = np.random.Generator
TURN = 2 * np.pi
SEED = 20261126


def smooth_noise(rng: Random, height: int, width: int, sigma: float) -> Array:
    """(height, width), standard deviation 1, periodic, smooth over `sigma` pixels."""
    field = gaussian_filter(rng.normal(size=(height, width)), sigma, mode="wrap")
    return field / field.std()


def octaves(rng: Random, height: int, width: int) -> Array:
    return sum(smooth_noise(rng, height, width, sigma) * sigma**0.7 for sigma in (2, 4, 8, 16))


def laplacian(field: Array) -> Array:
    """Five points, no flux through the border."""
    padded = np.pad(field, 1, mode="edge")
    return padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * field


def wavenumbers(n: int) -> tuple[Array, Array]:
    k = np.fft.fftfreq(n, 1 / n)
    ky, kx = np.meshgrid(k, k, indexing="ij")
    return ky, kx


def turbulence(rng: Random) -> Iterator[Array]:
    """Vorticity, clockwise, of a plane flow that dies down to what a sine-shaped force feeds (Kolmogorov flow)."""
    n, viscosity, dt = 96, 2.5e-3, 0.0025
    ky, kx = wavenumbers(n)
    k2 = ky**2 + kx**2
    kept, inverse = (abs(ky) < n / 3) & (abs(kx) < n / 3), 1 / np.where(k2 == 0, 1, k2)
    force = np.fft.fft2(0.8 * np.cos(4 * np.arange(n) * TURN / n)[None] * np.ones((n, 1)))
    half = np.exp(-viscosity * k2 * dt / 2)

    def slope(w: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
        back, psi = (lambda field: np.fft.ifft2(field).real), w * inverse
        carried = back(1j * kx * psi) * back(1j * ky * w) - back(1j * ky * psi) * back(1j * kx * w)
        return kept * np.fft.fft2(-carried) + force - 0.1 * w

    w = np.fft.fft2(6 * smooth_noise(rng, n, n, 5))
    for _ in range(260):
        yield np.fft.ifft2(w).real
        for _ in range(24):
            w = half**2 * w + dt * half * slope(half * (w + dt / 2 * slope(w)))


def cells(rng: Random) -> Iterator[Array]:
    """Ellipses that wander with a memory of their way, turn and grow, in a fluorescence microscope."""
    y, x = np.mgrid[:128, :128]
    n = 14
    where, speed, angle = rng.uniform(10, 118, (n, 2)), rng.normal(0, 0.5, (n, 2)), rng.uniform(0, 3, n)
    spin, size, light = rng.normal(0, 0.02, n), rng.uniform(4, 7, n), rng.uniform(0.5, 1, n)
    for _ in range(200):
        speed = 0.97 * speed + rng.normal(0, 0.08, (n, 2))
        where += speed
        speed[(where < 6) | (where > 122)] *= -1
        where = np.clip(where, 6, 122)
        angle += spin
        size *= 1.001
        frame = np.zeros((128, 128))
        for j in range(n):
            dy, dx, cos, sin = y - where[j, 0], x - where[j, 1], np.cos(angle[j]), np.sin(angle[j])
            far = np.hypot((dy * cos + dx * sin) / 1.6, -dy * sin + dx * cos) - size[j]
            frame = np.maximum(frame, light[j] / (1 + np.exp(far * 1.5)))
        yield gaussian_filter(frame, 0.7) * 180 + 12 + rng.normal(0, 3, (128, 128))


def coarsening(rng: Random) -> Iterator[Array]:
    """Cahn-Hilliard, half implicit with a linear part that is stable (Eyre 1998)."""
    n, dt = 128, 0.3
    k = np.fft.fftfreq(n) * TURN
    ky, kx = np.meshgrid(k, k, indexing="ij")
    k2 = ky**2 + kx**2
    c = rng.normal(0, 0.1, (n, n))
    for step in range(220 * 60 + 1500):
        spectrum = np.fft.fft2(c)
        spectrum = (spectrum - dt * k2 * np.fft.fft2(c**3 - c - 2 * c)) / (1 + dt * (2 * k2 + k2**2))
        c = np.fft.ifft2(spectrum).real
        if step >= 1500 and (step - 1500) % 60 == 0:
            yield c


def spirals(rng: Random) -> Iterator[Array]:
    """An excitable medium with a wave that turns (Barkley 1991); drawn without chance."""
    n, a, b, epsilon, dt, h = 128, 0.75, 0.06, 0.02, 0.004, 0.3
    u, v = np.zeros((n, n)), np.zeros((n, n))
    u[:, : n // 2], v[: n // 2] = 1, 0.4
    for step in range(300 * 40 + 4000):
        u = u + dt / epsilon * u * (1 - u) * (u - (v + b) / a) + dt / h**2 * laplacian(u)
        v = v + dt * (u - v)
        u = np.clip(u, 0, 1)
        if step >= 4000 and (step - 4000) % 40 == 0:
            yield 0.7 * u + 0.3 * v


def pendulum(rng: Random) -> Iterator[Array]:
    """A double pendulum of two rods, chaotic, in colour before a patterned wall; Runge-Kutta of order four."""
    height, width, dt = 96, 128, 0.008
    y, x = np.mgrid[:height, :width]
    wall = [level + swing * smooth_noise(rng, height, width, s) for level, swing, s in ((90, 20, 6), (80, 18, 4), (70, 15, 8))]
    state = np.array([2.0, 1.2, 0.0, 0.0])

    def slope(state: Array) -> Array:
        a, b, p, q = state
        below = 16 - 9 * np.cos(a - b) ** 2
        da, db = 6 * (2 * p - 3 * np.cos(a - b) * q) / below, 6 * (8 * q - 3 * np.cos(a - b) * p) / below
        pull = da * db * np.sin(a - b)
        return np.array([da, db, -0.5 * (pull + 3 * 9.8 * np.sin(a)), -0.5 * (-pull + 9.8 * np.sin(b))])

    def distance(a: Array, b: Array) -> Array:
        d = b - a
        along = np.clip(((y - a[0]) * d[0] + (x - a[1]) * d[1]) / (d @ d), 0, 1)
        return np.hypot(y - a[0] - along * d[0], x - a[1] - along * d[1])

    for _ in range(240):
        for _ in range(4):
            k1 = slope(state)
            k2 = slope(state + dt / 2 * k1)
            k3 = slope(state + dt / 2 * k2)
            state = state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + slope(state + dt * k3))
        joint = np.array([40.0, 64.0])
        frame = np.stack(wall, -1)
        for turned, colour in ((state[0], (220, 60, 50)), (state[1], (60, 120, 230))):
            end = joint + 24 * np.array([np.cos(turned), np.sin(turned)])
            rod = 1 / (1 + np.exp((distance(joint, end) - 3) * 2))
            frame = frame * (1 - rod[..., None]) + np.array(colour) * rod[..., None]
            joint = end
        yield frame + rng.normal(0, 2, frame.shape)


def clouds(rng: Random) -> Iterator[Array]:
    """Clouds that a steady wind carries while they form and vanish, over the dark; fewer in time: less comes than goes."""
    height, width = 128, 160
    field = octaves(rng, height, width)
    y, x = np.mgrid[:height, :width].astype(float)
    down, right = 0.6 + 0.25 * smooth_noise(rng, height, width, 30), 1.1 + 0.3 * smooth_noise(rng, height, width, 30)
    for _ in range(170):
        field = map_coordinates(field, [y - down, x - right], order=3, mode="grid-wrap")
        field = 0.985 * field + np.sqrt(1 - 0.985**2) * octaves(rng, height, width) * 0.55
        yield np.clip(field, 0, None)


def vegetation(rng: Random) -> Iterator[Array]:
    """Twenty-two years in months: a season of its own at each place, months that are better or worse, a slow rise."""
    height, width = 100, 120
    base, swing = 90 + 30 * smooth_noise(rng, height, width, 5), 40 + 15 * smooth_noise(rng, height, width, 9)
    phase, anomaly = 0.6 * smooth_noise(rng, height, width, 14), np.zeros((height, width))
    rng.normal(size=(height, width))  # drawn and not used, when these series were first made
    for month in range(264):
        anomaly = 0.8 * anomaly + 4 * smooth_noise(rng, height, width, 10)
        season = swing * np.cos(TURN * month / 12 - phase)
        yield base + season + 0.04 * month + anomaly + rng.normal(0, 2, (height, width))


def street(rng: Random) -> Iterator[Array]:
    """Vorticity behind a cylinder at a Reynolds number of 60: lattice Boltzmann, D2Q9, one relaxation time, periodic across;
    at the inlet what is not in balance bounces back (after Zou and He 1997). Drawn without chance."""
    nx, ny, radius, speed = 220, 80, 8, 0.08
    c = np.array([(i, j) for i in (0, 1, -1) for j in (0, 1, -1)])
    weight = np.array([{0: 4 / 9, 1: 1 / 9, 2: 1 / 36}[int(abs(i) + abs(j))] for i, j in c])
    omega = 1 / (3 * (speed * radius / 60 * 2) + 0.5)
    x, y = np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij")
    body = (x - nx // 5) ** 2 + (y - (ny // 2 + 1)) ** 2 < radius**2
    inlet = np.zeros((2, nx, ny))
    inlet[0] = speed * (1 + 1e-3 * np.sin(y / ny * 2 * np.pi))
    opposite = [int(np.where((c == -one).all(1))[0][0]) for one in c]
    back, forth, across = ([i for i in range(9) if c[i, 0] == way] for way in (-1, 1, 0))
    turned = [opposite[i] for i in forth]

    def at_rest(density: Array | float, u: Array) -> Array:
        cu = 3 * np.tensordot(c, u, 1)
        return density * weight[:, None, None] * (1 + cu + 0.5 * cu**2 - 1.5 * (u**2).sum(0))

    f = at_rest(1.0, inlet)
    for step in range(14000 + 250 * 24):
        f[back, -1] = f[back, -2]
        density = f.sum(0)
        u = np.tensordot(c.T, f, 1) / density
        u[:, 0] = inlet[:, 0]
        density[0] = (f[across, 0].sum(0) + 2 * f[back, 0].sum(0)) / (1 - u[0, 0])
        equal = at_rest(density, u)
        f[forth, 0] = equal[forth, 0] + f[turned, 0] - equal[turned, 0]
        out = f - omega * (f - equal)
        for i in range(9):
            out[i, body] = f[opposite[i], body]
        for i in range(9):
            f[i] = np.roll(np.roll(out[i], c[i, 0], 0), c[i, 1], 1)
        if step >= 14000 and (step - 14000) % 24 == 0:
            yield (np.gradient(u[1], axis=0) - np.gradient(u[0], axis=1)).T[:, 20:180]


def growth(rng: Random) -> Iterator[Array]:
    """Two colonies that spread where the ground is good (Fisher-KPP), on a textured plate."""
    n = 128
    spread, rate = np.exp(0.5 * smooth_noise(rng, n, n, 6)), np.exp(0.6 * smooth_noise(rng, n, n, 8))
    q = np.zeros((n, n))
    q[60:68, 30:38], q[90:95, 95:100] = 1, 1
    plate = smooth_noise(rng, n, n, 1)
    for step in range(130 * 20):
        q = np.clip(q + 0.02 * (3 * spread * laplacian(q) + 0.35 * rate * q * (1 - q)), 0, 1)
        if step % 20 == 0:
            yield 40 + 150 * q + 6 * plate + rng.normal(0, 2, (n, n))


def digits(rng: Random, images: npt.NDArray[np.uint8]) -> Iterator[Array]:
    """Three digits that bounce off the walls, each at a speed of its own."""
    shown = [images[one] for one in rng.integers(0, len(images), 3)]
    where, speed = rng.uniform(0, 36, (3, 2)), rng.normal(0, 2, (3, 2))
    for _ in range(400):
        frame = np.zeros((64, 64))
        where += speed
        low, high = where < 0, where > 36
        where = np.where(low, -where, np.where(high, 72 - where, where))
        speed = np.where(low | high, -speed, speed)
        for digit, place in zip(shown, where, strict=True):
            top, left = (min(max(round(one), 0), 36) for one in place)
            part = frame[top : top + 28, left : left + 28]
            np.maximum(part, digit, out=part)
        yield frame


def beads(rng: Random) -> Iterator[Array]:
    """Sixty beads in Brownian motion."""
    y, x = np.mgrid[:128, :128]
    where = rng.uniform(0, 128, (60, 2))
    for _ in range(220):
        where = (where + rng.normal(0, 0.7, where.shape)) % 128
        frame = np.zeros((128, 128))
        for a, b in where:
            dy, dx = np.minimum(abs(y - a), 128 - abs(y - a)), np.minimum(abs(x - b), 128 - abs(x - b))
            frame += np.exp(-(dy**2 + dx**2) / 6)
        yield 30 + 150 * np.clip(frame, 0, 1.3) + rng.normal(0, 5, frame.shape)


def heart(rng: Random) -> Iterator[Array]:
    """A ring of speckle that beats every 23.7 frames while somebody breathes, as ultrasound shows it."""
    n = 120
    speckle = np.abs(smooth_noise(rng, n, n, 1.2) + 1j * smooth_noise(rng, n, n, 1.2))
    y, x = np.mgrid[:n, :n] - 60.0
    r = np.hypot(y, x)
    for frame in range(300):
        phase = TURN * frame / 23.7
        beat = 1 + 0.16 * np.sin(phase) + 0.05 * np.sin(2 * phase + 1)
        stretch = 1 + (beat * (1 + 0.02 * np.sin(TURN * frame / 88)) - 1) * np.exp(-((r / 40) ** 2))
        drawn = map_coordinates(speckle, [y / stretch + 60, x / stretch + 60], order=1, mode="reflect")
        wall = (r / stretch > 16) & (r / stretch < 34)
        yield drawn * (40 + 60 * wall) * (1 + 0.08 * smooth_noise(rng, n, n, 1))


def makers(images: npt.NDArray[np.uint8]) -> dict[str, tuple[Callable[[Random], Iterator[Array]], float | None, float | None]]:
    """Name to how it is drawn, and which values become 0 and 255: of None, one in a thousand is beyond each."""
    return {
        "turbulence": (turbulence, None, None),
        "cells": (cells, 0, 200),
        "coarsening": (coarsening, None, None),
        "spirals": (spirals, None, None),
        "pendulum": (pendulum, 0, 255),
        "clouds": (clouds, 0, None),
        "vegetation": (vegetation, 0, 255),
        "street": (street, None, None),
        "growth": (growth, 0, 255),
        "digits": (partial(digits, images=images), 0, 255),
        "beads": (beads, 0, 255),
        "heart": (heart, 0, 200),
    }


def in_bytes(name: str, frames: Array, low: float | None, high: float | None) -> npt.NDArray[np.uint8]:
    if name == "street":  # both ways alike, so that grey is at rest
        high = float(np.percentile(abs(frames), 99))
        low = -high
    low = float(np.percentile(frames, 0.1)) if low is None else low
    high = float(np.percentile(frames, 99.9)) if high is None else high
    return np.clip((frames - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--mnist", type=Path, help=f"folder that holds {DIGITS_FILE}; without it there are no digits")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(makers(np.zeros((1, 28, 28), np.uint8)))):
        parser.error(f"there is no series {unknown[0]!r}; there are {', '.join(makers(np.zeros((1, 28, 28), np.uint8)))}")
    if "digits" in asked.names and not asked.mnist:
        parser.error(f"digits need --mnist, a folder that holds {DIGITS_FILE}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    images = read_digits(asked.mnist / DIGITS_FILE) if asked.mnist else np.zeros((60000, 28, 28), np.uint8)
    rng = np.random.default_rng(SEED)
    for name, (make, low, high) in makers(images).items():
        frames = in_bytes(name, np.array(list(make(rng))), low, high)
        if name in (asked.names or makers(images)) and (name != "digits" or asked.mnist):
            np.save(asked.folder / f"{name}.npy", frames)
            print(f"{name}: {frames.shape}", flush=True)


if __name__ == "__main__":
    main()
