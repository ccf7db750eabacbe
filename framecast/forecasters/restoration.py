"""The ways back from working size to native size, so that working small loses no still detail.

None of them enlarges the forecast picture. "change" keeps every still edge of the native last frame sharp. "background" does
so with the mean of all frames, for things that pass in front of something that stays: what the last frame shows of them would
remain as a ghost. "warp" carries the detail along, for networks that know where it goes. Which of them suits a series, its
validation frames tell.

Where much of the frames is empty (black sky between rain, a dark ground between cells), a network leaves faint traces in it,
which squared error hardly sees and SSIM does. There each way is also tried with what is fainter than a small part of the range
left out: "background from 0.031".
"""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from framecast.forecasters.hindcast import View
from framecast.metrics.contract import METRICS
from framecast.networks.contract import Motion
from framecast.series.frames import Frames
from framecast.series.preparation import enlarge
from framecast.series.warping import enlarge_displacement, warp
from framecast.settings import setting

Array = np.ndarray[Any, np.dtype[Any]]
SmallMotion = tuple[Array, Array]
"""Displacement (2, h, w) in working pixels, down and right, and residual (h, w, channel) in units; see networks/contract."""

WAYS = {
    "change": "the native last frame plus the enlarged change",
    "background": "the native mean frame plus the enlarged departure from it",
    "warp": "the native last frame moved by the enlarged flow, plus the enlarged rest",
}
EMPTY = 0.2
"""Share of values at the very lowest, from which much of the frames is empty."""
FAINT = (0.031, 0.083)
"""Of the range from the lowest value to the highest, that may be left out."""
_FROM = " from "


def possible_ways(*, reduced: bool, tells_motion: bool) -> tuple[str, ...]:
    """Names of WAYS; only one where the working size is native, because all would be the same."""
    if not reduced:
        return ("change",)
    return tuple(WAYS) if tells_motion else ("change", "background")


def with_faint_left_out(ways: tuple[str, ...]) -> tuple[str, ...]:
    """The ways, and each once more for every part of the range that may be left out."""
    return (*ways, *(f"{way}{_FROM}{faint}" for way in ways for faint in FAINT))


def without_faint(way: str) -> str:
    """One of WAYS: the way itself, whatever it leaves out."""
    return way.partition(_FROM)[0]


def faint_of(way: str) -> float:
    """The part of the range that a way leaves out; 0.0 where it leaves nothing out."""
    return float(way.partition(_FROM)[2] or 0.0)


def leave_out_faint(faint: float, frames: Frames, low: Array, high: Array) -> None:
    """Put what of forecast `frames` (..., channel) is nearer to `low` than this part of the range to `low`, in place; `low`
    and `high` are (channel,)."""
    if faint:
        np.copyto(frames, low, where=frames < low + faint * (high - low), casting="unsafe")


def much_is_empty(frames: Frames) -> bool:
    """Whether a fifth or more of the last of `frames` (time, height, width, channel) is the lowest value of its channel."""
    last = frames[-10:]
    return bool((last == last.min(axis=(0, 1, 2))).mean() >= EMPTY)


def way_setting(*, tells_motion: bool) -> Any:
    """The setting that leaves the choice to validation or makes it."""
    ways = possible_ways(reduced=True, tells_motion=tells_motion)
    return setting(
        "choose",
        label="Back to native size",
        help="A forecast made small comes back as " + "; ".join(f"{WAYS[way]} ({way})" for way in ways) + ". The forecast of "
        "the validation frames, looked at in native size, chooses, and whether faint traces are left out where much of the "
        "frames is empty.",
        choices=("choose", *ways),
        advanced=True,
    )


