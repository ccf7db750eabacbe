"""Damped return: from the last frame to the mean, a fixed share of the way at every lead.

What persistence knows is worth less with every lead and what climatology knows is worth the same at all of them; the weight of
the last frame, memory to the power of the lead, is the first-order autoregression of every pixel with one common memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.tuned_rule import TunedRule, counts_averaged, in_words, mean_frame
from framecast.series.frames import Frames, FrameSeries
from framecast.settings import Settings, setting

_MEMORIES = (1.0, 0.99, 0.98, 0.95, 0.9, 0.8, 0.6, 0.3)


@dataclass(frozen=True)
class DampedSettings(Settings):
    memory: float = setting(
        0.0,
        label="Memory",
        help="Weight of the last frame at lead 1; at lead k it is this number to the power k, and the mean has the rest. 1 "
        "repeats the last frame. 0 chooses by forecasting frames before the test.",
        minimum=0.0,
        maximum=1.0,
    )
    n_frames: int = setting(
        0,
        label="Frames averaged",
        help="How many of the last frames make the mean. More than there are means all; 0 chooses by forecasting frames "
        "before the test.",
        minimum=0,
        unit="frames",
    )


@dataclass(frozen=True)
class Return:
    memory: float
    """Weight of the last frame at lead 1."""
    n_frames: int
    """How many of the last frames are averaged, ALL for all."""


class Damped(TunedRule[DampedSettings, Return]):
    settings_type, choice_type = DampedSettings, Return

    def candidates(self, history: FrameSeries) -> Sequence[Return]:
        asked = self.settings
        memories = [asked.memory] if asked.memory else _MEMORIES
        averaged = counts_averaged(asked.n_frames, history)
        kept = [Return(1.0, averaged[0])] if 1.0 in memories else []  # the last frame, whatever is averaged
        return kept + [Return(memory, n_frames) for n_frames in averaged for memory in memories if memory < 1]

    @staticmethod
    def forecast_by(choice: Return, past: Frames, horizon: int) -> Frames:
        last = past[-1].astype(np.float32)
        mean = mean_frame(past, range(max(0, len(past) - choice.n_frames), len(past))) if choice.memory < 1 else last
        departure = (last - mean).astype(np.float32)
        out = np.empty((horizon, *last.shape), np.float32)
        for lead in range(horizon):
            np.multiply(departure, np.float32(1 - choice.memory ** (lead + 1)), out=out[lead])
            np.subtract(last, out[lead], out=out[lead])
        return out

    def finding(self) -> str:
        if self.choice.memory == 1 and self.settings.memory == 1:
            return "The last frame is forecast, as was asked for."
        if self.choice.memory == 1 and not self.compared:
            return "No return to a mean could be tried: these frames are too few. The last frame is forecast."
        if self.choice.memory == 1:
            return "No return to a mean was seen in the frames before the test; the last frame is forecast."
        averaged = in_words(self.choice.n_frames, "frame", self.n_seen)
        half = np.log(0.5) / np.log(self.choice.memory)
        return (
            f"The last frame returns to the mean of {averaged}: it has weight {self.choice.memory:g} at lead 1, and half of "
            f"its weight is gone after {half:.1f} frames."
        )


def _make(settings: DampedSettings, workbench: Workbench) -> Damped:
    return Damped(settings)


FORECASTERS.add(
    "damped",
    ForecasterKind(
        title="Damped return",
        summary="Forecasts the last frame near by and the average of past frames far ahead, with a smooth passage between.",
        use_when="The picture fluctuates around a steady state, and what is unusual now fades.",
        family="rule",
        settings=DampedSettings,
        make=_make,
        load=Damped.load,
    ),
)
