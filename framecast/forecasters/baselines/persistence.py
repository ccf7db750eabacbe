"""Persistence: the last frame repeated. The zero of skill; what every forecaster must beat."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings
from framecast.training.progress import FitProgress


@dataclass(frozen=True)
class PersistenceSettings(Settings):
    pass


class Persistence:
    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        return iter(())

    def forecast(self, past: Frames, horizon: int) -> Frames:
        return np.repeat(past[-1:].astype(np.float32), horizon, axis=0)

    def save(self, folder: Path) -> None:
        pass  # nothing was learned

    @classmethod
    def load(cls, folder: Path) -> "Persistence":
        return cls()


def _make(settings: PersistenceSettings, workbench: Workbench) -> Persistence:
    return Persistence()


FORECASTERS.add(
    "persistence",
    ForecasterKind(
        title="Persistence",
        summary="Repeats the last frame that was observed.",
        use_when="Always shown beside every other forecaster: one that does not beat it has learned nothing of use.",
        family="rule",
        settings=PersistenceSettings,
        make=_make,
        load=Persistence.load,
    ),
)
