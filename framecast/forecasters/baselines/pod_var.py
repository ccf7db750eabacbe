"""POD + autoregression: the strongest patterns of the series, each forecast from the recent past of all of them.

A ridge vector autoregression with delay embedding on the coefficients of a proper orthogonal decomposition: what beats,
sways or waves is a few patterns with a rhythm, and a linear law of a few coefficients can be fitted to a short series. Close
kin of the space-time projection of Schmidt 2025 and of the reduced models of DMD.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from framecast.forecasters.baselines.pod import Array, Known, Modes, Weights, combined
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.hindcast import View
from framecast.forecasters.tuned_rule import TunedRule
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

_SHAPES = ((2, 1), (4, 2), (8, 1), (8, 4), (16, 4), (8, 12), (16, 12), (32, 4))
_RIDGES = (1e-3, 0.3, 10.0)
_ANCHORS = (1.0, 0.95, 0.8)


@dataclass(frozen=True)
class PodVarSettings(Settings):
    n_modes: int = setting(
        0,
        label="Patterns",
        help="How many of the strongest patterns are forecast. 0 chooses by forecasting frames before the test.",
        minimum=0,
        maximum=500,
    )
    delay: int = setting(
        0,
        label="Frames looked back",
        help="From how many past frames the next is computed. A rhythm needs a good part of its period; 0 chooses by "
        "forecasting frames before the test.",
        minimum=0,
        maximum=500,
        unit="frames",
    )


@dataclass(frozen=True)
class Autoregression:
    n_modes: int
    """0 repeats the last frame."""
    delay: int
    ridge: float
    """Pull of the weights to zero, for coefficients of standard deviation 1, in frames."""
    anchor: float
    """Share left one lead later of what the patterns miss of the last frame."""


STILL = Autoregression(0, 1, 0.0, 1.0)


class PodVar(TunedRule[PodVarSettings, Autoregression]):
    settings_type, choice_type, pixelwise = PodVarSettings, Autoregression, False
    _known: Known | None = None

    def candidates(self, history: FrameSeries) -> Sequence[Autoregression]:
        asked = self.settings
        shapes = dict.fromkeys((asked.n_modes or n_modes, asked.delay or delay) for n_modes, delay in _SHAPES)
        fitting = [(n_modes, delay) for n_modes, delay in shapes if fits(history.n_frames // 2, delay)]
        return [STILL, *(Autoregression(*shape, r, a) for shape in fitting for r in _RIDGES for a in _ANCHORS)]

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster."""
        self._known = Known(history.head(split.test.start).frames)
        yield from super().fit(history, split)

    @staticmethod
    def forecast_by(choice: Autoregression, past: Frames, horizon: int) -> Frames:
        return combined(past, _weights(choice, Known(past), len(past), horizon))

    def forecast_view_by(self, choice: Autoregression, past: Frames, horizon: int, view: View) -> Frames:
        assert self._known is not None, "a hindcast follows a fit"
        return self._known.combined(len(past), _weights(choice, self._known, len(past), horizon), view)

    def finding(self) -> str:
        chosen = self.choice
        if not self.compared:
            return "No rhythm could be tried: these frames are too few. The last frame is repeated."
        if chosen.n_modes == 0:
            return "No rhythm of the strongest patterns forecast earlier frames better than the last frame, so it is repeated."
        looked = "the last frame" if chosen.delay == 1 else f"the last {chosen.delay} frames"
        there = chosen.n_modes if self._known is None else len(self._known.modes(self.n_seen).strengths)
        n_modes = min(chosen.n_modes, there)
        patterns = "The strongest pattern is" if n_modes == 1 else f"The {n_modes} strongest patterns are"
        return f"{patterns} forecast from {looked} by a linear law."


def fits(n_frames: int, delay: int) -> bool:
    """Whether a law that looks back so far can be fitted to so many frames at all."""
    return n_frames >= 2 * delay + 2


def embedded(coefficients: Array, delay: int) -> Array:
    """(n - delay + 1, delay * r): each row the last `delay` rows up to its own, the newest first."""
    n = len(coefficients)
    return np.concatenate([coefficients[delay - 1 - back : n - back] for back in range(delay)], axis=1)


def _weights(choice: Autoregression, known: Known, n: int, horizon: int) -> Weights:
    if choice.n_modes == 0 or not fits(n, choice.delay):
        return Weights.still(n, horizon)
    modes = known.modes(n).first(choice.n_modes)
    if not len(modes.strengths):
        return Weights.still(n, horizon)
    key = (n, horizon, choice.n_modes, choice.delay, choice.ridge)
    future = known.once(key, lambda: _carried_on(modes, choice.delay, choice.ridge, horizon))
    return modes.weights(future, choice.anchor)


def _carried_on(modes: Modes, delay: int, ridge: float, horizon: int) -> Array:
    """(horizon, r) coefficients: the law fitted to those of the past, applied again and again."""
    seen = embedded(modes.coefficients, delay)
    before, after = seen[:-1], modes.coefficients[delay:]
    law = np.linalg.solve(before.T @ before + ridge * np.eye(before.shape[1]), before.T @ after)
    state, n_modes = seen[-1], after.shape[1]
    future = np.empty((horizon, n_modes))
    for lead in range(horizon):
        future[lead] = modes.clamped(state @ law)
        state = np.concatenate([future[lead], state[:-n_modes]])
    return future


def _make(settings: PodVarSettings, workbench: Workbench) -> PodVar:
    return PodVar(settings)


FORECASTERS.add(
    "pod_var",
    ForecasterKind(
        title="Pattern rhythm",
        summary="Takes the series apart into its strongest patterns (POD) and forecasts their rhythm by a linear law.",
        use_when="Waves, oscillations and anything that sways with more than one rhythm.",
        family="rule",
        settings=PodVarSettings,
        make=_make,
        load=PodVar.load,
    ),
)
