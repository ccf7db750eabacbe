"""Read the command line, do it, end with 0, 1, 2 or 130. A user's mistake is one sentence on stderr, without a traceback."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from framecast.cli import arguments
from framecast.cli.screen import Screen
from framecast.cli.together import help_out, is_helper, refuse_what_is_not_shared
from framecast.errors import FrameCastError, SettingError
from framecast.files import OUT_OF_ROOM

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code. argparse itself ends with 2 on an option it does not know."""
    if is_helper():  # of another process with the same arguments, which says what is wrong with them
        return help_out()
    _ready_streams()
    asked = arguments.parser().parse_args(argv)
    screen = Screen(asked.quiet)
    try:
        _check_workspace(asked.workspace)
        refuse_what_is_not_shared(asked)
        code = _done(asked, screen)
        sys.stdout.flush()  # here, where a reader that has left can be met
        return code
    except BrokenPipeError:  # whoever read along (head, less) has seen enough; nothing may be flushed to it at the end
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in OUT_OF_ROOM or error.filename is not None:
            raise
        _drop_output()
        screen.complain(
            f"What there is to say could not be written ({os.strerror(error.errno).lower()}); the output must go where there "
            "is room. Nothing else is lost: what was made before is kept. Free some space there, or write it elsewhere."
        )
        return 1
    except FrameCastError as error:
        screen.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        screen.complain("Interrupted. What was finished before is kept.")
        return INTERRUPTED


def _done(asked: argparse.Namespace, screen: Screen) -> int:
    """Exit code of the command."""
    from framecast.cli import export, queue, run, runs, stored  # after the parsing, so that --help does not wait for torch

    commands = {
        "run": run.run,
        "queue": queue.queue,
        "forecast": stored.forecast,
        "export": export.export,
        "series": stored.series,
        "runs": runs.runs,
        "forecasters": stored.forecasters,
    }
    return commands[asked.command](asked, screen)


def _check_workspace(workspace: Path) -> None:
    """It need not exist yet, but nothing else may be where it would be."""
    there = next((path for path in (workspace, *workspace.absolute().parents) if os.path.exists(path)), None)
    if there is not None and not os.path.isdir(there):
        raise SettingError(
            f"The workspace would be '{workspace}', and '{there}' is a file; it must be a folder, which is made where there "
            "is none. Choose another one by --workspace or FRAMECAST_WORKSPACE."
        )


def _ready_streams() -> None:
    """A terminal may lack letters that a title has: those are a ? then. A stream that the caller closed goes nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - it stays open as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """What is still to be written to the output goes nowhere, so that its end says nothing more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
