"""How cost grows with frames, pixels, context and horizon: seconds at several sizes, and the slope of their logarithms.

A slope of 1 is a cost in proportion, 2 one that grows with the square. Drawn into `benchmarks/plots/`. On a CPU seconds are
those of the processor, one thread of it, so that what else the machine does is not taken for growth.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks import networks
from benchmarks.table import Row, in_turns
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.series.frames import FrameSeries, Split

PART = "How cost grows"
Sizes = tuple[int, ...]


def rows(device: str, plots: Path, rounds: int, *, quick: bool = False) -> Iterator[Row]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a GPU does not need more
    try:
        yield from _rows(device, plots, rounds, quick)
    finally:
        torch.set_num_threads(threads)


def _rows(device: str, plots: Path, rounds: int, quick: bool) -> Iterator[Row]:
    for what, (sizes, small, work) in KINDS.items():
        chosen = small if quick else sizes
        works: dict[str, Callable[[], float]] = {str(size): lambda s=size, w=work: w(device, s) for size in chosen}
        seconds = list(in_turns(works, rounds).values())
        slope = float(np.polyfit(np.log(chosen), np.log(seconds), 1)[0])
        file = plots / f"growth_{what.split()[-1]}.png"
        draw(file, what, chosen, seconds, slope, device)
        told = ", ".join(f"{size}: {one:.3g} s" for size, one in zip(chosen, seconds, strict=True))
        picture = f"[plot](plots/{file.name})"
        yield Row(PART, what, slope, unit="(slope)", note=f"{told}; {picture}")


def clock(device: str) -> Callable[[], float]:
    return time.process_time if device == "cpu" else time.perf_counter


def by_frames(device: str, n_frames: int) -> float:
    """An epoch of the U-Net at 32 px."""
    frames = np.random.default_rng(0).integers(0, 256, (n_frames + 2, 32, 32, 3)).astype(np.uint8)
    series, split = FrameSeries("noise", frames, (0.0, 255.0)), Split.of(n_frames + 2, 1, 1)
    changes = {"epochs": 1, "minutes": 0.0, "validation": False, "refit": False, "unroll_curriculum": False}
    forecaster = FORECASTERS["unet"].make(
        FORECASTERS["unet"].configure("recommended", changes, split), Workbench(device=device)
    )
    now = clock(device)
    began = now()
    for _ in forecaster.fit(series.head(split.test.start), split):
        pass
    return now() - began


def by_horizon(device: str, n_leads: int) -> float:
    """A forecast of the U-Net at 64 px."""
    series = networks.noise("unet", 64)
    forecaster = networks.step_seconds("unet", series, device, False, n_steps=1)[1]
    now = clock(device)
    began = now()
    forecaster.forecast(series.frames, n_leads)
    return now() - began


KINDS: dict[str, tuple[Sizes, Sizes, Callable[[str, int], float]]] = {
    "epoch of the U-Net (32 px) over frames": ((20, 40, 80, 160), (14, 20), by_frames),
    "step of the U-Net over pixels": (
        (32**2, 48**2, 64**2, 96**2, 128**2),
        (16**2, 24**2),
        lambda device, pixels: networks.seconds_with("unet", device, int(pixels**0.5), clock(device)),
    ),
    "step of the ConvLSTM (48 px) over context": (
        (2, 4, 8, 16),
        (2, 3),
        lambda device, context: networks.seconds_with("convlstm", device, 48, clock(device), context=context),
    ),
    "forecast of the U-Net (64 px) over horizon": ((5, 10, 20, 50, 100), (2, 4), by_horizon),
}


def draw(file: Path, what: str, sizes: Sizes, seconds: list[float], slope: float, device: str) -> None:
    from matplotlib.figure import Figure

    file.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(3.6, 2.7), layout="constrained")
    axes = figure.subplots()
    middle = np.exp(np.mean(np.log(seconds)) + slope * (np.log(sizes) - np.mean(np.log(sizes))))
    axes.loglog(sizes, seconds, "o", color="#1f77b4")
    axes.loglog(sizes, middle, "-", color="#999999", linewidth=1)
    seconds_of = "seconds of the processor" if device == "cpu" else "seconds"
    axes.set(xlabel=what.split()[-1], ylabel=seconds_of, title=f"{what}: slope {slope:.2f}")
    axes.title.set_fontsize(8)
    axes.grid(True, which="both", alpha=0.2)
    figure.savefig(file, dpi=90)
