"""What is found out about a run once it is finished: why its forecast is as it is, and how it would have done before.

The run is finished by then, and stays so however this ends. Each part can be made later too, of any run whose series is here.
"""

import logging
from collections.abc import Iterator

from framecast.errors import FrameCastError
from framecast.runs.diagnosing import diagnosis
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries

LOG = logging.getLogger(__name__)


def look_back(run: Run, series: FrameSeries) -> Iterator[None]:
    """Make the diagnosis of a finished run; a sign of life before each part. What cannot be kept, say because the
    disk is full, is left out with a line in the log."""
    yield
    try:
        diagnosis(run, series)
    except FrameCastError as error:
        LOG.warning("Run %s could not be diagnosed: %s", run.id, error)
