"""What every test may count on: a workspace of its own, one thread for arithmetic, and runs that have their turn.

No test touches the workspace of the person who runs it. One thread, because tests work on frames of a few pixels, where
handing work to other cores costs more than it gains, and because sums in a fixed order repeat bit for bit. Runs have their
turn, because the worker of the app lets all others go first, and beside many other programs tests would wait for minutes.
"""

import os
from collections import Counter
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


@pytest.fixture(scope="session", autouse=True)
def workers_have_their_turn() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("framecast.runs.jobs.NICENESS", 0)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the most slow tests come first: a long one that comes last keeps the other cores waiting."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("browser"))
    items.sort(key=lambda item: -slow[item.path])
