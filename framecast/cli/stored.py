"""`series`, `runs`, `forecasters` and `forecast`: what is there, and what can be done with it."""

import argparse
from pathlib import Path

from framecast.cli.carrying import resume
from framecast.cli.health import health_text
from framecast.cli.openstl import openstl_table
from framecast.cli.reading import added, described
from framecast.cli.results import Results
from framecast.cli.screen import Screen, table
from framecast.errors import SeriesError, UnknownNameError
from framecast.export.arrays import check_target, write_frames
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import forecast_beyond
from framecast.runs.store import Array, Run, RunStore
from framecast.series.derive import Recipe, derive
from framecast.series.frames import FrameSeries
from framecast.series.ingest import look
from framecast.series.store import SeriesStore, StoredSeries


def series(asked: argparse.Namespace, screen: Screen) -> int:
    store = SeriesStore(asked.workspace)
    if asked.action == "add":
        print(_described(added(asked.source, asked, screen, asked.name)))
    elif asked.action == "look":
        print(described(look(Path(asked.source[0]))))
    elif asked.action == "range":
        print(_described(store.declare_range(asked.series, asked.low, asked.high)))
    elif asked.action == "show":
        print(_described(store.info(asked.series)))
    elif asked.action == "health":
        print(health_text(store, asked.series, screen))
    elif asked.action == "prepare":
        print(_described(_prepared(asked, store, screen)))
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


def runs(asked: argparse.Namespace, screen: Screen) -> int:
    store = RunStore(asked.workspace)
    if asked.action in ("resume", "finish", "extend"):
        _show(resume(asked, screen), asked.workspace, False)
    elif asked.action == "delete":
        store.delete(asked.run)
        screen.say(f"Run '{asked.run}' is deleted.")
    elif asked.action == "export":
        check_target(asked.out, (".zip",))
        store.open(asked.run).export(asked.out)
        screen.say(f"Run '{asked.run}' is in {asked.out}.")
    elif asked.action == "show":
        _show(store.open(asked.run), asked.workspace, asked.openstl)
    else:
        found = store.runs()
        known = {run.id for run in found}
        rows = [(run.id, run.state, "  " * (run.record.member_of in known) + run.record.title) for run in found]
        print(table(("run", "state", "title"), rows, left=(0, 1, 2)))
        for broken in store.damaged():
            screen.complain(broken.sentence)
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
    series = _series_of(run, asked.workspace)
    write_frames(asked.out, forecast_beyond(run, series, asked.steps), series.valid)
    frames = "1 frame" if asked.steps == 1 else f"{asked.steps} frames"
    screen.say(f"{frames} after the last one of '{run.record.series_name}' written to {asked.out}.")
    return 0


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


def _show(run: Run, workspace: Path, in_openstl_units: bool) -> None:
    record = run.record
    changed = ", ".join(f"{key}={value}" for key, value in record.settings.items()) or "none"
    print(f"{record.title}\nrun       {run.id}, {run.state}\nfolder    {run.folder}")
    first, last = record.split.test.start + 1, record.split.test.stop
    print(f"series    {record.series_name} ({record.series}), test frames {first} to {last}")
    print(f"size      {record.preparation.size or 'native'}\nseed      {record.seed}")
    if record.start_from:
        print(f"begun     with the weights of run {record.start_from}")
    if record.learned_from:
        print(f"learned   first from the series {', '.join(record.learned_from)}")
    print(f"device    {record.device}, {record.n_threads} threads\npreset    {record.preset}\nsettings  {changed}\n")
    if record.member_of:
        print(f"It is a member of the blend of run {record.member_of}.\n")
    if error := run.error():
        print(error)
    if run.state == "finished":
        series = _series_of(run, workspace)
        print(Results(series, record.series, record.split, [run]).text())
        if weights := run.weights():
            print(f"\n{run.summary()['finding']}\n\n{_blend(run, weights)}")
        if in_openstl_units:
            print(f"\n{openstl_table(series, record, run.forecast())}")
    elif in_openstl_units:
        print(f"It has no forecast to score in OpenSTL's units; it is {run.state}.")


def _blend(run: Run, weights: dict[str, Array]) -> str:
    """The members of a blend, their weights and their runs."""
    horizon = run.record.split.horizon
    leads = sorted({1, (1 + horizon) // 2, horizon})
    ids = {member.record.forecaster: member.id for member in run.store.members_of(run)}
    rows = [
        (name, f"{one.mean():.1%}", *(f"{one[lead - 1]:.1%}" for lead in leads), ids.get(name, "-"))
        for name, one in weights.items()
    ]
    header = ("member", "mean weight", *(f"lead {lead}" for lead in leads), "run")
    return table(header, rows, left=(0, len(header) - 1))


def _series_of(run: Run, workspace: Path) -> FrameSeries:
    try:
        return SeriesStore(workspace).open(run.record.series)
    except UnknownNameError:
        raise SeriesError(
            f"Run '{run.id}' was made on series '{run.record.series_name}', which is not stored any more. Add its files again."
        ) from None
