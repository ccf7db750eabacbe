"""Faint traces in empty frames: offered to be left out where much is empty, and left out where earlier frames say so."""

import re
from pathlib import Path

import numpy as np
import pytest

from framecast.forecasters.auto import Auto
from framecast.forecasters.auto_settings import AutoSettings
from framecast.forecasters.baselines.climatology import Average, Climatology
from framecast.forecasters.blend import Weights
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.hindcast import View
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.restoration import (
    FAINT,
    best_way,
    faint_of,
    leave_out_faint,
    much_is_empty,
    with_faint_left_out,
)
from framecast.forecasters.tuned_rule import ALL
from framecast.series.frames import FrameSeries, Preparation, Split

SPLIT = Split.of(24)


def disc(ground: int = 0) -> FrameSeries:
    t, y, x = np.ogrid[:24, :48, :50]
    passes = (y - 20) ** 2 + (x - 6 - 1.5 * t) ** 2 < 60
    return FrameSeries("disc", np.where(passes[..., None], 230, ground).astype(np.uint8), (0.0, 255.0))


def textured() -> FrameSeries:
    noise = np.random.default_rng(0).integers(0, 99, (1, 48, 50, 1))
    return FrameSeries("ground", np.repeat(noise, 24, axis=0).astype(np.uint8), (0.0, 255.0))


def fitted(series: FrameSeries, size: int | None = 16, **changes: object) -> tuple[NetworkForecaster, str]:
    asked = {"epochs": 2, "context": 3, "width": 4, "unroll": 2, "learning_rate": 1e-2, **changes}
    forecaster = NetworkForecaster("unet", FORECASTERS["unet"].configure(changes=asked), Workbench(Preparation(size)))
    finding = [progress.finding for progress in forecaster.fit(series.head(SPLIT.test.start), SPLIT)][-1]
    return forecaster, finding


def test_what_is_left_out_is_put_to_the_lowest_of_its_channel() -> None:
    low, high = np.array([0.0, 10.0], np.float32), np.array([100.0, 30.0], np.float32)
    frames = np.array([[0.0, 10.0], [3.0, 10.5], [3.2, 10.7], [90.0, 29.0]], np.float32)[None, None]
    kept = frames.copy()
    leave_out_faint(faint_of("background"), kept, low, high)
    np.testing.assert_array_equal(kept, frames)
    leave_out_faint(faint_of("background from 0.031"), kept, low, high)
    np.testing.assert_array_equal(kept[0, 0], [[0, 10], [0, 10], np.float32([3.2, 10.7]), [90, 29]])


def test_much_is_empty_where_a_fifth_is_the_lowest_of_its_channel() -> None:
    ramp = np.tile(np.arange(100, dtype=np.uint8).reshape(1, 10, 10, 1), (3, 1, 1, 2))
    assert not much_is_empty(ramp)
    for n_empty in (19, 20):
        frames = np.maximum(ramp, n_empty - 1)
        assert much_is_empty(frames) is (n_empty == 20)
    assert much_is_empty(disc().frames) and much_is_empty(disc(7).frames) and not much_is_empty(textured().frames)


@pytest.mark.parametrize("size", [16, None])
def test_each_way_is_tried_with_it_and_one_of_them_chosen(size: int | None, tmp_path: Path) -> None:
    series = disc()
    forecaster, finding = fitted(series, size)
    past = series.frames[: SPLIT.test.start]
    view = View.of(series.head(len(past)), 4)
    ways = ("change", "background") if size else ("change",)
    seen = forecaster.hindcasts(past, 4, view)
    assert tuple(seen) == with_faint_left_out(ways) and len(seen) == len(ways) * (1 + len(FAINT))
    for way, hindcast in seen.items():
        forecaster.restoration = way
        forecast = forecaster.forecast(past, 4)
        np.testing.assert_allclose(view.patches(forecast[view.leads]), hindcast, atol=0.02)
        faint = float(way.partition(" from ")[2] or 0) * 230
        assert not ((forecast > 0) & (forecast < faint)).any()
    told = [f"by {way}{less}" for way in ways for less in ("", *(f" without what is fainter than {f:.0%}" for f in FAINT))]
    assert all(re.search(rf"0\.\d+ {words}[,.]", finding) for words in told)
    assert ("native size" in finding) is bool(size) and "left out" in finding
    forecaster.save(tmp_path)
    loaded = NetworkForecaster.load(tmp_path)
    np.testing.assert_array_equal(loaded.forecast(past, 4), forecast)
    assert tuple(loaded.hindcasts(past, 4, view)) == tuple(seen)


