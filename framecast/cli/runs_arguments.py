"""`runs` as argparse sees it: its actions, their options, and the words of `--help`."""

import argparse
from pathlib import Path


def runs_arguments(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, words: str, takes: str = "one") -> argparse.ArgumentParser:
        """One that takes one RUN, some, or none."""
        made = actions.add_parser(name, parents=[common], help=words)
        if takes != "none":
            made.add_argument("run", metavar="RUN", nargs={"one": None, "some": "+"}[takes])
        return made

    listed = action("list", "all runs, pinned ones first, then the newest", "none")
    for option, metavar, words in (
        ("--series", "NAME", "of this series"),
        ("--forecaster", "NAME", "of this forecaster"),
        ("--state", "STATE", "finished, failed, interrupted, 'at work', waiting or paused"),
        ("--tag", "TAG", "with this tag"),
    ):
        listed.add_argument(option, nargs="+", action="extend", default=[], metavar=metavar, help=f"only runs {words}")
    listed.add_argument("--text", default="", metavar="WORDS", help="only runs with these words in title, note, tags, ...")
    listed.add_argument(
        "--sort",
        default="newest",
        metavar="BY",
        help="newest, name, series, forecaster, state, ssim, psnr, mse, mae, skill, skill_horizon, fit_time, disk or size",
    )
    listed.add_argument("--reverse", action="store_true", help="the other way round")
    show = action("show", "settings, state and scores of a run")
    show.add_argument(
        "--openstl", action="store_true", help="also print what OpenSTL's code would compute, to set beside its tables"
    )
    show.add_argument("--repeat", action="store_true", help="print the command line and the script that repeat it, instead")
    several = show.add_argument_group("with --repeat, on several GPUs or machines")
    several.add_argument("--processes", type=int, metavar="N", help="that share one network's training, on each machine")
    several.add_argument("--machines", type=int, metavar="N", help="how many machines of a cluster (default: 1)")
    several.add_argument("--on", choices=("cpu", "gpu"), help="what each process computes on (default: as the run did)")
    several.add_argument("--sbatch", type=Path, metavar="FILE.sbatch", help="write a batch file for SLURM, instead")
    rename = action("rename", "call a run something else")
    rename.add_argument("title", metavar="TITLE", help="empty: what it was called at first")
    tag = action("tag", "put words on a run to find it by")
    tag.add_argument("--add", nargs="+", action="extend", default=[], metavar="TAG")
    tag.add_argument("--remove", nargs="+", action="extend", default=[], metavar="TAG")
    action("note", "write down what is to be remembered of a run").add_argument("text", metavar="TEXT")
    action("pin", "keep a run on top of the list").add_argument("--off", action="store_true", help="no longer")
    resume = action("resume", "go on with a run that was left or failed, from its last checkpoint")
    resume.add_argument(
        "--once", action="store_true", help="as a job that may be repeated: say so and end well where the run is finished"
    )
    action("finish", "forecast with the best that a run which was left had found")
    further = action("extend", "train a finished run further; its result stays until the new one is whole")
    limit = further.add_mutually_exclusive_group(required=True)
    limit.add_argument("--epochs", type=int, metavar="N", help="by so many epochs")
    limit.add_argument("--steps", type=int, metavar="N", help="by so many training steps")
    limit.add_argument("--minutes", type=float, metavar="MIN", help="by so many minutes")
    action("backtest", "score a finished run from other origins, and show means and extremes").add_argument(
        "--minutes", type=float, metavar="MIN", help="time limit; a minute or a tenth of its fit if none is given"
    )
    action("delete", "move runs to the trash, which keeps them for 30 days", "some")
    action("undelete", "bring runs back from the trash", "some")
    action("trash", "the deleted runs, and until when they are kept", "none")
    action("diff", "what differs between two or more runs", "some")
    export = action("export", "a run folder as one ZIP file")
    export.add_argument("--out", type=Path, required=True, metavar="FILE.zip")
    export.add_argument("--with-series", action="store_true", help="take the series along that it learned from")
    bring = action("import", "bring in a run that was exported elsewhere", "none")
    bring.add_argument("file", type=Path, metavar="FILE.zip")
    clean = action("clean", "what the workspace takes on the disk, and what of it can go", "none")
    clean.add_argument("--yes", action="store_true", help="empty the trash and remove what crashes left behind")
    clean.add_argument(
        "--checkpoints", action="store_true", help="with --yes, also remove what finished runs keep to be trained further"
    )
