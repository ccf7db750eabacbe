"""Made series of what is seen from afar: traffic, a tidal flat, the sun, a courtyard."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from benchmarks.lifelike_parts import TURN, Array, Random, camera, lamp, moved, paint, smooth_noise, soft, wander


@dataclass
class Car:
    at: float  # metres along its lane, of the front
    speed: float  # metres a second
    wish: float
    long: float  # metres
    hue: Array


def traffic(rng: Random) -> Iterator[Array]:
    """A crossing with lights, from a drone that hovers: cars and lorries come by chance and follow one another (intelligent
    driver model, Treiber 2000), and stand while it is red. A cloud's shadow goes over. 0.6 m a pixel, 0.35 s a frame."""
    height, width, metre, cycle = 96, 160, 1 / 0.6, 28.0
    y, x = np.mgrid[:height, :width].astype(float)
    grain = smooth_noise(rng, height, width, 1)
    scene = paint(np.zeros((height, width, 3)), np.ones((height, width)), (70, 95, 55)) + 9 * grain[..., None]
    for _ in range(45):
        a, b, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(3, 6)
        scene = paint(scene, 0.9 * soft(np.hypot(y - a, x - b) - r), np.array((38, 66, 30)) * rng.uniform(0.7, 1.3))
    roofs = ((4, 12, (150, 85, 65)), (6, 56, (130, 130, 135)), (70, 30, (165, 150, 130)), (66, 122, (120, 75, 60)))
    for top, left, colour in roofs:
        scene = paint(scene, soft(np.maximum(abs(y - top - 9) - 9, abs(x - left - 13) - 13)), colour)
    road = np.maximum(soft(abs(y - 45) - 13), soft(abs(x - 100) - 7))
    scene = paint(scene, road, (88, 88, 92)) + 3 * grain[..., None] * road[..., None]
    crossing = soft(np.maximum(abs(y - 45) - 13, abs(x - 100) - 7) - 1)
    dashes = soft(abs(y - 45) - 0.6) + (soft(abs(y - 38.5) - 0.4) + soft(abs(y - 51.5) - 0.4)) * (x % 10 < 5)
    scene = paint(scene, (dashes + soft(abs(x - 100) - 0.5) * (abs(y - 45) > 13)).clip(0, 1) * (1 - crossing), (200, 200, 190))
    # lanes: (travels along the width, sense, where it lies across, front stops at this many metres of the lane, arrivals a s)
    lanes = [(True, -1, 35.0, 29.0, 0.13), (True, -1, 41.5, 29.0, 0.16)]
    lanes += [(True, 1, 48.5, 53.0, 0.16), (True, 1, 55.0, 53.0, 0.13)]
    lanes += [(False, 1, 96.5, 15.0, 0.13), (False, -1, 103.5, 21.0, 0.13)]
    cars: list[list[Car]] = [[] for _ in lanes]
    paints = np.array([(235, 235, 235), (30, 30, 34), (150, 152, 158), (170, 30, 28), (35, 60, 130), (210, 190, 60)])
    cloud, hover, light = smooth_noise(rng, height, 500, 14), wander(rng, 0.93, 2), lamp(rng, height, width, 0.015)

    def drive(clock: float, dt: float) -> None:
        for (along, _, _, stop, arrivals), lane in zip(lanes, cars, strict=True):
            go = clock % cycle < 11 if along else 14 < clock % cycle < 24.5
            end = (width if along else height) * 0.6 + 14
            room = lane[-1].at - lane[-1].long + 40 if lane else 99.0
            if rng.random() < arrivals * dt and room > 12:
                long = 10.0 if rng.random() < 0.12 else rng.uniform(4, 5)
                hue = paints[rng.choice(6, p=(0.28, 0.22, 0.25, 0.1, 0.1, 0.05))] * rng.uniform(0.85, 1.05)
                lane.append(Car(-40.0, 7.0, rng.uniform(7.5, 9.5), long, hue))
            ahead, ahead_speed = 1e6, 8.0
            for car in lane:
                gap, speed = ahead - car.at, car.speed
                to_line, other = stop - car.at, ahead_speed
                if not go and speed**2 / 8 < to_line < gap:
                    gap, other = to_line + 1, 0.0
                wanted = 2 + max(0.0, speed * 1.1 + speed * (speed - other) / (2 * np.sqrt(1.8 * 2.5)))
                push = 1.8 * (1 - (speed / car.wish) ** 4 - (wanted / max(gap, 0.3)) ** 2)
                ahead, ahead_speed = car.at - car.long, speed
                car.speed = max(0.0, speed + dt * max(push, -7))
                car.at += dt * car.speed
            lane[:] = [car for car in lane if car.at < end]

    for tick in range(-1200, 340 * 7):
        drive(tick * 0.05, 0.05)
        if tick < 0 or tick % 7:
            continue
        frame = scene
        for (along, sense, across, _, _), lane in zip(lanes, cars, strict=True):
            for car in lane:
                half = car.long / 2 * metre
                centre = car.at * metre - half
                centre = centre if sense == 1 else (width if along else height) - centre
                far, side = (x - centre, y - across) if along else (y - centre, x - across)
                broad = 2.0 if half > 6 else 1.6
                frame = paint(frame, 0.55 * soft(np.maximum(abs(far - 1) - half, abs(side - 1) - broad)), (20, 22, 28))
                frame = paint(frame, soft(np.maximum(abs(far) - half, abs(side) - broad), 3), car.hue)
                glass = np.maximum(abs(far - sense * half * 0.35) - 0.8, abs(side) - 1.2)
                frame = paint(frame, 0.8 * soft(glass, 3), (40, 46, 54))
        for red, dot_y, dot_x in ((tick * 0.05 % cycle >= 11, 30, 91), (not 14 < tick * 0.05 % cycle < 24.5, 60, 109)):
            frame = paint(frame, soft(np.hypot(y - dot_y, x - dot_x) - 1.6), (240, 40, 30) if red else (40, 230, 90))
        under = map_coordinates(cloud, [y, (x - tick / 7 * 0.8) % 500], order=1, mode="grid-wrap")
        frame = frame * (0.8 + 0.2 * soft(under - 0.7, 3) * next(light))[..., None]
        yield camera(rng, moved(frame, *0.5 * next(hover)), 0.08, 1.5)


