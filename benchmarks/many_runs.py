"""What the page Runs has to compute for its runs: a first look at 500 of them, and each one after that.

Usage: python -m benchmarks.many_runs [--runs 500]. The runs are copies of one real, finished run in a folder of its own.
"""

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from framecast import SYNTHETIC, RunStore, SeriesStore, carry_out, plan
from framecast.runs.arranging import arranged
from framecast.runs.overview import Overview
from framecast.runs.store import Run

TIMES = 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500, metavar="N")
    n_runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        copies(finished(workspace), n_runs)
        fresh, known = [Overview(workspace) for _ in range(TIMES)], Overview(workspace)
        lines = known.lines()
        looks = iter(fresh)
        rows = {
            "first look, every file read": lambda: next(looks).lines(),
            "each look after that": known.lines,
            "sorted by SSIM": lambda: arranged(lines, "ssim"),
            "all records read (RunStore.runs)": RunStore(workspace).runs,
        }
        for name, work in rows.items():
            print(f"{n_runs} runs, {name}: {1000 * median(work):.1f} ms of CPU time")


def finished(workspace: Path) -> Run:
    series = SYNTHETIC["moving_blob"](60, 32, 0)
    stored = SeriesStore(workspace).add(series.name, series.frames)
    record = plan(series, forecaster="climatology", digest=stored.digest, device="cpu")
    run = RunStore(workspace).create(record)
    for _ in carry_out(record, series, run):
        pass
    return run


def copies(run: Run, n_runs: int) -> None:
    for index in range(1, n_runs):
        record = replace(run.record, id=f"copy-{index:05d}", title=f"Copy {index}")
        folder = run.folder.with_name(record.id)
        shutil.copytree(run.folder, folder)
        (folder / "record.json").write_text(json.dumps(record.to_mapping()), encoding="utf-8")


def median(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(TIMES):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
