"""Tracks of objects: which blob of a frame is which of the frame before, and where objects turned back.

Objects are followed by where they should be by now (an alpha-beta filter; Benedict and Bordner, IRE Transactions on Automatic
Control 7 (1962) 27-32) and given to what was found by the assignment that costs least (Kuhn, Naval Research Logistics
Quarterly 2 (1955) 83-97), among things of like area. One that melts into another goes on unseen until they part.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.forecasters.baselines.objects import Blob, Found
from framecast.forecasters.baselines.ways import STRAIGHT, SURE, Way, folded, room, straightest
from framecast.leaving import may_be_left

Array = np.ndarray[Any, np.dtype[Any]]

_LIKE_AREA, _AREA_COSTS = 0.5, 8.0
"""How far the logarithms of two areas may be apart, and what such a distance costs in pixels."""
_GAIN, _SPEED_GAIN = 0.7, 0.4
"""Of what an object is off from where it should be: how much its place, and how much its speed takes over."""
_MELTED = 1.15
"""How much larger than itself an object is found where another one has melted into it."""
_TOGETHER = 10
"""For how many frames what goes the same way within one blob is taken for several things."""
_UNSEEN, _HIDDEN = 3, 100
"""For how many frames an object is waited for that is nowhere, and one that is within another."""


@dataclass(eq=False)
class Track:
    """An object, by what was seen of it."""

    blobs: list[Blob]
    times: list[int]
    place: Array
    speed: Array
    half: Array
    hidden: bool = False

    @property
    def seen_at(self) -> int:
        return self.times[-1]

    def meet(self, blob: Blob, time: int, place: Array, speed: Array, afresh: bool = False) -> None:
        """It is seen, and was foreseen at that place with that speed; `afresh` where that says nothing."""
        gone, error = time - self.seen_at, blob.centre - place
        first = afresh or len(self.times) == 1
        self.place = blob.centre if first else place + _GAIN * error
        self.speed = (blob.centre - self.blobs[-1].centre) / gone if first else speed + _SPEED_GAIN * error / gone
        if blob.whole:
            self.half = blob.half
        self.blobs.append(blob)
        self.times.append(time)
        self.hidden = False

    def hide(self, walls: Array) -> None:
        """From now on by its way, which is surer than its last steps."""
        if not self.hidden and len(self.times) >= SURE:
            found = self.way(self.seen_at, walls)
            if found.speed.any():
                self.place, self.speed = found.place, found.speed
        self.hidden = True

    def way(self, now: int, walls: Array) -> Way:
        """Where it is going, counted from the frame `now`."""
        seen = [(blob.centre, time) for blob, time in zip(self.blobs, self.times, strict=True) if blob.whole]
        if len(seen) < SURE:  # the centre of what is cut by the border is not where it would be
            seen = [(blob.centre, time) for blob, time in zip(self.blobs, self.times, strict=True)]
        places, times = np.stack([centre for centre, _ in seen]), np.array([time for _, time in seen])
        return straightest(places, times, now, room(walls, self.half, places[-1]))


def follow(found: Found, walls: Array) -> tuple[list[Track], list[Track]]:
    """The objects that are there in the last frame, those hidden by others first; and all that were seen in any."""
    tracks: list[Track] = []
    seen: list[Track] = []
    time = 0
    for time, here in found.blobs.items():
        may_be_left()
        foreseen, speeds = _foreseen(tracks, time, walls)
        pairs = _assigned(tracks, foreseen, here, [_reach(track, time) for track in tracks])
        turned = _turned(tracks, foreseen, here, pairs, time)
        within = {**pairs, **turned, **_held(tracks, foreseen, here, found.labels[time], {*pairs, *turned})}
        company: dict[int, list[int]] = {}  # by blob, the objects within
        for i, j in within.items():
            company.setdefault(j, []).append(i)
        gone = {
            i
            for i, track in enumerate(tracks)
            if i in within and _is_part(track, [tracks[k] for k in company[within[i]]], time)
        }
        for i, track in enumerate(tracks):
            if i not in within or i in gone:
                track.hidden = False
                continue
            blob = here[within[i]]
            if len(company[within[i]]) == 1 or (i in pairs and blob.area <= _MELTED * track.blobs[-1].area):
                track.meet(blob, time, foreseen[i], speeds[i], afresh=i in turned)
            else:
                track.hide(walls)
        known = {j for j, those in company.items() if not gone.issuperset(those)}
        new = [Track([blob], [time], blob.centre, np.zeros(2), blob.half) for j, blob in enumerate(here) if j not in known]
        seen += new
        stay = [track for i, track in enumerate(tracks) if i not in gone]
        tracks = [*new, *(track for track in stay if time - track.seen_at <= (_HIDDEN if track.hidden else _UNSEEN))]
    here_now = [track for track in tracks if track.hidden or track.seen_at == time or _only_missed(track, tracks)]
    return sorted(here_now, key=lambda track: (not track.hidden, -track.blobs[-1].area)), seen


def _only_missed(track: Track, tracks: Sequence[Track]) -> bool:
    """Whether an object that was well known a moment ago is still somewhere, and not what was found anew since."""
    since = [other for other in tracks if other.times[0] > track.seen_at]
    anew = any(abs(np.log(other.blobs[-1].area / track.blobs[-1].area)) <= _LIKE_AREA for other in since)
    return len(track.times) >= SURE and not anew


def _is_part(track: Track, company: Sequence[Track], time: int) -> bool:
    """Whether what is within one blob with others has gone the same way for so long that all of it is one thing: it had fallen
    into pieces, or went together."""
    others = [other for other in company if other is not track]
    together = all(float(np.abs(other.speed - track.speed).max()) < STRAIGHT / 4 for other in others)
    return bool(others) and track.hidden and time - track.seen_at >= _TOGETHER and together


def _foreseen(tracks: Sequence[Track], time: int, walls: Array) -> tuple[Array, Array]:
    """(track, axis): where each should be at a time, and how fast."""
    if not tracks:
        return np.zeros((0, 2)), np.zeros((0, 2))
    place, speed, half = (np.stack([getattr(track, name) for track in tracks]) for name in ("place", "speed", "half"))
    gone = np.array([time - track.seen_at for track in tracks])[:, None]
    return folded(place + gone * speed, speed, room(walls, half, place))


def _held(tracks: Sequence[Track], foreseen: Array, here: Sequence[Blob], labels: Array, known: set[int]) -> dict[int, int]:
    """The blob on whose pixels an object should be that was given none, or beside them."""
    by_label = {blob.label: j for j, blob in enumerate(here)}
    held = {}
    for i, track in enumerate(tracks):
        row, column = (int(at) for at in np.clip(np.round(foreseen[i]), -9, np.array(labels.shape) + 9))
        if i in known or len(track.times) < 2:
            continue
        near = labels[max(0, row - 1) : max(0, row + 2), max(0, column - 1) : max(0, column + 2)]
        covering = [by_label[label] for label in near.ravel().tolist() if label in by_label]
        if covering:
            held[i] = max(covering, key=covering.count)
    return held


def _assigned(tracks: Sequence[Track], foreseen: Array, here: Sequence[Blob], reach: Sequence[float]) -> dict[int, int]:
    """Which blob is which track."""
    from scipy.optimize import linear_sum_assignment

    if not tracks or not here:
        return {}
    away = np.linalg.norm(foreseen[:, None] - np.stack([blob.centre for blob in here])[None], axis=-1)
    areas = np.log([track.blobs[-1].area for track in tracks]), np.log([blob.area for blob in here])
    unlike = np.abs(areas[0][:, None] - areas[1][None])
    allowed = (away <= np.array(reach)[:, None]) & (unlike <= _LIKE_AREA)
    rows, columns = linear_sum_assignment(np.where(allowed, away + _AREA_COSTS * unlike, 1e6))
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if allowed[i, j]}


def _turned(
    tracks: Sequence[Track], foreseen: Array, here: Sequence[Blob], pairs: dict[int, int], time: int
) -> dict[int, int]:
    """As _assigned, for what is left: whoever turned back may be twice its way from where it should be."""
    left = [i for i, track in enumerate(tracks) if i not in pairs and len(track.times) >= SURE and not track.hidden]
    free = sorted(set(range(len(here))) - set(pairs.values()))
    reach = [2.0 * float(np.linalg.norm(tracks[i].speed)) * (time - tracks[i].seen_at) + 1.0 for i in left]
    found = _assigned([tracks[i] for i in left], foreseen[left], [here[j] for j in free], reach)
    return {left[i]: free[j] for i, j in found.items()}


def _reach(track: Track, time: int) -> float:
    """How far from where it should be an object is looked for: its own size where it was seen but once."""
    size = float(track.half.max())
    if len(track.times) == 1:
        return max(6.0, 2 * size)
    return max(3.0, 0.5 * size, 0.5 * float(np.linalg.norm(track.speed))) + 2.0 * (time - track.seen_at - 1)


def walls_of(tracks: Sequence[Track], shape: tuple[int, int]) -> Array:
    """(axis, side): where edges of objects turned back and none was seen beyond, else the border of the picture (h, w)."""
    walls = np.array([[-0.5, size - 0.5] for size in shape])
    if not tracks:
        return walls
    for axis in (0, 1):
        for side, sign in enumerate((-1, 1)):
            reached = max(_edge(track, blob, axis, sign) for track in tracks for blob in track.blobs)
            turns = [turn for track in tracks for edge, turn in _turns(track, axis, sign) if edge >= reached - STRAIGHT]
            if turns:
                walls[axis, side] = sign * float(np.median(turns))
    return walls


def _turns(track: Track, axis: int, sign: int) -> Iterator[tuple[float, float]]:
    """How far out the edge of an object was seen where it came back, and was between two frames: along `axis`, outwards with
    `sign`."""
    out = sign * np.array([blob.centre[axis] for blob in track.blobs])
    for k in range(2, len(out) - 2):
        around = out[k - 2 : k + 3]
        together = track.times[k + 2] - track.times[k - 2] <= 4 + _UNSEEN
        if together and around.argmax() == 2 and around[2] - max(around[0], around[4]) > STRAIGHT / 2:
            edge, steps = _edge(track, track.blobs[k], axis, sign), around[2] - around[[1, 3]]
            yield edge, edge + abs(float(steps[0] - steps[1])) / 2  # of one step the ways out and back add up to the other one


def _edge(track: Track, blob: Blob, axis: int, sign: int) -> float:
    """Where an object ended along `axis`, outwards with `sign`: the sides of its outermost pixels, which may be outside."""
    seen = 0.5 - float(blob.box[axis].start) if sign < 0 else float(blob.box[axis].stop) - 0.5
    return seen if blob.whole else max(seen, sign * float(blob.centre[axis]) + float(track.half[axis]))
