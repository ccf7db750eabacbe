"""The reference case, 400 frames of 785 x 785 x 3, network by network: meant for a GPU, where all of it fits.

    python -m benchmarks.bench --device cuda        (or alone: python -m benchmarks.reference --device cuda [--size 785])

Each network is trained on the whole frames at full resolution, the last 50 held back, from its recommended settings but for a
crop of `--crop` pixels where the network can be trained on crops. Told are: the median epoch; the time until its forecast of
the validation frames first beats the last frame repeated, in mean squared error; the most memory; the forecast of 50 frames;
and what share of the epoch the operations alone would take at the machine's measured rate. A network that cannot serve this
size is told with its sentence.
"""

import argparse
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import machine
from benchmarks.networks import NETWORKS
from benchmarks.rules import waves
from benchmarks.table import Row, markdown
from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.networks.contract import NETWORKS as KINDS
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.training.memory import memory_in_use
from framecast.training.pace import MOST_EPOCHS

PART = "The reference case"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=785)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--leads", type=int, default=50)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--minutes", type=float, default=2.0, help="of training a network")
    parser.add_argument("--networks", nargs="+", default=NETWORKS)
    asked = parser.parse_args()
    measured = machine.measure(asked.device)
    print(machine.in_words(measured))
    found = rows(measured, asked.size, asked.frames, asked.leads, asked.crop, asked.minutes, asked.networks)
    print(markdown(found))


def rows(
    measured: machine.Machine, size: int, n_frames: int, n_leads: int, crop: int, minutes: float, names: list[str]
) -> Iterator[Row]:
    series = FrameSeries("waves", waves(n_frames, size), (0.0, 255.0))
    for name in names:
        try:
            yield from _network(name, measured, series, Split.of(n_frames, n_leads), crop, minutes)
        except FrameCastError as error:
            yield Row(PART, name, note=str(error))


def _network(
    name: str, measured: machine.Machine, series: FrameSeries, split: Split, crop: int, minutes: float
) -> Iterator[Row]:
    kind, device = FORECASTERS[name], measured.device
    changes = {"minutes": minutes, "epochs": MOST_EPOCHS, "refit": False}
    if KINDS[name].any_size and crop < min(series.height, series.width):
        changes["crop"] = crop
    settings = kind.configure("recommended", changes, split)
    forecaster = kind.make(settings, Workbench(device=device, preparation=Preparation(size=None)))
    valid = series.frames[split.valid.start : split.valid.stop].astype(np.float32)
    persistence = float(np.mean((valid - series.frames[split.valid.start - 1]) ** 2))
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    began, epochs, beaten, operations, last_epoch = time.perf_counter(), [], None, 0, 0
    counter = FlopCounterMode(display=False)
    counter.__enter__()  # only of the first epoch: counting takes time
    counting, ended = True, began
    try:
        for progress in forecaster.fit(series.head(split.test.start), split):
            now = time.perf_counter()
            if beaten is None and progress.valid_scores.get("mse", np.inf) < persistence:
                beaten = now - began
            if progress.epoch_done and progress.epoch > last_epoch:
                if counting:
                    operations, counting = counter.get_total_flops(), False
                    counter.__exit__(None, None, None)
                elif not progress.valid_scores:  # an epoch without a validation in it
                    epochs.append(now - ended)
                last_epoch, ended = progress.epoch, time.perf_counter()
    finally:
        if counting:
            counter.__exit__(None, None, None)
    memory = memory_in_use(torch.device(device))
    seconds = statistics.median(epochs) if epochs else time.perf_counter() - began
    about = f"{name}, {series.width} x {series.height}" + (f", crops of {crop}" if "crop" in changes else "")
    yield Row(PART, f"epoch of {about}", seconds, floor=operations / measured.best, floor_is="operations, first epoch")
    note = "" if beaten is not None else f"not within {minutes:g} minutes"
    yield Row(PART, f"{name}: until it beats persistence", beaten, note=note)
    yield Row(PART, f"{name}: memory", memory / 2**30, unit="GiB")
    past = series.frames[: split.test.start]
    with FlopCounterMode(display=False) as counter:  # in a forecast that is not timed: each operation is stopped to be counted
        forecaster.forecast(past, split.horizon)
    machine.wait(device)
    began = time.perf_counter()
    forecaster.forecast(past, split.horizon)
    machine.wait(device)
    rolled = time.perf_counter() - began
    yield Row(
        PART, f"{name}: forecast of {split.horizon} frames", rolled, floor=counter.get_total_flops() / measured.best,
        floor_is="operations",
    )  # fmt: skip


if __name__ == "__main__":
    main()
