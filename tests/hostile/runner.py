"""Runs a share of the corpus in a process of its own that may not grow, and tells what became of each case.

    python -m tests.hostile.runner FOLDER WORKSPACE SHARE N_SHARES

One line of JSON a case: its name and what went wrong ("" where nothing did). The process may take 500 MB beyond what it takes
before the first case, and a case that does not end is ended with the whole process.
"""

import hashlib
import json
import os
import re
import resource
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from framecast.errors import FrameCastError
from framecast.series.ingest import Upload, ingest
from framecast.series.readers.contract import READERS
from framecast.series.store import SeriesStore

MEMORY_BYTES = 500 * 10**6
LONGEST_S = 60
"""Against hanging only: refusals take a fraction of a second, but the machine may be busy."""


def main(folder: Path, workspace: Path, share: int, n_shares: int) -> None:
    store = SeriesStore(workspace)
    frames = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    store.add("kept", frames)
    warm_up()
    limit = virtual_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    lines = (folder / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines[share::n_shares]:
        case = json.loads(line)
        signal.alarm(LONGEST_S)
        print(json.dumps({"name": case["name"], "wrong": wrong(case, folder, store)}), flush=True)
        signal.alarm(0)


def wrong(case: dict[str, Any], folder: Path, store: SeriesStore) -> str:
    """What went wrong; "" for nothing. The store must be as it was, but for a series that was read right."""
    before = tree(store.folder)
    uploads = [Upload.from_path(folder / place, name) for name, place in case["files"]]
    try:
        stored = ingest(uploads, store)
    except FrameCastError as error:
        said = complaint(str(error), case, folder)
    except BaseException as error:
        said = f"{type(error).__name__} came out: {error}"
    else:
        said = misread(stored, case, folder, store)
        store.delete(stored.digest)
    if tree(store.folder) != before:
        said += " The store is not as it was."
    if left := os.listdir(tempfile.gettempdir()):
        said += f" Left behind: {left}."
    if "FRAMECAST_WAS_ATTACKED" in os.environ:
        said += " Code from the file was run."
    return said


def complaint(text: str, case: dict[str, Any], folder: Path) -> str:
    if not case["words"]:
        return f"refused: {text}"
    if not re.search(case["words"], text):
        return f"refused for another reason: {text}"
    if not text.isprintable() or len(text) > 1000 or not text.endswith((".", "?")):
        return f"no clean sentence: {text!r}"
    return f"names a path: {text}" if str(folder) in text or "/.incoming" in text else ""


def misread(stored: Any, case: dict[str, Any], folder: Path, store: SeriesStore) -> str:
    if case["words"]:
        return f"was read, as {stored.shape}"
    told = f"{stored.name}{stored.source}{' '.join(stored.warnings)}"
    if not told.isprintable() or len(stored.name) > 100:
        return f"is told of uncleanly: {told!r}"
    expected = np.load(folder / f"{case['number']:03}.npy")
    found = store.open(stored.digest).frames
    return "" if found.shape == expected.shape and np.array_equal(found, expected) else f"was read wrong, as {found.shape}"


def tree(folder: Path) -> dict[str, str]:
    """Every file below `folder` and what it holds."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha1(path.read_bytes()).hexdigest() for path in files} | {
        str(path.relative_to(folder)): "" for path in folder.rglob("*") if path.is_dir()
    }


def warm_up() -> None:
    """Load every library before memory is measured."""
    import av
    import h5py
    import imagecodecs
    import netCDF4
    import pydicom.pixels
    import tifffile
    import xarray

    assert all((av, h5py, imagecodecs.png_decode, netCDF4, pydicom.pixels, tifffile, xarray)) and len(READERS)


def virtual_bytes() -> int:
    text = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmSize:\s+(\d+)", text)[1])  # type: ignore[index]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
