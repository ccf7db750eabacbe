"""Climatology: the average of past frames, forecast at every lead. What long leads converge to.

Whether it is a mean or a median, and of how many frames, hindcasts choose. Only the choice is kept; what is averaged is the
past that it forecasts from, so that beyond the test it has seen the test. Nothing holds the series as float: the mean adds
frame after frame in float64, the median takes a few rows at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.forecasters.tuned_rule import ALL, CHOICE_FILE, TunedRule, counts_averaged, in_words, mean_frame, median_frame
from framecast.series.frames import Frames, FrameSeries
from framecast.settings import Settings, setting

_FILE = "climatology.npy"


@dataclass(frozen=True)
class ClimatologySettings(Settings):
    average: str = setting(
        "choose",
        label="Average",
        help="The mean is best in squared error. The median ignores what passes through a pixel now and then, and stays "
        "sharper. 'choose' decides by forecasting frames before the test.",
        choices=("choose", "mean", "median"),
    )
    n_frames: int = setting(
        0,
        label="Frames averaged",
        help="How many of the last frames are averaged. Few frames follow a slow change, many give a calmer average. 0 "
        "means all of them; where the average is chosen, their number is, too.",
        minimum=0,
        unit="frames",
    )


@dataclass(frozen=True)
class Average:
    average: str
    """"mean" or "median"."""
    n_frames: int
    """How many of the last frames are averaged, ALL for all."""


class Climatology(TunedRule[ClimatologySettings, Average]):
    settings_type, choice_type = ClimatologySettings, Average
    _frame: np.ndarray[Any, np.dtype[np.float32]] | None = None
    """What a folder of before it chose has instead of a choice: the average itself."""

    def candidates(self, history: FrameSeries) -> Sequence[Average]:
        asked = self.settings
        if asked.average != "choose":
            return [Average(asked.average, asked.n_frames or ALL)]
        counts = counts_averaged(asked.n_frames, history)
        return [Average(average, n_frames) for average in ("mean", "median") for n_frames in counts]

    @staticmethod
    def forecast_by(choice: Average, past: Frames, horizon: int) -> Frames:
        """A past shorter than what was asked for is averaged whole."""
        return np.repeat(_averaged(choice, past)[None], horizon, axis=0)

    def forecast(self, past: Frames, horizon: int) -> Frames:
        return super().forecast(past, horizon) if self._frame is None else np.repeat(self._frame[None], horizon, axis=0)

    def finding(self) -> str:
        averaged = in_words(self.choice.n_frames, "frame", self.n_seen)
        return f"The {self.choice.average} of {averaged} is forecast at every lead."

    def save(self, folder: Path) -> None:
        if self._frame is None:
            super().save(folder)
        else:
            np.save(folder / _FILE, self._frame, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        if (folder / CHOICE_FILE).exists():
            return super().load(folder)
        loaded = cls(ClimatologySettings())
        loaded._frame = np.load(folder / _FILE, allow_pickle=False)
        return loaded


def _averaged(choice: Average, past: Frames) -> np.ndarray[Any, np.dtype[np.float32]]:
    average = median_frame if choice.average == "median" else mean_frame
    return np.asarray(average(past, range(max(0, len(past) - choice.n_frames), len(past))), np.float32)


def _make(settings: ClimatologySettings, workbench: Workbench) -> Climatology:
    return Climatology(settings)


FORECASTERS.add(
    "climatology",
    ForecasterKind(
        title="Climatology",
        summary="Forecasts the average of past frames at every lead.",
        use_when="Shown beside every other forecaster; hard to beat far ahead, where motion can no longer be followed.",
        family="rule",
        settings=ClimatologySettings,
        make=_make,
        load=Climatology.load,
        presets={
            "recommended": {},
            "mean": {"average": "mean"},
            "median": {"average": "median"},
            "recent": {"average": "mean", "n_frames": 10},
        },
        preset_help={
            "recommended": "Mean or median, of all or the last frames: whatever forecast the frames before the test best.",
            "mean": "The mean of all past frames.",
            "median": "The median of all past frames: sharper where things pass by.",
            "recent": "The mean of the last ten frames, for series that drift.",
        },
    ),
)
