"""A forecast as one file of numbers, in native units and size, for whoever goes on in Python or MATLAB."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from framecast.errors import SettingError
from framecast.files import LONGEST_NAME, refusal, writing
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
    if why := refusal(path):
        raise SettingError(
            f"'{path}' cannot be written ({why}); it must be in a folder that takes files. Allow it, or choose another folder."
        )


def write_frames(path: Path, frames: Frames, valid: Mask | None = None) -> None:
    """Write `array_bytes` to `path`, whose ending says which kind. Raises SettingError where it cannot be written so."""
    check_target(path)
    content = array_bytes(frames, path.suffix.lower(), valid)
    with writing(path) as handle:
        handle.write(content)


def said_of_mask(path: Path, frames: Frames, valid: Mask | None = None) -> str:
    """What whoever opens the file that `write_frames` makes of these must know of the pixels without data; empty where there
    is nothing to know."""
    if valid is None or valid.all():
        return ""
    share = f"{100 * (1 - valid.mean()):.1f} % of the pixels carry no data"
    if frames.dtype == np.float32:
        return f"{share}; they are NaN in the file."
    if path.suffix.lower() == ".npy":
        return f"{share}; {frames.dtype} has no NaN, so that they hold a filling. A .npz or .mat holds the mask, too."
    return f"{share}; {frames.dtype} has no NaN, so that they hold a filling where 'valid' in the file is false."


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
