"""Where a run computes: which device, how many threads, how much memory is left."""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from framecast.errors import SettingError

CGROUP = Path("/sys/fs/cgroup")
LOOKED_FOR_S = 0.2


def chosen_device(device: str, *, here: bool = True) -> str:
    """What "auto" stands for: the GPU where torch finds one, else the CPU. Raises SettingError for one that is not here,
    unless it is wanted on another machine."""
    if not here and (device == "cpu" or re.fullmatch(r"cuda(:\d+)?", device)):
        return device
    import torch

    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if n_gpus else "cpu"
    found = ["cpu", *(["cuda"] if n_gpus else []), *(f"cuda:{index}" for index in range(n_gpus))]
    if device not in found:
        raise SettingError(f"There is no device '{device}' on this machine. Choose one of: auto, {', '.join(found)}.")
    return device


def serving_devices(device: str) -> list[str]:
    """The devices whose workers may take a run that asked for `device`: "cuda" is any GPU."""
    if device != "cuda":
        return [device]
    import torch

    return [f"cuda:{index}" for index in range(torch.cuda.device_count())] or [device]


def n_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def most_threads() -> int:
    """Threads of arithmetic where nothing else is at work: one a core, or as many as OMP_NUM_THREADS says."""
    wished = os.environ.get("OMP_NUM_THREADS", "")
    return min(n_cores(), max(1, int(wished))) if wished.isdigit() else n_cores()


def n_threads_alone() -> int:
    """Threads of arithmetic where nothing else must answer meanwhile: one a core that other programs leave free just now, or
    as many as OMP_NUM_THREADS says. Threads wait for each other, so that one whose core is taken holds up all: on two cores
    that others kept busy two threads took several times as long as one."""
    most = most_threads()
    if most == 1 or os.environ.get("OMP_NUM_THREADS", "").isdigit():
        return most
    return max(1, most - int(cores_taken() + 0.5))


def n_threads_beside_server() -> int:
    """At most so many threads where the app must go on answering while it trains: one core is left over."""
    return max(1, min(most_threads(), n_cores() - 1))


def cores_taken() -> float:
    """Cores' worth of work that other programs did on the cores of this process since this was last asked; the first time, in
    a moment that is waited for."""
    since, _watched.earlier = _watched.earlier or _Work.now(), None
    if time.monotonic() - since.at_s < LOOKED_FOR_S:
        time.sleep(LOOKED_FOR_S)
    _watched.earlier = now = _Work.now()
    seconds = now.at_s - since.at_s
    return max(0.0, (now.all_s - since.all_s - (now.own_s - since.own_s)) / seconds)


@dataclass(frozen=True)
class _Work:
    """Seconds of processor by a moment: of all programs on our cores, and of this one."""

    at_s: float
    all_s: float
    own_s: float

    @classmethod
    def now(cls) -> "_Work":
        mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        cores = [times for core, times in enumerate(psutil.cpu_times(percpu=True)) if mine is None or core in mine]
        busy = sum(sum(times) - times.idle - getattr(times, "iowait", 0.0) for times in cores)
        return cls(time.monotonic(), busy, sum(psutil.Process().cpu_times()[:2]))


class _Watched:
    earlier: _Work | None = None


_watched = _Watched()


def available_bytes(device: str) -> int:
    """Memory that a run may take on the device, in bytes: nine tenths of what can still be had, so that the rest of the
    machine goes on; a container's own limit counts."""
    if device.startswith("cuda"):
        import torch

        free = int(torch.cuda.mem_get_info(torch.device(device))[0])
    else:
        free = int(psutil.virtual_memory().available)
        limit = _container_limit()
        free = free if limit is None else min(free, limit)
    return free * 9 // 10


@contextlib.contextmanager
def torch_threads(n_threads: int) -> Iterator[None]:
    """This thread computes with so many threads inside the block, as a run recorded it; then as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def give_memory_back(device: str) -> None:
    """After a run: let other programs have the GPU memory that torch keeps for itself."""
    torch = sys.modules.get("torch")
    if torch is not None and device.startswith("cuda"):
        torch.cuda.empty_cache()


def _container_limit() -> int | None:
    """Bytes a container may still take under control groups version 2; None where nothing limits it."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        usage = (CGROUP / "memory.stat").read_text().splitlines()
    except OSError:
        return None
    if limit == "max":
        return None
    held = sum(int(line.split()[1]) for line in usage if line.split()[0] in ("anon", "shmem", "kernel"))
    return max(0, int(limit) - held)
