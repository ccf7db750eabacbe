"""Which runs can go on, and which can be trained further. Refused with a sentence before anything is queued."""

from collections.abc import Mapping
from pathlib import Path

from framecast.errors import SettingError, UnknownNameError
from framecast.files import remove_folder
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.devices import chosen_device
from framecast.runs.run_folder import Run
from framecast.series.store import SeriesStore
from framecast.training.pace import MOST_EPOCHS

EXTENSION_UNITS = ("epochs", "steps", "minutes")
MOST = {"epochs": MOST_EPOCHS, "steps": 10_000_000, "minutes": 100_000}


def going_on(run: Run, workspace: Path) -> Run:
    """The run that is carried out when `run` goes on: itself, or a finished one beside its result. Raises SettingError or
    StorageError where it cannot go on."""
    staged = run.staged()
    if staged is None and run.state == "finished":
        if not run.summary().get("stopped_early"):
            kind = FORECASTERS[run.record.forecaster]
            advice = "Extend it to train it further" if kind.extensible else "Start a new run with a longer time limit"
            raise SettingError(f"The run '{run.record.title}' is finished; only one that was left can go on. {advice}.")
        if run.checkpoint() is None:
            raise SettingError(
                f"The run '{run.record.title}' kept nothing to go on from; it must have a checkpoint. Start it again."
            )
    _check_place(run, workspace)
    chosen = staged or (run.stage() if run.state == "finished" else run)
    chosen.checkpoint()  # a damaged one is named now, not when its turn has come
    return chosen


def extension(run: Run, workspace: Path, further: Mapping[str, float | None]) -> Run:
    """The run that is carried out when `run` is trained `further`, one of EXTENSION_UNITS. Raises SettingError where it
    cannot be."""
    title = f"'{run.record.title}'"
    asked = {unit: amount for unit, amount in further.items() if amount is not None}
    if len(asked) != 1:
        raise SettingError(
            f"{len(asked)} limits are given for training {title} further; it must be one. Give epochs, steps or minutes."
        )
    ((unit, amount),) = asked.items()
    if not 0 < amount <= MOST[unit] or (unit != "minutes" and amount != int(amount)):
        what = "a number" if unit == "minutes" else "a whole number"
        raise SettingError(f"{title} cannot be trained {amount:g} {unit} further. Give {what} up to {MOST[unit]:,}.")
    kind = FORECASTERS[run.record.forecaster]
    if not kind.extensible:
        raise SettingError(
            f"{kind.title} cannot be trained further when it is finished: it learns nothing step by step. Choose a network."
        )
    if run.staged() is not None:
        raise SettingError(f"{title} was being trained further already and was left. Resume it first, or start a new run.")
    if run.state != "finished" or run.summary().get("stopped_early"):
        state = run.state if run.state != "finished" else "stopped early"
        raise SettingError(f"{title} is {state}; only a run that came to its end can be trained further. Resume it first.")
    checkpoint = run.checkpoint()
    why_not = "it kept nothing to go on from" if checkpoint is None else kind.why_not_further(checkpoint[0])
    if why_not:
        instead = "a longer time limit" if kind.starting is None else "its weights to begin with"
        raise SettingError(f"{title} cannot be trained further: {why_not}. Start a new run with {instead}.")
    _check_place(run, workspace)
    return run.stage({unit: int(amount) if unit != "minutes" else amount})


def give_up(run: Run) -> None:
    """Let a finished run be as it was before it was trained further. Raises BusyError while somebody carries that out."""
    with run.hold():
        if (staged := run.staged()) is not None:
            remove_folder(staged.folder)


def _check_place(run: Run, workspace: Path) -> None:
    """The series are stored and the device is here."""
    stored = SeriesStore(workspace)
    for digest in (run.record.series, *run.record.learned_from):
        try:
            stored.info(digest)
        except UnknownNameError:
            name = f"'{run.record.series_name}'" if digest == run.record.series else f"that it learned from ({digest})"
            damaged = digest in stored.damaged()
            raise SettingError(
                f"The run '{run.record.title}' cannot go on: its series {name} is "
                f"{'damaged. Delete it, and add' if damaged else 'not stored any more. Add'} its files again."
            ) from None
    chosen_device(run.record.device)
