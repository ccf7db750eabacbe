"""The ways back to native size: what stands still stays sharp by each, and the validation frames choose well."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from framecast.errors import SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.hindcast import View
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.restoration import WAYS, Restorer
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.preparation import reduce_frames
from framecast.series.warping import warp

SHAPE = (16, 20)


def film(n_frames: int = 24, height: int = 150, width: int = 170) -> FrameSeries:
    """A bright disc passes over a textured ground that stays."""
    noise = np.random.default_rng(0).normal(size=(height, width, 1))
    ground = 90 + 25 * ndimage.gaussian_filter(noise, (1, 1, 0)) / 0.3
    t, y, x = np.ogrid[:n_frames, :height, :width]
    disc = (y - 70) ** 2 + (x - 12 - 6 * t) ** 2 < 200
    frames = np.where(disc[..., None], 230, ground[None]).clip(0, 255).astype(np.uint8)
    return FrameSeries("film", frames, (0.0, 255.0))


def small_of(series: FrameSeries, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return reduce_frames(series.frames, shape)


@pytest.mark.parametrize("way", ["change", "warp"])
def test_no_change_comes_back_as_exactly_the_native_last_frame(way: str) -> None:
    series = film()
    small = small_of(series)
    motion = (np.zeros((2, *SHAPE), np.float32), np.zeros((*SHAPE, 1), np.float32))
    restored = Restorer(way, series.frames, small)(small[-1].astype(np.float32), motion)
    np.testing.assert_array_equal(restored, series.frames[-1])


def test_what_never_moved_comes_back_exactly_over_the_background() -> None:
    still = np.repeat(film(1).frames, 5, axis=0)
    small = reduce_frames(still, SHAPE)
    restored = Restorer("background", still, small)(small[-1].astype(np.float32))
    np.testing.assert_array_equal(restored, still[-1])


@pytest.mark.parametrize("way", WAYS)
def test_a_uniform_change_comes_back_uniform(way: str) -> None:
    series = FrameSeries("still", np.repeat(film(1).frames, 5, axis=0), (0.0, 255.0))
    small = small_of(series)
    motion = (np.zeros((2, *SHAPE), np.float32), np.full((*SHAPE, 1), 3.0, np.float32))
    restored = Restorer(way, series.frames, small)(small[-1] + np.float32(3), motion)
    np.testing.assert_allclose(restored, series.frames[-1] + 3.0, atol=1e-3)


def test_the_background_leaves_no_ghost_where_the_last_frame_does() -> None:
    series = film(24)
    past, truth = series.frames[:18], series.frames[23]
    small = small_of(series)
    errors = {}
    for way in ("change", "background"):
        restored = Restorer(way, past, small[:18])(small[23].astype(np.float32))
        errors[way] = np.abs(restored - truth).mean()
    assert errors["background"] < 0.8 * errors["change"]


def test_warped_detail_moves_by_as_many_native_pixels() -> None:
    """One working pixel down and half of one to the left are eight and four native ones."""
    texture = (255 * np.random.default_rng(1).random((3, 128, 160, 2))).astype(np.uint8)
    motion = (np.broadcast_to(np.float32([[[1.0]], [[-0.5]]]), (2, *SHAPE)), np.zeros((*SHAPE, 2), np.float32))
    restored = Restorer("warp", texture, reduce_frames(texture, SHAPE))(np.zeros((*SHAPE, 2), np.float32), motion)
    np.testing.assert_allclose(restored[:-8, 4:], texture[-1][8:, :-4], atol=0.01)


@pytest.mark.parametrize("way", WAYS)
def test_a_view_sees_what_it_would_see_of_the_whole_frame(way: str) -> None:
    series = film()
    small, view = small_of(series), View.of(series, 5)
    assert not view.whole
    generator = np.random.default_rng(3)
    frame = small[3] + generator.normal(size=small[3].shape).astype(np.float32)
    motion = (generator.normal(size=(2, *SHAPE)).astype(np.float32), generator.normal(size=(*SHAPE, 1)).astype(np.float32))
    whole = Restorer(way, series.frames, small)(frame, motion)
    seen = Restorer(way, series.frames, small, view)(frame, motion)
    np.testing.assert_allclose(seen, view.patches(whole[None])[0], atol=0.02)


def fitted(name: str = "advect", size: int | None = 16, **changes: object) -> tuple[NetworkForecaster, str, FrameSeries]:
    series, split = film(), Split.of(24)
    settings = FORECASTERS[name].configure(changes={"epochs": 1, "context": 3, "width": 4, "unroll": 2, **changes})
    forecaster = NetworkForecaster(name, settings, Workbench(Preparation(size)))
    finding = [progress.finding for progress in forecaster.fit(series.head(split.test.start), split)][-1]
    return forecaster, finding, series


def test_hindcasts_are_the_forecast_as_the_view_sees_it() -> None:
    forecaster, _, series = fitted(learning_rate=1e-2)
    past, view = series.frames[:18], View.of(series.head(18), 6)
    hindcasts = forecaster.hindcasts(past, 6, view)
    assert set(hindcasts) == set(WAYS)
    for way, seen in hindcasts.items():
        forecaster.restoration = way
        np.testing.assert_allclose(seen, view.patches(forecaster.forecast(past, 6)[view.leads]), atol=0.02)
    np.testing.assert_array_equal(forecaster.hindcasts(past.copy(), 6, view)["change"], hindcasts["change"])


def test_a_subtracted_mean_frame_is_not_moved_with_the_picture() -> None:
    """Small frames moved and added to by what the network tells are the small frames that it forecasts."""
    forecaster, _, series = fitted(learning_rate=1e-2, subtract_mean=True, clamp=False)
    past = reduce_frames(series.frames[:18], forecaster.shape)
    steps = list(forecaster._rollout(past, 4))
    assert max(np.abs(motion[0]).max() for _, motion in steps if motion) > 0.05
    for frame, motion in steps:
        assert motion is not None
        moved = warp(past[-1], motion[0]) + motion[1]
        np.testing.assert_allclose(moved[1:-1, 1:-1], frame[1:-1, 1:-1], atol=0.01)


def test_zeros_leave_nothing_to_be_moved() -> None:
    with pytest.raises(SettingError, match="no last frame to be moved"):
        fitted(restore="warp", zero_block=True)


def test_ways_that_a_network_has_not_got_are_not_offered() -> None:
    forecaster, _, series = fitted("unet")
    assert set(forecaster.hindcasts(series.frames[:15], 3, View.of(series, 3))) == {"change", "background"}
    native, finding, _ = fitted("advect", size=None)
    assert set(native.hindcasts(series.frames[:15], 3, View.of(series, 3))) == {"change"}
    assert "native size" not in finding


def test_validation_chooses_the_way_and_the_finding_says_so() -> None:
    forecaster, finding, _ = fitted(learning_rate=1e-7)  # forecasts the small last frame
    assert forecaster.restoration in WAYS
    assert all(way in finding for way in ("native size", *WAYS))


@pytest.mark.parametrize("select_by", ["ssim", "mse"])
@pytest.mark.parametrize("best", WAYS)
def test_the_way_is_that_whose_forecast_of_the_validation_frames_is_best_at_native_size(
    best: str, select_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the last frame before them, at the leads and places that are looked at."""
    asked = []

    def hindcasts(self: NetworkForecaster, past: np.ndarray, horizon: int, view: View) -> dict[str, np.ndarray]:
        asked.append((len(past), horizon))
        truth, early, late = (
            view.patches(film().frames[len(past) + view.leads + late]).astype(np.float32) for late in (0, -1, 1)
        )
        noise = np.random.default_rng(0).normal(0, 1, truth.shape).astype(np.float32)
        others = iter((early, late))
        return {way: truth + noise if way == best else next(others) for way in WAYS}

    monkeypatch.setattr(NetworkForecaster, "hindcasts", hindcasts)
    forecaster, _, _ = fitted(learning_rate=1e-7, select_by=select_by)
    assert forecaster.restoration == best
    assert asked == [(14, 5)], "of 24 frames the last 5 are the test, and 5 before them for validation"


def test_a_way_that_was_set_is_kept_with_the_forecaster(tmp_path: Path) -> None:
    forecaster, finding, series = fitted(restore="background")
    assert forecaster.restoration == "background" and "native size" not in finding
    forecaster.restoration = "warp"
    forecaster.save(tmp_path)
    assert NetworkForecaster.load(tmp_path).restoration == "warp"
    stored = tmp_path / "forecaster.json"
    values = json.loads(stored.read_text(encoding="utf-8"))
    del values["restoration"], values["settings"]["restore"]  # a folder from before there was a choice
    stored.write_text(json.dumps(values), encoding="utf-8")
    old = NetworkForecaster.load(tmp_path)
    assert old.restoration == "change"
    np.testing.assert_array_equal(old.forecast(series.frames[:18], 2).shape, (2, 150, 170, 1))
