import numpy as np
import pytest

from framecast.errors import SeriesError, SettingError
from framecast.series.frames import FrameSeries, Split


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_head_of_a_series_knows_nothing_of_what_follows(dtype: str) -> None:
    frames = np.random.default_rng(0).integers(10, 200, (8, 5, 6, 1)).astype(dtype)
    louder = frames.copy()
    louder[5:] = 255 if dtype == "uint8" else 4000
    top = {"uint8": 255.0, "uint16": 4095.0, "float32": 4000.0}[dtype]
    heads = [FrameSeries("s", array, (0.0, top)).head(5) for array in (frames, louder)]
    assert heads[0].value_range == heads[1].value_range
    assert heads[0].value_range == ((0.0, 255.0) if dtype != "float32" else (frames[:5].min(), frames[:5].max()))


def test_the_head_leaves_masked_pixels_out_and_a_constant_has_a_range() -> None:
    frames = np.full((4, 3, 3, 1), 7.0, np.float32)
    frames[:, 0, 0] = 900.0
    valid = np.ones((3, 3), bool)
    valid[0, 0] = False
    low, high = FrameSeries("s", frames, (0.0, 1000.0), valid=valid).head(3).value_range
    assert low == 7.0 and high > low


@pytest.mark.parametrize(("n_test", "way"), [(50, "Choose 0 to 8 validation frames."), (58, "Choose no validation frames")])
def test_a_split_that_leaves_too_little_says_what_would_work(n_test: int, way: str) -> None:
    with pytest.raises(SettingError, match=way):
        Split.of(60, n_test, 12)


def test_what_is_no_array_and_a_mask_of_numbers_are_refused() -> None:
    frames = np.zeros((4, 5, 6, 1), np.uint8)
    with pytest.raises(SeriesError, match="'cells' is a list; its frames must be one array"):
        FrameSeries("cells", frames.tolist(), (0, 255))
    with pytest.raises(SeriesError, match="mask of series 'cells' holds float64; it must hold booleans"):
        FrameSeries("cells", frames, (0, 255), valid=np.ones((5, 6)))
