"""How predictable is this series? What three forecasts that need no learning score, in one plot and one sentence.

The last frame repeated (persistence), the average of earlier frames (climatology) and, where the series has a period, the mean
of the last cycles at the same phase, from origins spread over the second half of the series. Frames are looked at in grey and
reduced; frames that do not belong are left out. All frames are used, the last ones too: this is to judge a series by, before
anything is held back, and nothing of it reaches a forecaster.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from framecast.metrics.ssim import ssim
from framecast.series.blocks import block_means
from framecast.series.frames import FrameSeries, Split
from framecast.series.look_ahead import in_order
from framecast.series.preparation import reduced_shape

Array = np.ndarray[Any, np.dtype[Any]]
Seen = Callable[[int, int], None]

_PIXELS = 128 * 128
_ORIGINS, _AVERAGED, _CYCLES = 8, 48, 4
_PERFECT, _HIGH, _FAST, _CLEARLY = 0.9995, 0.9, 0.85, 0.02


@dataclass(frozen=True)
class Predictability:
    """Mean SSIM over the origins, one value a lead, from lead 1 on."""

    persistence: tuple[float, ...]
    climatology: tuple[float, ...]
    seasonal: tuple[float, ...]
    """Empty where the series has no period."""
    period: int | None
    n_origins: int
    height: int
    width: int
    """Of the reduced frames that were compared."""

    @property
    def horizon(self) -> int:
        return len(self.persistence)

    def sentence(self) -> str:
        """The answer in one sentence. What it is goes by the mean of the last fifth of the leads, which is calmer than the
        last one, and where frames come back before, by all; the scores that it gives are those of single leads, as in the
        plot beside it."""
        near, far = self.persistence[0], _far(self.persistence)
        average, seasonal = _far(self.climatology), _far(self.seasonal) if self.seasonal else 0.0
        last, last_average = self.persistence[-1], self.climatology[-1]
        worst = min(self.persistence)
        comes_back = worst < last - _CLEARLY
        dip = f", {worst:.2f} at {self.persistence.index(worst) + 1}" if comes_back and worst < near else ""
        repeated = f"the last frame repeated scores an SSIM of {near:.2f} at one frame ahead{dip}"
        repeated += f" and {last:.2f} at {self.horizon} frames ahead" if self.horizon > 1 else ""
        if worst > _PERFECT:
            return "Nothing changes: the last frame repeated is already a perfect forecast."
        if self.seasonal and (seasonal > max(far, average) + _CLEARLY or self._repeats()):
            lead = self.persistence.index(worst) + 1 if comes_back else self.horizon
            return (
                f"Predictable far ahead, because it repeats every {self.period:,} frames: at {_frames(lead)} ahead past "
                f"cycles score an SSIM of {self.seasonal[lead - 1]:.2f}, the last frame repeated "
                f"{self.persistence[lead - 1]:.2f}."
            )
        if far > _HIGH and worst > _HIGH - _CLEARLY and far >= average:
            return f"Changes slowly: {repeated}, so little is left to gain; judge forecasts by their skill."
        first, stop = self._as_good()
        to_the_end = stop == self.horizon
        caught = f"from {_frames(first)} ahead on" if to_the_end else f"at {_frames(first)} ahead"
        if first < stop < self.horizon:
            caught = f"from {first} to {stop} frames ahead"
        if average > _HIGH and to_the_end:
            return (
                f"Stays near its average: {repeated}; {caught} the average of the past ({last_average:.2f}) is better, and "
                "little is left to gain; judge forecasts by their skill."
            )
        if near <= self.climatology[0] + _CLEARLY:
            return (
                f"Hardly predictable from frame to frame: already at one frame ahead the average of the past (SSIM "
                f"{self.climatology[0]:.2f}) is about as good as the last frame ({near:.2f})."
            )
        nature = "Changes fast" if near < _FAST else "Comes and goes" if dip else "Near frames are easy, far ones are not"
        told = f" ({last_average:.2f})" if to_the_end else ""
        rest = f"; {caught} the average of the past{told} is as good" if stop else ""
        return f"{nature}: {repeated}{rest or f', which still beats the average of the past ({last_average:.2f})'}."

    def _repeats(self) -> bool:
        """Whether past cycles are clearly better over all leads: at a whole period the last frame is as good as they."""
        others = max(np.mean(self.persistence), np.mean(self.climatology))
        return bool(np.mean(self.seasonal) > others + _CLEARLY)

    def _as_good(self) -> tuple[int, int]:
        """The last leads in a row, first and last of them, at which the average of the past is as good as the last frame; (0,
        0) without any."""
        pairs = zip(self.climatology, self.persistence, strict=True)
        good = [lead for lead, (average, last) in enumerate(pairs, 1) if average >= last]
        first = stop = good[-1] if good else 0
        while first - 1 in good:
            first -= 1
        return first, stop

    def to_mapping(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> "Predictability":
        curves = {name: tuple(map(float, values[name])) for name in ("persistence", "climatology", "seasonal")}
        return cls(**{**values, **curves})


def predictability(
    series: FrameSeries, *, period: int | None = None, without: Collection[int] = (), seen: Seen | None = None
) -> Predictability:
    """Score the three from up to 8 origins over the horizon that the series would usually hold back. `period` is in frames,
    where it has one; the frames `without` are neither forecast nor forecast from. `seen(done, total)` as frames are read."""
    n_frames, horizon = series.n_frames, Split.of(max(3, series.n_frames)).horizon
    last = n_frames - 1 - horizon
    origins = sorted({_belonging(int(origin), without) for origin in np.linspace(min(last, n_frames // 2), last, _ORIGINS)})
    averaged = {origin: _spread(origin, without) for origin in origins}
    cycles = {
        origin + lead: _same_phase(origin, lead, period, without)
        for origin in origins
        for lead in range(1, horizon + 1 if period else 1)
    }
    wanted = {origin + lead for origin in origins for lead in range(horizon + 1)}
    wanted |= {index for group in (*averaged.values(), *cycles.values()) for index in group}
    small = _reduced(series, sorted(wanted), seen)
    by_forecast: dict[str, list[Array]] = {"persistence": [], "climatology": [], "seasonal": []}
    for origin in origins:
        indices = range(origin + 1, origin + horizon + 1)
        truth = np.stack([small[index] for index in indices])
        mean = _average(small, averaged[origin])
        forecasts = {"persistence": [small[origin]] * horizon, "climatology": [mean] * horizon}
        if period:
            found = [_same_phase(origin, lead, period, without) for lead in range(1, horizon + 1)]
            forecasts["seasonal"] = [_average(small, group) for group in found]
        for name, frames in forecasts.items():
            scores = ssim(np.stack(frames).astype(np.float32), truth, data_range=series.data_range, valid=_small_mask(series))
            scores[[index in without for index in indices]] = np.nan
            by_forecast[name].append(scores)
    shape = next(iter(small.values())).shape
    curves = {name: tuple(_mean(rows).tolist()) if rows else () for name, rows in by_forecast.items()}
    return Predictability(**curves, period=period, n_origins=len(origins), height=shape[0], width=shape[1])


def _average(small: dict[int, Array], indices: Sequence[int]) -> Array:
    """The mean of some of the reduced frames; their sum may leave float32."""
    return np.asarray(np.mean([small[index] for index in indices], axis=0, dtype=np.float64))


def _far(curve: Sequence[float]) -> float:
    return float(np.mean(curve[-max(1, len(curve) // 5) :]))


def _frames(count: int) -> str:
    return f"{count} frames" if count > 1 else "one frame"


def _belonging(index: int, without: Collection[int]) -> int:
    """The nearest frame at or before `index` that belongs; `index` itself where there is none."""
    return next((other for other in range(index, -1, -1) if other not in without), index)


def _spread(origin: int, without: Collection[int]) -> list[int]:
    """Frames up to the origin, evenly spread, to be averaged."""
    found = {_belonging(int(index), without) for index in np.linspace(0, origin, min(_AVERAGED, origin + 1))}
    return sorted(found)


def _same_phase(origin: int, lead: int, period: int | None, without: Collection[int]) -> list[int]:
    """Up to four frames at or before the origin, at the phase of origin + lead; the origin where none belongs."""
    if not period:
        return []
    newest = origin + lead - period * -(-lead // period)
    found = [index for index in range(newest, -1, -period) if index not in without]
    return found[:_CYCLES] or [origin]


def _reduced(series: FrameSeries, indices: Sequence[int], seen: Seen | None) -> dict[int, Array]:
    """Index to the frame in grey, (h, w, 1) float32, at most 128 x 128 pixels."""
    blocks = _blocks(series)
    small: dict[int, Array] = {}
    with closing(in_order(lambda index: block_means(np.asarray(series.frames[index]), blocks), indices)) as stream:
        for index, means in zip(indices, stream, strict=True):
            small[index] = means[..., None]
            if seen is not None:
                seen(len(small), len(indices))
    return small


def _blocks(series: FrameSeries) -> tuple[int, int]:
    return reduced_shape(series.height, series.width, _PIXELS)


def _small_mask(series: FrameSeries) -> Array | None:
    """Blocks all of whose pixels are valid; None where all are, or none is."""
    if series.valid is None:
        return None
    whole: Array = block_means(series.valid[..., None].astype(np.uint8), _blocks(series)) == 1
    cropped = whole[5:-5, 5:-5] if min(whole.shape) > 10 else whole
    return whole if cropped.any() else None


def _mean(rows: Sequence[Array]) -> Array:
    """(lead,): the mean over origins of what was scored; a lead that never was takes the value before it."""
    table = np.stack(rows)
    counted = np.isfinite(table)
    total = np.where(counted, table, 0).sum(axis=0)
    mean = np.where(counted.any(axis=0), total / np.maximum(counted.sum(axis=0), 1), np.nan)
    for lead in np.flatnonzero(~np.isfinite(mean)):
        mean[lead] = mean[lead - 1] if lead else 0.0
    return mean
