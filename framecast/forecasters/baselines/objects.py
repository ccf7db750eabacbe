"""Objects in front of a background that stands still: found, followed from frame to frame, and where each is going.

The background is the median of past frames, an object what differs from it and hangs together. Objects are followed by where
they should be by now (an alpha-beta filter; Benedict and Bordner, IRE Transactions on Automatic Control 7 (1962) 27-32) and
given to what was found by the assignment that costs least (Kuhn, Naval Research Logistics Quarterly 2 (1955) 83-97), among
things of like area. One that melts into another goes on unseen until they part. From its places, each object has one straight
way, turned back at walls where there are some.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.leaving import may_be_left
from framecast.series.frames import Frames
from framecast.series.preparation import reduce_frames, reduced_shape

Array = np.ndarray[Any, np.dtype[Any]]

_SEARCHED_PIXELS = 256 * 256
FEWEST_PIXELS = 8
"""Along either side; smaller pictures hold no objects."""
_FOLLOWED, _OF_MEDIAN = 100, 25
"""Frames in which objects are followed, and of which the background is the median."""
_MOST_OBJECTS, _SMALLEST = 200, 5
"""In one frame, and in pixels of the grid that is searched."""
_MOST_COVERED = 0.5
"""Of the picture. What covers more is not in front of a background."""
_LIKE_AREA, _AREA_COSTS = 0.5, 8.0
"""How far the logarithms of two areas may be apart, and what such a distance costs in pixels."""
_GAIN, _SPEED_GAIN = 0.7, 0.4
_MELTED = 1.15
"""How much larger than itself an object is found where another one has melted into it."""
_TOGETHER = 10
"""For how many frames what goes the same way within one blob is taken for several things."""
_UNSEEN, _HIDDEN = 3, 100
"""For how many frames an object is waited for that is nowhere, and one that is within another."""
_STRAIGHT, _SURE = 1.0, 4
"""Pixels that an object may be off its way, and for how many frames it has to be on it."""
NO_WALLS = np.array([[-np.inf, np.inf], [-np.inf, np.inf]])


@dataclass(eq=False)
class Blob:
    """What hangs together in one frame; in pixels of the grid, rows and columns."""

    centre: Array
    area: int
    box: tuple[slice, slice]
    label: int
    whole: bool
    """Whether it does not touch the border of the frame."""

    @property
    def half(self) -> Array:
        return np.array([(side.stop - side.start) / 2 for side in self.box])


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
        if not self.hidden and len(self.times) >= _SURE:
            found = way(self, self.seen_at, walls)
            if found.speed.any():
                self.place, self.speed = found.place, found.speed
        self.hidden = True


@dataclass(frozen=True, eq=False)
class Found:
    """What stands out from the background in the last frames."""

    shape: tuple[int, int]
    """Of the grid in which it was searched."""
    threshold: float
    """How far an object's pixels are from the background, in units of the frames."""
    blobs: dict[int, list[Blob]]
    labels: dict[int, Array]
    """By frame, ascending: what hangs together, and which pixels of the grid belong to which blob."""


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


