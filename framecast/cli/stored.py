"""`series`, `forecasters` and `forecast`: what is there, and what can be done with it."""

import argparse
from pathlib import Path

from framecast.cli.health import health_text
from framecast.cli.reading import added, described
from framecast.cli.runs import series_of
from framecast.cli.screen import Screen, table
from framecast.export.arrays import check_target, write_frames
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import forecast_beyond
from framecast.runs.store import RunStore
from framecast.series.derive import Recipe, derive
from framecast.series.ingest import look
from framecast.series.store import SeriesStore, StoredSeries


def series(asked: argparse.Namespace, screen: Screen) -> int:
    store = SeriesStore(asked.workspace)
    if asked.action == "add":
        known = {one.digest for one in store.list()}
        stored = added(asked.source, asked, screen, asked.name)
        _say_if_known(stored, known, screen)
        print(_described(stored))
    elif asked.action == "look":
        print(described(look(Path(asked.source[0]))))
    elif asked.action == "range":
        print(_described(store.declare_range(asked.series, asked.low, asked.high)))
    elif asked.action == "show":
        print(_described(store.info(asked.series)))
    elif asked.action == "health":
        print(health_text(store, asked.series, screen))
    elif asked.action == "prepare":
        known = {one.digest for one in store.list()}
        stored = _prepared(asked, store, screen)
        _say_if_known(stored, known, screen)
        print(_described(stored))
    elif asked.action == "delete":
        store.delete(asked.series)
        screen.say(f"Series '{asked.series}' is deleted.")
    else:
        rows = [
            (one.name, str(one.n_frames), f"{one.width} x {one.height} x {one.n_channels}", one.dtype, one.digest)
            for one in store.list()
        ]
        print(table(("name", "frames", "size", "type", "digest"), rows, left=(0, 3, 4)))
        for digest in store.damaged():
            screen.complain(f"Series '{digest}' cannot be read. Delete it and add its files again.")
    return 0


def forecasters(asked: argparse.Namespace, screen: Screen) -> int:
    if asked.name is None:
        rows = [(name, kind.family, ", ".join(kind.presets), kind.summary) for name, kind in FORECASTERS.items()]
        print(table(("name", "family", "presets", "what it is"), rows, left=(0, 1, 2, 3)))
        return 0
    kind = FORECASTERS[asked.name]
    print(f"{kind.title}\n{kind.summary}\n{kind.use_when}\n")
    print(table(("preset", "what it does"), [(name, kind.preset_help.get(name, "")) for name in kind.presets], left=(0, 1)))
    values = kind.configure().to_mapping()
    fields = [(field.name, str(values[field.name]), field.help) for field in kind.settings.fields()]
    print("\n" + table(("setting", "value", "what it does"), fields, left=(0, 2)) if fields else "\nIt has no settings.")
    return 0


def forecast(asked: argparse.Namespace, screen: Screen) -> int:
    check_target(asked.out)
    run = RunStore(asked.workspace).open(asked.run)
    run.refuse_unfinished("forecast")
    series = series_of(run, asked.workspace)
    filled = write_frames(asked.out, forecast_beyond(run, series, asked.steps), series.valid)
    frames = "1 frame" if asked.steps == 1 else f"{asked.steps} frames"
    screen.say(f"{frames} after the last one of '{run.record.series_name}' written to {asked.out}. {filled}".rstrip())
    return 0


def _say_if_known(stored: StoredSeries, known: set[str], screen: Screen) -> None:
    if stored.digest in known:
        screen.say(f"These frames are stored already, as '{stored.name}'.")


def _prepared(asked: argparse.Namespace, store: SeriesStore, screen: Screen) -> StoredSeries:
    recipe = Recipe(asked.crop, asked.size, asked.grey, asked.every, asked.frames, asked.drop, asked.interpolate)
    try:
        return derive(store, store.info(asked.series).digest, recipe, name=asked.called, progress=screen.ingested)
    finally:
        screen.clear()


def _described(found: StoredSeries) -> str:
    bottom, top = found.value_range
    step = f", one every {found.timestep}" if found.timestep else ""
    lines = [
        f"name    {found.name}",
        f"digest  {found.digest}",
        f"frames  {found.n_frames}{step}",
        f"size    {found.width} x {found.height}, channels {found.n_channels}, {found.dtype}",
        f"values  {found.low:g} to {found.high:g}, range {bottom:g} to {top:g}, units {found.units}",
        *(["mask    some pixels carry no data and are never scored"] if found.has_mask else []),
        f"stored  {found.created}, from {found.source}",
        *([f"made of {found.made_from}"] if found.made_from else []),
        *(f"step    {step}" for step in found.steps),
        *(f"note    {warning}" for warning in found.warnings),
    ]
    return "\n".join(lines)
