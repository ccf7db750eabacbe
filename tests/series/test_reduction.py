"""A series is reduced once, and what is kept of it goes when it goes."""

import gc

import numpy as np
import pytest

from framecast.series import reduction
from framecast.series.preparation import reduce_frames
from framecast.series.reduction import reduction_of


def frames_of(n_frames: int = 9) -> np.ndarray:
    return (255 * np.random.default_rng(0).random((n_frames, 24, 20, 2))).astype(np.uint8)


@pytest.mark.parametrize("shape", [(6, 5), (24, 20)])
def test_every_past_is_reduced_as_if_alone(shape: tuple[int, int]) -> None:
    frames = frames_of()
    for n_frames in (4, 7, 3, 9):
        past = frames[:n_frames]
        found = reduction_of(past, shape)
        np.testing.assert_array_equal(found.small, reduce_frames(past, shape))
        np.testing.assert_array_equal(found.low, past.min(axis=(0, 1, 2)))
        np.testing.assert_array_equal(found.high, past.max(axis=(0, 1, 2)))
    other = frames[2:, :, ::2]
    np.testing.assert_array_equal(reduction_of(other, (6, 5)).small, reduce_frames(other, (6, 5)))


def test_only_new_frames_are_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []

    def counting(frames: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        counted.append(len(frames))
        return reduce_frames(frames, shape)

    monkeypatch.setattr(reduction, "reduce_frames", counting)
    frames = frames_of()
    for n_frames in (6, 4, 6, 9, 8):
        reduction_of(frames[:n_frames], (6, 5))
    assert counted == [6, 3]


def test_nothing_is_kept_longer_than_the_frames() -> None:
    frames = frames_of()
    before = len(reduction._kept)
    reduction_of(frames[:4], (6, 5))
    assert len(reduction._kept) == before + 1
    del frames
    gc.collect()
    assert len(reduction._kept) <= before


def test_native_frames_are_not_copied() -> None:
    frames = frames_of()
    assert np.shares_memory(reduction_of(frames[:5], (24, 20)).small, frames)
