"""Pictures show the values they were made of, on one scale, and say so where they do not show them exactly."""

import io

import numpy as np
import pytest
from PIL import Image

from framecast.drawing.colours import MASKED
from framecast.drawing.pictures import DisplayRange, encode, error_picture, picture, still
from framecast.ui.clips import LARGE_PREVIEW, LOSSLESS_SIDE, MOST_FRAMES, encode_clip, shown_frames


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


@pytest.mark.parametrize(("channels", "shape"), [(1, (5, 7)), (2, (5, 7)), (3, (5, 7, 3)), (4, (5, 7, 3))])
def test_eight_bit_frames_are_drawn_as_they_are(channels: int, shape: tuple[int, ...]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    drawn = picture(frame, DisplayRange(0, 255))
    assert drawn.shape == shape
    assert np.array_equal(drawn, frame[..., 0] if channels < 3 else frame[..., :3])


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_other_values_fill_the_range_from_black_to_white(dtype: str) -> None:
    frame = np.linspace(1000, 3000, 11).astype(dtype).reshape(1, 11, 1)
    drawn = picture(frame, DisplayRange.of(dtype, (0, 65535), 1000, 3000))
    assert drawn[0, 0] == 0 and drawn[0, -1] == 255
    assert np.all(np.diff(drawn[0].astype(int)) > 0)


def test_eight_bit_frames_that_use_a_small_part_of_their_range_are_stretched_to_it() -> None:
    assert DisplayRange.of("uint8", (0.0, 255.0), 91, 144) == DisplayRange(91.0, 144.0)
    assert DisplayRange.of("uint8", (0.0, 255.0), 3, 250) == DisplayRange(0.0, 255.0)


@pytest.mark.parametrize("shape", [(400, 6), (6, 400), (785, 785), (3, 2), (1, 1)])
def test_no_still_is_larger_than_its_box(shape: tuple[int, int]) -> None:
    height, width = decoded(still(np.zeros(shape, np.uint8), 100)).shape
    assert max(height, width) <= 200
    assert max(height, width) >= min(max(shape), 51)


def test_a_frame_is_not_changed_by_drawing_it() -> None:
    frame = np.zeros((4, 4, 1), np.uint8)
    picture(frame, DisplayRange(0, 255), np.zeros((4, 4), bool))
    assert not frame.any()


def test_a_series_of_one_value_has_a_range() -> None:
    assert DisplayRange.of("float32", (0.0, 1.0), 0.5, 0.5) == DisplayRange(0.0, 1.0)


def test_pixels_without_data_have_a_colour_that_no_value_has() -> None:
    valid = np.array([[True, False]])
    assert picture(np.array([[[255], [255]]], np.uint8), DisplayRange(0, 255), valid).tolist() == [[[255] * 3, [*MASKED]]]
    assert error_picture(np.zeros((1, 2)), 1.0, valid)[0, 1].tolist() == [*MASKED]


def test_errors_are_neutral_at_zero_blue_below_red_above_and_end_at_the_limit() -> None:
    below, zero, above, far = error_picture(np.array([[-2.0, 0.0, 2.0, 9.0]]), 2.0)[0].astype(int)
    assert max(zero) - min(zero) < 5 and min(zero) > 240
    assert below[2] > below[0] + 100 and above[0] > above[2] + 100
    assert far.tolist() == above.tolist()


def test_a_small_still_is_enlarged_pixel_by_pixel() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (8, 10), np.uint8)
    enlarged = decoded(still(drawn, 40))
    assert np.array_equal(enlarged, drawn.repeat(4, axis=0).repeat(4, axis=1))


def test_small_clips_are_exact_and_large_ones_are_called_previews() -> None:
    small = [np.random.default_rng(index).integers(0, 256, (30, 40, 3), np.uint8) for index in range(3)]
    clip = encode_clip(iter(small), 3)
    assert clip.lossless and clip.mime == "image/png" and (clip.width, clip.height) == (40, 30)
    assert all(np.array_equal(decoded(one), other) for one, other in zip(clip.pictures, small, strict=True))
    large = encode_clip([np.zeros((785, 1000), np.uint8)], 1)
    assert not large.lossless and (large.width, large.height) == (LARGE_PREVIEW, round(785 * LARGE_PREVIEW / 1000))
    assert decoded(large.pictures[0]).shape == (large.height, large.width)
    middling = encode_clip([np.zeros((LOSSLESS_SIDE + 1, 300), np.uint8)], 1)
    assert (middling.width, middling.height) == (300, LOSSLESS_SIDE + 1)


def test_a_preview_is_close() -> None:
    y, x = np.mgrid[:300, :300]
    drawn = np.stack([(y + x) % 256, y % 256, x % 256], axis=-1).astype(np.uint8)[:200, :200]
    assert np.abs(decoded(encode(drawn, lossless=False)).astype(int) - drawn).mean() < 3


@pytest.mark.parametrize("n_frames", [1, 2, 499, 500, 501, 10_000])
def test_a_long_series_is_thinned_evenly(n_frames: int) -> None:
    shown = shown_frames(n_frames)
    assert shown[0] == 0 and len(shown) <= MOST_FRAMES and shown[-1] + shown.step >= n_frames
