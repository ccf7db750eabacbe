"""Threads go where there is room for them."""

import platform
import subprocess
import sys

import pytest

from framecast.runs import devices


@pytest.mark.parametrize(("taken", "expected"), [(0.0, 4), (0.4, 4), (0.6, 3), (2.0, 2), (3.9, 1), (20.0, 1)])
def test_threads_are_the_cores_that_others_leave_free(monkeypatch: pytest.MonkeyPatch, taken: float, expected: int) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(devices, "n_cores", lambda: 4)
    monkeypatch.setattr(devices, "cores_taken", lambda: taken)
    assert devices.n_threads_alone() == expected
    assert devices.n_threads_beside_server() == 3, "the app's does not change from one look at the page to the next"


def test_who_says_how_many_is_not_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "n_cores", lambda: 4)
    monkeypatch.setattr(devices, "cores_taken", lambda: 4.0)
    for wished, expected in (("1", 1), ("3", 3), ("9", 4), ("0", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", wished)
        assert devices.n_threads_alone() == expected


def test_what_this_process_does_itself_takes_no_core() -> None:
    assert 0.0 <= devices.cores_taken() <= devices.n_cores() + 0.5


def test_libraries_are_told_how_to_use_threads_before_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    names = "'OMP_WAIT_POLICY', 'KMP_BLOCKTIME', 'OPENBLAS_NUM_THREADS'"
    there = "print(*(os.environ.get(name) for name in (" + names + ")), {'numpy', 'torch'} & set(sys.modules))"
    for name in names.replace("'", "").split(", "):
        monkeypatch.delenv(name, raising=False)
    blas = "None" if platform.machine().lower() in ("aarch64", "arm64") else "1"
    assert said(f"import framecast, os, sys; {there}") == ["PASSIVE", "0", blas, "set()"]
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert said(f"import framecast, os, sys; {there}")[2] == "3", "who says how many is not corrected"


def said(code: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
