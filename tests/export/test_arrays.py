import io

import numpy as np

from framecast.export.arrays import array_bytes


def test_masked_pixels_of_float_frames_are_written_as_nan_and_integers_stay() -> None:
    frames = np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1)
    valid = np.ones((3, 4), bool)
    valid[0, 1] = False
    written = np.load(io.BytesIO(array_bytes(frames, ".npy", valid)))
    assert np.isnan(written[:, 0, 1]).all() and np.isfinite(written[:, valid]).all()
    np.testing.assert_array_equal(np.load(io.BytesIO(array_bytes(frames.astype(np.uint8), ".npy", valid))), frames)
