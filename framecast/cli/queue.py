"""`queue`: many runs prepared at once, one job each, for a cluster to carry out.

Each run gets its folder now and waits there, begun by nobody. What is written beside is a list with one command a line, which
any scheduler can take, and a batch file with which SLURM carries them out as an array. A command that comes again, because a
job was repeated, goes on with its run where it was left, and does nothing to one that is finished.
"""

import argparse
import itertools
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from framecast.cli.planning import Planner, planner
from framecast.cli.screen import Screen
from framecast.errors import SettingError
from framecast.files import write_text
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.cluster import Place, array_file
from framecast.runs.notes import LONGEST_TAG, RunNotes, write_notes
from framecast.runs.record import RunRecord
from framecast.runs.store import RunStore

LIST, BATCH = "jobs.txt", "jobs.sbatch"
MOST_JOBS = 1000
"""What a SLURM array may have where nobody set another limit."""


def queue(asked: argparse.Namespace, screen: Screen) -> int:
    folder: Path = asked.out.resolve()
    workspace: Path = asked.workspace.resolve()
    _check_folder(folder, workspace)
    notes = _notes(folder)
    variants = list(_variants(asked.vary))
    with planner(asked, screen, here=False) as found:
        records = list(_records(found, asked.seeds, variants))
        if len(records) > MOST_JOBS:
            raise SettingError(
                f"{len(records):,} runs are asked for, and an array has at most {MOST_JOBS:,} jobs. Leave out some seeds or "
                "values, or write several queues."
            )
    store = RunStore(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        run = store.create(record)
        write_notes(run.folder, notes)
    commands = [shlex.join(_command(record, workspace)) for record in records]
    write_text(folder / LIST, "".join(f"{command}\n" for command in commands))
    place = Place(1, 1, records[0].device.startswith("cuda"), found.n_threads)
    write_text(folder / BATCH, array_file(folder / LIST, len(records), place, folder.name))
    where = "GPUs" if place.on_gpu else f"CPUs with {found.n_threads} threads each; --device cuda is for GPUs"
    runs, them = ("1 run is", "it") if len(records) == 1 else (f"{len(records)} runs are", "them")
    screen.say(f"{runs} prepared in {workspace}, for {where}. Submit {them} with:")
    print(f"sbatch {shlex.quote(str(folder / BATCH))}")
    return 0


def _command(record: RunRecord, workspace: Path) -> list[str]:
    return ["python", "-m", "framecast", "runs", "resume", record.id, "--once", "--workspace", str(workspace)]


def _records(found: Planner, seeds: list[int], variants: list[dict[str, str]]) -> Iterator[RunRecord]:
    """Every forecaster with every seed and variant; a rule, which chance and training leave as it is, once."""
    seeds = list(dict.fromkeys(seeds))
    known = set()
    for variant, seed in itertools.product(variants, seeds):
        for record in found.plans(seed=seed, further=variant):
            rule = FORECASTERS[record.forecaster].family == "rule"
            asked = (record.forecaster, *record.settings.items(), *(() if rule else (seed,)))
            if asked in known:  # it does not have what is varied
                continue
            known.add(asked)
            marks = [f"{key} {value}" for key, value in variant.items() if key in record.settings]
            marks += [f"seed {seed}"] if len(seeds) > 1 else []
            yield record if rule else replace(record, title=", ".join([record.title, *marks]))


def _variants(varied: list[str]) -> Iterator[dict[str, str]]:
    """All combinations of the values of --vary."""
    choices: dict[str, list[str]] = {}
    for one in varied:
        key, equals, values = one.partition("=")
        found = [value.strip() for value in values.split(",") if value.strip()]
        if not equals or not key.strip() or not found:
            raise SettingError(f"--vary {one} has no values; it must be KEY=VALUE,VALUE, as in --vary batch_size=4,8.")
        choices[key.strip()] = list(dict.fromkeys(found))
    for combination in itertools.product(*choices.values()):
        yield dict(zip(choices, combination, strict=True))


def _check_folder(folder: Path, workspace: Path) -> None:
    if (folder / LIST).exists() or (folder / BATCH).exists():
        raise SettingError(f"There are jobs in {folder} already; a queue needs a folder of its own. Choose another --out.")
    if folder.exists() and not folder.is_dir():
        raise SettingError(f"{folder} is a file; the jobs need a folder. Choose another --out.")
    for path in (folder, workspace):
        if not str(path).isprintable():
            raise SettingError(f"The name {str(path)!r} has a line break in it; a job is one line. Choose another folder.")


def _notes(folder: Path) -> RunNotes:
    """Of every run of the queue: its folder's name as a tag."""
    try:
        return RunNotes.of(tags=[folder.name])
    except SettingError:
        raise SettingError(
            f"The name of the folder '{folder.name[:60]}' has {len(folder.name)} letters; its runs get it as a tag of at most "
            f"{LONGEST_TAG}. Choose a shorter --out."
        ) from None
