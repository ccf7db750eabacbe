"""Series to begin with: a few small real ones, whose licences allow passing them on, and synthetic ones with a known law.

NOTICES.md beside this file says where the real ones come from, under which licence, and what was changed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from framecast.errors import UnknownNameError
from framecast.series.ingest import Progress, ingest
from framecast.series.store import SeriesStore, StoredSeries
from framecast.series.synthetic import SYNTHETIC

__all__ = ["SAMPLES", "Sample", "sample"]

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Sample:
    """What a card says of a series, and how to put it into a store. `load` gives back what is already there, if it is."""

    name: str
    title: str
    sentence: str
    licence: str
    credit: str
    real: bool
    load: Callable[..., StoredSeries]
    """load(store, progress=None), progress as `ingest` calls it."""


def sample(name: str) -> Sample:
    """The sample of this name. Raises UnknownNameError that lists them."""
    for entry in SAMPLES:
        if entry.name == name:
            return entry
    known = ", ".join(entry.name for entry in SAMPLES)
    raise UnknownNameError(f"There is no sample named {name!r}. Choose one of: {known}.")


def _from_file(
    file: str, title: str, units: str, step: timedelta | None, store: SeriesStore, progress: Progress | None = None
) -> StoredSeries:
    return ingest(FOLDER / file, store, name=title, units=units, timestep=step, progress=progress)


def _from_law(name: str, title: str, store: SeriesStore, progress: Progress | None = None) -> StoredSeries:
    series = SYNTHETIC[name]()
    return store.add(
        title, series.frames, value_range=series.value_range, expected=series.n_frames, progress=progress,
        source=f"Synthetic: {name}",
    )  # fmt: skip


def _real(
    file: str, title: str, sentence: str, licence: str, credit: str, *, units: str = "1", step: timedelta | None = None
) -> Sample:
    load = partial(_from_file, file, title, units, step)
    return Sample(file.partition(".")[0], title, sentence, licence, credit, True, load)


def _made(name: str, title: str, sentence: str) -> Sample:
    return Sample(name, title, sentence, "as FrameCast", "Made by FrameCast", False, partial(_from_law, name, title))


SAMPLES: tuple[Sample, ...] = (
    _real(
        "arctic_sea_ice.zip",
        "Arctic sea ice",
        "Monthly maps of sea ice from 2003 to 2023: grows and melts with a period of 12 frames while it slowly declines.",
        "NSIDC: free use with credit",
        "Image courtesy of the National Snow and Ice Data Center, University of Colorado, Boulder",
    ),
    _real(
        "flower_opening.mp4",
        "Flower opening",
        "A time-lapse of a flower that opens: smooth growth that does not repeat.",
        "CC0 1.0",
        "mdn/shared-assets",
    ),
    _real(
        "knmi_rain_radar.mat",
        "Rain radar",
        "Rain bands that cross the Netherlands, one picture every 5 minutes: carried by the wind, growing and decaying.",
        "CC BY 4.0",
        "KNMI, by way of pySTEPS",
        step=timedelta(minutes=5),
    ),
    _real(
        "storm_pressure.npy",
        "Storm pressure",
        "Surface pressure over North America every 6 hours, in pascals, with pixels that are always missing.",
        "UCAR, BSD-style",
        "University Corporation for Atmospheric Research (NCL)",
        units="Pa",
        step=timedelta(hours=6),
    ),
    _made("moving_blob", "Moving blob", "One bright spot on a straight line at constant speed."),
    _made("drifting_texture", "Drifting texture", "A texture carried along by whole pixels: optical flow is perfect on it."),
    _made("bouncing_balls", "Bouncing balls", "Three discs that bounce off the walls and cover one another."),
    _made("travelling_waves", "Travelling waves", "Waves without a common period: never the same twice, yet exactly known."),
    _made("pulsating_cycle", "Pulsating cycle", "Spots that swell and shrink and repeat exactly every 12 frames."),
    _made("still", "Still", "A picture that never changes: persistence is perfect."),
    _made("ramp", "Ramp", "A picture that brightens by one grey level a frame."),
)
