"""`runs`: all runs at a glance, one in detail, and what keeps them in order."""

import argparse
import shlex
from pathlib import Path

from framecast.cli.carrying import resume
from framecast.cli.openstl import openstl_table
from framecast.cli.results import Results
from framecast.cli.screen import Screen, number, table
from framecast.errors import FrameCastError, SeriesError, SettingError, UnknownNameError
from framecast.evaluation.diagnosis import in_lines
from framecast.evaluation.origins import before_test, inside_test, rolling_origins, spread
from framecast.export.arrays import check_target
from framecast.files import bytes_in_words, default_workspace, write_text
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.arranging import RunFilter, arranged, filtered
from framecast.runs.backtest import backtest, kept_backtest
from framecast.runs.blend_members import is_member_still
from framecast.runs.cluster import Place
from framecast.runs.diagnosing import diagnosis, kept_diagnosis
from framecast.runs.differences import differences, same_frames
from framecast.runs.disk import clean_up, disk_use, planned_clean_up
from framecast.runs.holding import AT_WORK
from framecast.runs.notes import RunNotes, read_notes, write_notes
from framecast.runs.overview import Overview, RunLine, read_line
from framecast.runs.repeat import repeat, usual_place
from framecast.runs.store import Array, Run, RunStore
from framecast.runs.transfer import export_run, import_run
from framecast.runs.trash import Trash
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore

HEADER = ("run", "state", "SSIM", "PSNR dB", "MSE", "MAE", "skill", "title", "tags")
STATES = ("finished", "failed", "interrupted", AT_WORK, "waiting", "paused")
METRICS_SHOWN = ("ssim", "psnr", "mse", "mae")


def runs(asked: argparse.Namespace, screen: Screen) -> int:
    try:
        Trash(asked.workspace).empty()
    except (FrameCastError, OSError) as error:
        screen.say(f"The trash could not be emptied: {error}")
    actions = {
        "list": _list, "show": _show, "rename": _rename, "tag": _tag, "note": _note, "pin": _pin, "delete": _delete,
        "undelete": _undelete, "trash": _trash, "diff": _diff, "export": _export, "import": _import, "clean": _clean,
        "resume": _go_on, "finish": _go_on, "extend": _go_on, "backtest": _backtest,
    }  # fmt: skip
    actions[asked.action](asked, screen)
    return 0


def series_of(run: Run, workspace: Path) -> FrameSeries:
    try:
        return SeriesStore(workspace).open(run.record.series)
    except UnknownNameError:
        raise SeriesError(
            f"Run '{run.id}' was made on series '{run.record.series_name}', which is not stored any more. Add its files again."
        ) from None


def _list(asked: argparse.Namespace, screen: Screen) -> None:
    look = Overview(asked.workspace)
    lines = look.lines()
    _refuse_what_no_run_can_be(asked, lines)
    wanted = RunFilter(asked.series, asked.forecaster, asked.state, asked.tag, asked.text)
    states = {line.id: doing for line in lines if (doing := line.held())}
    found = arranged(filtered(lines, wanted, states), asked.sort, reverse=asked.reverse, states=states)
    ids = {line.id for line in found}
    print(table(HEADER, [_row(line, ids, states.get(line.id, line.state)) for line in found], left=(0, 1, 7, 8)))
    if len(found) < len(lines):
        screen.say(f"{len(found)} of {len(lines)} runs.")
    for line in found:
        if line.trouble:
            screen.complain(line.trouble)
    for broken in look.damaged():
        screen.complain(broken.sentence)


def _refuse_what_no_run_can_be(asked: argparse.Namespace, lines: list[RunLine]) -> None:
    """A word that was mistyped is no filter that finds nothing."""
    for state in asked.state:
        if state not in STATES:
            known = f"{', '.join(STATES[:-1])} or {STATES[-1]}"
            raise SettingError(f"No run is ever '{state}'; runs are {known}. Choose one of these.")
    for name in asked.forecaster:
        if name not in FORECASTERS and all(line.record.forecaster != name for line in lines):
            raise UnknownNameError(
                f"There is no forecaster '{name}', nor a run of one. List the forecasters to see which there are."
            )


