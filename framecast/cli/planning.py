"""From options to the records of runs, which `run` carries out and `queue` hands to a cluster.

Everything that can be refused is refused here, before the first fit, and a series that was stored for it is taken out again
when the options cannot be used with it, so that a mistake leaves the workspace as it was.
"""

import argparse
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from framecast.cli.reading import added, refuse_reading_options
from framecast.cli.screen import Screen
from framecast.cli.sizing import Widths, asked_for_trial, size_by_trial
from framecast.errors import InputError, SeriesError, SettingError, UnknownNameError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.checks import MOST_THREADS
from framecast.runs.devices import chosen_device, most_threads, n_threads_alone
from framecast.runs.experiment import plan
from framecast.runs.notes import RunNotes
from framecast.runs.preflight import default_preparation
from framecast.runs.record import RunRecord
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import SeriesStore, StoredSeries
from framecast.training.pace import MOST_EPOCHS

DEFAULT_FORECASTERS = ("auto", "unet")
"""The first that there is."""
BUDGET = re.compile(r"(\d+(?:\.\d+)?)([smh])")
MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0}


@dataclass(frozen=True)
class Planner:
    """What all runs of a command have in common."""

    asked: argparse.Namespace
    stored: StoredSeries
    series: FrameSeries
    split: Split
    preparation: Preparation
    start_from: Run | None
    others: dict[str, FrameSeries]
    n_threads: int
    here: bool
    """Whether this machine carries them out."""
    widths: Widths
    """Feature maps that a trial chose, by forecaster."""

    def plans(
        self, *, seed: int, title: str | None = None, further: Mapping[str, object] | None = None, n_processes: int = 1
    ) -> list[RunRecord]:
        """One record for each forecaster that was asked for. `further` are settings over those of the options."""
        asked = self.asked
        return [
            plan(
                self.series,
                forecaster=name,
                preset=preset,
                changes={**own, **self.widths.get(name, {})},
                split=self.split,
                preparation=self.preparation,
                seed=seed,
                device=asked.device,
                title=title,
                n_threads=self.n_threads,
                digest=self.stored.digest,
                start_from=self.start_from,
                others=self.others,
                n_processes=n_processes,
                here=self.here,
            )
            for name, (preset, own) in _chosen(asked, further or {}).items()
        ]


@contextlib.contextmanager
def planner(asked: argparse.Namespace, screen: Screen, *, here: bool = True) -> Iterator[Planner]:
    """Options that were looked through, and the series that they name. Raises InputError where they cannot be used."""
    chosen = _chosen(asked, {})
    _check_title_and_threads(asked, list(chosen))
    device, trial = chosen_device(asked.device, here=here), asked_for_trial(asked, here=here)
    with _series(asked, screen) as stored:
        series = SeriesStore(asked.workspace).open(stored.digest)
        split = Split.of(_n_frames(asked, series), asked.test, asked.valid)
        start_from = RunStore(asked.workspace).open(asked.start_from) if asked.start_from else None
        # what this machine is busy with at the moment is nothing to another one
        n_threads = asked.threads or (n_threads_alone() if here else most_threads())
        widths: Widths = {}
        if trial:
            preparation, widths = size_by_trial(series, chosen, split, device, n_threads, start_from, screen)
        else:
            preparation = _preparation(asked, series, device)
        height, width = preparation.working_shape(series.height, series.width)
        if (height, width) != (series.height, series.width):
            screen.say(f"Networks see {width} x {height} of {series.width} x {series.height} px; --size native shows all.")
        yield Planner(asked, stored, series, split, preparation, start_from, _others(asked), n_threads, here, widths)


def _chosen(asked: argparse.Namespace, further: Mapping[str, object]) -> dict[str, tuple[str | None, dict[str, object]]]:
    """Forecaster to its preset and its changes of it, checked."""
    changes = {**_changes(asked), **further}
    names = list(dict.fromkeys(asked.forecaster or [next(name for name in DEFAULT_FORECASTERS if name in FORECASTERS)]))
    chosen = {name: _configured(FORECASTERS[name], asked.preset, changes) for name in names}
    _refuse_unknown(changes, names)
    return chosen


def _n_frames(asked: argparse.Namespace, series: FrameSeries) -> int:
    if asked.frames is not None and not 3 <= asked.frames <= series.n_frames:
        raise SettingError(
            f"The series has {series.n_frames} frames, and --frames {asked.frames} lets it end elsewhere. Choose 3 to "
            f"{series.n_frames}, or leave it out."
        )
    return series.n_frames if asked.frames is None else int(asked.frames)


