"""A forecast as one file of numbers, in native units and size, for whoever goes on in Python or MATLAB."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from framecast.errors import SettingError
from framecast.files import LONGEST_NAME, writing
from framecast.series.frames import Frames

SUFFIXES = (".npy", ".npz", ".mat")
LARGEST_MAT_BYTES = 2**31 - 1
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def check_target(path: Path, suffixes: tuple[str, ...] = SUFFIXES) -> None:
    """Raises SettingError where `path` cannot become a file of such a kind: asked before the work, not after it."""
    if (n_bytes := len(os.fsencode(path.name))) > LONGEST_NAME:
        raise SettingError(f"The name of the file has {n_bytes} bytes; at most {LONGEST_NAME} are possible. Shorten it.")
    if path.suffix.lower() not in suffixes:
        kinds = " or ".join(suffixes)
        raise SettingError(f"'{path}' ends in '{path.suffix}' and must be a file of another kind. Name one ending in {kinds}.")
    if path.is_dir() or not path.absolute().parent.is_dir():
        found = "is a folder" if path.is_dir() else f"would be in '{path.parent}', which does not exist"
        raise SettingError(f"'{path}' {found}; it must be a file in a folder that exists. Make the folder, or choose another.")


def write_frames(path: Path, frames: Frames, valid: Mask | None = None) -> str:
    """Write `array_bytes` to `path`, whose ending says which kind, and return what is to be said of it, mostly nothing. Raises
    SettingError where it cannot be written so."""
    check_target(path)
    content = array_bytes(frames, path.suffix.lower(), valid)
    with writing(path) as handle:
        handle.write(content)
    if valid is None or valid.all() or frames.dtype == np.float32 or path.suffix.lower() != ".npy":
        return ""
    return (
        f"{1 - valid.mean():.3g} of its pixels have no data and hold a filling, since {frames.dtype} has no NaN; "
        "a .npz or a .mat file says which."
    )


def array_bytes(frames: Frames, suffix: str, valid: Mask | None = None) -> bytes:
    """`frames` (lead, height, width, channel) as .npy or .npz in this order of axes, or as .mat in the order of MATLAB's image
    stacks, (height, width, channel, lead); the variable is called `frames`. Where `valid` (height, width) is false, float
    frames get NaN: the filling they hold there is no forecast. Integers have no NaN and keep it, so that .npz and .mat hold
    `valid` too."""
    mask: dict[str, Any] = {} if valid is None else {"valid": valid}
    if valid is not None and frames.dtype == np.float32:
        frames = np.where(valid[:, :, None], frames, np.float32(np.nan))
    if suffix == ".mat" and frames.nbytes > LARGEST_MAT_BYTES:
        largest = len(frames) * LARGEST_MAT_BYTES // frames.nbytes
        raise SettingError(
            f"{len(frames)} frames are {frames.nbytes:,} bytes and a .mat file holds {LARGEST_MAT_BYTES:,}. "
            f"Forecast at most {largest} frames, or choose .npy."
        )
    content = io.BytesIO()
    if suffix == ".npy":
        np.save(content, frames, allow_pickle=False)
    elif suffix == ".npz":
        np.savez_compressed(content, frames=frames, **mask)
    else:
        from scipy.io import savemat

        savemat(content, {"frames": frames.transpose(1, 2, 3, 0), **mask}, do_compression=True)
    return content.getvalue()
