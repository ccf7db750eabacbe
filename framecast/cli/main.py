"""Read the command line, do it, end with 0, 1, 2 or 130. A user's mistake is one sentence on stderr, without a traceback."""

import io
import os
import sys
from collections.abc import Sequence

from framecast.cli import arguments
from framecast.cli.screen import Screen
from framecast.cli.together import help_out, is_helper, refuse_what_is_not_shared
from framecast.errors import FrameCastError

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code. argparse itself ends with 2 on an option it does not know."""
    if is_helper():  # of another process with the same arguments, which says what is wrong with them
        return help_out()
    for stream in (sys.stdout, sys.stderr):  # a title may have letters that they do not: those are a ? then
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    asked = arguments.parser().parse_args(argv)
    screen = Screen(asked.quiet)
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
    try:
        refuse_what_is_not_shared(asked)
        code = commands[asked.command](asked, screen)
        sys.stdout.flush()  # here, where a reader that has left can be met
        return code
    except BrokenPipeError:  # whoever read along (head, less) has seen enough; nothing may be flushed to it at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except FrameCastError as error:
        screen.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        screen.complain("Interrupted. What was finished before is kept.")
        return INTERRUPTED
