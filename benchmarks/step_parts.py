"""Where a training step goes, by kinds of operations: python -m benchmarks.step_parts [NETWORK ...] [--side 64]

Every operation that torch dispatches, forwards and backwards, is timed in processor seconds of one thread, and what it reads
and writes is counted. For what is no convolution and no matrix product these bytes at the measured rate of a copy are the
floor. Maps of a step fit into the cache, so the rate is taken at their size, not at that of memory.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.machine import seconds
from benchmarks.training_step import NAMES, milliseconds, our_step, plain_step

VIEWS = ("view", "reshape", "transpose", "permute", "expand", "slice", "select", "unfold", "detach", "alias", "split", "empty",
         "unsqueeze", "squeeze", "as_strided", "t.", "chunk")  # fmt: skip
MAPS_BYTES = 4 * 2**20


class Parts(TorchDispatchMode):
    """Kind of operation to its seconds and bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: dict[str, float] = defaultdict(float)
        self.moved: dict[str, int] = defaultdict(int)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        began = time.process_time()
        found = func(*args, **(kwargs or {}))
        kind = _kind(str(func), args)
        self.seconds[kind] += time.process_time() - began
        if not any(name in str(func) for name in VIEWS):
            self.moved[kind] += sum(one.nbytes for one in tree_leaves((args, found)) if isinstance(one, Tensor))
        return found


def _kind(name: str, args: tuple[Any, ...]) -> str:
    if "convolution" in name:
        weight = args[2] if "backward" in name else args[1]
        return "depthwise convolutions" if weight.shape[1] == 1 and weight.shape[0] > 1 else "dense convolutions"
    if any(product in name for product in ("bmm", "mm.", "matmul")):
        return "matrix products of depthwise gradients"
    return "all else"


def parts_of(name: str, side: int, form: str, rounds: int = 7) -> Iterator[tuple[str, float, int]]:
    """Kind, processor milliseconds a step (median), bytes."""
    step = plain_step(name, side) if form == "plain" else our_step(name, side, form)
    step()
    seen: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        with Parts() as parts:
            step()
        for kind, took in parts.seconds.items():
            seen[kind].append(1e3 * took)
    for kind, took in seen.items():
        yield kind, statistics.median(took), parts.moved[kind]
    yield "whole step, undisturbed", statistics.median(milliseconds(step) for _ in range(rounds)), 0


def copied_bytes_a_second() -> float:
    source = torch.ones(MAPS_BYTES // 4)
    target = torch.empty_like(source)
    return 2 * MAPS_BYTES / seconds(lambda: target.copy_(source), "cpu", 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--side", type=int, default=64)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rate = copied_bytes_a_second()
    print(f"a copy of {MAPS_BYTES >> 20} MiB: {rate / 1e9:.1f} GB/s\n\n| network | form | kind | ms | MB | bytes' floor ms |")
    print("|---|---|---|---|---|---|")
    for name in asked.names:
        for form in ("plain", "bfloat16"):
            for kind, took, moved in parts_of(name, asked.side, form):
                print(f"| {name} | {form} | {kind} | {took:.1f} | {moved / 1e6:.0f} | {1e3 * moved / rate:.1f} |", flush=True)


if __name__ == "__main__":
    main()
