"""What ended a run, as one sentence for a person, whatever was raised.

A FrameCastError speaks for itself. The disk and the memory are given words here, because they can run out anywhere. All else
is a mistake of ours and is said to be one; it is never dressed up as the user's.
"""

import contextlib
import logging
import traceback
from collections.abc import Iterator, Mapping, Sequence

from framecast.errors import FrameCastError, StorageError, memory_ran_out
from framecast.runs.record import RunRecord
from framecast.runs.remedies import in_words, remedies_for_memory
from framecast.runs.store import Run

LOG = logging.getLogger(__name__)
OUT_OF_DISK = "no space left"
_RECORDED = "recorded_of_run"


@contextlib.contextmanager
def recording_failure(run: Run) -> Iterator[None]:
    """Whatever exception ends the block is written into the run's error.txt, with what may help in remedies.json, and goes on
    to the caller.

    Leaving a generator early (GeneratorExit) and Ctrl-C are no failures: such a run is interrupted.
    """
    try:
        yield
    except Exception as error:
        if not getattr(error, _RECORDED, False) and run.folder.is_dir():  # of one block within another the inner one did it
            setattr(error, _RECORDED, True)
            remedies = remedies_of(error, run)
            try:
                run.write_error(describe(error, run.record, remedies), traceback.format_exc())
                run.write_remedies(remedies)  # none takes away those of a failure before
            except (OSError, StorageError) as second:  # a full disk may not even hold the sentence that says so
                LOG.error("Run %s failed (%s) and its error could not be written: %s", run.id, error, second)
        raise


def remedies_of(error: BaseException, run: Run) -> Sequence[Mapping[str, float]]:
    """Changes of the run's settings, any of which may keep it from failing again."""
    if not memory_ran_out(error):
        return error.remedies if isinstance(error, FrameCastError) else ()
    try:
        return remedies_for_memory(run)
    except (MemoryError, RuntimeError) as second:  # the memory is full, and working this out takes some
        if not memory_ran_out(second):
            raise
        return ()


def describe(error: BaseException, record: RunRecord, remedies: Sequence[Mapping[str, float]] = ()) -> str:
    """One sentence: what happened, and what to change."""
    if memory_ran_out(error):
        place = "the GPU" if record.device.startswith("cuda") else "this machine"
        advice = " or ".join(map(in_words, remedies)) or "a smaller working size or a smaller forecaster"
        return f"The memory of {place} ran out while {record.title} was at work. Choose {advice}."
    if isinstance(error, FrameCastError):
        return str(error)
    if OUT_OF_DISK in str(error).lower():
        return "The disk is full, and a run must be able to write its files. Free some space, or choose another workspace."
    cause = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
    return (
        f"Something unexpected went wrong in FrameCast ({cause}). "
        "This is a mistake of ours; the rest of error.txt helps to find it."
    )
