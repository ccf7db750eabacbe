"""What this machine can do, measured: the floors that other benchmarks are held against, and which machine it was."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch


@dataclass(frozen=True)
class Machine:
    """Rates per second. Products and convolutions in operations (a multiplication and an addition are two), copies in bytes
    read and written."""

    device: str
    product: dict[str, float]
    """Number format to the rate of a large matrix product."""
    convolution: dict[str, float]
    copied: float

    @property
    def best(self) -> float:
        """Operations a second in the quickest format."""
        return max(*self.product.values(), *self.convolution.values())


def measure(device: str, *, quick: bool = False) -> Machine:
    side, channels, pixels, megabytes = (256, 16, 64, 8) if quick else (1024, 64, 128, 128)
    if device != "cpu" and not quick:
        side, pixels, megabytes = 8192, 1024, 2048
    formats = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    product, convolution = {}, {}
    for name, kind in formats.items():
        one = torch.randn(side, side, device=device).to(kind)
        product[name] = 2 * side**3 / seconds(lambda a=one: a @ a, device)
        frames = torch.randn(4, channels, pixels, pixels, device=device).to(kind).to(memory_format=torch.channels_last)
        weights = torch.randn(channels, channels, 3, 3, device=device).to(kind).to(memory_format=torch.channels_last)
        operations = 2 * 4 * pixels**2 * channels**2 * 9
        with torch.no_grad():
            work = lambda x=frames, w=weights: torch.conv2d(x, w, padding=1)  # noqa: E731
            convolution[name] = operations / seconds(work, device)
    source = torch.ones(megabytes * 2**20 // 4, device=device)
    target = torch.empty_like(source)
    copied = 2 * source.nbytes / seconds(lambda: target.copy_(source), device)
    return Machine(device, product, convolution, copied)


def seconds(work: Callable[[], object], device: str, rounds: int = 9) -> float:
    """The best of several, after one that does not count: a floor is what the machine can do when nobody disturbs it."""
    found = []
    for turn in range(rounds + 1):
        wait(device)
        began = time.perf_counter()
        work()
        wait(device)
        if turn:
            found.append(time.perf_counter() - began)
    return min(found)


def wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def in_words(machine: Machine) -> str:
    rates = ", ".join(
        f"{name} products {machine.product[name] / 1e9:.0f} and convolutions {machine.convolution[name] / 1e9:.0f}"
        for name in machine.product
    )
    return f"{rates} G operations/s; copies {machine.copied / 1e9:.1f} GB/s"


def hardware(device: str) -> str:
    if device.startswith("cuda"):
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores of {names[0] if names else platform.processor()}, torch {torch.__version__}"


def commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=False)
    return (done.stdout.strip() or "unknown") + (" and changes" if changed.stdout.strip() else "")


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
