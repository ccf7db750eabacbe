"""What each simple rule costs on 350 frames of 785 x 785 x 3: seconds to fit, seconds for 50 leads, memory at the most.

    python -m benchmarks.rules [--frames 350] [--size 785] [--leads 50] [--rules dmd pod_var ...]

Each rule runs in a process of its own, on made waves under noise that are mapped from a file as a stored series is, so that
its memory is its own: the most that the process held (VmHWM of Linux) less what it held before and less the pages of the file,
which can be given back at any time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.series.frames import FrameSeries, Split

RULES = [name for name, kind in FORECASTERS.items() if kind.family == "rule"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=350)
    parser.add_argument("--size", type=int, default=785)
    parser.add_argument("--leads", type=int, default=50)
    parser.add_argument("--rules", nargs="+", default=RULES)
    parser.add_argument("--row", nargs=2, metavar=("RULE", "FILE"), help="measure one and print it as JSON")
    asked = parser.parse_args()
    if asked.row:
        name, path = asked.row
        print(json.dumps(measured(name, np.load(path, mmap_mode="r"), asked.leads)))
        return
    print("| rule | fit s | 50 leads s | CPU s | memory at most, MiB |\n|---|---|---|---|---|")
    for name, row in rows(asked.frames, asked.size, asked.leads, asked.rules):
        cells = f"{row['fit_s']:.2f} | {row['forecast_s']:.2f} | {row['cpu_s']:.2f} | {row['memory_mib']:.0f}"
        print(f"| {name} | {cells} |", flush=True)


def rows(n_frames: int, size: int, n_leads: int, rules: list[str]) -> Any:
    """(rule, its numbers), each from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        np.save(path, waves(n_frames, size))
        for name in rules:
            command = [sys.executable, "-m", "benchmarks.rules", "--leads", str(n_leads), "--row", name, str(path)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            yield name, json.loads(done.stdout.splitlines()[-1])


def waves(n_frames: int, size: int) -> np.ndarray:
    """(time, size, size, 3) uint8: two waves that travel, under noise."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    frames = np.empty((n_frames, size, size, 3), np.uint8)
    for t in range(n_frames):
        one, other = np.sin((x + 3 * t) / 40), np.cos((y - t) / 60 + x / 90)
        noise = generator.integers(0, 12, (size, size, 3), dtype=np.uint8)
        frames[t] = noise + (120 + 60 * one + 40 * other)[..., None].astype(np.uint8)
    return frames


def measured(name: str, frames: np.ndarray, n_leads: int) -> dict[str, float]:
    kind, n_frames = FORECASTERS[name], len(frames)
    split = Split.of(n_frames + n_leads, n_leads)
    series = FrameSeries("waves", frames, (0.0, 255.0))
    rule = kind.make(kind.configure(), Workbench())
    before, began, busy = own_bytes("VmRSS") - own_bytes("RssFile"), time.perf_counter(), time.process_time()
    for _ in rule.fit(series, split):
        pass
    fitted = time.perf_counter()
    forecast = rule.forecast(frames, n_leads)
    assert forecast.shape == (n_leads, *frames.shape[1:])
    done = time.perf_counter()
    return {
        "fit_s": fitted - began,
        "forecast_s": done - fitted,
        "cpu_s": time.process_time() - busy,
        "memory_mib": (own_bytes("VmHWM") - own_bytes("RssFile") - before) / 2**20,
    }


def own_bytes(name: str) -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main()
