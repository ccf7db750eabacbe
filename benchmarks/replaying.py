"""A training step on a GPU as it is, replayed and compiled: python -m benchmarks.replaying [--size 64] [--networks unet ...]

Steps of the recommended settings at full unroll, in a real fit, so that all a step takes is in it: the windows, the threshold
on the gradient, the optimiser. Told are the median step of each way, what replaying gains over taking it as it is, the time to
the tenth step, in which recording or compiling is, and the most memory that torch had taken for itself.
"""

import argparse
import time

import numpy as np
import torch

from benchmarks.networks import BATCH, NETWORKS, noise, settings_of
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.series.frames import FrameSeries, Split

WAYS = {"as it is": "off", "replayed": "auto", "compiled": "on"}


def measured(name: str, series: FrameSeries, device: str, way: str, n_steps: int) -> tuple[float, float, float, str]:
    """Seconds of the median of the last ten steps and until the tenth step, GiB, and what the run said."""
    split = Split.of(series.n_frames, 1, 1)
    settings = settings_of(name, plain_form=False, n_steps=n_steps, compile=way)
    if device != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    forecaster = FORECASTERS[name].make(settings, Workbench(device=device))
    began, seen, said = time.perf_counter(), [], ""
    for progress in forecaster.fit(series.head(split.test.start), split):
        if device != "cpu":
            torch.cuda.synchronize()
        said = progress.finding or said
        seen.append(time.perf_counter())
    taken = 0 if device == "cpu" else torch.cuda.max_memory_reserved()  # what recordings keep counts as free, but is reserved
    return float(np.median(np.diff(seen)[-11:-1])), seen[9] - began, taken / 2**30, said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    asked = parser.parse_args()
    print(f"{asked.size} px, {BATCH} windows")
    print("| network | way | step ms | times as quick | to the tenth step s | GiB | it said |")
    print("|---|---|---|---|---|---|---|")
    for name in asked.networks:
        series, first = noise(name, asked.size), 0.0
        for way in asked.ways:
            step, tenth, held, said = measured(name, series, asked.device, WAYS[way], asked.steps)
            first = first or step
            print(
                f"| {name} | {way} | {1000 * step:.2f} | {first / step:.1f} | {tenth:.1f} | {held:.2f} | {said} |", flush=True
            )


if __name__ == "__main__":
    main()
