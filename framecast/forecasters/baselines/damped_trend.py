"""Damped trend: every pixel goes on as it has gone lately, a little less at every lead.

A straight line goes too far sooner or later, so the slope shrinks by a constant factor from lead to lead (Gardner and
McKenzie, Management Science 31 (1985) 1237-1246) and no value leaves the range that was seen. The line starts at the last
frame, not at its own end: what a picture has of detail is in the last frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.tuned_rule import TunedRule, bounds, in_words, weighted_sum
from framecast.series.frames import Frames, FrameSeries
from framecast.settings import Settings, setting

_FITTED = (40, 20, 10, 5, 3, 2)
_DAMPINGS = (1.0, 0.98, 0.95, 0.9, 0.8, 0.5)


@dataclass(frozen=True)
class DampedTrendSettings(Settings):
    n_frames: int = setting(
        0,
        label="Frames fitted",
        help="How many of the last frames the slope of each pixel is fitted to. Few follow a turn, many ignore noise; 0 "
        "chooses by forecasting frames before the test, and 1 has no slope.",
        minimum=0,
        unit="frames",
    )
    damping: float = setting(
        0.0,
        label="Damping",
        help="What is left of the slope from one lead to the next: 1 is a straight line, 0.5 halves it. 0 chooses by "
        "forecasting frames before the test.",
        minimum=0.0,
        maximum=1.0,
    )


@dataclass(frozen=True)
class Trend:
    n_frames: int
    """How many of the last frames the slope is fitted to; 1 for no slope."""
    damping: float
    """What is left of the slope from one lead to the next."""


LAST_FRAME = Trend(1, 1.0)


class DampedTrend(TunedRule[DampedTrendSettings, Trend]):
    settings_type, choice_type = DampedTrendSettings, Trend

    def candidates(self, history: FrameSeries) -> Sequence[Trend]:
        asked = self.settings
        fitted = [asked.n_frames] if asked.n_frames else [n for n in _FITTED if n < history.n_frames]
        dampings = [asked.damping] if asked.damping else _DAMPINGS
        trends = [Trend(n_frames, damping) for n_frames in fitted for damping in dampings]
        return trends if asked.n_frames else [LAST_FRAME, *trends]

    @staticmethod
    def forecast_by(choice: Trend, past: Frames, horizon: int) -> Frames:
        last = past[-1].astype(np.float32)
        out = np.repeat(last[None], horizon, axis=0)
        n_frames = min(choice.n_frames, len(past))
        if n_frames < 2:
            return out
        slope = _slope(past[-n_frames:])
        low, high = bounds(past)
        reach = 0.0
        for lead in range(horizon):
            reach += choice.damping ** (lead + 1)
            out[lead] += (reach * slope).astype(np.float32)
            np.clip(out[lead], low, high, out=out[lead])
        return out

    def finding(self) -> str:
        trend = self.choice
        if trend.n_frames < 2 and self.settings.n_frames == 1:
            return "One frame has no slope, as was asked for; the last frame is forecast."
        if trend.n_frames < 2 and not self.compared:
            return "No trend could be tried: these frames are too few. The last frame is forecast."
        if trend.n_frames < 2:
            return "No trend was of use in the frames before the test; the last frame is forecast."
        kept = "and goes straight on" if trend.damping == 1 else f"and {trend.damping:.0%} of it is left from lead to lead"
        fitted = in_words(trend.n_frames, "frame", self.n_seen)
        return f"The slope of each pixel is fitted to {fitted} {kept}."


def _slope(frames: Frames) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Of the least-squares line through each pixel, (height, width, channel) float64, in units a frame."""
    time = np.arange(len(frames)) - (len(frames) - 1) / 2
    return weighted_sum(frames, range(len(frames)), list(time / np.square(time).sum()))


def _make(settings: DampedTrendSettings, workbench: Workbench) -> DampedTrend:
    return DampedTrend(settings)


FORECASTERS.add(
    "damped_trend",
    ForecasterKind(
        title="Damped trend",
        summary="Continues the recent change of every pixel, a little less at every lead.",
        use_when="Things brighten, fade or fill slowly where they are; not where they move.",
        family="rule",
        settings=DampedTrendSettings,
        make=_make,
        load=DampedTrend.load,
    ),
)
