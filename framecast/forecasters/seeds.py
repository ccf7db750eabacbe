"""One network trained several times, each time from another random start: the mean of them forecasts.

What chance does to one training of a short series is as large as most levers, and a mean of a few takes most of it away.

    forecaster.json, weights.safetensors   the first, as it saves itself alone
    seed_02/, seed_03/                     the others
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framecast.forecasters.contract import Forecaster, retreats_of
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.forecasters.network_forecaster import NetworkForecaster

SEED_STEP = 1000
"""Between the seeds of a run that trains the same more than once; the seeds beside its own are left to other runs."""


class Seeds:
    """A Forecaster of trained networks, at least one."""

    def __init__(self, networks: "Sequence[NetworkForecaster]") -> None:
        self.networks = tuple(networks)

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        raise NotImplementedError("each network was trained by itself")

    def forecast(self, past: Frames, horizon: int) -> Frames:
        """The mean of the networks; of one alone what it forecasts, to the bit."""
        total = self.networks[0].forecast(past, horizon)
        for network in self.networks[1:]:
            total += network.forecast(past, horizon)
        total /= len(self.networks)
        return total

    @property
    def retreat(self) -> str:
        """What memory made of forecasts, in words; see NetworkForecaster."""
        return retreats_of(self.networks)

    def save(self, folder: Path) -> None:
        for number, network in enumerate(self.networks, 1):
            place = folder if number == 1 else folder / f"seed_{number:02d}"
            place.mkdir(exist_ok=True)
            network.save(place)

    @classmethod
    def load(cls, folder: Path) -> Forecaster:
        """What `save` wrote, or a network that was saved alone, which then comes back as it was."""
        from framecast.forecasters.network_forecaster import NetworkForecaster  # brings torch

        first, others = NetworkForecaster.load(folder), sorted(folder.glob("seed_*"))
        return cls([first, *map(NetworkForecaster.load, others)]) if others else first
