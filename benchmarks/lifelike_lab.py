"""Made series of what is seen in a laboratory: crystals, worms, neurons, convection, a wound, dyes."""

from collections import deque
from collections.abc import Iterator

import numpy as np
from scipy.fft import dstn
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from benchmarks.lifelike_parts import (
    TURN,
    Array,
    Random,
    camera,
    lamp,
    laplacian,
    moved,
    paint,
    slopes,
    smooth_noise,
    soft,
    wander,
)


def dendrite(rng: Random) -> Iterator[Array]:
    """Crystals of six arms that freeze out of an undercooled melt, between polarisers: phase field with an anisotropic
    surface and latent heat (Kobayashi 1993). Nuclei come one by one; each keeps the angle of its lattice."""
    n, dx, dt, tau, wide, uneven, latent = 144, 0.03, 1.5e-4, 3e-4, 0.01, 0.04, 1.6
    where, angle = rng.uniform(14, n - 14, (7, 2)), rng.uniform(0, TURN / 6, 7)
    born = np.array([0, 0, 120, 200, 280, 400, 520])
    y, x = np.mgrid[:n, :n].astype(float)
    lattice = angle[cKDTree(where).query(np.stack([y, x], -1))[1]]
    solid, heat, dust = np.zeros((n, n)), np.zeros((n, n)), smooth_noise(rng, n, n, 1)
    light, shake = lamp(rng, n, n, 0.03), wander(rng, 0.6, 2)
    for step in range(200 * 5):
        if step % 5 == 0:  # what freezes next takes the lattice of the crystal it is nearest to
            lattice = lattice[tuple(distance_transform_edt(solid < 0.5, return_distances=False, return_indices=True))]
        for j in np.flatnonzero(born == step):
            seed = np.hypot(y - where[j, 0], x - where[j, 1])
            if solid[seed < 5].max() < 0.1:
                solid, lattice = np.maximum(solid, soft(seed - 2.5)), np.where(seed < 4, angle[j], lattice)
        down, right = slopes(solid)
        turned = 6 * (np.arctan2(down, right) - lattice)
        e, slope_e = wide * (1 + uneven * np.cos(turned)), -wide * uneven * 6 * np.sin(turned)
        e_down, e_right = slopes(e**2)
        cross = slopes(e * slope_e * right)[0] - slopes(e * slope_e * down)[1]
        drive = 0.9 / np.pi * np.arctan(10 * (1 - heat)) + 0.02 * (rng.random((n, n)) - 0.5)
        inner = (e**2 * laplacian(solid) + e_down * down + e_right * right + cross) / dx**2
        change = dt / tau * (inner + solid * (1 - solid) * (solid - 0.5 + drive))
        heat = heat + dt / dx**2 * laplacian(heat) + latent * change
        solid = solid + change
        if step % 5 == 4:
            edge, bright = 4 * solid * (1 - solid), 45 + 45 * np.cos(4 * lattice)
            frame = 95 + 25 * heat + solid * bright - 55 * edge.clip(0, 1) + 3 * dust
            yield camera(rng, moved(frame * next(light), *0.15 * next(shake)), 0.06, 2)


