"""What it costs to score one forecast of the question's size by every metric, and to diagnose it: CPU seconds of one core.

    OMP_NUM_THREADS=1 python -m benchmarks.scoring [--leads 50] [--size 785] [--history 100]

The pictures are made: a texture that moves a pixel a frame under noise of 3 grey levels; the forecast has half the noise.
"""

import argparse
import time

import numpy as np
from scipy.ndimage import gaussian_filter

from framecast import METRICS
from framecast.evaluation.case import Case
from framecast.evaluation.diagnosis import FAULTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leads", type=int, default=50)
    parser.add_argument("--size", type=int, default=785)
    parser.add_argument("--history", type=int, default=100)
    asked = parser.parse_args()
    generator = np.random.default_rng(0)
    scene = gaussian_filter(generator.normal(size=(asked.size, asked.size, 3)), (3, 3, 0), mode="wrap")
    scene = 255 * (scene - scene.min()) / np.ptp(scene)

    def frames(first: int, n: int, noise: float) -> np.ndarray:
        made = np.empty((n, *scene.shape), np.uint8)
        for index in range(n):
            picture = np.roll(scene, first + index, axis=0) + generator.normal(0, noise, scene.shape)
            made[index] = np.clip(np.rint(picture), 0, 255)
        return made

    history, truth = frames(0, asked.history, 3.0), frames(asked.history, asked.leads, 3.0)
    forecast = frames(asked.history, asked.leads, 1.5)
    total = 0.0
    for name, kind in METRICS.items():
        seconds, began = time.process_time(), time.monotonic()
        kind.function(forecast, truth, data_range=255.0, last=history[-1])
        seconds = time.process_time() - seconds
        total += seconds
        print(f"{name:12} {seconds:6.2f} s of CPU, {time.monotonic() - began:6.2f} s passed")
    print(f"{'all metrics':12} {total:6.2f} s of CPU")
    case, seconds = Case(forecast, truth, history, 255.0), time.process_time()
    for name, fault in FAULTS.items():
        before = time.process_time()
        fault.look(case)
        print(f"{name:12} {time.process_time() - before:6.2f} s of CPU")
    print(f"{'diagnosis':12} {time.process_time() - seconds:6.2f} s of CPU")


if __name__ == "__main__":
    main()
