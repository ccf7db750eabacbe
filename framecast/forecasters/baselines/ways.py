"""Ways of objects: straight on at one speed, and back at walls as from a mirror. Places and speeds are in rows and columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

STRAIGHT, SURE = 1.0, 4
"""Pixels that an object may be off its way, and for how many frames it has to be on it."""
NO_WALLS = np.array([[-np.inf, np.inf], [-np.inf, np.inf]])


@dataclass(frozen=True, eq=False)
class Way:
    """Straight on, and back at the walls."""

    time: int
    place: Array
    speed: Array
    room: Array
    """(axis, side) of the centre."""

    def at(self, time: float | Array) -> Array:
        return folded(self.place + (time - self.time) * self.speed, self.speed, self.room)[0]


def room(walls: Array, half: Array, place: Array) -> Array:
    """(..., axis, side) within which the centre of an object stays; it always holds the place (..., axis) where it is."""
    return np.stack([np.minimum(walls[:, 0] + half, place), np.maximum(walls[:, 1] - half, place)], axis=-1)


def folded(place: Array, speed: Array, room: Array) -> tuple[Array, Array]:
    """Places and speeds (..., axis) of what went straight on to `place`, had it been turned back at the sides of `room`."""
    low, length = room[..., 0], room[..., 1] - room[..., 0]
    if np.isinf(length).all():
        return place, speed
    length = np.maximum(length, 1e-9)
    turns, rest = np.divmod(place - low, length)
    back = turns % 2 == 1
    return low + np.where(back, length - rest, rest), np.where(back, -speed, speed)


def straightest(places: Array, times: Array, now: int, sides: Array) -> Way:
    """The straight way through places (time, axis) that was kept to for longest until the last one, to a pixel; standing still
    at the last one where none was kept to for long. `sides` are the room of the centre, (axis, side)."""
    best, most = Way(now, places[-1], np.zeros(2), sides), 0
    for tried in _starts(places, times, now, sides):
        n_before = most
        for _ in range(6):
            n_on = _on_the_way(tried, places, times)
            if n_on < 2 or n_on <= n_before or n_on < most:
                break
            best, most = tried, n_on
            tried = _fitted(tried, places[-n_on:], times[-n_on:])
    if most < max(3, min(SURE, len(times))):
        return Way(now, places[-1], np.zeros(2), sides)
    return best


def _starts(places: Array, times: Array, now: int, sides: Array) -> Iterator[Way]:
    """Ways through two of the last places each."""
    for apart in (1, 2, 4):
        for last in range(len(places) - 1, max(apart - 1, len(places) - 5), -1):
            speed = (places[last] - places[last - apart]) / (times[last] - times[last - apart])
            at, turned = folded(places[last] + (now - times[last]) * speed, speed, sides)
            yield Way(now, at, turned, sides)


def _on_the_way(tried: Way, places: Array, times: Array) -> int:
    """How many of the last places are on it."""
    off = np.linalg.norm(tried.at(times[:, None]) - places, axis=1)[::-1] > STRAIGHT
    return int(np.argmax(off)) if off.any() else len(off)


def _fitted(tried: Way, places: Array, times: Array) -> Way:
    """The line through places by least squares, each seen in the mirrors of the walls where `tried` had it."""
    t = (times - tried.time).astype(np.float64)
    straight = tried.place + t[:, None] * tried.speed
    for axis, (low, high) in enumerate(tried.room):
        seen = places[:, axis]
        if np.isfinite(high - low) and high > low:
            turns = np.floor((straight[:, axis] - low) / (high - low))[:, None] + np.array([-1, 0, 1])
            mirrored = low + turns * (high - low) + np.where(turns % 2 == 1, high - seen[:, None], seen[:, None] - low)
            nearest = np.argmin(np.abs(mirrored - straight[:, axis][:, None]), axis=1)
            seen = mirrored[np.arange(len(seen)), nearest]
        straight[:, axis] = seen
    slope, level = np.polyfit(t, straight, 1) if len(t) > 1 else (tried.speed, straight[0])
    at, speed = folded(level, slope, tried.room)
    return Way(tried.time, at, speed, tried.room)
