"""The disk fills while a run writes: one sentence, everything before is whole, and it goes on when there is room."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from framecast.errors import StorageError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import carry_out
from framecast.runs.jobs import JobManager
from framecast.runs.store import RunStore
from framecast.series.store import SeriesStore

from .conftest import ROOT, fresh_run, loss_column, until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Three megabytes, by themselves."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("Mounting a small disk needs root; the file-size limit below is the fault that needs none.")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_ends_the_run_with_a_sentence_and_it_goes_on_when_there_is_room(small_disk: Path) -> None:
    run = fresh_run(small_disk)
    series = SeriesStore(small_disk).open(run.record.series)
    filler = small_disk / "filler"
    with pytest.raises(StorageError, match=r"The disk is full: .* are left where .* Free some space there"):
        for progress in carry_out(run.record, series, run, rules=dict.fromkeys(FORECASTERS, ())):
            if progress.epoch == 3 and not filler.exists():
                fill(filler)
    before = loss_column(run)
    assert len(before) >= 3 and run.checkpoint() is not None
    assert run.state == "failed" and (run.error() or "").startswith("The disk is full"), "there was room kept for that"
    assert SeriesStore(small_disk).open(run.record.series).digest() == run.record.series, "the series is whole"
    assert not list(run.folder.rglob("*.part")), "nothing half-written lies about"

    filler.unlink()
    manager = JobManager(small_disk)
    manager.resume(run.id)
    until(lambda: not manager.live())
    assert manager.close()
    assert run.state == "finished" and run.error() is None
    assert loss_column(run)[: len(before)] == before


def test_a_disk_that_is_full_from_the_start_queues_nothing(small_disk: Path) -> None:
    record = fresh_run(small_disk).record
    fill(small_disk / "filler")
    with pytest.raises(StorageError, match="The disk is full"):
        RunStore(small_disk).create(record.__class__(**{**vars(record), "id": f"{record.id}x"}))
    assert len(RunStore(small_disk).runs()) == 1 and RunStore(small_disk).damaged() == []


def test_a_limit_on_the_size_of_files_is_told_in_a_sentence(tmp_path: Path) -> None:
    """In a process of its own, for the limit is one of the process."""
    code = (
        "import resource, signal, sys; from pathlib import Path; import numpy as np\n"
        "from framecast.errors import StorageError\n"
        "from framecast.files import write_array\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))\n"
        "try: write_array(Path(sys.argv[1]) / 'frames.npy', np.zeros(2**17, np.uint8))\n"
        "except StorageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "where 'frames.npy' had to be written" in done.stdout, done.stderr
    assert "a limit on the size of files counts, too" in done.stdout
    assert not list(tmp_path.iterdir())


def fill(path: Path) -> None:
    """Until not one byte more fits."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as handle:
        for size in (2**16, 2**12, 1):
            with contextlib.suppress(OSError):
                while True:
                    handle.write(os.urandom(size))
