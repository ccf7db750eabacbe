import io
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from framecast.export.arrays import array_bytes, said_of_mask


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


@pytest.mark.parametrize(
    ("name", "dtype", "says"),
    [
        ("a.npy", "float32", "25.0 % of the pixels carry no data; they are NaN in the file."),
        ("a.npy", "uint8", "uint8 has no NaN, so that they hold a filling. A .npz or .mat"),
        ("a.npz", "uint8", "uint8 has no NaN, so that they hold a filling where 'valid' in the file is false."),
    ],
)
def test_it_is_said_what_pixels_without_data_hold(name: str, dtype: str, says: str) -> None:
    frames, valid = np.ones((2, 2, 2, 1), dtype), np.array([[True, False], [True, True]])
    assert says in said_of_mask(Path(name), frames, valid)
    assert said_of_mask(Path(name), frames) == ""
