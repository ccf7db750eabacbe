"""Every hostile or broken file of the corpus is refused by name, in bounded memory, or read right; nothing is left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from framecast.series.readers.contract import READERS
from tests.hostile import corpus
from tests.series.test_extras import package

ROOT = Path(__file__).parents[2]
N_SHARES = 3
TIMEOUT_S = 600
"""Against hanging only; a share takes some seconds on a quiet machine."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus on disk."""
    for name in ("netCDF4", "xarray", "pydicom"):
        package(name)
    folder = tmp_path_factory.mktemp("corpus")
    names = corpus.write(folder)
    assert len(names) == len(set(names)) >= 60
    return folder


@pytest.mark.parametrize("share", range(N_SHARES))
def test_the_corpus(folder: Path, tmp_path: Path, share: int) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    limited = {"TMPDIR": str(scratch), "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.runner", str(folder), str(tmp_path / "workspace"), str(share), str(N_SHARES)],
        cwd=ROOT,
        env={**os.environ, **limited},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"ended at the case after {told[-1]['name'] if told else 'the start'}: {done.stderr[-2000:]}"
    assert done.stderr == ""
    assert len(told) == len((folder / "cases.jsonl").read_text().splitlines()[share::N_SHARES])
    assert {case["name"]: case["wrong"] for case in told if case["wrong"]} == {}


def test_every_reader_meets_hostile_files(folder: Path) -> None:
    files = [file for line in (folder / "cases.jsonl").read_text().splitlines() for file in json.loads(line)["files"]]
    heads = [(folder / place).read_bytes()[:65536] for _, place in files]
    for name, reader in READERS.items():
        assert sum(reader.sniff(head) for head in heads) >= 3, name
