"""The film of a finished run in its folder: made once the run is finished, so that nobody waits for it when looking.

A run that has none, an old one or one from elsewhere, is given one by whoever looks at it first.
"""

from collections.abc import Iterator

from framecast.drawing.film import FILE, Film, Scene, keep_film, kept_film, make_film
from framecast.drawing.pictures import display_range
from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore, StoredSeries


def forecast_version(run: Run) -> int:
    """The moment at which the forecast was written: a run may go on and come to another one. 0 where there is none."""
    path = run.folder / "forecast.npy"
    return path.stat().st_mtime_ns if path.exists() else 0


def film_version(run: Run) -> int:
    """The moment at which the film was written, 0 where there is none."""
    path = run.folder / FILE
    return path.stat().st_mtime_ns if path.exists() else 0


def read_film(run: Run, series: FrameSeries, stored: StoredSeries) -> Film | None:
    """The film that belongs to the run's forecast as it is now, None where there is none."""
    return kept_film(run.folder / FILE, _scene(run, series, stored)) if film_version(run) else None


def write_film(run: Run, series: FrameSeries, stored: StoredSeries, film: Film) -> None:
    """Keep a film that was drawn elsewhere. Raises StorageError."""
    keep_film(run.folder / FILE, film, _scene(run, series, stored))


def film_run(run: Run, series: FrameSeries) -> Iterator[None]:
    """Draw and keep the film of a finished run, with a stop after each frame. A series that no store has is not shown on a
    page, and is not filmed. Raises StorageError where the disk takes nothing."""
    try:
        stored = SeriesStore(run.store.folder.parent).info(run.record.series)
    except FrameCastError:
        return
    yield from make_film(run.folder / FILE, FORECASTERS[run.record.forecaster].title, _scene(run, series, stored))


def _scene(run: Run, series: FrameSeries, stored: StoredSeries) -> Scene:
    return Scene(run.forecast(), series, run.record.split, display_range(stored))
