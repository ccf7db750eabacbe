"""FORECASTERS: one name for each thing that can forecast. Asking it for an entry imports torch; naming it does not."""

from framecast.forecasters.contract import ForecasterKind
from framecast.registry import Registry

FORECASTERS: Registry[ForecasterKind] = Registry(
    "forecaster",
    "framecast.forecasters.baselines",
    "framecast.forecasters.network_kinds",
    "framecast.forecasters.auto",
    "framecast.forecasters.ensemble",
)