def worms(rng: Random) -> Iterator[Array]:
    """Nematodes that crawl on agar in bright field: the head swings and each part of the body goes where the part before it
    went. Now and then one backs up along its own wave and then turns off elsewhere. They leave faint tracks."""
    n, count, step, long, wave, swing = 128, 8, 0.5, 34.0, 22.0, 0.85
    y, x = np.mgrid[:n, :n]
    pixels, parts = np.stack([y, x], -1).reshape(-1, 2), int(long / step)
    heading, phase, speed = rng.uniform(0, TURN, count), rng.uniform(0, TURN, count), rng.uniform(0.7, 1.2, count)
    head, owed = rng.uniform(18, 110, (count, 2)), np.zeros(count)
    bodies = [deque([one], maxlen=parts) for one in head]
    ways = [deque([one], maxlen=parts) for one in heading]
    backing, turning, bend = np.zeros(count, int), np.zeros(count), np.zeros(count)
    width = 1.9 * np.clip(np.sin(np.pi * (np.arange(parts) + 3) / (parts + 4)), 0, None) ** 0.45

    def forward(j: int) -> None:
        bend[j] = 0.97 * bend[j] + rng.normal(0, 0.004)
        aim = np.array([n / 2, n / 2]) - bodies[j][0]
        if abs(aim).max() > n / 2 - 16:
            heading[j] += 0.05 * np.sin(np.arctan2(aim[0], aim[1]) - heading[j])
        twist = np.sign(turning[j]) * min(abs(turning[j]), 0.07)
        turning[j] -= twist
        heading[j] += bend[j] + twist
        phase[j] += TURN * step / wave
        way = heading[j] + swing * np.cos(phase[j])
        bodies[j].appendleft(bodies[j][0] + step * np.array([np.sin(way), np.cos(way)]))
        ways[j].appendleft(heading[j])

    def backward(j: int) -> None:
        phase[j] -= TURN * step / wave
        way = ways[j][-1] + swing * np.cos(phase[j] - TURN * (parts - 1) * step / wave)
        bodies[j].append(bodies[j][-1] - step * np.array([np.sin(way), np.cos(way)]))
        ways[j].append(ways[j][-1])
        heading[j] = ways[j][0]

    for j in range(count):
        for _ in range(parts + int(rng.integers(0, 60))):
            forward(j)
    lawn, tracks = 4 * smooth_noise(rng, n, n, 10) + 2 * smooth_noise(rng, n, n, 1), np.zeros((n, n))
    light, shake, pace = lamp(rng, n, n, 0.02), wander(rng, 0.4, 2), wander(rng, 0.97, count)
    for _ in range(300):
        owed += speed * (1 + 0.15 * next(pace)) / step
        for j in range(count):
            while owed[j] >= 1:
                owed[j] -= 1
                (backward if backing[j] else forward)(j)
            if backing[j]:
                backing[j] -= 1
                if not backing[j]:
                    turning[j] = rng.choice((-1, 1)) * rng.uniform(0.9, 2.6)
            elif rng.random() < 0.006:
                backing[j] = rng.integers(8, 22)
        far, nearest = cKDTree(np.concatenate([np.array(body) for body in bodies])).query(pixels)
        body = (far - width[nearest % parts]).reshape(n, n)
        gut = (far - 0.45 * width[nearest % parts]).reshape(n, n)
        tracks = np.maximum(0.996 * tracks, soft(body, 3))
        frame = 168 + lawn + 9 * tracks - 80 * soft(body, 2.2) - 26 * soft(gut, 2) + 14 * np.exp(-((body - 1.6) ** 2))
        yield camera(rng, moved(gaussian_filter(frame, 0.5) * next(light), *0.12 * next(shake)), 0.05, 2)


def neurons(rng: Random) -> Iterator[Array]:
    """Calcium in nerve cells, two photons: groups that burst each at a rhythm of its own, not quite even, cells that fire
    alone, an indicator that is quick to rise, slow to fall and saturates; few photons, bleaching, a brain that moves."""
    n, groups = 112, 4
    y, x = np.mgrid[:n, :n].astype(float)
    where: list[Array] = []
    while len(where) < 52:
        one = rng.uniform(3, n - 3, 2)
        if all(np.hypot(*(one - other)) > 9.5 for other in where):
            where.append(one)
    count = len(where)
    shapes = []
    for a, b in where:
        r, angle, long = rng.uniform(3.2, 4.6), rng.uniform(0, np.pi), rng.uniform(1, 1.3)
        u, v = (y - a) * np.cos(angle) + (x - b) * np.sin(angle), (x - b) * np.cos(angle) - (y - a) * np.sin(angle)
        far = np.hypot(u / long, v * long)
        shapes.append((soft(far - r) - 0.65 * soft(far - 0.5 * r)) * rng.uniform(0.6, 1.3))
    bodies, member = np.array(shapes), rng.integers(0, groups + 1, count)  # those of the last group fire only alone
    felt = 1 + 0.25 * smooth_noise(rng, n, n, 6) + 0.16 * smooth_noise(rng, n, n, 1)
    ripple = np.sin(x / 9 + 0.7 * np.sin(y / 15))
    vessel = 1 - 0.65 * soft(abs(x - 62 - 14 * np.sin(y / 24)) - 3, 1.2)
    beat, period = rng.uniform(0, 1, groups), np.array([31.0, 43.0, 52.0, 67.0])
    calcium, glow, rest = np.zeros(count), np.zeros(count), rng.uniform(0.5, 1.2, count)
    due: list[tuple[int, int, float]] = []  # (frame, cell, spikes)
    shake, breath = wander(rng, 0.7, 2), wander(rng, 0.98, 1)
    for frame in range(-60, 320):
        beat += 1 / period * (1 + 0.25 * rng.normal(size=groups))
        for group in np.flatnonzero(beat >= 1):
            strength = rng.uniform(0.7, 1.3)
            for cell in np.flatnonzero(member == group):
                if rng.random() < 0.88:
                    due += [(frame + k, int(cell), strength * rng.poisson(1.6)) for k in range(rng.integers(0, 3), 6)]
        beat %= 1
        spikes = rng.poisson(0.008, count) * rng.uniform(1, 4, count)
        for _, who, amount in (event for event in due if event[0] == frame):
            spikes[who] += amount
        due = [event for event in due if event[0] > frame]
        calcium = calcium * np.exp(-1 / 12) + spikes
        glow += (calcium - glow) / 1.8
        if frame < 0:
            continue
        light = rest * (1 + 5.5 * glow**1.6 / (glow**1.6 + 5**1.6))
        around = felt * (1 + 0.05 * glow.mean() * (1 + 0.3 * ripple) + 0.04 * next(breath)[0])
        photons = (5 * around + 15 * np.tensordot(light, bodies, 1)) * vessel * np.exp(-frame / 1300)
        yield rng.poisson(np.clip(moved(photons, *0.35 * next(shake)), 0, None)) * 3.2 + rng.normal(6, 2.5, (n, n))


