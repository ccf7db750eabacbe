"""Seasonal: the mean of past cycles at the same phase. Where a series has a season, little beats it.

The period is the one that stands out in the series (series/periods.py). Averaging several cycles is worth more than any
offset; how many, whether older ones count less, and whether what the last frame departs from its own season by is carried on,
hindcasts choose. They also may say that a peak was no season: then, as without one, the last frame is forecast. Weights that
fade from cycle to cycle are the seasonal part of exponential smoothing (Gardner 1985, Exponential smoothing: the state of the
art, section 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.tuned_rule import ALL, TunedRule, bounds, in_words, mean_frame, weighted_sum
from framecast.series.frames import Frames, FrameSeries
from framecast.series.periods import find_periods
from framecast.settings import Settings, setting

_CYCLES = (1, 2, 4, 8, ALL)
_FADING = 0.75
"""What a cycle counts of the one after it; tried over all cycles, beside equal weights."""
_OFFSETS = {"none": 0.0, "short": 0.7, "long": 0.93, "kept": 1.0}
"""Share of the offset that is left one lead later."""


@dataclass(frozen=True)
class SeasonalSettings(Settings):
    period: int = setting(
        0,
        label="Period",
        help="Frames until the series repeats: 12 for months, 24 for hours. 0 finds it, if there is one.",
        minimum=0,
        unit="frames",
    )
    cycles: int = setting(
        0,
        label="Cycles averaged",
        help="How many of the last cycles are averaged. Few follow a change, many give a calmer forecast; 0 chooses by "
        "forecasting frames before the test. More than there are means all.",
        minimum=0,
    )
    fading: float = setting(
        0.0,
        label="Fading",
        help="What a cycle counts beside the one after it: 1 is a plain mean, 0.75 lets old cycles fade. 0 chooses by "
        "forecasting frames before the test.",
        minimum=0.0,
        maximum=1.0,
        advanced=True,
    )
    offset: str = setting(
        "choose",
        label="Offset",
        help="Whether the last frame's departure from its season is carried on: not at all, for a few leads, for many, or for "
        "good. 'choose' decides by forecasting frames before the test.",
        choices=("choose", *_OFFSETS),
    )


@dataclass(frozen=True)
class Season:
    period: int
    """In frames; 1 with one cycle is the last frame repeated."""
    cycles: int
    offset: float
    """Share of the last frame's departure from its season that is left one lead later."""
    fading: float = 1.0
    """What a cycle counts of the one after it."""


LAST_FRAME = Season(1, 1, 0.0)


class Seasonal(TunedRule[SeasonalSettings, Season]):
    settings_type, choice_type = SeasonalSettings, Season
    _periods: Sequence[int] = ()

    def candidates(self, history: FrameSeries) -> Sequence[Season]:
        asked = self.settings
        self._periods = [asked.period] if asked.period else find_periods(history.frames)
        cycles = [asked.cycles] if asked.cycles else _CYCLES
        offsets = list(_OFFSETS.values()) if asked.offset == "choose" else [_OFFSETS[asked.offset]]
        seasons = [
            Season(period, n_cycles, offset, fading)
            for period in self._periods
            for offset in offsets
            for n_cycles in cycles
            for fading in ([asked.fading] if asked.fading else [1.0, _FADING] if n_cycles == ALL else [1.0])
            if n_cycles == cycles[0] or n_cycles == ALL or n_cycles * period <= history.n_frames
        ]
        return seasons if asked.period else [*seasons, LAST_FRAME]

    @staticmethod
    def forecast_by(choice: Season, past: Frames, horizon: int) -> Frames:
        """Exact where the past repeats. A past shorter than the period has no frame at that phase: its last one stands in."""
        out = np.empty((horizon, *past.shape[1:]), np.float32)
        for lead in range(min(horizon, choice.period)):
            out[lead] = _at_phase(choice, past, len(past) + lead)
        for lead in range(choice.period, horizon):
            out[lead] = out[lead - choice.period]
        if choice.offset > 0 and len(past) > choice.period:
            offset = (past[-1] - _at_phase(choice, past[:-1], len(past) - 1)).astype(np.float32)
            low, high = bounds(past)
            for lead in range(horizon):
                out[lead] += np.float32(choice.offset ** (lead + 1)) * offset
                np.clip(out[lead], low, high, out=out[lead])
        return out

    def finding(self) -> str:
        season = self.choice
        if season == LAST_FRAME and not self.settings.period:
            if not self._periods:
                return "No period was found in the frames before the test; the last frame is forecast."
            listed = " and ".join(map(str, self._periods))
            tried = f"A period of {listed} frames was" if len(self._periods) == 1 else f"Periods of {listed} frames were"
            return f"{tried} tried; the last frame forecast earlier frames better, so it is forecast."
        found = "given" if self.settings.period else "found"
        if season.period > self.n_seen:
            return (
                f"A period of {season.period} frames was {found}, and {self.n_seen} are known; wherever these hold none of "
                "the same phase, the last frame is forecast."
            )
        there = -(-self.n_seen // season.period)
        averaged = in_words(season.cycles, "cycle", there)
        fading = f", each counting {season.fading:.0%} of the one after it," if season.fading < 1 else ""
        said = averaged if min(season.cycles, there) == 1 else f"the mean of {averaged}{fading}"
        offset = f", with an offset that keeps {season.offset:.0%} a frame" if season.offset else ""
        return f"A period of {season.period} frames was {found}; {said} is forecast{offset}."


def _at_phase(season: Season, past: Frames, time: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Mean of the last cycles before index `time`, less than a period after the past, at its phase; older ones fade."""
    newest = time - season.period
    indices = range(newest, -1, -season.period)[: season.cycles] if newest >= 0 else ()
    if season.fading == 1 or not indices:
        return mean_frame(past, indices or [len(past) - 1])
    weights = season.fading ** np.arange(len(indices))
    return weighted_sum(past, indices, list(weights / weights.sum()))


def _make(settings: SeasonalSettings, workbench: Workbench) -> Seasonal:
    return Seasonal(settings)


FORECASTERS.add(
    "seasonal",
    ForecasterKind(
        title="Seasonal",
        summary="Finds the period of the series and forecasts the mean of past cycles at the same phase.",
        use_when="The series repeats itself: seasons, days, machines, anything that beats. Needs at least two cycles.",
        family="rule",
        settings=SeasonalSettings,
        make=_make,
        load=Seasonal.load,
    ),
)
