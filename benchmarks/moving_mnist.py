"""What each network learns of Moving MNIST: python -m benchmarks.moving_mnist DIGITS_FOLDER [--networks unet ...]

One sequence by the recipe of Srivastava, Mansimov and Salakhutdinov 2015 (arXiv 1502.04681), long enough to be one series: two
digits of 28 px bounce at constant speed within 64 px. The last 50 frames are the test. No noise, so a perfect forecast
exists. The folder holds MNIST's own file train-images-idx3-ubyte.gz; nothing is downloaded. A made series, never to be
reported among the real ones, and not the published task either: that has 10000 sequences of 20 frames, here is one. Minutes
are of processor time, on a GPU of the clock; all frames before the test are trained on, and the last weights forecast.
"""

import argparse
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.skill import clock_of
from framecast import FORECASTERS, METRICS, FrameSeries, Preparation, Split
from framecast.forecasters.contract import Workbench
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.metrics import openstl
from framecast.runs.devices import torch_threads
from framecast.runs.forecasting import native_forecast
from framecast.training.pace import MOST_EPOCHS

DIGITS_FILE = "train-images-idx3-ubyte.gz"
N_FRAMES, SIZE, N_DIGITS, STEP = 400, 64, 2, 0.1
LEADS = (10, 50)
HEAD = (
    "| forecaster | weights | steps | SSIM 1-10 | SSIM 1-50 | MSE 1-10 | MSE 1-50 | skill 1-10 | skill 1-50 "
    "| OpenSTL MSE 1-10 | OpenSTL SSIM 1-10 |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def read_digits(path: Path) -> np.ndarray:
    """An IDX3 file, gzipped: big-endian magic 2051, count, rows, columns, then the bytes: (count, rows, columns) uint8."""
    content = gzip.decompress(path.read_bytes())
    magic, *shape = np.frombuffer(content, ">i4", count=4)
    if magic != 2051:
        raise SystemExit(f"{path} begins with {magic}; IDX3 files begin with 2051. Give the folder of MNIST's files.")
    return np.frombuffer(content, np.uint8, offset=16).reshape(shape)


def trajectory(start: np.ndarray, velocity: np.ndarray, n_frames: int) -> np.ndarray:
    """(n_frames, 2) positions from 0 to 1, the first one step after `start`; what would leave stops at the wall and turns."""
    place, velocity = start.copy(), velocity.copy()
    places = np.empty((n_frames, 2))
    for frame in range(n_frames):
        place += velocity
        velocity[(place <= 0) | (place >= 1)] *= -1
        places[frame] = place = place.clip(0, 1)
    return places


def moving_mnist(
    digits: np.ndarray,
    *,
    n_frames: int = N_FRAMES,
    size: int = SIZE,
    n_digits: int = N_DIGITS,
    step: float = STEP,
    seed: int = 0,
) -> FrameSeries:
    """One sequence of `n_digits` of `digits` (count, side, side) uint8, grey; where they cross the brighter pixel is seen.

    `step` is the speed in units of the free room, (size - side) pixels, a frame.
    """
    rng = np.random.default_rng(seed)
    side = digits.shape[1]
    frames = np.zeros((n_frames, size, size, 1), np.uint8)
    for _ in range(n_digits):
        digit = digits[rng.integers(len(digits))]
        start, angle = rng.uniform(0, 1, 2), rng.uniform(0, 2 * np.pi)
        places = trajectory(start, step * np.array([np.cos(angle), np.sin(angle)]), n_frames)
        for frame, (x, y) in zip(frames, np.floor((size - side) * places).astype(int), strict=True):
            inside = frame[y : y + side, x : x + side, 0]
            np.maximum(inside, digit, out=inside)
    return FrameSeries("moving MNIST", frames, (0.0, 255.0))


def line(label: str, weights: str, steps: str, forecast: np.ndarray, series: FrameSeries, split: Split) -> str:
    """A row of the table from a forecast (lead, height, width, channel) of the test frames."""
    truth = series.frames[split.test.start :]
    still = np.broadcast_to(series.frames[split.origin], truth.shape)
    ssim, mse = (METRICS[name].function(forecast, truth, data_range=255.0) for name in ("ssim", "mse"))
    mse_still = METRICS["mse"].function(still, truth, data_range=255.0)
    theirs = [one(forecast, truth, value_range=series.value_range) for one in (openstl.summed_squared_error, openstl.ssim)]
    cells = [
        *(f"{ssim[:n].mean():.3f}" for n in LEADS),
        *(f"{mse[:n].mean():.0f}" for n in LEADS),
        *(f"{1 - mse[:n].mean() / mse_still[:n].mean():+.2f}" for n in LEADS),
        f"{theirs[0][: LEADS[0]].mean():.1f}",
        f"{theirs[1][: LEADS[0]].mean():.3f}",
    ]
    return f"| {label} | {weights} | {steps} | {' | '.join(cells)} |"


def lines(
    series: FrameSeries, networks: Sequence[str], minutes: float, bench: Workbench, settings: dict[str, str], n_threads: int
) -> Iterator[str]:
    split = Split.of(series.n_frames)
    start, horizon = split.test.start, split.horizon
    history = series.head(start)
    yield line("persistence", "0", "-", np.repeat(history.frames[-1:], horizon, axis=0), series, split)
    yield line("mean of the past", "0", "-", np.repeat(history.frames.mean(axis=0)[None], horizon, axis=0), series, split)
    everything = Split(range(start), range(start, start), split.test)
    for name in networks:
        kind = FORECASTERS[name]
        changes = {"minutes": minutes, "epochs": MOST_EPOCHS, "validation": False, "refit": False, **settings}
        configured = kind.configure(None, changes, split)
        forecaster = NetworkForecaster(name, configured, bench, clock=clock_of(bench))
        n_steps = 0
        with torch_threads(n_threads):
            for progress in forecaster.fit(history, everything):
                n_steps = progress.step or n_steps
            forecast = native_forecast(forecaster, series, start, horizon, kind.title)
        weights = kind.n_weights(configured, SIZE, SIZE, 1) if kind.n_weights else 0
        yield line(kind.title, f"{weights:,}", f"{n_steps}", forecast, series, split)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("digits", type=Path, metavar="DIGITS_FOLDER")
    networks = [name for name, kind in FORECASTERS.items() if kind.family == "network"]
    parser.add_argument("--networks", nargs="+", default=networks, choices=networks, metavar="NAME")
    parser.add_argument("--minutes", type=float, default=4.0, help="for each network")
    parser.add_argument("--frames", type=int, default=N_FRAMES)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting for all networks named")
    asked = parser.parse_args()
    series = moving_mnist(read_digits(asked.digits / DIGITS_FILE), n_frames=asked.frames, seed=asked.seed)
    settings = dict(pair.split("=", 1) for pair in asked.set)
    print(HEAD, flush=True)
    bench = Workbench(Preparation(None), asked.device, asked.seed)
    for row in lines(series, asked.networks, asked.minutes, bench, settings, asked.threads):
        print(row, flush=True)


if __name__ == "__main__":
    main()
