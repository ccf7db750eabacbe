"""What can be set of a network that forecasts: its own settings, those of its training, and the way back to native size."""

import dataclasses

from framecast.forecasters.restoration import way_setting
from framecast.networks.contract import NetworkKind, NetworkSettings
from framecast.training.settings import TrainingSettings


def settings_class(kind: NetworkKind) -> type[NetworkSettings]:
    """One settings class with the fields of the network, of its training and of the way back to native size, so that form,
    `--set` and run see one list."""
    name = kind.settings.__name__.removesuffix("Settings") + "ForecasterSettings"
    restore = way_setting(tells_motion=kind.tells_motion)
    combined = dataclasses.make_dataclass(
        name,
        [("restore", str, restore)],
        bases=(kind.settings, TrainingSettings),
        frozen=True,
        namespace={"any_size": kind.any_size},
    )
    assert issubclass(combined, NetworkSettings)
    return combined
