"""A forecast as one file of numbers, in native units and size, for whoever goes on in Python or MATLAB."""

from pathlib import Path

import numpy as np

from framecast.errors import SettingError
from framecast.files import writing
from framecast.series.frames import Frames

SUFFIXES = (".npy", ".npz", ".mat")
LARGEST_MAT_BYTES = 2**31 - 1


def check_target(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Raises SettingError where `path` cannot become a file of such a kind: asked before the work, not after it."""
    if path.suffix.lower() not in suffixes:
        kinds = " or ".join(suffixes)
        raise SettingError(f"'{path}' ends in '{path.suffix}' and must be a file of another kind. Name one ending in {kinds}.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        found = "is a folder" if path.is_dir() else f"would be in '{path.parent}', which does not exist"
        raise SettingError(f"'{path}' {found}; it must be a file in a folder that exists. Make the folder, or choose another.")


def write_frames(path: Path, frames: Frames) -> None:
    """`frames` (lead, height, width, channel) as .npy or .npz in this order of axes, or as .mat in the order of MATLAB's image
    stacks, (height, width, channel, lead); the variable is called `frames`."""
    check_target(path)
    suffix = path.suffix.lower()
    if suffix == ".mat" and frames.nbytes > LARGEST_MAT_BYTES:
        largest = len(frames) * LARGEST_MAT_BYTES // frames.nbytes
        raise SettingError(
            f"{len(frames)} frames are {frames.nbytes:,} bytes and a .mat file holds {LARGEST_MAT_BYTES:,}. "
            f"Forecast at most {largest} frames, or choose .npy."
        )
    with writing(path) as handle:
        if suffix == ".npy":
            np.save(handle, frames, allow_pickle=False)
        elif suffix == ".npz":
            np.savez_compressed(handle, frames=frames)
        else:
            from scipy.io import savemat

            savemat(handle, {"frames": frames.transpose(1, 2, 3, 0)}, do_compression=True)
