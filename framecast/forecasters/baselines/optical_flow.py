"""Optical flow: the picture is carried on by the motion of its last frames. Where things move, little beats it.

Every forecast frame is the last native frame, sampled once, however far the way back to it; only the motion, which is smooth,
is found at a smaller size. Which estimator, from how many frames, and how fast the motion dies down, hindcasts choose. They
also may say that nothing moves in a way that goes on: then the last frame is forecast.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from framecast.forecasters.baselines.motion import (
    ESTIMATORS,
    FEWEST_PIXELS,
    LONGEST,
    Array,
    can_be_searched,
    joint_motion,
    mean_motion,
    small_frames,
    smoothed,
    trajectories,
)
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.hindcast import View
from framecast.forecasters.tuned_rule import TunedRule, in_words
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.warping import enlarge_displacement, warp
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

_PAIRS = {"ILK": (1, 6), "TV-L1": (1, 6), "joint": (3, 10)}
_SMOOTHINGS = {"ILK": (1.0, 4.0, 14.0), "TV-L1": (1.0, 4.0, 14.0), "joint": (4.0, 10.0)}
_DAMPINGS = (1.0, 0.9)


@dataclass(frozen=True)
class OpticalFlowSettings(Settings):
    estimator: str = setting(
        "choose",
        label="Estimator",
        help="How the motion is found: ILK averages small windows, TV-L1 keeps edges between things that move differently, "
        "joint fits one steady motion to several frames at once. 'choose' decides by forecasting frames before the test.",
        choices=("choose", *ESTIMATORS),
    )
    n_pairs: int = setting(
        0,
        label="Steps looked at",
        help="From how many of the last steps between frames the motion is found. Few follow a turn, many give a calmer "
        "motion; 0 chooses by forecasting frames before the test.",
        minimum=0,
        maximum=100,
    )
    damping: float = setting(
        0.0,
        label="Damping",
        help="What is left of the speed from one frame to the next. 1 moves on for ever; 0 chooses by forecasting frames "
        "before the test.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )


@dataclass(frozen=True)
class Flow:
    estimator: str
    """One of ESTIMATORS, or "none" for the last frame."""
    n_pairs: int
    """How many of the last pairs of frames the motion is found from."""
    smoothing: float
    """Of the motion: standard deviation in pixels of the grid it is found on."""
    damping: float
    """What is left of the speed from one lead to the next."""


Motions = dict[tuple[int, str, int, float], Array]
"""By number of past frames, estimator, number of pairs and window."""
LAST_FRAME = Flow("none", 1, 0.0, 1.0)


class OpticalFlow(TunedRule[OpticalFlowSettings, Flow]):
    settings_type, choice_type, pixelwise = OpticalFlowSettings, Flow, False

    def __init__(self, settings: OpticalFlowSettings) -> None:
        super().__init__(settings)
        self._motions: Motions | None = None

    def candidates(self, history: FrameSeries) -> Sequence[Flow]:
        asked = self.settings
        if not can_be_searched(history.height, history.width):
            return [LAST_FRAME]
        flows = [
            Flow(estimator, n_pairs, smoothing, damping)
            for estimator in ([asked.estimator] if asked.estimator in ESTIMATORS else ESTIMATORS)
            for n_pairs in ([asked.n_pairs] if asked.n_pairs else _PAIRS[estimator])
            for smoothing in _SMOOTHINGS[estimator]
            for damping in ([asked.damping] if asked.damping else _DAMPINGS)
        ]
        return [LAST_FRAME, *flows] if asked.estimator == "choose" else flows

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """As TunedRule; motions that several candidates share are found once, and forgotten."""
        self._motions = {}
        for progress in super().fit(history, split):
            self._motions = None
            yield progress

    @staticmethod
    def forecast_by(choice: Flow, past: Frames, horizon: int) -> Frames:
        """The last frame carried on; exactly the last frame where nothing moves, or a single frame is known."""
        field = _field(choice, past)
        if field is None:
            return np.repeat(past[-1:].astype(np.float32), horizon, axis=0)
        out = np.empty((horizon, *past.shape[1:]), np.float32)
        shape = (past.shape[1], past.shape[2])
        for lead, way in enumerate(trajectories(field, _times(choice, range(horizon)))):
            out[lead] = warp(past[-1], enlarge_displacement(way, shape))
        return out

    def forecast_view_by(self, choice: Flow, past: Frames, horizon: int, view: View) -> Frames:
        field = _field(choice, past, self._motions)
        if field is None:
            return np.repeat(view.patches(past[-1:]).astype(np.float32), len(view.leads), axis=0)
        out = np.empty((len(view.leads), len(view.rows), len(view.columns), past.shape[-1]), np.float32)
        shape = (past.shape[1], past.shape[2])
        for index, way in enumerate(trajectories(field, _times(choice, view.leads))):
            seen = enlarge_displacement(way, shape, view.rows, view.columns)
            out[index] = warp(past[-1], seen, view.rows, view.columns)
        return out

    def finding(self) -> str:
        flow = self.choice
        if flow.estimator == "none" and not self.compared:
            return (
                f"No motion could be tried: these frames are too few, less than {FEWEST_PIXELS} pixels high or wide, or at "
                f"least {LONGEST:,} times as long as wide. The last frame is forecast."
            )
        if flow.estimator == "none":
            return "No motion was found that goes on in the frames before the test; the last frame is forecast."
        looked = in_words(flow.n_pairs, "step", self.n_seen - 1)
        slower = "" if flow.damping == 1 else f", {flow.damping:.0%} of its speed left from frame to frame"
        if flow.estimator == "joint":
            return f"The last frame is carried on by one steady motion, fitted to {looked} between frames{slower}."
        mean = "that of" if min(flow.n_pairs, self.n_seen - 1) == 1 else "the mean of"
        return f"The last frame is carried on by its motion, {mean} {looked} between frames ({flow.estimator}){slower}."


def _times(choice: Flow, leads: Iterable[int]) -> list[float]:
    """How many frames' way the picture has gone at each of the leads (lead 1 is 0)."""
    return [float(np.sum(choice.damping ** np.arange(lead + 1))) for lead in leads]


def _field(choice: Flow, past: Frames, known: Motions | None = None) -> Array | None:
    """The motion, if any; not found again where `known` holds it, of heads of the same history."""
    n_pairs = min(choice.n_pairs, len(past) - 1)
    if choice.estimator == "none" or n_pairs < 1 or not can_be_searched(*past.shape[1:3]):
        return None
    joint = choice.estimator == "joint"
    key = (len(past), choice.estimator, n_pairs, choice.smoothing if joint else 0.0)
    found = None if known is None else known.get(key)
    if found is None:
        small = small_frames(past[-n_pairs - 1 :])
        found = joint_motion(small, choice.smoothing) if joint else mean_motion(small, choice.estimator)
    if known is not None:
        known[key] = found
    return found if joint else smoothed(found, choice.smoothing)


def _make(settings: OpticalFlowSettings, workbench: Workbench) -> OpticalFlow:
    return OpticalFlow(settings)


FORECASTERS.add(
    "optical_flow",
    ForecasterKind(
        title="Optical flow",
        summary="Finds how the picture moves and carries the last frame on, without blurring it.",
        use_when="Things drift, flow or travel steadily: rain, clouds, cells, a moving camera.",
        family="rule",
        settings=OpticalFlowSettings,
        make=_make,
        load=OpticalFlow.load,
    ),
)
