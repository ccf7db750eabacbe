"""Optical flow: what moves goes on moving. The last frame is carried along the motion seen in the frames before it.

One motion field for all channels is estimated between the last frames, reduced, with scikit-image's estimators, and enlarged
to native size. A forecast follows each pixel's path backwards through the field (semi-Lagrangian, Germann and Zawadzki 2002,
Mon. Wea. Rev. 130, section 3) and samples the native last frame once for each lead, so nothing blurs with the lead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.registration import optical_flow_ilk, optical_flow_tvl1

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.hindcast import View, reduced_shape
from framecast.forecasters.tuned_rule import TunedRule
from framecast.series.frames import Frames, FrameSeries
from framecast.series.preparation import reduce_frames
from framecast.series.warping import enlarge_displacement, warp
from framecast.settings import Settings, setting

Array = np.ndarray[Any, np.dtype[Any]]
ESTIMATED_PIXELS = 96 * 96
"""Motion is estimated on frames of at most so many pixels."""
NONE, ILK, TVL1 = "none", "local (ILK)", "smooth (TV-L1)"
_PAIRS = (1, 3, 6)
_SMOOTHING = (0.0, 3.0)
_DAMPING = (1.0, 0.95)


@dataclass(frozen=True)
class OpticalFlowSettings(Settings):
    estimator: str = setting(
        "choose",
        label="Estimator",
        help="How motion between two frames is found. Local follows small things, smooth gives one calm field with sharp "
        "edges. 'choose' decides by forecasting frames before the test.",
        choices=("choose", ILK, TVL1),
    )
    n_pairs: int = setting(
        0,
        label="Pairs averaged",
        help="Over how many of the last pairs of frames the motion is averaged. Few follow a change, many are steadier; 0 "
        "chooses by forecasting frames before the test.",
        minimum=0,
        maximum=100,
        unit="pairs",
    )


@dataclass(frozen=True)
class Flow:
    estimator: str
    """NONE repeats the last frame."""
    n_pairs: int
    smoothing: float
    """Standard deviation of a Gaussian in pixels of the reduced grid."""
    damping: float
    """Share of the speed that is left one lead later."""


STILL = Flow(NONE, 1, 0.0, 1.0)


class OpticalFlow(TunedRule[OpticalFlowSettings, Flow]):
    settings_type, choice_type, pixelwise = OpticalFlowSettings, Flow, False

    def candidates(self, history: FrameSeries) -> Sequence[Flow]:
        asked = self.settings
        estimators = (ILK, TVL1) if asked.estimator == "choose" else (asked.estimator,)
        pairs = [asked.n_pairs] if asked.n_pairs else [n for n in _PAIRS if n < history.n_frames]
        flows = [Flow(e, n, s, d) for d in _DAMPING for s in _SMOOTHING for e in estimators for n in pairs]
        return [STILL, *flows]

    @staticmethod
    def forecast_by(choice: Flow, past: Frames, horizon: int) -> Frames:
        out = np.empty((horizon, *past.shape[1:]), np.float32)
        for lead, path in enumerate(_paths(choice, past, horizon)):
            out[lead] = past[-1] if path is None else warp(past[-1], enlarge_displacement(path, past.shape[1:3]))
        return out

    def forecast_view_by(self, choice: Flow, past: Frames, horizon: int, view: View) -> Frames:
        out = np.empty((len(view.leads), len(view.rows), len(view.columns), past.shape[-1]), np.float32)
        wanted = dict(zip(view.leads.tolist(), out, strict=True))
        for lead, path in enumerate(_paths(choice, past, horizon)):
            if lead not in wanted:
                continue
            if path is None:
                wanted[lead][:] = view.patches(past[-1:])[0]
            else:
                wanted[lead][:] = warp(past[-1], enlarge_displacement(path, past.shape[1:3]), view.rows, view.columns)
        return out

    def finding(self) -> str:
        flow = self.choice
        if flow.estimator == NONE:
            return "Carrying the last frame along forecast earlier frames no better than repeating it, so it is repeated."
        pairs = "the last pair of frames" if flow.n_pairs == 1 else f"the last {flow.n_pairs} pairs of frames"
        slower = f", which slows down to {flow.damping:.0%} a frame" if flow.damping < 1 else ""
        return f"The last frame is carried along the motion of {pairs}{slower}; the {flow.estimator} estimator was best."


def _paths(choice: Flow, past: Frames, horizon: int) -> list[Array | None]:
    """For each lead where what is seen then comes from, on the reduced grid: (2, h, w), or None where nothing moves."""
    if choice.estimator == NONE or len(past) < 2 or min(past.shape[1:3]) < 2:
        return [None] * horizon
    velocity = motion(past, choice.estimator, choice.n_pairs, choice.smoothing)
    paths: list[Array | None] = []
    path, speed = np.zeros_like(velocity), 1.0
    grid = np.indices(velocity.shape[1:]).astype(np.float32)
    for _ in range(horizon):
        # where a pixel comes from: one step back along the field, then the path from there (the field stands still)
        step = speed * velocity
        moved = np.moveaxis(warp(np.ascontiguousarray(np.moveaxis(path, 0, -1)), step), -1, 0)
        path = np.clip(grid + step + moved, 0, np.array(velocity.shape[1:])[:, None, None] - 1) - grid
        speed *= choice.damping
        paths.append(path)
    return paths


def motion(past: Frames, estimator: str, n_pairs: int, smoothing: float) -> Array:
    """Displacement (2, h, w) float32, in pixels of the reduced grid, from the last frame of `past` to where its content was
    one frame before: the mean over the last `n_pairs` pairs."""
    shape = reduced_shape(past.shape[1], past.shape[2], ESTIMATED_PIXELS)
    small = reduce_frames(past[-(n_pairs + 1) :], shape).astype(np.float32).mean(axis=-1)
    stored = [frame.tobytes() for frame in small]
    pairs = [_pair_motion(estimator, shape, *pair) for pair in zip(stored, stored[1:], strict=False)]
    mean: Array = np.mean(pairs, axis=0)
    if smoothing:
        mean = gaussian_filter(mean, (0, smoothing, smoothing), mode="nearest")
    return np.asarray(mean, np.float32)


@lru_cache(maxsize=256)
def _pair_motion(estimator: str, shape: tuple[int, int], first: bytes, second: bytes) -> Array:
    """Kept, because candidates and origins ask for the same pairs again and again."""
    before, now = (np.frombuffer(frame, np.float32).reshape(shape) for frame in (first, second))
    low, high = float(min(before.min(), now.min())), float(max(before.max(), now.max()))
    if high <= low:
        return np.zeros((2, *shape), np.float32)
    before, now = ((frame - low) / (high - low) for frame in (before, now))
    if estimator == ILK:
        found = optical_flow_ilk(now, before, radius=min(7, min(shape) // 2), num_warp=5)  # type: ignore[no-untyped-call]
    else:
        found = optical_flow_tvl1(now, before, num_warp=3, num_iter=8)  # type: ignore[no-untyped-call]
    return np.nan_to_num(np.asarray(found, np.float32))


def _make(settings: OpticalFlowSettings, workbench: Workbench) -> OpticalFlow:
    return OpticalFlow(settings)


FORECASTERS.add(
    "optical_flow",
    ForecasterKind(
        title="Optical flow",
        summary="Carries the last frame along the motion seen just before.",
        use_when="Things move or drift without changing much: clouds, rain, cells, smoke, a growing shape.",
        family="rule",
        settings=OpticalFlowSettings,
        make=_make,
        load=OpticalFlow.load,
    ),
)