def best_way(
    hindcasts: Mapping[str, Frames], truth: Frames, metric: str, data_range: float, view: View
) -> tuple[str, str]:
    """The way whose hindcast (lead, row, column, channel) is nearest to the truth that the view sees, by the mean of a metric
    over leads, and that in words. Among equals the first."""
    kind = METRICS[metric]
    scores = {
        way: float(kind.function(said, truth, data_range=data_range, valid=view.valid).mean())
        for way, said in hindcasts.items()
    }
    found = (max if kind.higher_is_better else min)(scores, key=lambda way: scores[way])
    listed = ", ".join(f"{score:.4g} by {_named(name)}" for name, score in scores.items())
    way, faint = without_faint(found), faint_of(found)
    said = [f"At native size a frame is {WAYS[way]}"] if len(set(map(without_faint, scores))) > 1 else []
    said += [f"what is fainter than {faint:.0%} of the range is left out"] if faint else []
    said += [] if said else ["Nothing faint is left out"]
    words = ", and ".join(said)
    return found, f"{words[0].upper()}{words[1:]}; its {kind.title} there is {listed}."


def _named(way: str) -> str:
    faint = faint_of(way)
    return f"{without_faint(way)} without what is fainter than {faint:.0%}" if faint else way


def small_motion(motion: Motion, shape: tuple[int, ...]) -> SmallMotion:
    """What a network told, at padded size, for one frame of (h, w)."""
    displacement, residual = (part[0, :, : shape[0], : shape[1]].cpu().numpy() for part in motion)
    return displacement, residual.transpose(1, 2, 0)


class Restorer:
    """Brings forecast frames to native size, one at a time, or what a view sees of them.

    Made from what was known at the origin: `past` (time, height, width, channel) as stored and the same frames `small` (time,
    h, w, channel). Whole frames that already have native size pass as they are. What is faint is left in; see leave_out_faint.
    """

    def __init__(self, way: str, past: Frames, small: Frames, view: View | None = None) -> None:
        self.way = way = without_faint(way)
        self.shape = (past.shape[1], past.shape[2])
        self.native_already = small.shape[1:3] == self.shape
        self.view = None if view is None or view.whole else view
        self.last = past[-1]
        if self.native_already:
            return
        if way == "background":
            self.seen, self.anchor = _mean(past, self.view), _mean(small)
        else:
            self.seen, self.anchor = self._pick(self.last).astype(np.float32), small[-1].astype(np.float32)

    def __call__(self, frame: Array, motion: SmallMotion | None = None) -> Array:
        """`frame` (h, w, channel) float32 at working size, with the motion behind it where the way is "warp": (height,
        width, channel) float32, or (row, column, channel) of a view."""
        if self.native_already:
            return self._pick(frame)
        if self.way != "warp":
            return self.seen + self._enlarged(frame - self.anchor)
        assert motion is not None, "only for networks that tell their motion"
        displacement, residual = motion
        rows, columns = (None, None) if self.view is None else (self.view.rows, self.view.columns)
        moved: Array = warp(self.last, enlarge_displacement(displacement, self.shape), rows, columns)
        return moved + self._enlarged(residual)

    def _enlarged(self, maps: Array) -> Array:
        if self.view is None:
            return enlarge(maps, self.shape)
        height, width = maps.shape[:2]
        down = _weights(height, self.shape[0])[self.view.rows]
        along = _weights(width, self.shape[1])[self.view.columns]
        return np.moveaxis(down @ np.moveaxis(maps, -1, 0) @ along.T, 0, -1)

    def _pick(self, frame: Array) -> Array:
        return frame if self.view is None else self.view.patches(frame[None])[0]


@functools.lru_cache(maxsize=8)
def _weights(small: int, native: int) -> Array:
    """(native, small) float32: what enlarging does along one side, found by enlarging a picture of each pixel."""
    return enlarge(np.eye(small, dtype=np.float32)[..., None], (native, small))[..., 0]


def _mean(frames: Frames, view: View | None = None) -> Array:
    """Mean over time, float32, frame by frame so that a memory map stays on disk."""
    total: Array | None = None
    for index in range(len(frames)):
        frame = frames[index : index + 1] if view is None else view.patches(frames[index : index + 1])
        if total is None:
            total = np.zeros(frame.shape[1:], np.float64)
        total += frame[0]
    assert total is not None, "a forecast needs a past"
    return (total / len(frames)).astype(np.float32)
