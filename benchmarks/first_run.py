"""What a first run on a series makes a person wait for, of this tree and of an earlier one: the rules, and looking back.

    python -m benchmarks.first_run FRAMES.npy EARLIER_TREE [--repeats 3] [--without local_law ...] [--rules-alone]

FRAMES.npy are 8-bit frames (time, height, width, channel), such as `benchmarks.question` makes; EARLIER_TREE is a folder
with this project as it was (`git worktree add`). A run of persistence is carried out by each, in a process of its own, both at
the same time, so that what else the machine does falls on both; one thread computes. Told are medians of the processor's
seconds of each rule, fit and forecast and scores together, and of looking back, which is not cut off here; the ratio; the most
memory that the process held, pages of the file among it; and how far apart the scores are. Linux.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

REST = "looking back"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("earlier", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=[], metavar="RULE")
    parser.add_argument("--rules-alone", action="store_true", help="do not look back")
    parser.add_argument("--measure", action="store_true", help="print what this tree takes, as JSON")
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measured(asked.frames, asked.without, asked.rules_alone)))
        return
    trees, before, after = (asked.earlier.resolve(), Path.cwd()), [], []
    for number in range(asked.repeats):
        pair = [begun(tree, asked.frames.resolve(), asked.without, asked.rules_alone) for tree in trees]
        for found, process in zip((before, after), pair, strict=True):
            out, _ = process.communicate()
            if process.returncode:
                raise SystemExit(f"A measurement ended with status {process.returncode}.")
            found.append(json.loads(out.splitlines()[-1]))
        print(f"\n{number + 1} of {asked.repeats}\n")
        print("| what | before, CPU s | after, CPU s | after / before |\n|---|---|---|---|")
        for name in before[0]["seconds"]:
            one, other = (median(each["seconds"][name] for each in found) for found in (before, after))
            print(f"| {name} | {one:.1f} | {other:.1f} | {other / one:.2f} |")
        one, other = (median(each["memory_mib"] for each in found) for found in (before, after))
        apart = {key: abs(value - after[-1]["scores"][key]) for key, value in before[-1]["scores"].items()}
        print(f"| memory at most, MiB | {one:.0f} | {other:.0f} | {other / one:.2f} |")
        worst = max(apart, key=apart.__getitem__)
        print(f"\nLargest difference of a score, the mean over leads: {apart[worst]:.2g} ({worst})")
        sys.stdout.flush()


def begun(tree: Path, frames: Path, without: list[str], rules_alone: bool) -> "subprocess.Popen[str]":
    command = [sys.executable, str(Path(__file__).resolve()), str(frames), "--measure", "--without", *without]
    command += ["--rules-alone"] if rules_alone else []
    return subprocess.Popen(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, stdout=subprocess.PIPE, text=True)


def measured(path: Path, without: list[str], rules_alone: bool) -> dict[str, Any]:
    import framecast  # by itself, before numpy: the package says how many threads that computes with

    assert Path(framecast.__file__).is_relative_to(Path.cwd()), "the tree that was asked for"

    import numpy as np

    from framecast.forecasters.catalog import FORECASTERS
    from framecast.runs import backtest
    from framecast.runs.experiment import STAGE_LOOK_BACK, STAGE_SCORE, carry_out, plan
    from framecast.runs.store import RunStore
    from framecast.series.frames import FrameSeries, Split

    backtest.SECONDS = float("inf")
    frames = np.load(path, mmap_mode="r")
    series, own = FrameSeries("series", frames, (0.0, 255.0)), "persistence"
    rules = [name for name, kind in FORECASTERS.items() if kind.family == "rule" and name not in (own, *without)]
    names, seconds = ["its own forecast and scores", *rules, REST], dict[str, float]()
    with tempfile.TemporaryDirectory() as folder:
        split = Split.of(len(frames), 50)
        record = plan(series, forecaster=own, split=split, device="cpu", n_threads=1, digest="0" * 16)
        run = RunStore(Path(folder)).create(record)
        doing, since = "", time.process_time()
        for progress in carry_out(record, series, run, rules=dict.fromkeys(without, "left out")):
            now = time.process_time()
            if doing:
                seconds[doing] = seconds.get(doing, 0.0) + now - since
            since = now
            if progress.stage == STAGE_SCORE:
                doing = names.pop(0)
            elif progress.stage == STAGE_LOOK_BACK:
                doing = REST
                if rules_alone:
                    break
        if not rules_alone:
            seconds[REST] += time.process_time() - since
        kept = [*run.scores(), *backtest.kept_backtest(run)]
    scores = {f"{one.metric} of {one.forecaster} from {one.origin}": float(one.values.mean()) for one in kept}
    seconds["all"] = sum(seconds.values())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    return {"seconds": seconds, "memory_mib": memory, "scores": scores}


if __name__ == "__main__":
    main()
