"""What can be set of an ensemble."""

from dataclasses import dataclass

from framecast.networks.contract import NETWORKS
from framecast.settings import Settings, setting
from framecast.training.pace import MOST_EPOCHS


@dataclass(frozen=True)
class EnsembleSettings(Settings):
    of: str = setting("unet", label="Network", help="The network that the members are made of.", choices=tuple(NETWORKS))
    members: int = setting(
        4,
        label="Members",
        help="How many forecasts are made. More give a steadier mean and spread; with own seeds each is trained by itself.",
        minimum=2,
        maximum=64,
    )
    kind: str = setting(
        "seeds",
        label="Members differ by",
        help="Seeds: each member is a network of its own, trained from another start; they share the time limit. Noise: one "
        "network forecasts from frames that are a little off, each time differently.",
        choices=("seeds", "noise"),
    )
    noise: float = setting(
        0.5,
        label="Noise",
        help="How far off the frames are that members begin from, in units of the usual change from one frame to the next. "
        "Only where members differ by noise.",
        minimum=0.0,
        maximum=10.0,
        advanced=True,
    )
    minutes: float = setting(
        4.0,
        label="Time limit",
        help="Minutes for all members together. 0 means no limit: each is trained for all its epochs.",
        minimum=0.0,
        maximum=100_000.0,
        unit="min",
    )
    epochs: int = setting(
        1000,
        label="Epochs",
        help="How often a member sees every training window, if the time limit does not end it first.",
        minimum=1,
        maximum=MOST_EPOCHS,
    )
    learning_rate: float = setting(
        1e-3, label="Learning rate", help="Size of a training step.", minimum=1e-7, maximum=1.0, advanced=True
    )
    batch_size: int = setting(
        4, label="Batch size", help="Windows per training step.", minimum=1, maximum=4096, advanced=True
    )
    unroll: int = setting(
        8,
        label="Unroll",
        help="How many of its own forecasts a member is fed in training.",
        minimum=1,
        maximum=200,
        advanced=True,
    )
    select_by: str = setting(
        "ssim",
        label="Best means",
        help="The score of the validation forecast that decides which weights of a member are kept.",
        choices=("ssim", "mse"),
        advanced=True,
    )


PASSED_ON = ("epochs", "learning_rate", "batch_size", "unroll", "select_by")
"""Those that each network is given as they are."""


def n_networks(settings: EnsembleSettings) -> int:
    """That are trained."""
    return settings.members if settings.kind == "seeds" else 1