def _row(line: RunLine, ids: set[str], state: str) -> tuple[str, ...]:
    means = [number(line.means[name]) if name in line.means else "-" for name in METRICS_SHOWN]
    skill = "-" if line.skill is None else f"{line.skill:+.3f}"
    title = "  " * (line.record.member_of in ids) + ("* " if line.notes.pinned else "") + line.record.title
    return (line.id, state, *means, skill, title, ", ".join(line.notes.tags))


def _rename(asked: argparse.Namespace, screen: Screen) -> None:
    run = RunStore(asked.workspace).open(asked.run)
    title = RunNotes.of(title=asked.title).title
    _keep(run, title=title)
    title = run.store.open(run.id).record.title
    screen.say(f"Run '{run.id}' is called '{title}'.")


def _tag(asked: argparse.Namespace, screen: Screen) -> None:
    run = RunStore(asked.workspace).open(asked.run)
    tags = [tag for tag in (*read_notes(run.folder).tags, *asked.add) if tag not in asked.remove]
    _keep(run, tags=tags)
    screen.say(f"Tags of run '{run.id}': {', '.join(read_notes(run.folder).tags) or 'none'}.")


def _note(asked: argparse.Namespace, screen: Screen) -> None:
    run = RunStore(asked.workspace).open(asked.run)
    _keep(run, note=asked.text)
    screen.say(f"The note of run '{run.id}' is {'written' if asked.text.strip() else 'empty'}.")


def _pin(asked: argparse.Namespace, screen: Screen) -> None:
    run = RunStore(asked.workspace).open(asked.run)
    _keep(run, pinned=not asked.off)
    screen.say(f"Run '{run.id}' {'stands among the others' if asked.off else 'stays on top'}.")


def _keep(run: Run, **changes: object) -> None:
    notes = read_notes(run.folder)
    write_notes(run.folder, RunNotes.of(**{**vars(notes), **changes}))


def _delete(asked: argparse.Namespace, screen: Screen) -> None:
    trash = Trash(asked.workspace)
    for run_id in asked.run:
        trash.put(run_id)
        screen.say(f"Run '{run_id}' is in the trash for 30 days; to have it back: runs undelete {run_id}")


def _undelete(asked: argparse.Namespace, screen: Screen) -> None:
    for run_id in asked.run:
        screen.say(f"Run '{Trash(asked.workspace).restore(run_id)}' is back.")


def _trash(asked: argparse.Namespace, screen: Screen) -> None:
    rows = [
        (one.run_id, f"{one.deleted:%Y-%m-%d %H:%M}", f"{one.until:%Y-%m-%d}", one.title)
        for one in Trash(asked.workspace).list()
    ]
    print(table(("run", "deleted (UTC)", "kept until", "title"), rows, left=(0, 1, 2, 3)))


def _diff(asked: argparse.Namespace, screen: Screen) -> None:
    store = RunStore(asked.workspace)
    lines = [line for line in (read_line(store.open(run_id).folder) for run_id in asked.run) if isinstance(line, RunLine)]
    if len(lines) < 2:
        raise SettingError(f"{len(lines)} run is named; at least 2 are needed to see what differs. Name another one.")
    names = {run.id: run.record.title for run in store.runs()}
    rows = [(one.heading, one.label, *one.values) for one in differences(lines, names)]
    if not rows:
        print("These runs were asked the same and found the same.")
        return
    print(table(("", "what", *(line.id for line in lines)), rows, left=tuple(range(2 + len(lines)))))
    if not same_frames(lines):
        screen.say("They forecast other frames, so that their scores do not tell which one is better.")


