"""Ten more made series that nothing in FrameCast was chosen by: python -m benchmarks.lifelike FOLDER [NAME ...]

Each becomes FOLDER/NAME.npy, uint8, (frame, height, width) or (frame, height, width, 3). They look like what is recorded: with
a camera's noise, a lamp that drifts, a mount that shakes, and chance where the thing shown has chance. Each has a generator of
random numbers of its own, so that a name is the same series whatever else is asked for. It takes some two minutes.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.lifelike_lab import convection, dendrite, neurons, stirred, worms, wound
from benchmarks.lifelike_outdoors import courtyard, sun, tideflat, traffic
from benchmarks.lifelike_parts import Array, Random

SEED = 20261127


def makers() -> dict[str, Callable[[Random], Iterator[Array]]]:
    """Name to how it is drawn, in levels of grey or colour from 0 to 255."""
    shown = (dendrite, traffic, tideflat, sun, worms, neurons, convection, wound, stirred, courtyard)
    return {one.__name__: one for one in shown}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    asked = parser.parse_args()
    if unknown := sorted(set(asked.names) - set(makers())):
        parser.error(f"there is no series {unknown[0]!r}; there are {', '.join(makers())}")
    asked.folder.mkdir(parents=True, exist_ok=True)
    for index, (name, make) in enumerate(makers().items()):
        if name in (asked.names or makers()):
            rng = np.random.default_rng([SEED, index])
            frames = np.array([np.clip(frame, 0, 255).round().astype(np.uint8) for frame in make(rng)])
            np.save(asked.folder / f"{name}.npy", frames)
            print(f"{name}: {frames.shape}", flush=True)


if __name__ == "__main__":
    main()
