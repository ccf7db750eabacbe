"""`run`: ingest, hold back the test, fit, forecast, score, and show one table.

Everything that can be refused is refused before the first fit, and a series that this command stored is taken out again when
its options cannot be used with it, so that a mistake leaves the workspace as it was.
"""

import argparse
import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from framecast.cli.carrying import carry_out_all
from framecast.cli.costs import say_costs
from framecast.cli.reading import added, refuse_reading_options
from framecast.cli.results import Results
from framecast.cli.screen import Screen
from framecast.cli.together import refuse_what_cannot_be_shared
from framecast.errors import InputError, SeriesError, SettingError, UnknownNameError
from framecast.export.arrays import check_target, write_frames
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.devices import chosen_device
from framecast.runs.experiment import plan
from framecast.runs.preflight import default_preparation
from framecast.runs.store import RunStore
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import SeriesStore, StoredSeries

DEFAULT_FORECASTERS = ("auto", "unet")
"""The first that there is."""
BUDGET = re.compile(r"(\d+(?:\.\d+)?)([smh])")
MOST_EPOCHS = 100_000
MOST_THREADS = 1024
MINUTES = {"s": 1 / 60, "m": 1.0, "h": 60.0}


def run(asked: argparse.Namespace, screen: Screen) -> int:
    changes = _changes(asked)
    names = list(dict.fromkeys(asked.forecaster or [next(name for name in DEFAULT_FORECASTERS if name in FORECASTERS)]))
    chosen = {name: _configured(FORECASTERS[name], asked.preset, changes) for name in names}
    _refuse_unknown(changes, names)
    _check_title_and_threads(asked, names)
    device = chosen_device(asked.device)
    for target, suffixes in ((asked.json, (".json",)), (asked.out, (".npy",))):
        if target is not None:
            check_target(target, suffixes)
    with _series(asked, screen) as stored:
        series = SeriesStore(asked.workspace).open(stored.digest)
        split = Split.of(series.n_frames if asked.frames is None else asked.frames, asked.test, asked.valid)
        preparation = _preparation(asked, series, device)
        height, width = preparation.working_shape(series.height, series.width)
        if (height, width) != (series.height, series.width):
            screen.say(f"Networks see {width} x {height} of {series.width} x {series.height} px; --size native shows all.")
        start_from = RunStore(asked.workspace).open(asked.start_from) if asked.start_from else None
        others = _others(asked)
        records = [
            plan(
                series,
                forecaster=name,
                preset=preset,
                changes=own,
                split=split,
                preparation=preparation,
                seed=asked.seed,
                device=asked.device,
                title=asked.title,
                n_threads=asked.threads,
                digest=stored.digest,
                start_from=start_from,
                others=others,
            )
            for name, (preset, own) in chosen.items()
        ]
        refuse_what_cannot_be_shared(records)
        for record in records:
            say_costs(record, series, screen)
    runs, failed = carry_out_all(records, series, others, asked.workspace, screen)
    if not runs:
        return 1
    results = Results(series, stored.digest, split, runs)
    print(results.text())
    if asked.json is not None:
        results.write(asked.json)
    if asked.out is not None:
        best = results.best_run()
        write_frames(asked.out, best.forecast(), series.valid)
        screen.say(f"The forecast of {best.record.forecaster} is in {asked.out}.")
    return 1 if failed else 0


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
        try:
            yield store.info(source)
        except UnknownNameError:
            stored = ", ".join(series.name for series in store.list()[:5]) or "none yet"
            raise SeriesError(
                f"There is no file, folder or stored series '{source}'. Give the path of the frames, or one of the stored "
                f"series: {stored}."
            ) from None
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
        asked.title = " ".join(asked.title.split()) or None
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
