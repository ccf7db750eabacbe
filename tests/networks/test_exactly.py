"""The switches of cuDNN are turned while somebody computes exactly, and turned back when the last one is done."""

import contextlib

import pytest
import torch

from framecast.networks.exactly import exactly


def switches() -> tuple[bool, bool, bool]:
    cudnn = torch.backends.cudnn
    return cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark


@pytest.fixture
def usual() -> tuple[bool, bool, bool]:
    found = switches()
    assert found == (True, False, False), "as torch has them"
    return found


@pytest.mark.parametrize("order", ["aabb", "abab", "abba"])
def test_the_last_who_leaves_turns_them_back(usual: tuple[bool, bool, bool], order: str) -> None:
    inside: dict[str, contextlib.ExitStack] = {}
    for who in order:
        if who in inside:
            inside.pop(who).close()
        else:
            inside[who] = contextlib.ExitStack()
            inside[who].enter_context(exactly())
        assert switches() == ((False, True, False) if inside else usual)


def test_they_are_turned_back_after_an_error(usual: tuple[bool, bool, bool]) -> None:
    with pytest.raises(ValueError), exactly():
        raise ValueError
    assert switches() == usual
