"""What holds for every metric there is."""

import subprocess
import sys

import numpy as np
import pytest

from framecast.errors import InputError
from framecast.metrics import METRICS

SHAPE = (3, 21, 17, 3)


def frames(seed):
    return np.random.default_rng(seed).integers(0, 255, SHAPE, endpoint=True).astype(np.uint8)


LAST = frames(2)[0]


@pytest.fixture(params=sorted(METRICS))
def kind(request):
    return METRICS[request.param]


def test_one_float64_per_lead_for_any_two_dtypes(kind):
    for forecast in (frames(0), frames(0).astype(np.uint16), frames(0).astype(np.float32)):
        values = kind.function(forecast, frames(1), data_range=255.0, last=LAST)
        assert values.shape == (3,) and values.dtype == np.float64
        np.testing.assert_allclose(values, kind.function(frames(0), frames(1), data_range=255.0, last=LAST), rtol=1e-9)


def test_equal_frames_score_perfect_and_others_worse(kind):
    truth = frames(1)
    assert kind.function(truth, truth, data_range=255.0, last=LAST).tolist() == [kind.perfect] * 3
    other = kind.function(frames(0), truth, data_range=255.0, last=LAST)
    assert (kind.badness(other) > kind.badness(np.array(kind.perfect))).all()


def test_a_mask_of_all_pixels_changes_nothing(kind):
    masks = (None, np.ones(SHAPE[1:3], bool))
    scores = [kind.function(frames(0), frames(1), data_range=255.0, last=LAST, valid=mask) for mask in masks]
    np.testing.assert_allclose(*scores, rtol=1e-7)


def test_inputs_are_not_changed(kind):
    forecast, truth = frames(0), frames(1)
    for array in (forecast, truth, LAST):
        array.flags.writeable = False
    kind.function(forecast, truth, data_range=255.0, last=LAST, valid=np.eye(*SHAPE[1:3], dtype=bool))


@pytest.mark.parametrize("data_range", [0.0, -1.0, float("nan"), float("inf")])
def test_a_data_range_that_is_no_width_is_refused(kind, data_range):
    with pytest.raises(InputError, match="it must be above 0"):
        kind.function(frames(0), frames(1), data_range=data_range, last=LAST)


def test_what_does_not_fit_together_is_refused(kind):
    with pytest.raises(InputError, match=r"The forecast is \(2, 21, 17, 3\) and the truth \(3, 21, 17, 3\)"):
        kind.function(frames(0)[:2], frames(1), data_range=255.0, last=LAST)
    with pytest.raises(InputError, match=r"frame\[None\]"):
        kind.function(frames(0)[0], frames(1)[0], data_range=255.0, last=LAST)
    with pytest.raises(InputError, match=r"The mask is \(17, 21\)"):
        kind.function(frames(0), frames(1), data_range=255.0, last=LAST, valid=np.ones((17, 21), bool))
    with pytest.raises(InputError, match="with 0 valid pixels"):
        kind.function(frames(0), frames(1), data_range=255.0, last=LAST, valid=np.zeros((21, 17), bool))


def test_what_needs_the_last_frame_asks_for_it_and_nothing_else_does(kind):
    if kind.needs_last:
        with pytest.raises(InputError, match="There is no last observed frame; .* Give it as last="):
            kind.function(frames(0), frames(1), data_range=255.0)
    else:
        without = kind.function(frames(0), frames(1), data_range=255.0)
        assert without.tolist() == kind.function(frames(0), frames(1), data_range=255.0, last=LAST).tolist()
    with pytest.raises(InputError, match=r"The last observed frame is \(3, 21, 17, 3\)"):
        kind.function(frames(0), frames(1), data_range=255.0, last=frames(2))


def test_what_is_outside_the_mask_changes_nothing(kind):
    """Not even where it is not a number."""
    valid = np.ones(SHAPE[1:3], bool)
    valid[:4, 3:9] = False
    scores = []
    for filling in (0.0, np.nan):
        arrays = (frames(0), frames(1), LAST)
        forecast, truth, last = (np.where(valid[..., None], array, filling).astype(np.float32) for array in arrays)
        scores.append(kind.function(forecast, truth, data_range=255.0, valid=valid, last=last))
    np.testing.assert_array_equal(*scores)
    assert np.isfinite(scores[0]).all()


def test_a_single_pixel_and_a_single_row_can_be_scored(kind):
    for size in ((1, 1), (1, 9), (9, 1), (2, 2)):
        truth = frames(1)[:, : size[0], : size[1]]
        values = kind.function(truth, truth, data_range=255.0, last=LAST[: size[0], : size[1]])
        assert values.tolist() == [kind.perfect] * 3


def test_it_says_what_it_is(kind):
    assert kind.title and kind.explanation.endswith(".") and kind.unit in ("", "dB", "units", "units²")


@pytest.mark.parametrize("scale", [2.0**-100, 2.0**-70, 2.0**70, 2.0**110])
def test_numbers_near_the_ends_of_float32_score_as_others(kind, scale):
    """In units of the series; a warning would be an error here."""
    forecast, truth, last = (one.astype(np.float32) for one in (frames(0), frames(1), LAST))
    usual = kind.function(forecast, truth, data_range=255.0, last=last)
    scaled = (one * np.float32(scale) for one in (forecast, truth, last))
    found = kind.function(next(scaled), next(scaled), data_range=255.0 * scale, last=next(scaled))
    power = {"units": 1, "units²": 2}.get(kind.unit, 0)
    np.testing.assert_allclose(found / scale**power, usual, rtol=1e-4, atol=1e-5)


def test_scoring_needs_no_torch():
    code = "import sys; from framecast.metrics import METRICS; assert METRICS['ssim'] and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
