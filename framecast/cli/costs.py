"""What a run will cost, said before it begins: weights, memory, disk, and the time that one timed trial step tells."""

from framecast.cli.screen import Screen
from framecast.errors import DeviceMemoryError, SettingError
from framecast.files import bytes_in_words
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.preflight import Preflight, preflight
from framecast.runs.record import RunRecord
from framecast.runs.trial import Question, duration, measure
from framecast.series.frames import FrameSeries

SHORT_MINUTES, SHORT_STEPS, SHORT_EPOCHS = 2.0, 200, 5
"""A run up to this is over about as soon as a trial of it."""


def say_costs(record: RunRecord, series: FrameSeries, screen: Screen) -> None:
    """Draw nothing for a rule, which costs nothing to speak of. Raises SettingError where not even one step fits."""
    kind = FORECASTERS[record.forecaster]
    if screen.quiet or kind.n_weights is None:
        return
    settings = kind.settings.from_mapping(record.settings)
    found = preflight(
        kind,
        settings,
        series.height,
        series.width,
        series.n_channels,
        record.preparation,
        record.device,
        n_frames=record.split.test.start,
        bytes_per_value=series.frames.dtype.itemsize,
        horizon=record.split.horizon,
    )
    screen.say(found.sentence)
    screen.say(_parts(found))
    if kind.family != "network" or _short(record) or record.n_processes > 1:
        return
    shape = record.preparation.working_shape(series.height, series.width)
    question = Question(record.forecaster, record.settings, *shape, series.n_channels, record.device, record.n_threads)
    screen.say("Timing a training step ...")
    try:
        screen.say(duration(measure(question), settings, record.split).sentence())
    except DeviceMemoryError as error:
        raise SettingError(f"One training step does not fit into memory. {error}") from error


def _parts(found: Preflight) -> str:
    parts = ", ".join(f"{name} {bytes_in_words(size)}" for name, size in found.parts if size)
    return f"Memory: {parts}. On the disk: about {bytes_in_words(found.disk_bytes)}."


def _short(record: RunRecord) -> bool:
    limits = (("minutes", SHORT_MINUTES), ("steps", SHORT_STEPS), ("epochs", SHORT_EPOCHS))
    return any(0 < float(record.settings.get(name, 0)) <= most for name, most in limits)
