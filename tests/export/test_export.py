"""What leaves FrameCast opens elsewhere and holds what it should."""

import io
import zipfile

import av
import numpy as np
import pytest
from PIL import Image

from framecast.export import mp4, npy, png_zip


def test_npy_is_exact() -> None:
    frames = np.random.default_rng(0).normal(size=(3, 4, 5, 1)).astype(np.float32)
    assert np.array_equal(np.load(io.BytesIO(npy(frames))), frames)


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
    with av.open(io.BytesIO(mp4(pictures, 10))) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 5
    height, width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    assert {frame.shape for frame in frames} == {(height, width, 3)}
    for frame, picture in zip(frames, pictures, strict=True):
        assert abs(float(frame.mean()) - float(picture.mean())) < 4
