"""The command line as argparse sees it: every command, every option, and the words of `--help`."""

import argparse
import re
from pathlib import Path
from typing import Any, NoReturn

from framecast.cli.runs_arguments import runs_arguments
from framecast.files import default_workspace

EXPORTS = (
    "scores", "npz", "matlab", "figure", "figure_svg", "figure_pdf", "strip", "frames", "report", "film", "gif", "webp",
)  # fmt: skip
"""The names of framecast.export.KINDS, which would bring torch; a test holds them equal."""

TRIAL = "trial"
"""In place of a size: choose it by timing."""

EPILOG = """\
Exit code: 0 done, 2 something in the files or options given cannot be used (one sentence says what and what to do),
1 a run failed, 130 interrupted. Ctrl-C keeps where a run stands, for runs resume and runs finish; a second one leaves at once.
"""


class _Parser(argparse.ArgumentParser):
    """Says a mistake in one sentence, like everything else that a person can get wrong, and ends with 2."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._negative_number_matcher = re.compile(r"-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)  # -1e1 is no option

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message[:1].upper()}{message[1:]}. See {self.prog} --help.\n")


def parser() -> argparse.ArgumentParser:
    top = _Parser(
        prog="python -m framecast",
        description="Forecast the frames that come next in a series of images.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = _Parser(add_help=False)
    common.add_argument(
        "--workspace",
        type=_folder,
        default=default_workspace(),
        metavar="DIR",
        help="where series and runs are kept (default: $FRAMECAST_WORKSPACE, else ./workspace)",
    )
    common.add_argument("--quiet", action="store_true", help="say nothing but the result and errors")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    reading = _reading()
    _run(commands.add_parser("run", parents=[common, reading], help="fit forecasters on a series and score their forecasts"))
    _queue(commands.add_parser("queue", parents=[common, reading], help="prepare many runs, one job each for a SLURM cluster"))
    _forecast(commands.add_parser("forecast", parents=[common], help="forecast beyond the last frame with a finished run"))
    _export(commands.add_parser("export", parents=[common], help="a finished run beside the truth, as a file for others"))
    series = commands.add_parser("series", help="the stored series").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    add = series.add_parser("add", parents=[common, reading], help="store a series")
    add.add_argument("source", nargs="+", metavar="PATH", help="a file, a folder, or the image files of one series")
    look = series.add_parser("look", parents=[common], help="what a file holds: variables, shapes, and how they can be read")
    look.add_argument("source", nargs=1, metavar="FILE")
    add.add_argument("--name", help="what to call it (default: the name of the file or folder)")
    series.add_parser("list", parents=[common], help="all stored series, newest first")
    for action, words in (
        ("show", "what is known of a stored series"),
        ("range", "give a series another value range; the frames stay as they are"),
        ("health", "what to know of a stored series before training on it, and how predictable it is"),
        ("delete", "remove a stored series"),
    ):
        one = series.add_parser(action, parents=[common], help=words)
        one.add_argument("series", metavar="NAME")
        if action == "range":
            one.add_argument("low", type=float, metavar="LOW")
            one.add_argument("high", type=float, metavar="HIGH")
    _prepare(series.add_parser("prepare", parents=[common], help="make a new series of a stored one: cropped, mended ..."))
    runs_arguments(commands.add_parser("runs", help="the runs"), common)
    commands.add_parser("forecasters", parents=[common], help="all forecasters, their presets and settings").add_argument(
        "name", nargs="?", metavar="NAME", help="show the settings of this one"
    )
    return top


def _reading() -> _Parser:
    """What can be said of files that leave something open; see series look."""
    reading = _Parser(add_help=False)
    group = reading.add_argument_group("how files are read")
    group.add_argument("--variable", default="", metavar="NAME", help="which array of a file that holds several")
    group.add_argument(
        "--axes",
        default="",
        metavar="AXES",
        help="what its axes are: T time, H height, W width, C channel (THWC), or the number of a slice (T,3,H,W)",
    )
    group.add_argument("--sizes", default="", metavar="WAY", help="pictures of several sizes: crop, pad or resize")
    group.add_argument("--missing", default="", metavar="WAY", help="values missing in some frames: mask or interpolate")
    group.add_argument("--units", default="", metavar="UNIT", help="unit of the values (default: what the file says)")
    group.add_argument("--start", type=int, default=1, metavar="N", help="first frame to read, counted from 1")
    group.add_argument("--end", type=int, metavar="N", help="last frame to read")
    group.add_argument("--every", type=int, default=1, metavar="N", help="read every n-th frame only")
    return reading


def _run(run: argparse.ArgumentParser) -> None:
    run.description = (
        "Fit forecasters on a series and score their forecasts. On several GPUs, one network: torchrun --standalone "
        "--nproc-per-node N -m framecast run SERIES --forecaster NAME. A batch is then shared by all processes."
    )
    _asked(run)
    run.add_argument("--title", metavar="TEXT", help="what to call the run (default: forecaster and series)")
    run.add_argument("--seed", type=_seed, default=0, metavar="N", help="a whole number from 0 on (default: 0)")
    run.add_argument("--json", type=Path, metavar="FILE", help="write per-lead scores of every forecaster")
    run.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="a .npy, .npz or .mat file to write: the forecast, (lead, height, width, channel) in native units and size; of "
        "several forecasters the one with the best mean SSIM",
    )


def _queue(queue: argparse.ArgumentParser) -> None:
    queue.description = (
        "Prepare a run for each forecaster, seed and varied setting, and write a list of commands, one a run, and a batch "
        "file that lets a SLURM array carry them out. Nothing is submitted."
    )
    _asked(queue)
    queue.set_defaults(title=None)
    queue.add_argument("--seeds", type=_seed, nargs="+", default=[0], metavar="N", help="one run for each (default: 0)")
    queue.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="KEY=VALUE,VALUE",
        help="one run for each value of a setting; may be repeated for all combinations",
    )
    queue.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder for jobs.txt and jobs.sbatch; its name tags the runs"
    )


def _asked(run: argparse.ArgumentParser) -> None:
    """What is learned from, and how."""
    run.add_argument("series", metavar="SERIES", help="a file or folder of frames, or the name of a stored series")
    run.add_argument(
        "--forecaster",
        nargs="+",
        action="extend",
        metavar="NAME",
        help="one or more, scored in one table (default: auto); all simple rules are scored beside them",
    )
    run.add_argument("--preset", metavar="NAME", help="a named set of settings (see: forecasters NAME)")
    run.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting; may be repeated")
    run.add_argument(
        "--test", type=int, metavar="N", help="frames at the end to hold back and forecast (default: 50 or a fifth)"
    )
    run.add_argument("--valid", type=int, metavar="N", help="frames before them that training is checked on")
    run.add_argument(
        "--frames", type=int, metavar="N", help="as if the series ended after this many frames (default: all of them)"
    )
    run.add_argument("--budget", metavar="TIME", help="time limit of each fit: 90s, 3m or 1h")
    run.add_argument("--epochs", type=int, metavar="N", help="how often the training frames are gone through")
    run.add_argument("--steps", type=int, metavar="N", help="training steps of each fit, the same on every machine")
    run.add_argument(
        "--size",
        type=_size,
        default=argparse.SUPPRESS,
        metavar="PX",
        help="shorter side in pixels that a network sees; native; or trial, which times some steps and takes the largest "
        "that the budget pays for (default: at most 128 on a CPU, 256 on a GPU)",
    )
    run.add_argument("--start-from", metavar="RUN", help="begin with the weights of this finished run of the same forecaster")
    run.add_argument(
        "--learn-from",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="stored series to learn from first, for a half of the budget",
    )
    run.add_argument("--device", default="auto", metavar="NAME", help="auto, cpu or cuda (default: auto)")
    run.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of arithmetic on the CPU, which the last digits depend on; 1 where others keep the machine busy",
    )


def _prepare(prepare: argparse.ArgumentParser) -> None:
    """Frames are counted from 1, by their numbers in the series that is prepared."""
    prepare.add_argument("series", metavar="NAME")
    prepare.add_argument("--name", dest="called", metavar="NEW", help="what to call the new series")
    prepare.add_argument(
        "--crop", type=_four, metavar="X,Y,W,H", help="keep this rectangle: upper left corner, width and height in pixels"
    )
    prepare.add_argument("--size", type=int, metavar="PX", help="reduce to this shorter side, by area averaging")
    prepare.add_argument("--grey", action="store_true", help="colour to brightness, one channel")
    prepare.add_argument("--every", type=int, default=1, metavar="N", help="keep every n-th frame")
    prepare.add_argument("--frames", type=_two, metavar="A:B", help="keep frames A to B, both included")
    prepare.add_argument("--drop", type=_numbers, default=(), metavar="N,N", help="leave these frames out")
    prepare.add_argument(
        "--interpolate", type=_numbers, default=(), metavar="N,N", help="replace these by what lies between their neighbours"
    )


def _forecast(forecast: argparse.ArgumentParser) -> None:
    forecast.add_argument("run", metavar="RUN")
    forecast.add_argument("--steps", type=int, required=True, metavar="N", help="how many frames after the last one")
    forecast.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .npy, .npz or .mat file to write")


def _export(export: argparse.ArgumentParser) -> None:
    export.add_argument("run", metavar="RUN")
    export.add_argument(
        "out",
        type=Path,
        metavar="FILE",
        help="its ending says what it becomes: .html a report, .csv scores, .npz or .mat exact values, .png, .svg or .pdf a "
        "figure, .zip all frames, .mp4, .gif or .webp a film",
    )
    export.add_argument("--kind", choices=EXPORTS, help="where the ending leaves it open: strip is a .png as figure is")
    export.add_argument("--leads", metavar="1,10,50", help="of a figure or a strip (default: some over the horizon)")
    export.add_argument("--rate", type=_rate, metavar="N", help="frames per second of a film (default: the series' own)")


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("it is empty, which would be the folder that you are in; write . for that")
    return Path(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.1 <= rate <= 120:
        raise argparse.ArgumentTypeError(f"'{text}' is no rate; write frames per second from 0.1 to 120")
    return rate


def _size(text: str) -> int | str | None:
    """Pixels, "trial", or None for native."""
    if text == "native":
        return None
    if text == TRIAL:
        return TRIAL
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write a number of pixels, native or trial")
    return int(text)


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.strip().isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}' are no numbers; write whole numbers with commas between, as 110,111")
    return tuple(map(int, parts))


def _four(text: str) -> tuple[int, ...]:
    found = _numbers(text)
    if len(found) != 4:
        raise argparse.ArgumentTypeError(f"'{text}' is no crop; write x, y, width and height, as 40,30,200,160")
    return found


def _two(text: str) -> tuple[int, ...]:
    parts = text.split(":")
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"'{text}' is no range of frames; write the first and the last, as 1:100")
    return int(parts[0]), int(parts[1])


def _seed(text: str) -> int:
    if not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"'{text}' is no seed; write a whole number from 0 to {2**32 - 1}")
    return int(text)
