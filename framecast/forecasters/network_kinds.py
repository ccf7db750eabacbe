"""Each network of NETWORKS as an entry of FORECASTERS: its settings, its presets, and what it costs before it is trained."""

from typing import Any

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Timed
from framecast.forecasters.network_fit import TIME_SHARE_OF_FIRST_STAGE
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.network_settings import settings_class
from framecast.forecasters.network_size import n_weights, training_bytes
from framecast.forecasters.seeds import Seeds
from framecast.forecasters.starting_weights import INHERITED, starting_weights
from framecast.networks.contract import NETWORKS, QUESTION_OPTIONS, NetworkKind


def _register(name: str, kind: NetworkKind) -> None:
    settings = settings_class(kind)
    FORECASTERS.add(
        name,
        ForecasterKind(
            title=kind.title,
            summary=kind.summary,
            use_when=kind.use_when,
            family="network",
            settings=settings,
            make=lambda chosen, workbench: NetworkForecaster(name, chosen, workbench),
            load=Seeds.load,
            presets={"recommended": kind.recommended, "question": QUESTION_OPTIONS, **kind.presets},
            preset_help={
                "recommended": "Scaled values, forecasts the change, trained on its own forecasts, refitted on all history.",
                "question": "The training options of the question: Adam, 300 epochs, gradient threshold 1, rate 0.0001 "
                "dropped by 0.2 every 125 epochs.",
                **kind.preset_help,
            },
            n_weights=n_weights(name),
            training_bytes=training_bytes(name),
            timed_by=lambda chosen: Timed(name, chosen.to_mapping(), _search_share(chosen)),
            starting=lambda chosen, folder, shape, channels: starting_weights(chosen, folder, name, shape, channels).sentence,
            inherited=(*(field.name for field in kind.settings.fields()), *INHERITED),
            any_size=kind.any_size,
            extensible=True,
        ),
    )


def _search_share(chosen: Any) -> float:
    """Of the time, that is left to the search for how long to train."""
    return TIME_SHARE_OF_FIRST_STAGE if chosen.refit and chosen.validation else 1.0


for _name, _kind in NETWORKS.items():
    _register(_name, _kind)