def tideflat(rng: Random) -> Iterator[Array]:
    """Mud flats seen every hour for fifteen days, while moon (12.42 h) and sun (12 h, 23.93 h) raise the sea and the weather
    adds its surge; the flood comes later inland, the mud dries slowly. Light has the day; by night the camera sees worse."""
    height, width = 100, 140
    y, x = np.mgrid[:height, :width].astype(float)
    bed = 70 + 16 * np.sin(y / 17 + 1) + 6 * np.sin(y / 7)
    creek = bed - 38 + 0.02 * (y - 20) + 9 * np.sin(y / 11 + 2)
    ground = 1.9 - 3.1 * y / height + 0.28 * smooth_noise(rng, height, width, 9) + 0.1 * smooth_noise(rng, height, width, 3)
    ground -= 1.7 * np.exp(-(((x - bed) / (3 + 0.07 * y)) ** 2)) + 0.9 * np.exp(-(((x - creek) / (2 + 0.03 * y)) ** 2))
    marsh = soft(1.45 - ground, 8) * soft(smooth_noise(rng, height, width, 3) - 1, 3)
    late, wet = 0.8 * (1 - y / height), np.ones((height, width))
    mud = np.stack([165 + 6 * smooth_noise(rng, height, width, 1)] * 3, -1) * np.array((1, 0.9, 0.72))
    surge, light, shake = wander(rng, 0.97, 1), lamp(rng, height, width, 0.02), wander(rng, 0.5, 2)

    def tide(hour: Array) -> Array:
        moon, sun = 1.15 * np.cos(TURN * hour / 12.4206 + 0.5), 0.4 * np.cos(TURN * hour / 12 + 2.0)
        return moon + sun + 0.28 * np.cos(TURN * hour / 23.9345 + 1.0)

    for hour in range(360):
        level = tide(hour - late) + 0.16 * next(surge)[0]
        rising = abs(tide(hour - late + 0.5) - tide(hour - late - 0.5))
        depth, elevation = level - ground, np.sin(TURN * (hour - 6.3) / 24) * 0.75 + 0.05
        wet = np.maximum(soft(-depth, 12), wet * np.exp(-0.06 - 0.14 * max(elevation, 0)))
        frame = mud * (1 - 0.42 * wet[..., None]) - np.array((4, 0, -6)) * wet[..., None]
        frame = paint(frame, 0.8 * marsh, (78, 104, 52))
        silt = (rising[..., None] * np.exp(-depth.clip(0)[..., None])).clip(0, 1)
        water = np.array((38, 78, 102)) + np.exp(-depth.clip(0) / 0.7)[..., None] * np.array((72, 54, 12))
        water = water + silt * np.array((40, 24, 2)) + 5 * smooth_noise(rng, height, width, 1.2)[..., None]
        frame = paint(frame, soft(-depth, 14) * 0.93, water)
        frame = paint(frame, 0.45 * np.exp(-(((depth - 0.04) / 0.05) ** 2)) * soft(-rising + 0.1, 6), (225, 225, 220))
        day = np.clip((elevation + 0.1) / 0.5, 0, 1)
        tint = 0.5 + 0.5 * day + np.array((0.1, 0.0, -0.08)) * 4 * day * (1 - day)
        frame = moved(frame * tint * next(light)[..., None], *0.2 * next(shake))
        yield camera(rng, frame, 0.05 + 0.12 * (1 - day), 1.5)


