"""What can be set for auto, and what follows from it: which networks are tried, and how long all of it takes at most."""

from dataclasses import dataclass

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.fold import LENGTHS
from framecast.settings import Settings, setting
from framecast.training.pace import MOST_EPOCHS

ALWAYS = ("unet", "advect")
"""The networks that win on short series at small budgets."""
WITH_TIME = ("convnext_unet", "convlstm", "simvp", "tau", "predrnn")
"""Those that join when the budget allows."""
LONG_MINUTES = 15.0
OVERHEAD = 1.15
"""Looks and blending, over the training alone."""


@dataclass(frozen=True)
class AutoSettings(Settings):
    minutes: float = setting(
        5.0,
        label="Time limit",
        help="Minutes for everything together. The rules take seconds to a minute, networks share the rest. 0 means no limit: "
        "every network runs all its epochs.",
        minimum=0.0,
        maximum=100_000.0,
        unit="min",
    )
    epochs: int = setting(
        1000,
        label="Epochs",
        help="How often each network sees every training window, if the time limit does not end it first.",
        minimum=1,
        maximum=MOST_EPOCHS,
    )
    seeds: int = setting(
        4,
        label="Trainings of each network",
        help="How often a network is trained on all history, from different random starts; their mean forecasts. With a time "
        "limit, as often as time is left for.",
        minimum=1,
        maximum=16,
        advanced=True,
    )
    networks: str = setting(
        "as time allows",
        label="Networks",
        help="Two suit every short series. With a quarter of an hour or more all others are tried, and the worse half is left "
        "behind twice on the way.",
        choices=("as time allows", "two", "all", "none"),
        advanced=True,
    )


def networks_of(settings: AutoSettings) -> list[str]:
    """The networks that are tried, where the history is long enough for any."""
    long = settings.minutes == 0 or settings.minutes >= LONG_MINUTES
    many = settings.networks == "all" or (settings.networks == "as time allows" and long)
    names = () if settings.networks == "none" else (*ALWAYS, *(WITH_TIME if many else ()))
    return [name for name in names if name in FORECASTERS]


def training_units(n_networks: int) -> float:
    """Whole times of one network that all of it takes at most: every length on the fold, and a refit of those left."""
    units, n = 0.0, n_networks
    for length in LENGTHS:
        units += n * length
        n = kept_at_rung(n) if length < LENGTHS[-1] else n
    return units + n


def kept_at_rung(n: int) -> int:
    return max(min(n, 2), (n + 1) // 2)
