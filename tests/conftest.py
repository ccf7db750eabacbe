"""What every test may count on: a workspace of its own, and one thread for arithmetic.

No test touches the workspace of the person who runs it. One thread, because tests work on frames of a few pixels, where
handing work to other cores costs more than it gains, and because sums in a fixed order repeat bit for bit.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by torch and numpy when they are first imported


@pytest.fixture(scope="session", autouse=True)
def scratch_workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The workspace of code that asks the environment for one. Tests that look into theirs set their own."""
    folder = tmp_path_factory.mktemp("workspace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FRAMECAST_WORKSPACE", str(folder))
        yield folder
