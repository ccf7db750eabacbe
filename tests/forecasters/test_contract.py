"""Laws of every registered forecaster. A new one is tested the moment its file exists."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster, ForecasterKind, Workbench
from framecast.series.frames import FrameSeries, Preparation, Split

QUICK: dict[str, object] = {
    "epochs": 2,
    "minutes": 0.0,
    "context": 3,
    "batch_size": 8,
    "unroll": 2,
    "width": 4,
    "hidden": 4,
    "latent": 8,
    "depth": 2,
    "block": 2,
    "members": 3,
    "networks": "two",
}


def moving_series(
    n_frames: int = 24, height: int = 17, width: int = 22, channels: int = 1, dtype: str = "uint8"
) -> FrameSeries:
    t, y, x, c = np.ogrid[:n_frames, :height, :width, :channels]
    wave = 0.5 + 0.4 * np.sin(0.5 * x + 0.3 * y - 0.4 * t + c)
    top = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
    return FrameSeries("waves", (wave * top).astype(dtype), (0.0, float(top)))


def configured(kind: ForecasterKind, **changes: object) -> Any:
    names = {field.name for field in kind.settings.fields()}
    return kind.configure(changes={name: value for name, value in (QUICK | changes).items() if name in names})


def fitted(name: str, series: FrameSeries, split: Split, size: int | None = None, **changes: object) -> Forecaster:
    kind = FORECASTERS[name]
    forecaster = kind.make(configured(kind, **changes), Workbench(Preparation(size), seed=3))
    for _ in forecaster.fit(series.head(split.test.start), split):
        pass
    return forecaster


@pytest.mark.parametrize("name", sorted(FORECASTERS))
@pytest.mark.parametrize("shape", [(17, 22, 1, "uint8"), (9, 31, 3, "uint8"), (12, 7, 2, "uint16"), (33, 5, 4, "float32")])
def test_forecasts_have_the_native_shape_and_are_finite(name: str, shape: tuple[int, int, int, str]) -> None:
    height, width, channels, dtype = shape
    series = moving_series(24, height, width, channels, dtype)
    split = Split.of(24)
    past = series.frames[: split.test.start].copy()
    forecast = fitted(name, series, split).forecast(past, 7)
    assert forecast.shape == (7, height, width, channels)
    assert forecast.dtype == np.float32
    assert np.isfinite(forecast).all()
    np.testing.assert_array_equal(past, series.frames[: split.test.start])  # not written to


@pytest.mark.parametrize("name", sorted(FORECASTERS))
def test_a_saved_forecaster_forecasts_the_same_bits(name: str, tmp_path: Path) -> None:
    series, split = moving_series(channels=3), Split.of(24)
    past = series.frames[: split.test.start]
    forecaster = fitted(name, series, split, size=9)
    expected = forecaster.forecast(past, 5)
    np.testing.assert_array_equal(forecaster.forecast(past, 5), expected)
    forecaster.save(tmp_path)
    np.testing.assert_array_equal(FORECASTERS[name].load(tmp_path).forecast(past, 5), expected)


@pytest.mark.parametrize("name", sorted(FORECASTERS))
def test_the_test_frames_change_nothing(name: str) -> None:
    series, split = moving_series(), Split.of(24)
    other = series.frames.copy()
    other[split.test.start :] = other[split.test.start :][::-1]
    forecasts = [
        fitted(name, FrameSeries("s", frames, (0.0, 255.0)), split).forecast(frames[: split.test.start], 4)
        for frames in (series.frames, other)
    ]
    np.testing.assert_array_equal(*forecasts)


@pytest.mark.parametrize("name", sorted(FORECASTERS))
def test_one_seed_gives_one_forecast(name: str) -> None:
    series, split = moving_series(), Split.of(24)
    past = series.frames[: split.test.start]
    np.testing.assert_array_equal(*(fitted(name, series, split).forecast(past, 4) for _ in range(2)))


@pytest.mark.parametrize("name", sorted(FORECASTERS))
def test_a_fit_that_is_left_early_still_forecasts(name: str, tmp_path: Path) -> None:
    series, split = moving_series(), Split.of(24)
    kind = FORECASTERS[name]
    forecaster = kind.make(configured(kind, epochs=50), Workbench())
    fit = forecaster.fit(series.head(split.test.start), split)
    next(fit, None)
    if hasattr(fit, "close"):
        fit.close()
    expected = forecaster.forecast(series.frames[: split.test.start], 3)
    forecaster.save(tmp_path)
    np.testing.assert_array_equal(kind.load(tmp_path).forecast(series.frames[: split.test.start], 3), expected)


@pytest.mark.parametrize("name", sorted(name for name, kind in FORECASTERS.items() if kind.family == "network"))
def test_before_any_training_a_recommended_network_is_persistence(name: str) -> None:
    """Learning at a vanishing rate leaves the zero-initialised head where it was, but for rounding. Over the background, a way
    back to native size that may well score better, the last frame is no longer itself."""
    series, split = moving_series(channels=3), Split.of(24)
    past = series.frames[: split.test.start]
    forecast = fitted(name, series, split, size=9, learning_rate=1e-7, epochs=1, restore="change").forecast(past, 6)
    np.testing.assert_allclose(forecast, np.repeat(past[-1:], 6, axis=0), atol=0.05)


@pytest.mark.parametrize("name", sorted(FORECASTERS))
def test_every_preset_can_be_configured_and_counts_its_weights(name: str) -> None:
    kind = FORECASTERS[name]
    for preset in kind.presets:
        settings = kind.configure(preset)
        if kind.n_weights:
            assert kind.n_weights(settings, 33, 20, 3) > 0