def convection(rng: Random) -> Iterator[Array]:
    """Temperature in a box heated from below and cooled from above, walls that hold the fluid, none of it through the sides:
    Rayleigh-Benard, Boussinesq, in the plane, Rayleigh number 5 * 10^7, Prandtl number 4, as a camera for heat sees it.
    Vorticity and stream function; Arakawa's Jacobian, Thom's walls, Adams and Bashforth's steps; time in free falls."""
    rows, columns, dt, rayleigh, prandtl, early = 128, 256, 0.006, 5e7, 4.0, 2600
    viscosity, conductivity = (prandtl / rayleigh) ** 0.5, (prandtl * rayleigh) ** -0.5
    h = 1 / rows
    mode_z, mode_x = (2 * np.cos(np.pi * np.arange(1, m) / m) - 2 for m in (rows, columns))
    poisson = -(h**2) / (mode_z[:, None] + mode_x[None])
    z = np.linspace(0, 1, rows + 1)[:, None]  # the first row is the floor
    heat = 1 - z + 0.03 * np.sin(np.pi * z) * smooth_noise(rng, rows + 1, columns + 1, 4)
    spin, stream, before = np.zeros(heat.shape), np.zeros(heat.shape), None

    def carried(p: Array, q: Array) -> Array:
        """dp/dx dq/dz - dp/dz dq/dx inside the walls, with mean square and energy kept (Arakawa 1966)."""
        n, s, e, w = np.s_[2:, 1:-1], np.s_[:-2, 1:-1], np.s_[1:-1, 2:], np.s_[1:-1, :-2]
        ne, nw, se, sw = np.s_[2:, 2:], np.s_[2:, :-2], np.s_[:-2, 2:], np.s_[:-2, :-2]
        plus = (p[e] - p[w]) * (q[n] - q[s]) - (p[n] - p[s]) * (q[e] - q[w])
        over = p[e] * (q[ne] - q[se]) - p[w] * (q[nw] - q[sw]) - p[n] * (q[ne] - q[nw]) + p[s] * (q[se] - q[sw])
        under = q[n] * (p[ne] - p[nw]) - q[s] * (p[se] - p[sw]) - q[e] * (p[ne] - p[se]) + q[w] * (p[nw] - p[sw])
        return (plus + over + under) / (12 * h**2)

    def spread(q: Array) -> Array:
        return (q[2:, 1:-1] + q[:-2, 1:-1] + q[1:-1, 2:] + q[1:-1, :-2] - 4 * q[1:-1, 1:-1]) / h**2

    light = lamp(rng, rows // 2, columns // 2, 0.01)
    for step in range(early + 220 * 36):
        # u = d stream / dz, w = - d stream / dx, spin = dw/dx - du/dz = - laplacian of the stream function
        spin_slope = carried(stream, spin) + viscosity * spread(spin) + (heat[1:-1, 2:] - heat[1:-1, :-2]) / (2 * h)
        heat_slope = carried(stream, heat) + conductivity * spread(heat)
        old_spin, old_heat = before or (spin_slope, heat_slope)
        spin[1:-1, 1:-1] += dt * (1.5 * spin_slope - 0.5 * old_spin)
        heat[1:-1, 1:-1] += dt * (1.5 * heat_slope - 0.5 * old_heat)
        before = spin_slope, heat_slope
        for side, one, two in ((0, 1, 2), (-1, -2, -3)):
            heat[:, side] = (4 * heat[:, one] - heat[:, two]) / 3
        heat[0], heat[-1] = 1, 0
        inner = dstn(dstn(spin[1:-1, 1:-1], type=1) * poisson, type=1) / (4 * rows * columns)
        stream[1:-1, 1:-1] = inner
        for wall, near in ((np.s_[0, :], np.s_[1, :]), (np.s_[-1, :], np.s_[-2, :]), (np.s_[:, 0], np.s_[:, 1])):
            spin[wall] = -2 * stream[near] / h**2
        spin[:, -1] = -2 * stream[:, -2] / h**2
        if step >= early and (step - early) % 36 == 0:
            seen = gaussian_filter(heat, 0.8)[::-2, ::2][1:, :-1]
            yield camera(rng, 128 + 100 * np.tanh(4 * (seen - 0.5)) + 128 * (next(light) - 1), 0.03, 2)


def wound(rng: Random) -> Iterator[Array]:
    """A scratch through a sheet of cells that closes, in phase contrast: cells crawl to where there is room, push and hold
    their neighbours, keep their way for a while and divide (round and bright) where they are not crowded."""
    n, margin, size = 128, 22.0, 8.0
    y, x = np.mgrid[:n, :n].astype(float)
    pixels = np.stack([y, x], -1).reshape(-1, 2)
    where = rng.uniform(-margin, n + margin, (580, 2))
    low, high = 32 + 5 * np.sin(where[:, 0] / 19), 98 + 6 * np.sin(where[:, 0] / 27 + 2)
    where = where[(where[:, 1] < low) | (where[:, 1] > high)]
    way, round_for = rng.uniform(0, TURN, len(where)), np.zeros(len(where))
    tone, plate = rng.normal(0, 1, len(where)), 2.5 * smooth_noise(rng, n, n, 3) + 1.5 * smooth_noise(rng, n, n, 1)
    debris, drift = rng.uniform(0, n, (7, 2)), rng.normal(0, 0.06, 2)
    light, shake, focus = lamp(rng, n, n, 0.025), wander(rng, 0.5, 2), wander(rng, 0.97, 1)
    for frame in range(-8, 190):
        for _ in range(2):
            pairs = cKDTree(where).query_pairs(1.5 * size, output_type="ndarray")
            apart = where[pairs[:, 0]] - where[pairs[:, 1]]
            far = np.linalg.norm(apart, axis=1, keepdims=True) + 1e-9
            over = 1 - far / size
            force = np.where(far < size, 1.6 * over, over * (0.5 + over)) * apart / far
            push, crowd, near = np.zeros(where.shape), np.zeros(where.shape), np.zeros(len(where))
            for side, sign in ((0, 1), (1, -1)):
                np.add.at(push, pairs[:, side], sign * force)
                np.add.at(crowd, pairs[:, side], sign * apart / far)
                np.add.at(near, pairs[:, side], 1)
            room = np.linalg.norm(crowd, axis=1)
            goal = np.arctan2(crowd[:, 0], crowd[:, 1])
            way += 0.12 * np.clip(room / 2, 0, 1) * np.sin(goal - way) + rng.normal(0, 0.12, len(where))
            crawl = 0.05 * (1 + 1.2 * np.clip(room / 3, 0, 1)) * (round_for <= 0)
            where = where + crawl[:, None] * np.stack([np.sin(way), np.cos(way)], 1) + 0.25 * push
            where = np.clip(where, -margin, n + margin)
        round_for -= 1
        new = np.flatnonzero((near < 7) & (rng.random(len(where)) < 0.0035) & (round_for < -25) & (frame > 0))
        split = rng.uniform(0, TURN, len(new))
        offset = 1.8 * np.stack([np.sin(split), np.cos(split)], 1)
        round_for[new] = 5
        where = np.concatenate([where, where[new] + offset])
        where[new] -= offset
        way, tone = np.concatenate([way, way[new] + np.pi]), np.concatenate([tone, tone[new]])
        round_for = np.concatenate([round_for, round_for[new]])
        debris = (debris + drift + rng.normal(0, 0.25, debris.shape)) % n
        if frame < 0:
            continue
        far, nearest = cKDTree(where).query(pixels, k=2)
        one, two = far[:, 0].reshape(n, n), far[:, 1].reshape(n, n)
        own, dividing = tone[nearest[:, 0]].reshape(n, n), np.clip(round_for[nearest[:, 0]] / 3, 0, 1).reshape(n, n)
        inside, seam = soft(one - 6.2), np.exp(-(((two - one) / 1.5) ** 2))
        cell = 92 + 7 * own - 22 * np.exp(-((one / 1.9) ** 2)) + 40 * seam + 85 * dividing * soft(one - 3)
        image = 122 + plate + inside * (cell - 122) + 48 * np.exp(-(((one - 6.4) / 1.1) ** 2)) * (two > 5)
        for a, b in debris:
            image += 60 * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 3)
        image = gaussian_filter(image, 0.7 + 0.15 * abs(next(focus)[0])) * next(light)
        yield camera(rng, moved(image, *0.2 * next(shake)), 0.05, 2)