def test_where_little_is_empty_nothing_is_left_out_unless_it_was_chosen_elsewhere() -> None:
    series = textured()
    forecaster, finding = fitted(series)
    past = series.frames[: SPLIT.test.start]
    view = View.of(series.head(len(past)), 4)
    assert set(forecaster.hindcasts(past, 4, view)) == {"change", "background"} and "left out" not in finding
    forecaster.restoration = "change from 0.083"  # as by auto, from a training on the fold
    assert set(forecaster.hindcasts(past, 4, view)) == {"change", "background", "change from 0.083"}


def test_the_past_tells_whether_leaving_out_is_right() -> None:
    series, empty = disc(), disc().frames[:4]
    view = View.of(series, 4)
    traces = empty.astype(np.float32)
    traces[:, 30:, ::3] += 6
    left_out = traces.copy()
    leave_out_faint(0.031, left_out, np.float32([0]), np.float32([230]))
    said = {"change": traces, "change from 0.031": left_out}
    found, words = best_way(said, empty, "ssim", 255.0, view)
    assert found == "change from 0.031" and "1 by change without what is fainter than 3%" in words
    glow = np.maximum(empty, 6)
    assert best_way({"change": glow, "change from 0.031": empty}, glow, "ssim", 255.0, view)[0] == "change"


def blended(series: FrameSeries) -> tuple[Auto, str]:
    """Of persistence and the mean of the past, which is faint wherever something passed by."""
    auto = Auto(AutoSettings(minutes=0.0, networks="none"), Workbench())
    finding = [progress.finding for progress in auto.fit(series.head(SPLIT.test.start), SPLIT)][-1]
    return auto, finding


def test_a_blend_leaves_out_what_only_some_of_its_members_see(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = {name: FORECASTERS[name] for name in ("persistence", "climatology", "auto")}
    monkeypatch.setattr(FORECASTERS, "_entries", few)
    monkeypatch.setattr(Climatology, "candidates", lambda *_: [Average("mean", ALL)])  # a median has nothing faint
    equal = Weights((0.0, 0.0), (0.0, 0.0), 4)
    monkeypatch.setattr("framecast.forecasters.auto_fit.fit_weights", lambda *_: equal)
    monkeypatch.setattr("framecast.forecasters.auto_fit.never_below_the_best", lambda *_: equal)
    monkeypatch.setattr("framecast.forecasters.blend.score", lambda *_: np.ones(1))  # as good as the best by itself
    dots = np.zeros((24, 48, 50, 1), np.uint8)
    dots[:, 10:20, 10:40] = 230
    y, x = np.random.default_rng(0).integers(22, 46, (2, 24, 20))
    dots[np.arange(24)[:, None], y, x] = 230
    series = FrameSeries("dots", dots, (0.0, 255.0))
    auto, finding = blended(series)
    past = dots[: SPLIT.test.start]
    assert auto.faint in FAINT and f"fainter than {auto.faint:.0%} of the range is left out" in finding
    forecast = auto.forecast(past, 4)
    assert not ((forecast > 0) & (forecast < auto.faint * 230)).any() and (forecast > 0).any()
    auto.save(tmp_path)
    np.testing.assert_array_equal(Auto.load(tmp_path).forecast(past, 4), forecast)
    auto.faint = 0.0
    assert ((auto.forecast(past, 4) > 0) & (auto.forecast(past, 4) < FAINT[0] * 230)).any()
    full, finding = blended(FrameSeries("full", np.maximum(dots, np.arange(50, dtype=np.uint8)[:, None]), (0.0, 255.0)))
    assert full.faint == 0.0 and "left out" not in finding
