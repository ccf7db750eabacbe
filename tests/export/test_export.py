"""What leaves FrameCast opens elsewhere and holds what it should."""

import io
import zipfile
from datetime import timedelta

import av
import numpy as np
import pytest
import tifffile
from PIL import Image

from framecast.drawing.colours import MASKED, error_lut
from framecast.errors import SettingError
from framecast.export import mp4, png_zip, tiff
from framecast.export.animation import animation


@pytest.mark.parametrize(("channels", "dtype"), [(1, "uint8"), (1, "float32"), (2, "uint16"), (3, "uint8"), (3, "float32")])
def test_a_tiff_is_exact_and_a_stack_over_time_for_imagej(channels: int, dtype: str) -> None:
    frames = np.random.default_rng(0).integers(0, 200, (4, 5, 7, channels)).astype(dtype)
    with tifffile.TiffFile(io.BytesIO(tiff(frames, timestep=timedelta(seconds=2)))) as opened:
        assert opened.is_imagej and opened.imagej_metadata is not None
        assert opened.imagej_metadata["finterval"] == 2.0
        axes, stack = opened.series[0].axes, opened.asarray()
    assert axes[0] == "T"
    in_order = np.moveaxis(stack, 1, -1) if axes[1] == "C" else stack
    assert np.array_equal(in_order, frames.squeeze(axis=-1) if channels == 1 else frames)


def test_pixels_without_data_are_nan_in_a_tiff_of_floats() -> None:
    valid = np.array([[True, False], [True, True]])
    stack = tifffile.imread(io.BytesIO(tiff(np.ones((3, 2, 2, 1), np.float32), valid)))
    assert np.array_equal(np.isnan(stack), np.broadcast_to(~valid, (3, 2, 2)))


@pytest.mark.parametrize(("shape", "dtype"), [((5, 7), "uint8"), ((5, 7, 3), "uint8"), ((5, 7), "uint16")])
def test_pictures_are_exact_and_in_order(shape: tuple[int, ...], dtype: str) -> None:
    pictures = [np.random.default_rng(index).integers(0, np.iinfo(dtype).max, shape).astype(dtype) for index in range(3)]
    content = png_zip(pictures, ["a", "b", "c"])
    assert content == png_zip(pictures, ["a", "b", "c"])
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.namelist() == ["a.png", "b.png", "c.png"]
    for name, picture in zip(archive.namelist(), pictures, strict=True):
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(archive.read(name)))), picture)


@pytest.mark.parametrize("shape", [(33, 45), (34, 46, 3), (33, 46, 3)])
def test_a_film_of_odd_size_is_padded_and_not_rescaled(shape: tuple[int, ...]) -> None:
    pictures = [np.full(shape, 40 * index, np.uint8) for index in range(5)]
    with av.open(io.BytesIO(mp4(pictures, 10, least_side=1))) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 5
    height, width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    assert {frame.shape for frame in frames} == {(height, width, 3)}
    for frame, picture in zip(frames, pictures, strict=True):
        assert abs(float(frame.mean()) - float(picture.mean())) < 4


def test_a_film_of_small_frames_is_enlarged_pixel_by_pixel() -> None:
    picture = np.zeros((10, 20), np.uint8)
    picture[:, 10:] = 200
    with av.open(io.BytesIO(mp4([picture] * 3, 12.5))) as container:
        assert container.streams.video[0].average_rate == 12.5
        frame = next(container.decode(video=0)).to_ndarray(format="gray")
    assert frame.shape == (130, 260)
    assert frame[:, :125].mean() < 10 < 190 < frame[:, 135:].mean()


@pytest.mark.parametrize("side", [256, 784])
def test_a_film_says_how_its_colours_are_to_be_read(side: int) -> None:
    """Players guess where a film does not say: one rule below 720 lines, another one above."""
    picture = np.empty((side, side, 3), np.uint8)
    picture[:, : side // 2], picture[:, side // 2 :] = (178, 24, 43), (33, 102, 172)
    with av.open(io.BytesIO(mp4([picture] * 2, 10))) as container:
        said = container.streams.video[0].codec_context
        assert (said.colorspace, said.color_primaries, said.color_trc, said.color_range) == (1, 1, 1, 1), "BT.709, 16 to 235"
        shown = next(container.decode(video=0)).reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    assert np.abs(shown[:, [5, -5]].astype(int) - picture[:, [5, -5]]).max() <= 3


def test_pictures_larger_than_a_film_can_be_are_refused_in_words() -> None:
    with pytest.raises(SettingError, match=r"16,388 x 40 pixels; H\.264 has at most 16,384 a side\. Take the frames as PNG"):
        mp4([np.zeros((40, 16_387), np.uint8)], 10)


def test_a_few_pixels_without_data_keep_their_colour_in_a_gif() -> None:
    """They must not look like an error."""
    level = np.clip(np.add.outer(np.arange(320), np.arange(320)) / 3, 0, 255).astype(int)
    picture = np.concatenate([np.repeat(level[..., None], 3, axis=-1).astype(np.uint8), error_lut()[level]], axis=1)
    picture[10:13, 10:14] = picture[200:203, 500:504] = MASKED
    with Image.open(io.BytesIO(animation([picture, picture[::-1]], 10, kept=[MASKED]))) as opened:
        for drawn in (picture, picture[::-1]):
            shown = np.asarray(opened.convert("RGB")).astype(int)
            assert np.array_equal((shown == MASKED).all(axis=-1), (drawn == MASKED).all(axis=-1))
            assert np.abs(shown - drawn).mean() < 2
            opened.seek(1)
