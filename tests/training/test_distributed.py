"""Several processes take the steps that one process would have taken with the whole batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from framecast.networks.contract import NETWORKS
from framecast.training.step import Share

ROOT = Path(__file__).parents[2]
SAME = 2e-5
"""Of a gradient in float32. Two processes add up the same numbers in another order: the last bit is 6e-8, and errors of sums
over some thousand pixels, windows and frames may add up to some hundred of them. A wrong share is off by a third."""
WITHIN_S = 300.0


def test_shares_are_all_windows_once_and_weigh_one() -> None:
    for n_windows in range(1, 9):
        for size in range(1, 6):
            shares = [Share.of(n_windows, rank, size) for rank in range(size)]
            counted = [share for share in shares if share.weight]
            assert [one for share in counted for one in range(n_windows)[share.windows]] == list(range(n_windows))
            assert sum(share.weight for share in shares) == pytest.approx(1)
            assert all(len(range(n_windows)[share.windows]) >= 1 for share in shares), "nobody has nothing to compute"
            sizes = [len(range(n_windows)[share.windows]) for share in counted]
            assert max(sizes) - min(sizes) <= 1


def test_two_processes_have_the_gradient_of_one_with_every_network() -> None:
    """Masked crops, uneven batches, one window for two processes, frames pushed without gradient, truncated gradients."""
    done = torchrun(2, str(Path(__file__).with_name("shared_steps.py")))
    assert done.returncode == 0, done.stderr
    found = {line.split(": ")[0]: [float(one) for one in line.split(": ")[1].split()] for line in done.stdout.splitlines()}
    assert {name.split(",")[0] for name in found} == set(NETWORKS)
    assert all(apart <= SAME for one in found.values() for apart in one), found
    assert "Warning" not in done.stderr, done.stderr


def torchrun(n_processes: int, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={n_processes}", f"--master-port={port}"]
    return subprocess.run(
        [*start, *words], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=False
    )