def _preparation(asked: argparse.Namespace, series: FrameSeries, device: str) -> Preparation:
    return Preparation(asked.size) if "size" in asked else default_preparation(series.height, series.width, device)


def _others(asked: argparse.Namespace) -> dict[str, FrameSeries]:
    """Digest to series, of those to learn from first."""
    store = SeriesStore(asked.workspace)
    digests = dict.fromkeys(store.info(name).digest for name in asked.learn_from)
    return {digest: store.open(digest) for digest in digests}


@contextlib.contextmanager
def _series(asked: argparse.Namespace, screen: Screen) -> Iterator[StoredSeries]:
    """The series at a path or of a name. One that was stored for this block goes again when the block refuses the input."""
    store, source = SeriesStore(asked.workspace), asked.series
    if not Path(source).exists():
        refuse_reading_options(asked)
        yield _stored(store, source)
        return
    known = {series.digest for series in store.list()}
    series = added([source], asked, screen)
    for warning in series.warnings:
        screen.say(warning)
    try:
        yield series
    except InputError:
        if series.digest not in known:
            store.delete(series.digest)
        raise


def _stored(store: SeriesStore, name: str) -> StoredSeries:
    try:
        return store.info(name)
    except UnknownNameError:
        stored = ", ".join(series.name for series in store.list()[:5]) or "none yet"
        raise SeriesError(
            f"There is no file, folder or stored series '{name}'. Give the path of the frames, or one of the stored "
            f"series: {stored}."
        ) from None


def _changes(asked: argparse.Namespace) -> dict[str, object]:
    """The settings of --set, --budget, --steps and --epochs."""
    changes: dict[str, object] = {}
    for pair in asked.set:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SettingError(f"--set {pair} has no value; it must be KEY=VALUE, for example --set batch_size=8.")
        changes[key.strip()] = value.strip()
    if asked.budget is not None:
        found = BUDGET.fullmatch(asked.budget.strip())
        if found is None or float(found[1]) == 0:
            raise SettingError(f"The budget is '{asked.budget}'; it must be a time with its unit. Write 90s, 3m or 1h.")
        changes["minutes"] = float(found[1]) * MINUTES[found[2]]
    if asked.steps is not None:
        changes["steps"] = asked.steps
    if (asked.budget is not None or asked.steps) and not asked.preset:
        changes.setdefault("epochs", MOST_EPOCHS)  # that is the budget; a preset that was asked for keeps its epochs
    if asked.epochs is not None:
        changes["epochs"] = asked.epochs
    return changes


def _configured(kind: ForecasterKind, preset: str | None, changes: dict[str, object]) -> tuple[str | None, dict[str, object]]:
    """The preset and those of the changes that this forecaster knows, checked. A rule has no presets to choose from."""
    known = {field.name for field in kind.settings.fields()}
    preset = preset if known else None
    own = {key: value for key, value in changes.items() if key in known}
    kind.configure(preset, own)
    return preset, own


def _check_title_and_threads(asked: argparse.Namespace, names: list[str]) -> None:
    if asked.title is not None:
        asked.title = RunNotes.of(title=asked.title).title or None
    if asked.title and len(names) > 1:
        raise SettingError(
            f"One title is given and there are {len(names)} forecasters; each run needs a name of its own. Leave it out."
        )
    if asked.threads is not None and not 1 <= asked.threads <= MOST_THREADS:
        raise SettingError(f"{asked.threads} threads are asked for; choose 1 to {MOST_THREADS}.")


def _refuse_unknown(changes: dict[str, object], names: list[str]) -> None:
    """A setting that none of the forecasters has is a mistake, unless it is a budget: a rule needs none."""
    kinds = [FORECASTERS[name] for name in names]
    for kind in kinds:
        known = {field.name for field in kind.settings.fields()}
        if "steps" in changes and "minutes" in known and "steps" not in known:
            raise SettingError(f"{kind.title} trains several networks and counts no steps. Limit it by --budget or --epochs.")
    known = {field.name for kind in kinds for field in kind.settings.fields()} | {"minutes", "epochs", "steps"}
    for key in changes:
        if key not in known:
            kinds[0].settings.from_mapping({key: changes[key]})
