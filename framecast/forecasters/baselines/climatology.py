"""Climatology: the average of past frames, forecast at every lead. What long leads converge to.

Its frame is made when it is fitted and kept with it, so a loaded climatology forecasts the same bits whatever it is shown.
Nothing holds the series as float: the mean adds frame after frame in float64, the median takes a few rows at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

_MEDIAN_BYTES = 32 * 2**20
_FILE = "climatology.npy"


@dataclass(frozen=True)
class ClimatologySettings(Settings):
    n_frames: int = setting(
        0,
        label="Frames averaged",
        help="How many of the last frames are averaged; 0 means all of them. Few frames follow a slow change, many give a "
        "calmer average.",
        minimum=0,
        unit="frames",
    )
    average: str = setting(
        "mean",
        label="Average",
        help="The mean is best in squared error. The median ignores what passes through a pixel now and then, and stays "
        "sharper.",
        choices=("mean", "median"),
    )


class Climatology:
    def __init__(self, settings: ClimatologySettings) -> None:
        self._settings = settings
        self._frame: np.ndarray[Any, np.dtype[np.float32]] | None = None

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """Averages at once, before anything is yielded; a history shorter than asked for is averaged whole."""
        frames = history.frames[-self._settings.n_frames :]
        average = _median if self._settings.average == "median" else _mean
        self._frame = average(frames).astype(np.float32)
        return iter(())

    def forecast(self, past: Frames, horizon: int) -> Frames:
        assert self._frame is not None, "climatology forecasts only after fit or load"
        return np.repeat(self._frame[None], horizon, axis=0)

    def save(self, folder: Path) -> None:
        assert self._frame is not None, "climatology is saved only after fit or load"
        np.save(folder / _FILE, self._frame, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "Climatology":
        loaded = cls(ClimatologySettings())
        loaded._frame = np.load(folder / _FILE, allow_pickle=False)
        return loaded


def _mean(frames: Frames) -> np.ndarray[Any, np.dtype[np.float64]]:
    total = np.zeros(frames.shape[1:], np.float64)
    for frame in frames:
        total += frame
    return total / len(frames)


def _median(frames: Frames) -> np.ndarray[Any, np.dtype[np.float64]]:
    median = np.empty(frames.shape[1:], np.float64)
    n_rows = max(1, _MEDIAN_BYTES // max(1, frames[:, :1].nbytes))
    for start in range(0, len(median), n_rows):
        rows = slice(start, start + n_rows)
        median[rows] = np.median(np.moveaxis(frames[:, rows], 0, -1).copy(), axis=-1, overwrite_input=True)
    return median


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
        presets={"recommended": {}, "median": {"average": "median"}, "recent": {"n_frames": 10}},
        preset_help={
            "recommended": "The mean of all frames before the test.",
            "median": "The median of all frames before the test: sharper where things pass by.",
            "recent": "The mean of the last ten frames, for series that drift.",
        },
    ),
)