def _export(asked: argparse.Namespace, screen: Screen) -> None:
    check_target(asked.out, (".zip",))
    left_out = export_run(RunStore(asked.workspace).open(asked.run), asked.out, with_series=asked.with_series)
    screen.say(f"Run '{asked.run}' is in {asked.out}{', its series with it' if asked.with_series else ''}.")
    if left_out:
        screen.say(f"Left out, since they are no files of a run: {', '.join(left_out)}.")


def _import(asked: argparse.Namespace, screen: Screen) -> None:
    if not asked.file.is_file():
        raise SettingError(f"There is no file '{asked.file}'; it must be a ZIP that 'runs export' wrote. Check the path.")
    found = import_run(asked.file, asked.workspace)
    here = "was here before, as it is" if found.was_here else "is here"
    screen.say(f"Run '{found.run.id}' {here}: {found.run.record.title}")
    if found.series_added:
        screen.say("Its series came with it.")
    if found.missing:
        screen.say(found.missing)
    print(found.run.id)


def _clean(asked: argparse.Namespace, screen: Screen) -> None:
    use, planned = disk_use(asked.workspace), planned_clean_up(asked.workspace)
    parts = {"runs": use.runs, "series": use.series, "trash": use.trash, "left by crashes": use.torn, "other": use.other}
    rows = [(name, bytes_in_words(n_bytes)) for name, n_bytes in {**parts, "total": use.total}.items()]
    print(f"{table(('what', 'on the disk'), rows)}\n\n{planned.sentence()}")
    if kept := planned.of_checkpoints():
        more = "" if asked.checkpoints else " To free that, too: runs clean --yes --checkpoints"
        print(f"{kept}{more}")
    if (planned.n_bytes or kept) and not asked.yes:
        screen.say(f"Nothing was removed. To do it: runs clean --yes{' --checkpoints' if asked.checkpoints else ''}")
    if asked.yes:
        clean_up(asked.workspace, planned, checkpoints=asked.checkpoints)
        freed = planned.n_bytes + (planned.checkpoint_bytes if asked.checkpoints else 0)
        screen.say(f"{bytes_in_words(freed)} were freed.")


def _show(asked: argparse.Namespace, screen: Screen) -> None:
    run = RunStore(asked.workspace).open(asked.run)
    if asked.repeat:
        _show_repeat(run, asked, screen)
        return
    for option in ("processes", "machines", "on", "sbatch"):
        if getattr(asked, option) is not None:
            raise SettingError(f"--{option} says how a run is to be repeated, which was not asked for. Add --repeat.")
    _describe_all(run, asked.workspace, asked.openstl)


def _describe_all(run: Run, workspace: Path, in_openstl_units: bool) -> None:
    _describe(run)
    if error := run.error():
        print(error)
    if run.state == "finished":
        record, gone = run.record, ""
        try:
            series = series_of(run, workspace)
        except SeriesError as error:  # deleted or damaged: the scores lie with the run
            series, gone = None, str(error)
        findings = kept_diagnosis(run) if series is None else diagnosis(run, series)
        print(Results(series, record.series, record.split, [run]).text())
        if findings is not None:
            print("\nWhy it is as it is\n" + "\n".join(f"- {line}" for line in in_lines(findings)))
        if weights := run.weights():
            print(f"\n{run.summary()['finding']}\n\n{_blend(run, weights)}")
        if gone:
            print(f"\n{gone}")
        if in_openstl_units and series is not None:
            print(f"\n{openstl_table(series, record, run.forecast())}")
    elif in_openstl_units:
        print(f"It has no forecast to score in OpenSTL's units; it is {run.state}.")


def _go_on(asked: argparse.Namespace, screen: Screen) -> None:
    if getattr(asked, "once", False):
        run = RunStore(asked.workspace).open(asked.run)
        if run.state == "finished" and run.staged() is None:
            screen.say(f"{run.record.title} is finished already, in {run.folder}.")
            return
    _describe_all(resume(asked, screen), asked.workspace, in_openstl_units=False)


