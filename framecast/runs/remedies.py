"""What to change about a run that failed, so that it may not fail again: settings, worked out, for a person to choose from.

A remedy is a change of the run's settings as `plan` takes them, {"batch_size": 2}; "size" is the working size.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.devices import available_bytes
from framecast.runs.preflight import crop_and_tile
from framecast.runs.record import RunRecord, new_id, utc_now
from framecast.runs.store import Run
from framecast.series.frames import Preparation
from framecast.series.store import SeriesStore

LESS = 0.75
"""Of the memory that was thought to be needed when it ran out, as far as batch and size decide it, at most so much is tried
next."""
SMALLEST_PX = 16


def remedies_for_memory(run: Run) -> tuple[dict[str, int], ...]:
    """The largest batch, the largest crops of frames at the same working size, and the largest working size, with which
    training should need clearly less than it did, and no more than can be had now. None where the forecaster does not say
    what it needs, or nothing smaller is left."""
    record = run.record
    kind = FORECASTERS[record.forecaster]
    if kind.training_bytes is None:
        return ()
    settings: Any
    try:
        series = SeriesStore(run.store.folder.parent).info(record.series)
        settings = kind.settings.from_mapping(record.settings)
    except FrameCastError:
        return ()  # the series was deleted, too
    native = (series.height, series.width)
    count = kind.training_bytes

    def needed(chosen: Any, size: int | None) -> int:
        return count(chosen, *Preparation(size).working_shape(*native), series.n_channels, record.device)

    batch = int(record.settings.get("batch_size", 1))
    smallest = replace(settings, batch_size=1) if batch > 1 else settings
    fixed = needed(smallest, min(SMALLEST_PX, *native))
    asked = needed(settings, record.preparation.size)
    most = min(fixed + LESS * (asked - fixed), available_bytes(record.device))
    found: list[dict[str, int]] = []
    while batch > 1:
        batch //= 2
        if needed(replace(settings, batch_size=batch), record.preparation.size) <= most:
            found.append({"batch_size": batch})
            break
    working = min(Preparation(record.preparation.size).working_shape(*native))
    crop, tile = crop_and_tile(settings, working, lambda changed: needed(changed, record.preparation.size) <= most)
    if crop:
        asked_for = {"crop": crop, "tile": tile}
        found.append({name: value for name, value in asked_for.items() if value != getattr(settings, name)})
    size = working * 7 // 8
    while size >= SMALLEST_PX and needed(settings, size) > most:
        size = size * 7 // 8
    if size >= SMALLEST_PX:
        found.append({"size": size // 8 * 8})
    return tuple(found)


def in_words(remedy: Mapping[str, float]) -> str:
    """"a batch of 2"."""
    words = {
        "batch_size": "a batch of {:g}",
        "crop": "random crops of {:g} px",
        "tile": "a forecast in tiles of {:g} px",
        "size": "a working size of {:g} px",
        "learning_rate": "a learning rate of {:g}",
        "unroll": "an unroll of {:g}",
    }
    parts = [words.get(name, name.replace("_", " ") + " {:g}").format(value) for name, value in remedy.items()]
    return " and ".join(parts)


def with_remedy(record: RunRecord, remedy: Mapping[str, float]) -> RunRecord:
    """The same run once more, with the change; to be submitted."""
    now = utc_now()
    changes = {name: value for name, value in remedy.items() if name != "size"}
    settings = FORECASTERS[record.forecaster].settings.from_mapping({**record.settings, **changes})
    return replace(
        record,
        id=new_id(record.forecaster, now),
        created=now.isoformat(timespec="milliseconds"),
        settings=settings.to_mapping(),
        preparation=Preparation(int(remedy["size"])) if "size" in remedy else record.preparation,
    )
