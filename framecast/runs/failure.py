"""What ended a run, as one sentence for a person, whatever was raised.

A FrameCastError speaks for itself. The disk and the memory are given words here, because they can run out anywhere. All else
is a mistake of ours and is said to be one; it is never dressed up as the user's.
"""

import contextlib
import logging
import traceback
from collections.abc import Iterator

from framecast.errors import FrameCastError, StorageError
from framecast.runs.record import RunRecord
from framecast.runs.store import Run

LOG = logging.getLogger(__name__)
OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "unable to allocate")
OUT_OF_DISK = "no space left"


@contextlib.contextmanager
def recording_failure(run: Run) -> Iterator[None]:
    """Whatever exception ends the block is written into the run's error.txt and goes on to the caller.

    Leaving a generator early (GeneratorExit) and Ctrl-C are no failures: such a run is interrupted.
    """
    try:
        yield
    except Exception as error:
        if run.error() is None and run.folder.is_dir():
            try:
                run.write_error(describe(error, run.record), traceback.format_exc())
            except (OSError, StorageError) as second:  # a full disk may not even hold the sentence that says so
                LOG.error("Run %s failed (%s) and its error could not be written: %s", run.id, error, second)
        raise


def describe(error: BaseException, record: RunRecord) -> str:
    """One sentence: what happened, and what to change."""
    if isinstance(error, FrameCastError):
        return str(error)
    text = str(error).lower()
    if OUT_OF_DISK in text:
        return "The disk is full, and a run must be able to write its files. Free some space, or choose another workspace."
    if isinstance(error, MemoryError) or any(sign in text for sign in OUT_OF_MEMORY):
        place = "the GPU" if record.device.startswith("cuda") else "this machine"
        return f"The memory of {place} ran out while {record.title} was at work. Choose {_less(record)}."
    cause = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
    return (
        f"Something unexpected went wrong in FrameCast ({cause}). "
        "This is a mistake of ours; the rest of error.txt helps to find it."
    )


def _less(record: RunRecord) -> str:
    batch = record.settings.get("batch_size")
    smaller = [f"a working size of {record.preparation.size // 2}" if record.preparation.size else "a smaller working size"]
    if isinstance(batch, int) and batch > 1:
        smaller.append(f"a batch of {batch // 2}")
    return " or ".join(smaller)
