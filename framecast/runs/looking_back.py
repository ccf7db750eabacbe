"""What is made of a run once it is finished: why its forecast is as it is, its film, and how it would have done before.

The run is finished by then, and stays so however this ends. Each part can be made later too, of any run whose series is here.
"""

import logging
from collections.abc import Callable, Iterator, Mapping

from framecast.errors import FrameCastError
from framecast.forecasters.contract import Forecaster
from framecast.leaving import Left, left_when
from framecast.runs.backtest import backtest
from framecast.runs.diagnosing import diagnosis
from framecast.runs.filming import film_run
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries

LOG = logging.getLogger(__name__)


def look_back(
    run: Run, series: FrameSeries, fitted: Mapping[str, Forecaster], stop: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Make the diagnosis, the film and the backtest of a finished run; a sign of life before each step. `fitted` are the rules
    that were fitted for it on the way. What cannot be made is left out with a line in the log."""
    yield
    try:
        with left_when(stop):
            diagnosis(run, series)
        for _ in film_run(run, series):
            yield
        for _ in backtest(run, series, fitted=fitted, stop=stop):
            yield
    except Left:
        if not stop():
            raise
    except FrameCastError as error:
        LOG.warning("Run %s could not be looked back on: %s", run.id, error)