def sun(rng: Random) -> Iterator[Array]:
    """The sun's disc every four hours: pairs of spots that rise, are carried round (fastest at the equator, Snodgrass and
    Ulrich 1990; as seen from the earth), and shrink at a steady rate of area; faculae near a limb that is darkened."""
    n, radius, hours = 128, 55.0, 4.0
    y, x = np.mgrid[:n, :n] - (n - 1) / 2
    sea_y, sea_x = -y / radius, x / radius
    on = sea_y**2 + sea_x**2 < 1
    toward = np.sqrt(np.clip(1 - sea_y**2 - sea_x**2, 0, None))
    tilt = np.radians(6.5)
    north, front = sea_y * np.cos(tilt) + toward * np.sin(tilt), toward * np.cos(tilt) - sea_y * np.sin(tilt)
    latitude, longitude = np.arcsin(np.clip(north, -1, 1)), np.arctan2(sea_x, front)

    def turned(lat: Array | float, frames: float) -> Array:
        s = np.sin(lat) ** 2
        return np.radians(14.713 - 2.396 * s - 1.787 * s**2 - 0.9856) * frames * hours / 24

    # spots: (latitude, longitude at birth, birth, frames to grow, frames to shrink, greatest radius in radians)
    spots: list[tuple[float, ...]] = []
    for birth in range(-160, 270):
        for _ in range(rng.poisson(0.11)):
            lat, lon, size = rng.choice((-1, 1)) * np.radians(rng.normal(17, 5)), rng.uniform(0, TURN), rng.lognormal(0, 0.35)
            apart, age = np.radians(rng.uniform(5, 9)), rng.uniform(50, 150) * size
            spots.append((lat * 0.97, lon + apart / 2, birth, 18, age, 0.055 * size))
            spots.append((lat * 1.03 + np.sign(lat) * 0.2 * apart, lon - apart / 2, birth + 2, 14, 0.55 * age, 0.042 * size))
            for _ in range(rng.integers(1, 5)):
                place = lat + rng.normal(0, 0.02), lon + rng.uniform(-0.6, 0.6) * apart
                spots.append((*place, birth + int(rng.integers(2, 14)), 6, rng.uniform(10, 50), 0.022 * size))
    network = smooth_noise(rng, 90, 180, 0.9)
    light, seeing, shake = lamp(rng, n, n, 0.012), wander(rng, 0.8, 1), wander(rng, 0.3, 2)
    for frame in range(270):
        network = 0.94 * network + np.sqrt(1 - 0.94**2) * smooth_noise(rng, 90, 180, 0.9)
        spot, facula = np.zeros((n, n)), np.zeros((n, n))
        for lat, lon, born, grow, shrink, size in spots:
            age = frame - born
            area = min(age / grow, 1.0, 1 - (age - grow) / shrink)
            plage = np.clip(age / grow, 0, 1) * np.exp(-max(age - grow, 0) / (1.5 * shrink)) if age > 0 else 0.0
            off = (longitude - lon - turned(lat, age) + np.pi) % TURN - np.pi
            far = np.hypot((latitude - lat), off * np.cos(lat))
            if plage > 0.05:
                facula += plage * np.exp(-((far / (2.2 * size)) ** 2))
            if area > 0:
                r = size * np.sqrt(area)
                spot = np.maximum(spot, 0.3 * soft((far - r) * radius, 1.5) + 0.5 * soft((far - 0.45 * r) * radius, 1.5))
        sampled = [(latitude / np.pi + 0.5) * 89, (longitude - turned(latitude, frame)) % TURN / TURN * 180]
        net = map_coordinates(network, sampled, order=1, mode="grid-wrap")
        bright = (0.4 + 0.6 * toward) * (1 - spot) + (1 - toward) * (0.14 * np.clip(facula, 0, 1) * (1 - spot) + 0.02 * net)
        disc = 225 * bright * (1 + 0.012 * smooth_noise(rng, n, n, 0.8)) * soft(np.hypot(y, x) - radius, 2)
        halo = 8 + 5 * np.exp(-np.clip(np.hypot(y, x) - radius, 0, None) / 6) * ~on
        blurred = gaussian_filter(disc + halo, 0.45 + 0.12 * abs(next(seeing)[0]))
        yield camera(rng, moved(blurred * next(light), *0.12 * next(shake)), 0.03, 1)


