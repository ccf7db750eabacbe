"""Whether the number format of training changes scores: python -m benchmarks.precision [--device cpu]

One network, one series, three seeds, trained for the same steps in float32 and in bfloat16 (on a GPU also in float32 with the
matrix units' TF32). Each forecast of the held-out frames is scored by its mean SSIM. A format does no harm when its scores
differ from those of float32 at the same seed by less than seeds differ from each other.
"""

import argparse
import contextlib
import statistics
from collections.abc import Iterator

import numpy as np
import torch

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.metrics.ssim import ssim
from framecast.series.frames import FrameSeries, Split
from framecast.series.synthetic import SYNTHETIC

SEEDS = (0, 1, 2)


def formats(device: str) -> tuple[str, ...]:
    return ("float32", "bfloat16") if device == "cpu" else ("float32", "bfloat16", "tf32")


@contextlib.contextmanager
def matrix_units(name: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = name == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def score(series: FrameSeries, network: str, seed: int, name: str, steps: int, device: str) -> float:
    split = Split.of(series.n_frames, 20, 20)
    precision = "float32" if name == "tf32" else name
    settings = FORECASTERS[network].configure("recommended", {"steps": steps, "precision": precision}, split)
    forecaster = FORECASTERS[network].make(settings, Workbench(device=device, seed=seed))
    with matrix_units(name):
        for _ in forecaster.fit(series.head(split.test.start), split):
            pass
        forecast = forecaster.forecast(series.frames[: split.test.start], len(split.test))
    truth = np.asarray(series.frames[split.test.start : split.test.stop], np.float32)
    return float(np.mean(ssim(np.asarray(forecast, np.float32), truth, data_range=series.data_range)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--networks", nargs="+", default=["unet", "convlstm"])
    asked = parser.parse_args()
    print("| network | format | seeds 0, 1, 2 | mean | spread over seeds | farthest from float32 at a seed | mean of that |")
    print("|---|---|---|---|---|---|---|")
    for network in asked.networks:
        series = SYNTHETIC["travelling_waves"](140, asked.size)
        found = {
            name: [score(series, network, seed, name, asked.steps, asked.device) for seed in SEEDS]
            for name in formats(asked.device)
        }
        for name, scores in found.items():
            apart = [one - other for one, other in zip(scores, found["float32"], strict=True)]
            print(
                f"| {network} | {name} | {', '.join(f'{one:.4f}' for one in scores)} | {statistics.mean(scores):.4f} | "
                f"{max(scores) - min(scores):.4f} | {max(map(abs, apart)):.4f} | {statistics.mean(apart):+.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
