"""A command that torchrun started as several processes: the first one is the command, the others help its fit.

    torchrun --standalone --nproc-per-node 2 -m framecast run SERIES --forecaster unet

One network is trained by all of them. What else a command does, the first one does alone; so commands that train no network,
and forecasters that train several or none, are refused: there would be nothing to share.
"""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from framecast.errors import LeftAloneError, SettingError

if TYPE_CHECKING:
    from framecast.runs.record import RunRecord
    from framecast.training.distributed import Group

SET_BY_TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
SHARED = (("run", None), ("runs", "resume"), ("runs", "finish"), ("runs", "extend"))


def n_processes() -> int:
    """How many processes torchrun started for this command; 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in SET_BY_TORCHRUN) else 1


def is_helper() -> bool:
    return n_processes() > 1 and os.environ["RANK"] != "0"


def help_out() -> int:
    """All that a helper does. It lets the first process speak: to the terminal it says nothing. It leaves when that one does,
    so signals that are meant for both are not for it."""
    from framecast.runs import helping
    from framecast.training.distributed import joined

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), joined() as group:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        try:
            helping.help_out(group)
        except LeftAloneError:
            return 1
        except Exception as error:
            if group.gradients is not None:  # the first process may hang on its GPU and never say it
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            return 1
    return 0


def end_at_once(code: int) -> NoReturn:
    """End this process without taking torch down: that can take seconds where many programs are at work, and threads of gloo
    that are still there then end a process that had done all with an abort, upon which torchrun ends the others, too."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def refuse_what_is_not_shared(asked: argparse.Namespace) -> None:
    """Raises SettingError for a command that several processes would all do."""
    if n_processes() > 1 and (asked.command, getattr(asked, "action", None)) not in SHARED:
        words = " ".join(filter(None, (asked.command, getattr(asked, "action", None))))
        raise SettingError(
            f"torchrun started {n_processes()} processes for '{words}', which trains nothing; only run and runs resume, "
            "finish and extend share their work. Leave torchrun out."
        )


def refuse_what_cannot_be_shared(records: "Sequence[RunRecord]") -> None:
    """Raises SettingError unless it is one run of one network."""
    from framecast.forecasters.catalog import FORECASTERS

    if n_processes() == 1:
        return
    if len(records) > 1:
        raise SettingError(
            f"torchrun trains one run, and {len(records)} forecasters are given. Choose one of them, or write a job for each: "
            "framecast queue."
        )
    kind = FORECASTERS[records[0].forecaster]
    if kind.family != "network":
        does = "has nothing to share" if kind.family == "rule" else "trains several networks one after the other"
        raise SettingError(
            f"{kind.title} {does}; torchrun lets several processes train one network. Leave torchrun out, or choose a network."
        )
    if records[0].device.startswith("cuda:"):
        raise SettingError(
            f"{records[0].device} is one GPU, and under torchrun each process takes its own. Choose --device cuda."
        )


@contextlib.contextmanager
def helpers() -> Iterator["Group | None"]:
    """The first process joined with its helpers, who are let go at the end; None where there are none."""
    if n_processes() == 1:
        yield None
        return
    from framecast.training.distributed import joined

    with joined() as group:
        yield group
