"""Runs carried out at a terminal: followed on the screen, and left as they stand when somebody asks for it.

The first Ctrl-C, and the polite end that a machine asks for (SIGTERM), keep where the run stands and leave; `runs resume` goes
on from there and `runs finish` forecasts with the best so far. What takes long to come to a sign of life is left in the
middle, at once after a second signal; then the last checkpoint is what is kept. Where even that takes too long, in one step of
a large network say, the process ends all the same.
"""

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from framecast.cli.main import INTERRUPTED
from framecast.cli.screen import Screen
from framecast.cli.together import helpers, refuse_what_cannot_be_shared
from framecast.errors import RunError
from framecast.leaving import PATIENCE_S, Left, left_when
from framecast.runs.cutting_off import cut_off
from framecast.runs.experiment import STAGE_LOOK_BACK, carry_out
from framecast.runs.record import RunRecord
from framecast.runs.resuming import extension, going_on
from framecast.runs.rules import known_rules
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries
from framecast.series.store import SeriesStore
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.training.distributed import Group

GRACE_S = 5.0
"""After a signal, before Python code that never asks whether it is to be left is interrupted."""
CUT_OFF_S = 8.0
"""And before the process ends, whatever it does."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Wish:
    """To leave: true once a signal came."""

    def __init__(self) -> None:
        self.since: float | None = None

    def __call__(self) -> bool:
        return self.since is not None

    def for_long(self) -> bool:
        """Whether a sign of life was waited for."""
        return self.since is not None and time.monotonic() - self.since > PATIENCE_S

    def take(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first is a wish, a second one interrupts, as does the clock."""
        if self.since is not None:
            raise KeyboardInterrupt
        self.since = time.monotonic()
        if hasattr(signal, "setitimer"):  # Windows has none
            signal.setitimer(signal.ITIMER_REAL, GRACE_S)


def carry_out_all(
    records: list[RunRecord],
    series: FrameSeries,
    others: dict[str, FrameSeries],
    workspace: Path,
    screen: Screen,
    scored: Callable[[list[Run]], object] = lambda runs: None,
) -> tuple[list[Run], bool]:
    """The finished runs, and whether any failed: one that fails is said, and the others go on. `scored` is called with all of
    them as soon as the last has its scores, before that one is looked back on, which somebody may not wait for. Raises
    KeyboardInterrupt once it was asked to leave."""
    finished: list[Run] = []
    failed = False
    with _leaving() as wished, helpers() as group:
        for record in records:
            try:
                run = RunStore(workspace).create(record)
                told = partial(scored, [*finished, run]) if record is records[-1] else _nothing
                finished.append(_carry_out(run, series, others, finished, screen, wished, told, group))
            except RunError as error:
                failed = True
                screen.complain(f"{record.title} failed. {error}")
    return finished, failed


def resume(asked: argparse.Namespace, screen: Screen) -> Run:
    """The run of `runs resume`, `runs finish` or `runs extend`, carried out to its end. Raises FrameCastError where it cannot
    be."""
    run = RunStore(asked.workspace).open(asked.run)
    refuse_what_cannot_be_shared([run.record])
    with _leaving() as wished, run.hold(), helpers() as group:
        if asked.action == "extend":
            further = {"epochs": asked.epochs, "steps": asked.steps, "minutes": asked.minutes}
            chosen = extension(run, asked.workspace, further)
        else:
            chosen = going_on(run, asked.workspace)
        stored = SeriesStore(asked.workspace)
        others = {digest: stored.open(digest) for digest in run.record.learned_from}
        stop = asked.action == "finish"
        finished = RunStore(asked.workspace).runs()
        return _follow(chosen, stored.open(run.record.series), others, finished, screen, wished, _nothing, stop, group)


def _carry_out(
    run: Run,
    series: FrameSeries,
    others: Mapping[str, FrameSeries],
    finished: list[Run],
    screen: Screen,
    wished: Wish,
    scored: Callable[[], object],
    group: "Group | None",
) -> Run:
    with run.hold():
        return _follow(run, series, others, finished, screen, wished, scored, False, group)


def _follow(
    run: Run,
    series: FrameSeries,
    others: Mapping[str, FrameSeries],
    finished: list[Run],
    screen: Screen,
    wished: Wish,
    scored: Callable[[], object],
    stop: bool,
    group: "Group | None",
) -> Run:
    """Carry the run out, draw its progress and say what came of it: the run as it is then."""
    record, title = run.record, run.record.title
    rules = known_rules(finished, record)
    watch = partial(SeriesStore(run.store.folder.parent).check_unchanged, record.series)
    steps = carry_out(record, series, run, stop=lambda: stop, watch=watch, rules=rules, others=others, group=group)
    kept = "where it stood"
    try:
        with left_when(wished.for_long):
            screen.follow(_until(steps, wished, scored), title)
    except (Left, KeyboardInterrupt):
        kept = "as of its last checkpoint; what came after comes again, the same"
    done = run.store.open(run.id)
    if wished() or kept != "where it stood":
        if done.state != "finished" or done.staged():
            screen.say(
                f"{title} is kept {kept}. Go on with: runs resume {run.id}; or forecast with the best so far: "
                f"runs finish {run.id}"
            )
        else:
            screen.say(f"{title} is finished; only the look back at earlier frames was left. See: runs show {run.id}")
        raise KeyboardInterrupt
    screen.say(f"{title}: done, in {done.folder}")
    summary = done.summary()
    if summary["stopped_early"]:
        learned = "nothing had been learned" if summary["learned_nothing"] else "the best until then made the forecast"
        screen.say(f"{title} was stopped early; {learned}.")
    if summary["finding"]:
        screen.say(summary["finding"])
    if members := done.store.members_of(done):
        screen.say(f"Its {len(members)} members are runs, too; see: runs show {done.id}")
    return done


def _until(steps: Iterator[FitProgress], wished: Wish, scored: Callable[[], object]) -> Iterator[FitProgress]:
    stage = ""
    with contextlib.closing(steps):  # type: ignore[type-var]
        for progress in steps:
            if progress.stage == STAGE_LOOK_BACK != stage:
                scored()
            stage = progress.stage
            yield progress
            if wished():
                return


@contextlib.contextmanager
def _leaving() -> Iterator[Wish]:
    """Inside, one of SIGNALS is a wish, of which the yielded one tells; the process is gone CUT_OFF_S later at the latest."""
    wish, left = Wish(), threading.Event()
    told, tells = socket.socketpair()  # what is written to at the moment of a signal, also where Python has no turn
    tells.setblocking(False)
    before = {number: signal.signal(number, wish.take) for number in (*SIGNALS, *_clock())}
    before_fd = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
    cut_off(lambda: bool(told.recv(1)), left, CUT_OFF_S, _end_now, told.close)
    try:
        yield wish
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        signal.set_wakeup_fd(before_fd)
        left.set()
        for number, handler in before.items():
            signal.signal(number, handler)
        tells.close()  # which the watching thread takes for the end


def _nothing() -> None:
    pass


def _end_now() -> None:
    sys.stderr.write(
        "Left in the middle of a step that takes long. The run is kept as of its last checkpoint; what came after comes "
        "again, the same. To find it: runs list --state interrupted; to go on: runs resume RUN\n"
    )
    sys.stderr.flush()
    os._exit(INTERRUPTED)


def _clock() -> tuple[int, ...]:
    return (signal.SIGALRM,) if hasattr(signal, "SIGALRM") else ()
