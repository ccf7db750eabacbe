"""The film of a finished run in its folder: made once the run is finished, so that nobody waits for it when looking.

A run that has none, an old one or one from elsewhere, is given one by whoever looks at it first.
"""

from collections.abc import Iterator

from framecast.drawing.film import FILE, Film, Scene, keep_film, kept_film, make_film
from framecast.drawing.pictures import display_range
from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries
from framecast.series.store import SeriesStore, StoredSeries


def forecast_version(run: Run) -> int:
    """The moment at which the forecast was written: a run may go on and come to another one. 0 where there is none."""
    path = run.folder / "forecast.npy"
    return path.stat().st_mtime_ns if path.exists() else 0


def film_version(run: Run) -> int:
    """The moment at which the film was written, 0 where there is none."""
    path = run.folder / FILE
    return path.stat().st_mtime_ns if path.exists() else 0


def dated_forecast(run: Run) -> tuple[Frames, int]:
    """The forecast as it is now, (lead, height, width, channel), and its version. A run that is trained further is given
    another one at any moment, and what was read must not go by the version of the other. Raises StorageError."""
    while True:
        version = forecast_version(run)
        forecast = run.forecast()
        if forecast_version(run) == version:
            return forecast, version


def read_film(run: Run, forecast: Frames, series: FrameSeries, stored: StoredSeries) -> Film | None:
    """The film that belongs to this forecast of the run, None where there is none."""
    return kept_film(run.folder / FILE, _scene(run, forecast, series, stored)) if film_version(run) else None


def write_film(run: Run, forecast: Frames, series: FrameSeries, stored: StoredSeries, film: Film) -> None:
    """Keep a film that was drawn elsewhere, of this forecast of the run. Raises StorageError."""
    keep_film(run.folder / FILE, film, _scene(run, forecast, series, stored))


def film_run(run: Run, series: FrameSeries) -> Iterator[None]:
    """Draw and keep the film of a finished run, with a stop after each frame. A series that no store has is not shown on a
    page, and is not filmed. Raises StorageError where the disk takes nothing."""
    try:
        stored = SeriesStore(run.store.folder.parent).info(run.record.series)
    except FrameCastError:
        return
    scene = _scene(run, run.forecast(), series, stored)
    yield from make_film(run.folder / FILE, FORECASTERS[run.record.forecaster].title, scene)


def _scene(run: Run, forecast: Frames, series: FrameSeries, stored: StoredSeries) -> Scene:
    return Scene(forecast, series, run.record.split, display_range(stored))
