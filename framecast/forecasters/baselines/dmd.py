"""Dynamic mode decomposition, bounded: a sum of oscillations that may fade and may not grow.

Schmid 2010 (J. Fluid Mech. 656) on delay-embedded coefficients of a proper orthogonal decomposition (Hankel DMD, Arbabi and
Mezic 2017, SIAM J. Appl. Dyn. Syst. 16). An eigenvalue outside the unit circle is an oscillation that explodes in a
forecast; it is put onto the circle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from framecast.forecasters.baselines.pod import Array, Known, Modes, Weights, combined
from framecast.forecasters.baselines.pod_var import embedded, fits
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.hindcast import View
from framecast.forecasters.tuned_rule import TunedRule
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

_SHAPES = ((2, 4, 4), (4, 4, 6), (8, 2, 8), (8, 8, 8), (16, 12, 16), (32, 4, 24), (32, 12, 40), (16, 24, 40), (32, 24, 80))
_ANCHORS = (1.0, 0.95, 0.8)


@dataclass(frozen=True)
class DmdSettings(Settings):
    rank: int = setting(
        0,
        label="Oscillations",
        help="How many parts are summed; an oscillation takes two. Few are steady, many follow more; 0 chooses by forecasting "
        "frames before the test.",
        minimum=0,
        maximum=500,
    )


@dataclass(frozen=True)
class Oscillations:
    n_modes: int
    """Of the decomposition that is embedded; 0 repeats the last frame."""
    delay: int
    rank: int
    anchor: float
    """Share left one lead later of what the patterns miss of the last frame."""


STILL = Oscillations(0, 1, 0, 1.0)


class Dmd(TunedRule[DmdSettings, Oscillations]):
    settings_type, choice_type, pixelwise = DmdSettings, Oscillations, False
    _known: Known | None = None

    def candidates(self, history: FrameSeries) -> Sequence[Oscillations]:
        shapes = dict.fromkeys((n_modes, delay, self.settings.rank or rank) for n_modes, delay, rank in _SHAPES)
        fitting = [shape for shape in shapes if fits(history.n_frames // 2, shape[1])]
        return [STILL, *(Oscillations(*shape, anchor) for shape in fitting for anchor in _ANCHORS)]

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster."""
        self._known = Known(history.head(split.test.start).frames)
        yield from super().fit(history, split)

    @staticmethod
    def forecast_by(choice: Oscillations, past: Frames, horizon: int) -> Frames:
        return combined(past, _weights(choice, Known(past), len(past), horizon))

    def forecast_view_by(self, choice: Oscillations, past: Frames, horizon: int, view: View) -> Frames:
        assert self._known is not None, "a hindcast follows a fit"
        return self._known.combined(len(past), _weights(choice, self._known, len(past), horizon), view)

    def finding(self) -> str:
        if not self.compared:
            return "No oscillation could be tried: these frames are too few. The last frame is repeated."
        if self.choice.n_modes == 0:
            return "No sum of oscillations forecast earlier frames better than the last frame, so it is repeated."
        modes = None if self._known is None else self._known.modes(self.n_seen).first(self.choice.n_modes)
        if modes is None or not len(modes.strengths):
            return "A sum of oscillations, none of which may grow, is forecast."
        values, _, _ = _law(modes, self.choice.delay, self.choice.rank, _directions(modes, self.choice.delay))
        return f"A sum of {_counted(values)}, none of which may grow, is forecast."


def _weights(choice: Oscillations, known: Known, n: int, horizon: int) -> Weights:
    if choice.n_modes == 0 or not fits(n, choice.delay):
        return Weights.still(n, horizon)
    modes = known.modes(n).first(choice.n_modes)
    if not len(modes.strengths):
        return Weights.still(n, horizon)
    parts = known.once((n, choice.n_modes, choice.delay), lambda: _directions(modes, choice.delay))
    key = (n, horizon, choice.n_modes, choice.delay, choice.rank)
    future = known.once(key, lambda: oscillate(modes, choice.delay, choice.rank, horizon, parts))
    return modes.weights(modes.clamped(future), choice.anchor)


def _directions(modes: Modes, delay: int) -> tuple[Array, Array, Array]:
    """Singular directions of the embedded coefficients but for the last, the strongest first."""
    left, singular, right = np.linalg.svd(_seen(modes, delay)[:-1].T, full_matrices=False)  # of (delay * r, n)
    return left, singular, right


def _seen(modes: Modes, delay: int) -> Array:
    return embedded(modes.coefficients * modes.strengths, delay)  # strong patterns decide which directions are kept


def oscillate(modes: Modes, delay: int, rank: int, horizon: int, directions: tuple[Array, Array, Array]) -> Array:
    """(horizon, r) coefficients: the embedded coefficients of the last frame carried on by the bounded law, which moves along
    the first `rank` of their `directions`."""
    values, vectors, left = _law(modes, delay, rank, directions)
    amplitudes = np.linalg.lstsq(vectors, left.T @ _seen(modes, delay)[-1], rcond=None)[0]
    powers = values[None] ** np.arange(1, horizon + 1)[:, None]
    reduced = (powers * amplitudes[None]) @ vectors.T  # (horizon, kept)
    newest = left[: len(modes.strengths)]  # the rows of the newest frame
    return np.asarray((reduced @ newest.T.astype(complex)).real / modes.strengths)


def _law(modes: Modes, delay: int, rank: int, directions: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
    """The bounded law: eigenvalues (kept,), their vectors (kept, kept), and directions (delay * r, kept) it moves along."""
    after = _seen(modes, delay)[1:].T  # (delay * r, n)
    left, singular, right = directions
    kept = min(rank, int((singular > 1e-6 * singular[0]).sum()))
    left, singular, right = left[:, :kept], singular[:kept], right[:kept]
    values, vectors = np.linalg.eig(left.T @ after @ right.T / singular)
    return values / np.maximum(1.0, np.abs(values)), vectors, left


def _counted(values: Array) -> str:
    """"3 oscillations and 2 parts that stay or fade": a pair of conjugate eigenvalues is one oscillation, and so is a negative
    one, which changes sign from frame to frame."""
    n_moving = int(((values.imag > 0) | ((values.imag == 0) & (values.real < 0))).sum())
    n_still = int(((values.imag == 0) & (values.real >= 0)).sum())
    said = [(n_moving, "oscillation", ""), (n_still, "part", " that stay or fade" if n_still > 1 else " that stays or fades")]
    return " and ".join(f"{n} {noun}{'s' * (n > 1)}{rest}" for n, noun, rest in said if n)


def _make(settings: DmdSettings, workbench: Workbench) -> Dmd:
    return Dmd(settings)


FORECASTERS.add(
    "dmd",
    ForecasterKind(
        title="Oscillations",
        summary="Dynamic mode decomposition: the series as a sum of oscillations that may fade but never grow.",
        use_when="Periodic or nearly periodic motion with several frequencies, and little noise.",
        family="rule",
        settings=DmdSettings,
        make=_make,
        load=Dmd.load,
    ),
)
