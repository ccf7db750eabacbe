"""SSIM of full-size frames, ours beside scikit-image's: python -m benchmarks.ssim [--size 785] [--frames 9]

The two take turns on the same frame, so that a machine whose speed drifts treats both alike. Prints milliseconds a frame as
median (least to most), the ratio of the medians, and by how much the values differ.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from skimage.metrics import structural_similarity

from framecast import METRICS


def scikit_image(forecast: np.ndarray, truth: np.ndarray) -> float:
    return float(
        structural_similarity(
            forecast, truth, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=-1
        )
    )


def ours(forecast: np.ndarray, truth: np.ndarray) -> float:
    return float(METRICS["ssim"].function(forecast[None], truth[None], data_range=255.0)[0])


def timed(measure: Callable[[np.ndarray, np.ndarray], float], forecast: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    started = time.perf_counter()
    value = measure(forecast, truth)
    return value, (time.perf_counter() - started) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=785)
    parser.add_argument("--frames", type=int, default=9)
    asked = parser.parse_args()
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (asked.frames + 1, asked.size, asked.size, 3), dtype=np.uint8)
    forecast = np.clip(truth + rng.normal(0, 20, truth.shape), 0, 255).astype(np.uint8)
    spent: dict[str, list[float]] = {"scikit-image": [], "ours": []}
    difference = 0.0
    for index in range(asked.frames + 1):  # the first pair warms both up and is not counted
        theirs, their_ms = timed(scikit_image, forecast[index], truth[index])
        mine, my_ms = timed(ours, forecast[index], truth[index])
        difference = max(difference, abs(theirs - mine))
        if index:
            spent["scikit-image"].append(their_ms)
            spent["ours"].append(my_ms)
    for name, times in spent.items():
        print(f"{name:13} {statistics.median(times):7.1f} ms a frame ({min(times):.1f} to {max(times):.1f})")
    ratio = statistics.median(spent["scikit-image"]) / statistics.median(spent["ours"])
    print(f"ratio         {ratio:7.1f}      largest difference {difference:.1e}")


if __name__ == "__main__":
    main()
