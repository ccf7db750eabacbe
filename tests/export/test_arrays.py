import io
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from framecast.export.arrays import array_bytes, write_frames


def test_masked_pixels_of_float_frames_are_written_as_nan_and_integers_stay() -> None:
    frames = np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1)
    valid = np.ones((3, 4), bool)
    valid[0, 1] = False
    written = np.load(io.BytesIO(array_bytes(frames, ".npy", valid)))
    assert np.isnan(written[:, 0, 1]).all() and np.isfinite(written[:, valid]).all()
    np.testing.assert_array_equal(np.load(io.BytesIO(array_bytes(frames.astype(np.uint8), ".npy", valid))), frames)


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_a_file_of_integers_says_which_pixels_have_no_data(suffix: str) -> None:
    frames, valid = np.ones((2, 3, 4, 1), np.uint8), np.ones((3, 4), bool)
    valid[0, 1] = False
    for given in (valid, None):
        content = io.BytesIO(array_bytes(frames, suffix, given))
        found = np.load(content) if suffix == ".npz" else scipy.io.loadmat(content)
        assert ("valid" in found) == (given is not None)
        assert given is None or np.array_equal(found["valid"].astype(bool), valid)


def test_a_file_that_cannot_hold_the_mask_is_written_with_a_word_on_it(tmp_path: Path) -> None:
    """Only .npy of integers: float frames have NaN there, and the other kinds hold the mask."""
    frames, valid = np.ones((2, 2, 4, 1), np.uint16), np.ones((2, 4), bool)
    valid[0, 1] = False
    said = write_frames(tmp_path / "a.npy", frames, valid)
    assert said.startswith("0.125 of its pixels have no data and hold a filling, since uint16 has no NaN")
    assert not write_frames(tmp_path / "a.npz", frames, valid) and not write_frames(tmp_path / "b.npy", frames)
    assert not write_frames(tmp_path / "c.npy", frames.astype(np.float32), valid)