def _backtest(asked: argparse.Namespace, screen: Screen) -> None:
    """Score from other origins what is not yet, and print the mean SSIM of each forecaster inside and before the test."""
    run = RunStore(asked.workspace).open(asked.run)
    run.refuse_unfinished("be scored again")
    if asked.minutes is not None and not asked.minutes >= 0:
        raise SettingError(f"The time limit is {asked.minutes:g} minutes; it must be 0 or more. Change it, or leave it out.")
    series, split = series_of(run, asked.workspace), run.record.split
    n_possible = len(rolling_origins(split))
    for done in backtest(run, series, seconds=None if asked.minutes is None else 60 * asked.minutes):
        screen.say(f"Scored from {done} of {n_possible} other origins.")
    curves = kept_backtest(run)
    rows = []
    for where, chosen in (("in the test", inside_test(curves, split)), ("before it", before_test(curves, split))):
        n_origins = len({curve.origin for curve in chosen})
        for name in dict.fromkeys(curve.forecaster for curve in chosen):
            if found := spread(chosen, name, "ssim"):
                numbers = (found.mean.mean(), found.low.min(), found.high.max())
                rows.append((where, str(n_origins), name, *(f"{float(one):.4f}" for one in numbers)))
    print(table(("origins", "number", "forecaster", "mean SSIM", "lowest", "highest"), rows, left=(0, 2)))


def _show_repeat(run: Run, asked: argparse.Namespace, screen: Screen) -> None:
    """The command alone on its line, so that it can be piped; the script below it."""
    workspace: Path = asked.workspace
    elsewhere = workspace if workspace.resolve() != default_workspace().resolve() else None
    usual = usual_place(run.record)
    on_gpu = usual.on_gpu if asked.on is None else asked.on == "gpu"
    n_processes = usual.n_processes if asked.processes is None else asked.processes
    place = Place(n_processes, 1 if asked.machines is None else asked.machines, on_gpu, usual.n_threads)
    found = repeat(run, elsewhere.resolve() if elsewhere else None, place)
    for note in found.notes:
        screen.say(note)
    if found.command and asked.sbatch is not None:
        check_target(asked.sbatch, (".sbatch", ".sh", ".slurm"))
        write_text(asked.sbatch, found.batch_file)
        screen.say(f"The batch file is in {asked.sbatch}. Submit it with: sbatch {shlex.quote(str(asked.sbatch))}")
    elif found.command:
        print(f"{found.command}\n\n{found.script}", end="")


def _describe(run: Run) -> None:
    record, notes = run.record, read_notes(run.folder)
    changed = ", ".join(f"{key}={value}" for key, value in record.settings.items()) or "none"
    line = read_line(run.folder)
    state = (line.held() if isinstance(line, RunLine) else "") or run.state
    print(f"{record.title}\nrun       {run.id}, {state}\nfolder    {run.folder}")
    if notes.tags:
        print(f"tags      {', '.join(notes.tags)}")
    if notes.note:
        print("note      " + notes.note.replace("\n", "\n          "))
    first, last = record.split.test.start + 1, record.split.test.stop
    print(f"series    {record.series_name} ({record.series}), test frames {first} to {last}")
    print(f"size      {record.preparation.size or 'native'}\nseed      {record.seed}")
    if record.start_from:
        print(f"begun     with the weights of run {record.start_from}")
    if record.learned_from:
        print(f"learned   first from the series {', '.join(record.learned_from)}")
    print(f"device    {record.device}, {record.n_threads} threads\npreset    {record.preset}\nsettings  {changed}\n")
    if record.member_of:
        print(f"It {_belongs(run)} a member of the blend of run {record.member_of}.\n")


def _belongs(member: Run) -> str:
    """'is', or 'was' where the blend was trained further and has another one in its place."""
    try:
        blend = member.store.open(member.record.member_of)
    except FrameCastError:
        return "was"
    return "is" if is_member_still(member, blend) else "was"


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