def stirred(rng: Random) -> Iterator[Array]:
    """Two dyes, let in by pulses, in a round tank over a white plate that two stirrers mix in turn (blinking vortices, Aref
    1984, with their images in the wall); fresh water slowly comes in and thins them; what is seen is the light that is left
    (Beer and Lambert)."""
    n, radius = 112, 50.0
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    far = np.hypot(y, x)
    tank, inside = soft(far - radius), far < radius
    places = np.array([(-3.0, -21.0), (4.0, 22.0)])
    dyes, taps = np.zeros((2, n, n)), np.array([(24.0, -12.0), (-26.0, 10.0)])
    absorbed = np.array([(0.10, 1.05, 0.85), (1.10, 0.50, 0.12)])
    plate = np.array((228, 226, 218)) * (1 + 0.02 * smooth_noise(rng, n, n, 5))[..., None]
    angle, due, left = np.zeros(2), np.array([3.0, 14.0]), np.zeros(2)
    light, motor, shake = lamp(rng, n, n, 0.015), wander(rng, 0.97, 2), wander(rng, 0.5, 2)

    def flow(a: Array, b: Array, strength: Array) -> tuple[Array, Array]:
        """Down and right, pixels a frame, at places (a, b) from the middle."""
        down, right = np.zeros(a.shape), np.zeros(a.shape)
        for at, power in zip(places, strength, strict=True):
            for centre, sign in ((at, 1), (at * radius**2 / (at @ at), -1)):
                dy, dx = a - centre[0], b - centre[1]
                r2 = dy**2 + dx**2 + 1e-9
                speed = sign * power * (1 - np.exp(-r2 / 90)) / r2
                down, right = down + speed * dx, right - speed * dy
        return down, right

    for frame in range(240):
        turn = TURN * frame / 38
        strength = 90 * np.array([max(np.sin(turn), 0), -max(-np.sin(turn), 0)]) * (1 + 0.08 * next(motor))
        for _ in range(2):
            down, right = flow(y, x, strength / 2)
            down, right = flow(y - down / 2, x - right / 2, strength / 2)
            for one in range(2):
                held = (dyes[one] * inside).sum()
                back = [y - down + (n - 1) / 2, x - right + (n - 1) / 2]
                carried = map_coordinates(dyes[one], back, order=3, mode="nearest").clip(0)
                spread = gaussian_filter(carried * inside, 0.3) / gaussian_filter(inside.astype(float), 0.3).clip(0.1)
                dyes[one] = spread * held / max((spread * inside).sum(), 1e-9)
        angle += strength / 90
        dyes *= 0.990
        for one in range(2):
            if frame >= due[one]:
                due[one], left[one] = frame + rng.uniform(24, 38), 6
            if left[one] > 0:
                left[one] -= 1
                dyes[one] += 0.8 * np.exp(-((y - taps[one, 0]) ** 2 + (x - taps[one, 1]) ** 2) / 14) * inside
        water = plate * np.exp(-np.tensordot(dyes.transpose(1, 2, 0), absorbed, 1))
        image = paint(np.full((n, n, 3), 52.0), tank, water)
        image = paint(image, np.exp(-(((far - radius - 1.5) / 1.3) ** 2)), (120, 124, 130))
        for at, theta in zip(places, angle, strict=True):
            along = (y - at[0]) * np.sin(theta) + (x - at[1]) * np.cos(theta)
            across = (x - at[1]) * np.sin(theta) - (y - at[0]) * np.cos(theta)
            image = paint(image, soft(np.maximum(abs(along) - 6, abs(across) - 1.1)), (70, 72, 76))
        image = image + 45 * np.exp(-((y + 22) ** 2 + (x + 24) ** 2) / 20)[..., None]
        yield camera(rng, moved(image * next(light)[..., None], *0.1 * next(shake)), 0.05, 1.5)
