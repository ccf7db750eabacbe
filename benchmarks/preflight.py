"""How near the pre-flight comes to the memory that training really takes: every network, every preset, three sizes.

    python -m benchmarks.preflight [--sizes 48 96 160] [--networks unet simvp] [--device cpu]

Each row is a process of its own. It first trains the same network on tiny frames, so that what a process loads once (torch's
optimisers, the buffers of its libraries) is there already, then forgets it, notes how much memory it holds, and fits: some
steps at full batch and unroll, the rollouts over the validation frames, the way back to native size, the refit. The most
that the process has held since (VmHWM of Linux, set back before; on a GPU torch.cuda.max_memory_allocated), less what it held
before, is the peak. The estimate is what the Train page and `framecast run` say.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

N_FRAMES, N_TEST, N_VALID, N_CHANNELS = 40, 4, 8, 3
STEPS = 25
"""More than there are between two copies of good weights (framecast.training.standing)."""
WITHIN = 0.25


def main() -> None:
    from framecast.forecasters.catalog import FORECASTERS
    from framecast.networks.contract import NETWORKS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[48, 96, 160])
    parser.add_argument("--networks", nargs="+", default=sorted(NETWORKS))
    parser.add_argument("--presets", nargs="+", help="default: the recommended one, and others that need other memory")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--row", nargs=3, metavar=("NETWORK", "PRESET", "SIZE"), help="measure one and print it as JSON")
    asked = parser.parse_args()
    if asked.row:
        name, preset, size = asked.row
        print(json.dumps(measure(name, preset, int(size), asked.device)))
        return
    print("| network | preset | " + " | ".join(f"{size} px" for size in asked.sizes) + " |")
    print("|---|---|" + "---|" * len(asked.sizes))
    off = []
    for name in asked.networks:
        for preset in asked.presets or FORECASTERS[name].presets:
            if preset not in FORECASTERS[name].presets:
                continue
            cells = []
            for size in asked.sizes:
                row = in_a_process(name, preset, size, asked.device)
                if "peak" not in row:
                    cells.append(row["refused"])
                    continue
                ratio = row["estimate"] / row["peak"]
                off += [f"{name} {preset} {size}"] if abs(ratio - 1) > WITHIN else []
                cells.append(f"{row['estimate'] / 2**20:.0f} / {row['peak'] / 2**20:.0f} MiB, {ratio:.2f}")
            print(f"| {name} | {preset} | " + " | ".join(cells) + " |", flush=True)
    print(f"\nEstimate / peak, and their ratio. Further off than {WITHIN:.0%}: {', '.join(off) or 'none'}.")


def in_a_process(name: str, preset: str, size: int, device: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.preflight", "--device", device, "--row", name, preset, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"refused": f"failed: {done.stderr.strip().splitlines()[-1][:80]}"}  # type: ignore[dict-item]
    return json.loads(done.stdout.strip().splitlines()[-1])


def measure(name: str, preset: str, size: int, device: str) -> dict[str, float]:
    """Estimate and peak of one fit in bytes."""
    import torch

    from framecast.forecasters.catalog import FORECASTERS
    from framecast.runs.preflight import preflight
    from framecast.series.frames import Preparation, Split

    kind, split = FORECASTERS[name], Split.of(N_FRAMES, N_TEST, N_VALID)
    changes = {"steps": STEPS, "unroll_curriculum": False, "minutes": 0.0}
    settings = kind.configure(preset, changes, split)
    found = preflight(
        kind, settings, size, size, N_CHANNELS, Preparation(), device, n_frames=split.test.start, bytes_per_value=1
    )
    if not found.fits:
        return {"refused": "too large here"}  # type: ignore[dict-item]
    frames = np.random.default_rng(0).integers(0, 255, (N_FRAMES, size, size, N_CHANNELS), np.uint8)
    fit(name, replace(settings, batch_size=1), frames[:, :32, :32].copy(), split, device)
    gc.collect()
    if device.startswith("cuda"):
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        fit(name, settings, frames, split, device)
        return {"estimate": found.needed_bytes, "peak": torch.cuda.max_memory_allocated() - before}
    hand_back()
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    fit(name, settings, frames, split, device)
    return {"estimate": found.needed_bytes, "peak": status("VmHWM") - before}


def fit(name: str, settings: object, frames: np.ndarray, split: object, device: str) -> None:
    from framecast.forecasters.catalog import FORECASTERS
    from framecast.forecasters.contract import Workbench
    from framecast.series.frames import FrameSeries, Split

    assert isinstance(split, Split)
    series = FrameSeries("noise", frames, (0.0, 255.0))
    forecaster = FORECASTERS[name].make(settings, Workbench(device=device))
    with tempfile.TemporaryDirectory() as folder:
        for progress in forecaster.fit(series.head(split.test.start), split):
            if progress.improved:  # a run keeps its best on the disk, which copies the weights once more
                forecaster.save(Path(folder))


def hand_back() -> None:
    """Let glibc return what is free, so that it is not taken again unseen."""
    import ctypes

    ctypes.CDLL(None).malloc_trim(0)


def status(name: str) -> int:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
