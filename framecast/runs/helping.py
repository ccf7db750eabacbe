"""A run's fit on the side of a process that only helps: torchrun started it, and the first process tells it what to do.

It opens the same series of the same workspace, makes the same network, and computes its share of every step. It writes nothing
and says nothing; what ends it early is told to the first process as one sentence.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from framecast.errors import LeftAloneError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import HelpedForecaster, Workbench
from framecast.runs.beginning import shown_of_others
from framecast.runs.devices import torch_threads
from framecast.runs.failure import describe
from framecast.runs.record import RunRecord
from framecast.runs.run_folder import Run
from framecast.series.store import SeriesStore

if TYPE_CHECKING:
    from framecast.training.distributed import Group

ANNOUNCED = "fit"


def announce(group: "Group", record: RunRecord, run: Run) -> None:
    """The first process: tell all helpers which fit begins, and get the device of each ready."""
    group.tell(ANNOUNCED, record=record.to_mapping(), workspace=str(run.store.folder.parent.resolve()))
    group.use_device(record.device)


def help_out(group: "Group") -> None:
    """Help with the fit that is announced, until it has ended; or with none, where none is."""
    order = group.hear()
    if order.word != ANNOUNCED:
        return
    record = RunRecord.from_mapping(order.values["record"])
    try:
        _help(group, record, Path(order.values["workspace"]))
    except LeftAloneError:  # somebody else has said why
        raise
    except Exception as error:
        group.fail(describe(error, record))
        raise


def _help(group: "Group", record: RunRecord, workspace: Path) -> None:
    stored, kind, split = SeriesStore(workspace), FORECASTERS[record.forecaster], record.split
    settings: Any = kind.settings.from_mapping(record.settings)
    group.use_device(record.device)
    others = {digest: stored.open(digest) for digest in record.learned_from}
    shown = shown_of_others(others, record.series, settings, split)
    forecaster = kind.make(settings, Workbench(record.preparation, record.device, record.seed, others=shown))
    assert isinstance(forecaster, HelpedForecaster), "checked before a run is carried out"
    with torch_threads(record.n_threads):
        forecaster.help(stored.open(record.series).head(split.test.start), split, group)
