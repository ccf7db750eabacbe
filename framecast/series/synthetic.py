"""Series with a known law of motion, for demonstrations and tests: cheap, exact, and the same for the same seed.

Each function takes `n_frames`, `size` (height and width in pixels) and `seed`, and returns uint8 frames
(time, size, size, channel). Frame t depends on t alone, so a longer series begins with the shorter one, and the future of
every one of them is known.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from framecast.registry import Registry
from framecast.series.frames import FrameSeries

Floats = NDArray[np.float64]

PERIOD = 12
"""Frames after which `pulsating_cycle` repeats exactly."""
VELOCITY = (1, 2)
"""Pixels a frame, down and to the right, by which `drifting_texture` moves."""


class Law(Protocol):
    def __call__(self, n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries: ...


SYNTHETIC: Registry[Law] = Registry("synthetic series", "framecast.series.synthetic")


@SYNTHETIC.register("moving_blob")
def moving_blob(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """One bright spot that moves on a straight line at constant speed and comes back in on the other side."""
    rng = np.random.default_rng(seed)
    start, angle, radius = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi), size / 12
    velocity = size / 50 * np.array([np.sin(angle), np.cos(angle)])
    centres = (start + np.arange(n_frames)[:, None] * velocity) % size
    return _grey("moving blob", _spots(centres, size, radius))


@SYNTHETIC.register("drifting_texture")
def drifting_texture(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """A smooth random texture carried along by VELOCITY, whole pixels a frame, over periodic borders."""
    picture = _texture(size, np.random.default_rng(seed))
    shifts = [(t * VELOCITY[0], t * VELOCITY[1]) for t in range(n_frames)]
    return _grey("drifting texture", np.stack([np.roll(picture, shift, (0, 1)) for shift in shifts]))


@SYNTHETIC.register("bouncing_balls")
def bouncing_balls(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """Three coloured discs at constant speed that bounce off the walls and pass through one another; later ones cover."""
    rng = np.random.default_rng(seed)
    frames = np.full((n_frames, size, size, 3), 16.0)
    for colour in ((235, 90, 60), (70, 190, 110), (80, 130, 240)):
        radius = size * rng.uniform(0.08, 0.13)
        start, angle = rng.uniform(radius, size - 1 - radius, 2), rng.uniform(0, 2 * np.pi)
        velocity = size / 40 * np.array([np.sin(angle), np.cos(angle)])
        centres = _between_walls(start + np.arange(n_frames)[:, None] * velocity, radius, size - 1 - radius)
        cover = _discs(centres, size, radius)[..., None]
        frames += cover * (np.array(colour) - frames)
    return _series("bouncing balls", frames)


@SYNTHETIC.register("travelling_waves")
def travelling_waves(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """Three channels of plane waves whose frequencies have no common period: never the same twice, and yet exactly known."""
    rng = np.random.default_rng(seed)
    down, right = _grid(size)
    time = np.arange(n_frames)[:, None, None]
    channels = []
    for _ in range(3):
        total = np.zeros((n_frames, size, size))
        for root in (2, 3, 5, 7):
            per_frame = 0.05 + 0.12 * (root**0.5 % 1)  # radians; square roots are incommensurate
            wave = rng.uniform(-3, 3, 2) * 2 * np.pi / size
            total += np.sin(wave[0] * down + wave[1] * right - per_frame * time + rng.uniform(0, 2 * np.pi))
        channels.append(127.5 * (1 + np.tanh(total)))
    return _series("travelling waves", np.stack(channels, axis=-1))


@SYNTHETIC.register("moving_digits")
def moving_digits(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """Two digits that move at constant speed and bounce off the walls; where they meet the brighter is seen. It is the motion
    of Moving MNIST (Srivastava, Mansimov and Salakhutdinov 2015, section 4.1) at a third of its speed; the digits are drawn
    with a font."""
    rng = np.random.default_rng(seed)
    side, speed = round(size * 28 / 64), 0.1 / 3
    frames = np.zeros((n_frames, size, size))
    for digit in rng.choice(10, 2, replace=False):
        picture = _digit(str(digit), side)
        start, angle = rng.uniform(0, 1, 2), rng.uniform(0, 2 * np.pi)
        velocity = speed * np.array([np.sin(angle), np.cos(angle)])
        corners = np.floor((size - side) * _between_walls(start + np.arange(n_frames)[:, None] * velocity, 0, 1)).astype(int)
        for frame, (top, left) in zip(frames, corners, strict=True):
            seen = frame[top : top + side, left : left + side]
            np.maximum(seen, picture, out=seen)
    return _grey("moving digits", frames)


@SYNTHETIC.register("reaction_diffusion")
def reaction_diffusion(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """Spots that grow and divide: two substances of the Gray-Scott model (Pearson 1993, Science 261) on periodic borders, 20
    steps a frame, seen as the concentration of the second."""
    rng = np.random.default_rng(seed)
    fed, eaten = np.ones((size, size)), np.zeros((size, size))
    for top, left in rng.integers(0, size, (max(3, size // 12), 2)):
        where = np.ix_(*(np.arange(corner, corner + max(7, size // 9)) % size for corner in (top, left)))
        fed[where], eaten[where] = 0.5, 0.25
    fed += 0.02 * rng.random((size, size))
    frames = np.empty((n_frames, size, size))
    for step in range(-10, n_frames):  # the squares become spots before anybody looks
        for _ in range(20):
            reaction = fed * eaten**2
            fed = fed + 0.16 * _laplacian(fed) - reaction + 0.035 * (1 - fed)
            eaten = eaten + 0.08 * _laplacian(eaten) + reaction - (0.035 + 0.065) * eaten
        if step >= 0:
            frames[step] = eaten
    return _grey("reaction and diffusion", 600 * frames)


@SYNTHETIC.register("pulsating_cycle")
def pulsating_cycle(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """Spots that swell and shrink, each in its own phase, and repeat exactly every PERIOD frames."""
    rng = np.random.default_rng(seed)
    down, right = _grid(size)
    phases = 2 * np.pi * (np.arange(n_frames) % PERIOD) / PERIOD
    total = np.zeros((n_frames, size, size))
    for _ in range(6):
        centre, phase, radius = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi), size * rng.uniform(0.08, 0.16)
        radii = radius * (1 + 0.6 * np.sin(phases + phase))
        total += np.exp(-((down - centre[0]) ** 2 + (right - centre[1]) ** 2) / (2 * radii[:, None, None] ** 2))
    return _grey("pulsating cycle", 20 + 215 * np.clip(total, 0, 1))


@SYNTHETIC.register("still")
def still(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """One texture that never changes: persistence is perfect."""
    return _grey("still", np.repeat(_texture(size, np.random.default_rng(seed))[None], n_frames, axis=0))


@SYNTHETIC.register("ramp")
def ramp(n_frames: int = 200, size: int = 64, seed: int = 0) -> FrameSeries:
    """A texture that brightens by one grey level a frame, from black to white and, should it last so long, down again."""
    picture = _texture(size, np.random.default_rng(seed), low=0, high=40)
    steps = _between_walls(np.arange(n_frames, dtype=float), 0, 215)
    return _grey("ramp", picture + steps[:, None, None])


def _grey(name: str, values: Floats) -> FrameSeries:
    return _series(name, values[..., None])


def _series(name: str, values: Floats) -> FrameSeries:
    """(time, height, width, channel) in grey levels as a series of uint8."""
    return FrameSeries(name, np.clip(np.rint(values), 0, 255).astype(np.uint8), (0.0, 255.0))


def _grid(size: int) -> tuple[Floats, Floats]:
    down, right = np.mgrid[:size, :size].astype(np.float64)
    return down, right


def _texture(size: int, rng: np.random.Generator, low: float = 20, high: float = 235) -> Floats:
    """Periodic, whole grey levels between `low` and `high`: a few waves of each direction and length."""
    down, right = _grid(size)
    total = np.zeros((size, size))
    for _ in range(24):
        n_down, n_right = rng.integers(-5, 6, 2)
        phase = 2 * np.pi * (n_down * down + n_right * right) / size + rng.uniform(0, 2 * np.pi)
        total += np.sin(phase) / (1 + np.hypot(n_down, n_right))
    total -= total.min()
    texture: Floats = np.rint(low + (high - low) * total / max(float(total.max()), 1e-9))
    return texture


def _spots(centres: Floats, size: int, radius: float) -> Floats:
    """A Gaussian spot at each centre (time, down and right), over periodic borders: (time, size, size) in grey levels."""
    down, right = _grid(size)
    distances = [np.abs(axis - centre[:, None, None]) for axis, centre in zip((down, right), centres.T, strict=True)]
    distances = [np.minimum(distance, size - distance) for distance in distances]
    spots: Floats = 10 + 235 * np.exp(-(distances[0] ** 2 + distances[1] ** 2) / (2 * radius**2))
    return spots


def _discs(centres: Floats, size: int, radius: float) -> Floats:
    """How much of each pixel a disc covers, with an edge one pixel soft: (time, size, size), 0 to 1."""
    down, right = _grid(size)
    distance = np.hypot(down - centres[:, 0, None, None], right - centres[:, 1, None, None])
    cover: Floats = np.clip(radius + 0.5 - distance, 0, 1)
    return cover


def _digit(text: str, side: int) -> Floats:
    """(side, side) grey levels, black around it."""
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).text((side / 2, side / 2), text, fill=255, anchor="mm", font=ImageFont.load_default(side * 0.95))
    return np.asarray(canvas, np.float64)


def _laplacian(values: Floats) -> Floats:
    """Over periodic borders, neighbours at distance 1."""
    around: Floats = sum(np.roll(values, shift, axis) for shift in (-1, 1) for axis in (0, 1)) - 4 * values
    return around


def _between_walls(positions: Floats, low: float, high: float) -> Floats:
    """Straight motion folded back and forth between two walls."""
    there_and_back = np.mod(positions - low, 2 * (high - low))
    folded: Floats = low + np.minimum(there_and_back, 2 * (high - low) - there_and_back)
    return folded