def courtyard(rng: Random) -> Iterator[Array]:
    """Houses, trees and parked cars from straight above, every twenty minutes for five days at 48 degrees north in April:
    shadows go with the sun, clouds take them away, lamps come on in the dark (one is faulty), the camera sets its gain."""
    height, width, day = 108, 144, 72
    y, x = np.mgrid[:height, :width].astype(float)
    fine, coarse = smooth_noise(rng, height, width, 0.8), smooth_noise(rng, height, width, 5)
    scene = np.array((118, 114, 106)) + (5 * fine + 4 * coarse)[..., None]
    lawn = soft(np.hypot((y - 62) / 0.8, x - 50) - 20) + soft(np.maximum(abs(y - 88) - 12, abs(x - 110) - 22))
    scene = paint(scene, lawn.clip(0, 1), (72, 100, 48)) + 5 * (fine * lawn)[..., None]
    scene = paint(scene, soft(abs(y - 44) - 5), (76, 76, 80))
    tall = np.zeros((height, width))
    blocks = ((18, 34, 14, 26, 17, (150, 82, 62)), (20, 110, 13, 22, 24, (140, 136, 132)), (80, 14, 18, 9, 13, (128, 72, 60)))
    for a, b, half_y, half_x, top, colour in (*blocks, (66, 124, 9, 12, 11, (160, 150, 128))):
        box = soft(np.maximum(abs(y - a) - half_y, abs(x - b) - half_x), 4)
        ridge = 1 - abs(y - a) / half_y
        scene = paint(scene, box, np.array(colour) * (0.92 + 0.16 * (y > a))[..., None]) - 3 * (box * (y % 3 < 1))[..., None]
        tall = np.maximum(tall, (top + 3 * ridge) * (box > 0.5))
    for a, b, r in ((58, 40, 6), (68, 60, 5), (92, 96, 6), (94, 118, 5), (88, 58, 5), (100, 76, 4), (60, 88, 4)):
        crown = np.hypot(y - a, x - b) - r + 0.8 * coarse
        scene = paint(scene, soft(crown), np.array((46, 78, 36)) + 10 * fine[..., None])
        tall = np.maximum(tall, np.where(crown < 0, 5 + 1.2 * np.sqrt(np.clip(-crown, 0, None) * r), 0))
    lots = [(37.5, b) for b in range(6, 140, 9)] + [(50.5, b) for b in range(10, 140, 9)]
    full, hues = rng.random(len(lots)) < 0.5, rng.uniform(30, 215, (len(lots), 1)) + rng.normal(0, 14, (len(lots), 3))
    lamps = [(51, 26), (51, 76), (51, 122), (86, 38), (78, 84)]
    glow = np.array([np.exp(-np.hypot(y - a, x - b) / 9) for a, b in lamps]) * np.where(tall > 9, 0.15, 1)
    weather, wind, gusts = wander(rng, 0.965, 1), wander(rng, 0.5, 2), wander(rng, 0.5, 1)
    gain, north, tilt = 1.0, np.radians(48), np.radians(9)
    roll = np.arange(1, 60)

    def shadow(elevation: float, azimuth: float) -> Array:
        """1 where the sun is hidden: something toward it is higher than the ray."""
        hidden = np.zeros((height, width))
        for s in roll:
            at = [y - s * np.cos(azimuth), x + s * np.sin(azimuth)]
            over = map_coordinates(tall, at, order=1, mode="constant") - tall - s * np.tan(elevation)
            hidden = np.maximum(hidden, soft(-over, 3))
            if s * np.tan(elevation) > tall.max():
                break
        return hidden

    for frame in range(360):
        hour = TURN * (frame / day - 0.28)
        high = np.sin(north) * np.sin(tilt) + np.cos(north) * np.cos(tilt) * np.cos(hour)
        azimuth = np.arctan2(-np.sin(hour), np.tan(tilt) * np.cos(north) - np.sin(north) * np.cos(hour))
        clouds = 1 / (1 + np.exp(-2.6 * (next(weather)[0] - 0.1) - 0.7 * next(gusts)[0]))
        sky = np.clip((high + 0.12) / 0.5, 0, 1) ** 1.2
        direct = np.clip(high, 0, 1) ** 0.7 * (1 - 0.93 * clouds)
        red = np.exp(-np.clip(high, 0.02, 1) * 5)
        lit = 1 - shadow(max(np.arcsin(high), 0.04), float(azimuth)) if direct > 0.02 else np.zeros((height, width))
        light = 0.55 * sky * (1 - 0.35 * clouds) * np.array((0.88, 0.97, 1.12)) + np.array((0.016, 0.018, 0.026))
        light = light + (direct * lit)[..., None] * np.array((1.05, 1 - 0.25 * red, 0.9 - 0.5 * red))
        if sky * (1 - 0.5 * clouds) < 0.16:
            power = np.array([1.0, 1.0, 0.9, 1.0, 1.0 if rng.random() < 0.6 else 0.1])
            light = light + 0.32 * np.tensordot(power, glow, 1)[..., None] * np.array((1.1, 0.86, 0.5))
        come, go = (0.04, 0.02) if np.cos(hour) > -0.3 else (0.004, 0.004)
        swap = rng.random(len(lots))
        for j in np.flatnonzero(np.where(full, swap < go, swap < come * 0.6)):
            full[j] = not full[j]
            hues[j] = rng.uniform(30, 215) + rng.normal(0, 14, 3)
        ground = scene
        for j in np.flatnonzero(full):
            off_y, off_x = abs(y - lots[j][0]), x - lots[j][1]
            ground = paint(ground, soft(np.maximum(off_y - 1.6, abs(off_x) - 3.2), 3), hues[j])
            ground = paint(ground, 0.7 * soft(np.maximum(off_y - 1.1, abs(off_x - 1) - 0.7), 3), (36, 40, 46))
        bright = ground * light
        gain = 0.5 * gain + 0.5 * (105 / (bright.mean() + 9)) ** 0.75
        image = moved(bright * gain, *0.15 * next(wind))
        yield camera(rng, 255 * (1 - np.exp(-image / 170)), 0.02 + 0.06 * gain, 1 + 0.6 * gain)
