"""Moving objects: what stands out from a background that stays goes on, each object by itself, in a straight line.

Optical flow carries a picture on by the motion that a place has now; where one object leaves a place and another comes, or
both turn back at a wall, it is wrong soon. Here each object has a way of its own and keeps its look. Whether objects turn back
at walls, what counts as one, and how long a forecast of them is worth showing, hindcasts choose; they may also say that no
object goes straight on, and then the last frame is forecast.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from framecast.forecasters.baselines.objects import FEWEST_PIXELS, Array, Found, Signals, background, difference, find
from framecast.forecasters.baselines.tracks import Track, follow, walls_of
from framecast.forecasters.baselines.ways import NO_WALLS, Way
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.hindcast import View
from framecast.forecasters.tuned_rule import TunedRule, bounds
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

_SENSITIVITIES = (1.0, 2.0)
_FADINGS = (1.0, 0.97, 0.9)
_OPAQUE = 0.8
"""Of how far an object's brighter pixels are from the background: what is that far hides what is behind it."""
_RIM = 2
"""Pixels of the grid around an object that still belong to it: its soft edge."""


@dataclass(frozen=True)
class MovingObjectsSettings(Settings):
    border: str = setting(
        "choose",
        label="At the border",
        help="What objects do there: leave the picture, or turn back where none ever went beyond (walls of a dish, a box). "
        "'choose' decides by forecasting frames before the test.",
        choices=("choose", "leave", "turn back"),
    )
    sensitivity: float = setting(
        0.0,
        label="Sensitivity",
        help="How faint an object may be. 1 takes what differs from the background by Otsu's threshold, 2 what differs by "
        "half of that; 0 chooses by forecasting frames before the test.",
        minimum=0.0,
        maximum=20.0,
    )
    fading: float = setting(
        0.0,
        label="Fading",
        help="How much of an object is still drawn one frame later. 1 draws it for ever, less lets it fade into the "
        "background as its place grows unsure; 0 chooses by forecasting frames before the test.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class Motion:
    sensitivity: float
    """Otsu's threshold is divided by it; 0 for the last frame."""
    bounce: bool
    fading: float
    """What is left of an object from one lead to the next."""


LAST_FRAME = Motion(0.0, False, 1.0)


class MovingObjects(TunedRule[MovingObjectsSettings, Motion]):
    settings_type, choice_type, pixelwise = MovingObjectsSettings, Motion, False

    def __init__(self, settings: MovingObjectsSettings) -> None:
        super().__init__(settings)
        self._stage: _Stage | None = None
        self._keeps = False

    def candidates(self, history: FrameSeries) -> Sequence[Motion]:
        asked = self.settings
        if min(history.height, history.width) < FEWEST_PIXELS:
            return [LAST_FRAME]
        borders = (False, True) if asked.border == "choose" else (asked.border == "turn back",)
        motions = [
            Motion(sensitivity, bounce, fading)
            for sensitivity in ([asked.sensitivity] if asked.sensitivity else _SENSITIVITIES)
            for bounce in borders
            for fading in ([asked.fading] if asked.fading else _FADINGS)
        ]
        return motions if len(motions) == 1 else [LAST_FRAME, *motions]

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """As TunedRule; what the candidates share at one origin is found once, and forgotten with it."""
        self._keeps = True
        try:
            for progress in super().fit(history, split):
                self._stage = None
                yield progress
        finally:
            self._stage, self._keeps = None, False

    @staticmethod
    def forecast_by(choice: Motion, past: Frames, horizon: int) -> Frames:
        """Exact for objects that go straight on by whole pixels; the last frame where there are none."""
        out = np.empty((horizon, *past.shape[1:]), np.float32)
        for lead, frame in enumerate(_Stage(past).frames(choice, range(horizon))):
            out[lead] = frame
        return out

    def forecast_view_by(self, choice: Motion, past: Frames, horizon: int, view: View) -> Frames:
        stage = self._stage
        if stage is None or len(stage.past) != len(past):
            stage = _Stage(past)
        self._stage = stage if self._keeps else None
        return np.concatenate([view.patches(frame[None]) for frame in stage.frames(choice, view.leads.tolist())])

    def finding(self) -> str:
        motion = self.choice
        if not motion.sensitivity and not self.compared:
            return (
                f"No objects could be tried: these frames are too few, or less than {FEWEST_PIXELS} pixels high or wide. The "
                "last frame is forecast."
            )
        if not motion.sensitivity:
            return "No objects were found that go straight on in front of a still background; the last frame is forecast."
        border = "turns back where none ever went beyond" if motion.bounce else "leaves at the border"
        faded = f", {100 * motion.fading:.3g}% of it drawn from frame to frame as its place grows unsure"
        asked = "" if self.compared else " Where nothing stands out, the last frame is forecast."
        return (
            "What stands out from the background, the median of past frames, is taken for objects; each goes straight on at "
            f"its own speed and {border}{faded if motion.fading < 1 else ''}.{asked}"
        )


class _Stage:
    """The background and the objects before it, at the end of one past; found when they are asked for."""

    def __init__(self, past: Frames) -> None:
        self.past = past
        self._behind: Array | None = None
        self._signals: Signals | None = None
        self._bounds: tuple[float, float] | None = None
        self._found: dict[float, tuple[Found, list[Track], list[Track]] | None] = {}
        self._cuts: dict[tuple[float, bool], list[_Cut]] = {}

    def frames(self, choice: Motion, leads: Iterable[int]) -> Iterator[Array]:
        """The frame at each of the `leads` (lead 1 is 0), (height, width, channel) float32."""
        cuts = self._objects(choice.sensitivity, choice.bounce) if choice.sensitivity else []
        for lead in leads:
            if self._behind is None or not cuts:
                yield self.past[-1].astype(np.float32)
                continue
            self._bounds = self._bounds or bounds(self.past)
            frame = self._behind.copy()
            for cut in cuts:
                cut.draw(frame, len(self.past) + lead, choice.fading ** (lead + 1))
            yield np.clip(frame, *self._bounds, out=frame)

    def _objects(self, sensitivity: float, bounce: bool) -> "list[_Cut]":
        key = (sensitivity, bounce)
        if key in self._cuts:
            return self._cuts[key]
        if self._behind is None or self._signals is None:
            self._behind = background(self.past)
            self._signals = Signals(self.past, self._behind)
        if sensitivity not in self._found:
            found = find(self._signals, sensitivity)
            self._found[sensitivity] = None if found is None else (found, *follow(found, NO_WALLS))
        self._cuts[key] = []
        if known := self._found[sensitivity]:
            found, tracks, seen = known
            walls = walls_of(seen, found.shape) if bounce else NO_WALLS
            for track in follow(found, walls)[0] if bounce else tracks:
                self._cuts[key].append(_Cut(track, track.way(len(self.past) - 1, walls), self.past, self._behind, found))
        return self._cuts[key]


class _Cut:
    """An object cut out of the last frame in which it was seen alone, to be drawn elsewhere."""

    def __init__(self, track: Track, way: Way, past: Frames, behind: Array, found: Found) -> None:
        from scipy.ndimage import binary_dilation

        self._way, self._time = way, track.seen_at
        blob, labels = track.blobs[-1], found.labels[track.seen_at]
        grid = tuple(slice(max(0, side.start - _RIM), side.stop + _RIM) for side in blob.box)
        near = labels[grid]
        mask = binary_dilation(near == blob.label, iterations=_RIM) & ((near == 0) | (near == blob.label))
        native = past.shape[1:3]
        self._scale = np.array(native) / found.shape
        to_grid = [(np.arange(size) * small) // size for size, small in zip(native, found.shape, strict=True)]
        rows, columns = (
            np.flatnonzero((at >= side.start) & (at < side.start + size))
            for at, side, size in zip(to_grid, grid, near.shape, strict=True)
        )
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        inside = mask[np.ix_(to_grid[0][rows] - grid[0].start, to_grid[1][columns] - grid[1].start)]
        frame = past[track.seen_at][box].astype(np.float32)
        away = difference(frame, behind[box])
        bright = away[inside & (away > found.threshold)]  # none where single pixels were averaged away
        full = max(found.threshold, _OPAQUE * float(np.percentile(bright, 75)) if len(bright) else 0.0)
        self._cover = np.minimum(away / full, 1.0) * inside
        self._look = np.where(inside[..., None], frame - behind[box], 0) + self._cover[..., None] * behind[box]
        self._corner = np.array([rows[0], columns[0]])

    def draw(self, out: Array, time: int, strength: float) -> None:
        """Onto `out` (height, width, channel), where the object will be."""
        place = np.round(self._corner + (self._way.at(time) - self._way.at(self._time)) * self._scale, 3)
        whole = np.floor(place)
        look, cover = _moved(self._look, place - whole), _moved(self._cover[..., None], place - whole)
        ours, theirs = [], []
        for start, length, size in zip(whole.astype(int), look.shape, out.shape, strict=False):
            first, stop = max(0, -start), min(length, size - start)
            if stop <= first:
                return
            ours.append(slice(first, stop))
            theirs.append(slice(start + first, start + stop))
        part = out[tuple(theirs)]
        part += strength * (look[tuple(ours)] - cover[tuple(ours)] * part)


def _moved(picture: Array, by: Array) -> Array:
    """(height, width, channel) moved down and right by parts of a pixel, bilinear, in a frame one pixel larger."""
    height, width, channels = picture.shape
    out = np.zeros((height + 1, width + 1, channels), np.float32)
    for down, of_height in enumerate((1 - by[0], by[0])):
        for right, of_width in enumerate((1 - by[1], by[1])):
            if of_height * of_width > 0:
                out[down : down + height, right : right + width] += np.float32(of_height * of_width) * picture
    return out


def _make(settings: MovingObjectsSettings, workbench: Workbench) -> MovingObjects:
    return MovingObjects(settings)


FORECASTERS.add(
    "moving_objects",
    ForecasterKind(
        title="Moving objects",
        summary="Follows each object in front of a still background and moves it on along its own straight way.",
        use_when="Separate things move before a background that stays: particles, balls, cells, cars under a fixed camera.",
        family="rule",
        settings=MovingObjectsSettings,
        make=_make,
        load=MovingObjects.load,
    ),
)
