"""However long a series is, reading it takes the memory of a few frames; what is measured is a process of its own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAT_BYTES = 60 * 2**20
"""What reading may take beyond what the process has once everything is loaded, two blocks of HDF5 apart."""

SCRIPT = """
import sys, re, threading, time
from pathlib import Path
import numpy as np
from framecast.series.ingest import ingest
from framecast.series.store import SeriesStore
from framecast.series.readers.contract import READERS

def anonymous():
    return 1024 * int(re.search(r"RssAnon:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

store = SeriesStore(Path(sys.argv[1]))
warm = np.random.default_rng(0).integers(0, 256, (4, 16, 16), dtype=np.uint8)
np.save(sys.argv[1] + "-warm.npy", warm)
ingest(Path(sys.argv[1] + "-warm.npy"), store)
len(READERS)
exec(sys.argv[3])
before, highest = anonymous(), [0]
def watch(done, expected):
    if done % 20 == 0:
        highest[0] = max(highest[0], anonymous())
stored = ingest(Path(sys.argv[2]), store, progress=watch)
print(stored.n_frames, highest[0] - before)
"""


def grown(source: Path, workspace: Path, loads: str) -> tuple[int, int]:
    """Frames stored, and by how many bytes the process grew meanwhile."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(workspace), str(source), loads],
        cwd=ROOT,
        env={**os.environ, "MALLOC_ARENA_MAX": "2", "TMPDIR": str(source.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    n_frames, n_bytes = done.stdout.split()
    return int(n_frames), int(n_bytes)


MAKES = {
    "npy": """
        values = np.lib.format.open_memmap(path, "w+", np.uint8, (10_000, 256, 256))
        values[:] = np.arange(10_000, dtype=np.uint8)[:, None, None]
    """,
    "mat": """
        from scipy.io import savemat
        savemat(path, {"x": np.zeros((256, 256, 4000), np.uint8)}, do_compression=True)
    """,
    "tif": """
        import tifffile
        with tifffile.TiffWriter(path) as writer:
            for index in range(1500):
                writer.write(np.full((256, 256), index % 256, np.uint8), compression="zlib", contiguous=False, metadata=None)
    """,
    "h5": """
        import h5py
        with h5py.File(path, "w") as content:
            content.create_dataset("x", (4000, 256, 256), "u1", chunks=(1, 256, 256), fillvalue=3)
    """,
}
LOADS = {"npy": "", "mat": "", "tif": "import tifffile, imagecodecs; imagecodecs.zlib_decode", "h5": "import h5py"}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("suffix", MAKES)
def test_memory_stays_flat(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"long.{suffix}"
    make = f"import sys\nimport numpy as np\npath = sys.argv[1]\n{textwrap.dedent(MAKES[suffix])}"
    subprocess.run([sys.executable, "-c", make, str(source)], check=True)
    n_frames, n_bytes = grown(source, tmp_path / "workspace", LOADS[suffix])
    assert n_frames >= 1500 and n_bytes < FLAT_BYTES + (2**26 if suffix == "h5" else 0)
