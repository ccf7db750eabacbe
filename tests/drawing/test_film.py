"""A film is what its frames look like, comes back from disk as it was made, and is not taken for another forecast's."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framecast.drawing.film import ERROR, FORECAST, TRUTH, Film, Scene, kept_film, make_film
from framecast.drawing.pictures import DisplayRange
from framecast.drawing.played import ROOM
from framecast.series.frames import Frames, FrameSeries, Split

HORIZON = 3


def scene(side: int = 270, n_channels: int = 1, dtype: str = "uint8", off: int = 7) -> Scene:
    y, x = np.mgrid[:side, :side]
    frames = np.stack([120 + 60 * np.sin((x + 2 * t) / 19) + 40 * np.cos(y / 23) for t in range(9)])
    native = np.repeat(frames[..., None], n_channels, -1).round().astype(dtype)
    split = Split.of(len(native), HORIZON)
    forecast: Frames = native[split.test.start :] + np.array(off, dtype)
    return Scene(forecast, FrameSeries("made", native, (0.0, 255.0)), split, DisplayRange(0.0, 255.0))


def filmed(path: Path, one: Scene) -> Film:
    for _ in make_film(path, "Some rule", one):
        pass
    found = kept_film(path, one)
    assert found is not None
    return found


def seen(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)), float)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_film_shows_its_frames_and_errors(tmp_path: Path, dtype: str) -> None:
    one = scene(dtype=dtype)
    found = filmed(tmp_path / "film", one)
    assert found.title == "Some rule" and found.first == 1 - one.split.test.start
    for lead in range(found.first, HORIZON + 1):
        picture = found.of(TRUTH, range(lead, lead + 1))
        assert picture is not None
        assert np.abs(seen(picture[0]) - one.series.frames[one.split.origin + lead][..., 0]).mean() < 1.5
    forecasts, errors = found.of(FORECAST, range(1, HORIZON + 1)), found.of(ERROR, range(1, HORIZON + 1))
    assert forecasts and errors and len(forecasts) == len(errors) == HORIZON
    assert np.abs(seen(forecasts[1]) - one.forecast[1, ..., 0]).mean() < 1.5
    assert found.scale == pytest.approx(ROOM * 7)
    assert (seen(errors[2]).mean() - 128) * found.scale / 127 == pytest.approx(7, abs=0.1)
    assert found.of(FORECAST, range(2)) is None and found.of(TRUTH, range(HORIZON, HORIZON + 2)) is None


def test_the_samples_are_the_same_pixels_of_truth_and_forecast(tmp_path: Path) -> None:
    found = filmed(tmp_path / "film", scene(n_channels=3))
    assert found.samples[TRUTH].shape == found.samples[FORECAST].shape and found.samples[TRUTH].shape[1] == 3
    np.testing.assert_array_equal(found.samples[FORECAST], found.samples[TRUTH] + 7)


def test_few_values_need_no_pictures(tmp_path: Path) -> None:
    found = filmed(tmp_path / "film", scene(side=40))
    assert found.title == "Some rule" and not found.pictures and found.of(TRUTH, range(1, 2)) is None


def test_a_film_of_another_forecast_or_look_is_none(tmp_path: Path) -> None:
    one, path = scene(), tmp_path / "film"
    filmed(path, one)
    assert kept_film(path, scene(off=8)) is None
    earlier = one.forecast.copy()
    earlier[0] += 1  # that ends the same, as one that has faded to nothing does
    assert kept_film(path, Scene(earlier, one.series, one.split, one.shown)) is None
    assert kept_film(path, Scene(one.forecast, one.series, one.split, DisplayRange(0.0, 200.0))) is None
    assert kept_film(tmp_path / "none", one) is None


def test_a_damaged_film_is_none(tmp_path: Path) -> None:
    one, path = scene(), tmp_path / "film"
    filmed(path, one)
    whole = path.read_bytes()
    foreign = (b"\xff" * 200, b"\x02\x00\x00\x00[]", whole[:4] + b"x" * 400)
    for torn in (b"", whole[:3], whole[:50], whole[:-1], whole + b"x", *foreign):
        path.write_bytes(torn)
        assert kept_film(path, one) is None
