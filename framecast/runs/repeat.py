"""How to ask for a run once more: a command line and a script of ten lines, with everything that decided it written out.

With several processes, on one machine or more, it is the line that torchrun takes, and for a cluster a file for sbatch.

Nothing is left to a default, since a default may be another one by then. What cannot be asked for again is said: a time limit
and a stop by hand end a fit wherever the clock or the hand happened to be, and a member of a blend is fitted with its blend.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.cluster import MOST_PROCESSES, Place, batch_file, command
from framecast.runs.record import RunRecord
from framecast.runs.store import Run

SAID = (
    "title", "series", "split", "preparation", "forecaster", "preset", "settings", "seed", "device", "n_threads", "start_from",
    "learned_from", "n_processes",
)  # fmt: skip
"""The fields of a record that are asked for again."""
FOUND = ("id", "created", "series_name", "versions", "commit", "seen_before", "seen_above", "member_of")
"""Those that a new run finds out by itself."""


@dataclass(frozen=True)
class Repeat:
    command: str
    """One line for a shell; empty where there is no way."""
    script: str
    """Python, ten lines."""
    batch_file: str
    """For sbatch."""
    notes: tuple[str, ...]
    """What keeps the new run from being the same, one sentence each."""


def repeat(run: Run, workspace: Path | None = None, place: Place | None = None, *, private: bool = False) -> Repeat:
    """How to repeat `run`. `workspace` is written out where it is another than the usual one, and in the sbatch file unless
    that is to be `private` and name no folder. `place` is by default where it was."""
    record, blend = run.record, None
    if record.member_of:
        blend = next((one for one in run.store.runs() if one.id == record.member_of), None)
        if blend is None:
            return Repeat("", "", "", ("It was fitted as the member of a blend whose run was deleted, and not by itself.",))
    notes = [] if blend is None else ["It was fitted as the member of a blend. This repeats the blend, which makes it again."]
    whole = replace(blend or run, record=_usable((blend or run).record))
    place = place or usual_place(whole.record)
    if place.shared and FORECASTERS[whole.record.forecaster].family != "network":
        notes.append("Several processes can share the training of one network only; this is for one process.")
        place = replace(place, n_processes=1, n_machines=1)
    device = whole.record.device
    if place.on_gpu != device.startswith("cuda") or (place.shared and place.on_gpu):
        device = "cuda" if place.on_gpu else "cpu"
    here = replace(whole.record, device=device)
    notes += _notes(replace(whole, record=here), run.store.folder)
    home = run.store.folder.parent.resolve()
    return Repeat(
        command_line(here, workspace, place),
        script(here, workspace),
        batch_file(_words(here, None if private else home), place, f"framecast-{here.forecaster}", private=private),
        tuple(notes),
    )


def usual_place(record: RunRecord) -> Place:
    """What the run was carried out on, on one machine."""
    return Place(min(record.n_processes, MOST_PROCESSES), 1, record.device.startswith("cuda"), record.n_threads)


def command_line(record: RunRecord, workspace: Path | None = None, place: Place | None = None) -> str:
    """For the shells of Linux and macOS."""
    return command(_words(record, workspace), place or usual_place(record))


def _words(record: RunRecord, workspace: Path | None) -> list[str]:
    """What follows `framecast`."""
    words: list[object] = ["run", record.series, f"--title={record.title}"]
    words += ["--forecaster", record.forecaster, "--preset", record.preset]
    words += [word for name, value in record.settings.items() for word in ("--set", f"{name}={value}")]
    split = record.split
    words += ["--frames", split.n_frames, "--test", len(split.test), "--valid", len(split.valid)]
    words += ["--size", record.preparation.size or "native", "--seed", record.seed]
    words += ["--device", record.device, "--threads", record.n_threads]
    words += ["--start-from", record.start_from] if record.start_from else []
    words += ["--learn-from", *record.learned_from] if record.learned_from else []
    words += ["--workspace", workspace] if workspace else []
    return [str(word) for word in words]


def script(record: RunRecord, workspace: Path | None = None) -> str:
    """Runs where FrameCast is installed and the workspace is."""
    split = ", ".join(f"range({part.start}, {part.stop})" for part in vars(record.split).values())
    begin = f"runs.open({record.start_from!r})" if record.start_from else "None"
    place = repr(str(workspace)) if workspace else "default_workspace()"
    asked = {
        "forecaster": repr(record.forecaster),
        "preset": repr(record.preset),
        "changes": "settings",
        "split": f"Split({split})",
        "preparation": f"Preparation({record.preparation.size})",
        "seed": repr(record.seed),
        "device": repr(record.device),
        "n_threads": repr(record.n_threads),
        "title": repr(record.title),
        "start_from": begin,
        "others": "others",
    }
    return f"""\
from framecast import Preparation, RunStore, SeriesStore, Split, carry_out, default_workspace, plan
workspace = {place}
stored, runs = SeriesStore(workspace), RunStore(workspace)
series = stored.open({record.series!r})  # {_comment(record.series_name)}
others = {{digest: stored.open(digest) for digest in {list(record.learned_from)!r}}}
settings = {dict(record.settings)!r}
record = plan(series, {", ".join(f"{name}={value}" for name, value in asked.items())})
run = runs.create(record)
list(carry_out(record, series, run, others=others))
print(run.id, {{f"{{one.forecaster}} {{one.metric}}": one.values.mean() for one in run.scores()}})
"""


def _usable(record: RunRecord) -> RunRecord:
    """As this FrameCast can be asked: a preset that is there no more changes nothing, since every setting is written out."""
    kind = FORECASTERS[record.forecaster]
    preset = record.preset if record.preset in kind.presets else next(iter(kind.presets))
    return replace(record, preset=preset, settings=kind.recorded(record.settings))


def _notes(run: Run, runs: Path) -> list[str]:
    record, summary = run.record, run.summary()
    notes = []
    if summary.get("stopped_early"):
        notes.append("It was stopped by hand; the new run goes on to its end.")
    elif summary.get("ended_by_time") or record.settings.get("minutes"):
        notes.append("It had a time limit: how far it gets in that time is another question each time.")
    for further in run.extensions():
        ((unit, amount),) = further.items()
        notes.append(f"It was trained {amount:g} {unit} further afterwards: runs extend RUN --{unit} {amount:g}")
    if record.device != "cpu":
        notes.append("It ran on a GPU, where the last digits may differ from run to run.")
    if record.start_from and not (runs / record.start_from).is_dir():
        notes.append("The run that it started from was deleted; without it this cannot be repeated.")
    return notes


def _comment(text: str) -> str:
    return " ".join(text.split())
