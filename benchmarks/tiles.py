"""What a forecast in tiles saves in memory and costs in time:

    python -m benchmarks.tiles [--size 785] [--networks unet convlstm]

Networks of recommended size with weights by chance forecast two frames of noise after their context, each way in a process of
its own: whole frames, and tiles of a half and a quarter of the side, as FrameCast takes them one after the other where memory
runs out. The peak is what the process held at the most (VmHWM of Linux) less what it held before; time is that of the
processor, in one thread.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.preflight import hand_back, status
from benchmarks.table import Row, markdown

PART = "Memory of a forecast, whole and in tiles"
HORIZON, CHANNELS = 2, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=785)
    parser.add_argument("--networks", nargs="+", default=["unet", "convlstm"])
    parser.add_argument("--row", nargs=3, metavar=("NETWORK", "SIZE", "TILE"), help="measure one and print it as JSON")
    asked = parser.parse_args()
    if asked.row:
        name, size, tile = asked.row
        print(json.dumps(measured(name, int(size), int(tile))))
        return
    for row in rows(asked.size, asked.networks):
        print(markdown([row]).splitlines()[-1], flush=True)


def rows(size: int, names: list[str]) -> Iterator[Row]:
    for name in names:
        whole = in_a_process(name, size, 0)
        for parts in (2, 4):
            tile = -(-size // parts)
            found = in_a_process(name, size, tile)
            what = f"{name}, {size} px, tiles of {tile} px"
            note = f"{found['seconds']:.1f} CPU s, whole {whole['seconds']:.1f}"
            yield Row(PART, what, found["peak"] / 2**20, whole["peak"] / 2**20, "whole frames", "MiB", note=note)


def in_a_process(name: str, size: int, tile: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.tiles", "--row", name, str(size), str(tile)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def measured(name: str, size: int, tile: int) -> dict[str, float]:
    import torch

    from framecast.forecasters.catalog import FORECASTERS
    from framecast.networks.build import bare_network
    from framecast.networks.contract import NETWORKS
    from framecast.networks.rollout import frames_at_once, rollout
    from framecast.networks.wrap import Padded, Residual

    kind, settings = NETWORKS[name], FORECASTERS[name].configure()
    torch.manual_seed(0)
    padded = Padded(bare_network(name, settings, size, size, CHANNELS), kind.stride(settings))
    network = Residual(padded).eval()
    torch.nn.init.normal_(network.head.weight, std=0.02)
    context = settings.context  # type: ignore[attr-defined]
    rollout(network, torch.randn(1, context, CHANNELS, 64, 64), HORIZON)  # what a process loads once is there after this
    if tile:
        padded.tile(tile)
    past = torch.randn(1, context, CHANNELS, size, size)
    hand_back()
    Path("/proc/self/clear_refs").write_text("5")
    before, began = status("VmRSS"), time.process_time()
    rollout(network, past, HORIZON, warm_block=frames_at_once(network, context, tiled=bool(tile)))
    return {"peak": status("VmHWM") - before, "seconds": time.process_time() - began}


if __name__ == "__main__":
    main()
