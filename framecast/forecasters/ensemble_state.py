"""What an ensemble keeps beside its networks: where a fit was left, and the forecasts by which the spread was judged.

    ensemble.json        which member is at work, and what was found
    judged.safetensors   what each member forecast of the validation frames, at the pixels that are judged
    member_1/            a network whose fit has ended: as it forecasts, and as its course, so that it can be trained further
    network/             the course of the one at work
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from framecast.errors import DivergedError
from framecast.forecasters.calibration import SpreadLaw, fit_spread
from framecast.forecasters.course import Course
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.series.frames import Frames, FrameSeries, Split

JUDGED = "judged.safetensors"
NETWORK = "network"
N_SAMPLES = 4000
"""Pixels of a frame, times channels, that the spread is judged on."""
_COURSE = "fit.json"


@dataclass(frozen=True, eq=False)
class Resumed:
    """Where a fit was left."""

    folder: Path
    index: int
    """Of the member at work, or of the next one."""
    counts: bool
    """Whether the one at work forecasts already, its first stage being done."""
    elapsed_s: float
    raw_share: float | None
    law: SpreadLaw | None
    judged: list[Frames]

    @property
    def at_work(self) -> bool:
        """Whether a member was."""
        return (self.folder / NETWORK).is_dir()

    def finished(self, n_networks: int) -> dict[int, NetworkForecaster]:
        """The members whose fit has ended, as they forecast, each with its course where that was kept."""
        found = {}
        for index in range(n_networks):
            place = self.folder / member_folder(index)
            if place.is_dir():
                found[index] = NetworkForecaster.load(place)
                if (place / _COURSE).exists():
                    found[index].take_up(replace(Course.read(place), forecasting={}))  # it is the network that was loaded
        return found


class Judged:
    """The members' forecasts of the validation frames at a few thousand pixels, and what they say of the spread."""

    def __init__(self, history: FrameSeries, split: Split) -> None:
        self.past = history.frames[: split.valid.start]
        self.horizon, self.leads_asked = len(split.valid), split.horizon
        counted = np.ones((history.height, history.width), np.bool_) if history.valid is None else history.valid
        pixels = np.flatnonzero(counted)
        step = -(-len(pixels) * history.n_channels // N_SAMPLES)
        # shuffled with a fixed seed: a regular step would meet the same columns again and again
        self._pixels = np.sort(np.random.default_rng(0).permutation(pixels)[: -(-len(pixels) // step)])
        self._truth = self._sampled(history.frames[split.valid.start : split.valid.stop])
        self.members: list[Frames] = []
        self.raw_share: float | None = None

    def with_those_of(self, place: int, members: Iterator[Frames]) -> SpreadLaw:
        """The law now that the members of the network at this place, of those that count, have forecast the validation frames,
        for the first time or better. Raises DivergedError where one of them is not a number everywhere."""
        made = [*map(self._sampled, members)]  # not a loop, whose variable would hold a member while the next is made
        if not all(np.isfinite(one).all() for one in made):
            raise DivergedError("Its forecast of the validation frames stopped being a number.")
        self.members[place * len(made) : (place + 1) * len(made)] = made
        return self._law()

    def without(self, place: int) -> SpreadLaw | None:
        """The same without those of one network of several; None where no other is left."""
        del self.members[place : place + 1]
        if self.members:
            return self._law()
        self.raw_share = None
        return None

    def _law(self) -> SpreadLaw:
        stacked = np.stack(self.members).astype(np.float64)  # squares may leave float32
        error = stacked.mean(axis=0) - self._truth
        spread = np.std(stacked, axis=0, ddof=min(1, len(stacked) - 1))
        wrong = float(np.sqrt((error**2).mean()))
        self.raw_share = float(np.sqrt((spread**2).mean())) / wrong if wrong else None
        return fit_spread(self.members, self._truth)

    def _sampled(self, frames: Frames) -> Frames:
        """(lead, sample) float32; a lead at a time, so that a memory map stays on disk."""
        return np.stack([frame.reshape(-1, frame.shape[-1])[self._pixels].astype(np.float32).ravel() for frame in frames])


def why_not_further(folder: Path) -> str:
    """See ForecasterKind. Courses of members that had ended were not always kept."""
    places = [*folder.glob("member_*"), *folder.glob(NETWORK)]
    return "" if all((place / _COURSE).exists() for place in places) else "it is of a time when members did not keep that"


def member_folder(index: int) -> str:
    return f"member_{index + 1}"


def law_of(columns: dict[str, list[float]] | None) -> SpreadLaw | None:
    return SpreadLaw(**{name: tuple(column) for name, column in columns.items()}) if columns else None