def background(past: Frames) -> Array:
    """Median of at most 25 frames, evenly spread, of (time, height, width, channel): (height, width, channel) float32."""
    at = np.unique(np.linspace(0, len(past) - 1, min(_OF_MEDIAN, len(past))).round().astype(int))
    out = np.empty(past.shape[1:], np.float32)
    rows = max(1, (1 << 22) // (len(at) * past.shape[2] * past.shape[3]))
    for start in range(0, len(out), rows):
        may_be_left()
        out[start : start + rows] = np.median(np.stack([past[index, start : start + rows] for index in at]), axis=0)
    return out


def difference(frame: Array, behind: Array) -> Array:
    """Of (height, width, channel) from the background, the largest over the channels: (height, width) float32."""
    return np.asarray(np.abs(frame.astype(np.float32) - behind).max(axis=-1))


def find(past: Frames, behind: Array, sensitivity: float) -> Found | None:
    """What differs from the background `behind` in the last hundred frames of (time, height, width, channel); None where
    nothing does, more than half of the last one or more than two hundred things in it.

    An object's pixels differ by more than Otsu's threshold (IEEE Transactions on Systems, Man, and Cybernetics 9 (1979) 62-66)
    divided by `sensitivity`.
    """
    from skimage.filters import threshold_otsu  # takes a second to import

    shape = reduced_shape(past.shape[1], past.shape[2], _SEARCHED_PIXELS)
    small_behind = reduce_frames(behind[None], shape)[0]
    signals = {}
    for time in range(max(0, len(past) - _FOLLOWED), len(past)):
        may_be_left()
        small = reduce_frames(past[time : time + 1].astype(np.float32), shape)[0]  # not rounded, as whole numbers would be
        signals[time] = difference(small, small_behind)
    last = signals[len(past) - 1]
    sample = np.stack([*list(signals.values())[:: max(1, len(signals) // 10)], last])
    top = float(sample.max())
    if not 0 < top < np.inf or min(shape) < FEWEST_PIXELS:
        return None
    threshold = float(threshold_otsu(sample / top)) * top / sensitivity  # type: ignore[no-untyped-call]
    if not 0 < threshold < top or float((last > threshold).mean()) > _MOST_COVERED:
        return None
    found, labels = {}, {}
    for time, signal in signals.items():
        may_be_left()
        found[time], labels[time] = blobs(signal, threshold)
    return Found(shape, threshold, found, labels) if len(found[len(past) - 1]) <= _MOST_OBJECTS else None


def blobs(signal: Array, threshold: float) -> tuple[list[Blob], Array]:
    """What of (height, width) exceeds the threshold and touches, the largest ones; and the labels of all pixels."""
    from scipy.ndimage import find_objects, label

    labels, _ = label(signal > threshold, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    boxes, out = find_objects(labels), []
    for number in np.argsort(-areas, kind="stable")[: _MOST_OBJECTS + 1]:
        if areas[number] < _SMALLEST:
            break
        box = boxes[number - 1]
        weight = np.where(labels[box] == number, signal[box], 0).astype(np.float64)
        rows, columns = (np.arange(side.start, side.stop) for side in box)
        centre = np.array([weight.sum(axis=1) @ rows, weight.sum(axis=0) @ columns]) / weight.sum()
        whole = all(side.start > 0 and side.stop < size for side, size in zip(box, signal.shape, strict=True))
        out.append(Blob(centre, int(areas[number]), box, int(number), whole))
    return out, labels


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
    return len(track.times) >= _SURE and not anew


def _is_part(track: Track, company: Sequence[Track], time: int) -> bool:
    """Whether what is within one blob with others has gone the same way for so long that all of it is one thing: it had fallen
    into pieces, or went together."""
    others = [other for other in company if other is not track]
    together = all(float(np.abs(other.speed - track.speed).max()) < _STRAIGHT / 4 for other in others)
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
    left = [i for i, track in enumerate(tracks) if i not in pairs and len(track.times) >= _SURE and not track.hidden]
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
            turns = [turn for track in tracks for edge, turn in _turns(track, axis, sign) if edge >= reached - _STRAIGHT]
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
        if together and around.argmax() == 2 and around[2] - max(around[0], around[4]) > _STRAIGHT / 2:
            edge, steps = _edge(track, track.blobs[k], axis, sign), around[2] - around[[1, 3]]
            yield edge, edge + abs(float(steps[0] - steps[1])) / 2  # of one step the ways out and back add up to the other one


def _edge(track: Track, blob: Blob, axis: int, sign: int) -> float:
    """Where an object ended along `axis`, outwards with `sign`: the sides of its outermost pixels, which may be outside."""
    seen = 0.5 - float(blob.box[axis].start) if sign < 0 else float(blob.box[axis].stop) - 0.5
    return seen if blob.whole else max(seen, sign * float(blob.centre[axis]) + float(track.half[axis]))


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


def way(track: Track, now: int, walls: Array) -> Way:
    """Where an object is going: the straight way that it was on longest until now, to a pixel. Without one it stays."""
    seen = [(blob.centre, time) for blob, time in zip(track.blobs, track.times, strict=True) if blob.whole]
    if len(seen) < _SURE:  # the centre of what is cut by the border is not where it would be
        seen = [(blob.centre, time) for blob, time in zip(track.blobs, track.times, strict=True)]
    places, times = np.stack([centre for centre, _ in seen]), np.array([time for _, time in seen])
    sides = room(walls, track.half, places[-1])
    best, most = Way(now, places[-1], np.zeros(2), sides), 0
    for tried in _starts(places, times, now, sides):
        n_before = most
        for _ in range(6):
            n_on = _on_the_way(tried, places, times)
            if n_on < 2 or n_on <= n_before or n_on < most:
                break
            best, most = tried, n_on
            tried = _drawn(tried, places[-n_on:], times[-n_on:])
    if most < max(3, min(_SURE, len(times))):
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
    off = np.linalg.norm(tried.at(times[:, None]) - places, axis=1)[::-1] > _STRAIGHT
    return int(np.argmax(off)) if off.any() else len(off)


def _drawn(tried: Way, places: Array, times: Array) -> Way:
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
