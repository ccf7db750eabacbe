"""What is sent to the player stands for the arrays that it was made of: previews nearly, values to the bit."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framecast.drawing.played import ROOM
from framecast.errors import InputError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.metrics.ssim import ssim, ssim_of_frame
from framecast.runs.experiment import plan
from framecast.runs.rule_forecasts import rule_forecast
from framecast.runs.store import RunStore
from framecast.series.frames import Frames, Split
from framecast.series.store import SeriesStore
from framecast.ui.beside import Shown, key_settings
from framecast.ui.frame_parts import (
    CHUNK,
    Comparison,
    error_part,
    forecast_part,
    forecast_sample,
    resting_parts,
    select,
    ssim_parts,
    truth_part,
    truth_sample,
)
from framecast.ui.pixel_view import pixel_chart, pixel_series
from framecast.ui.player import Part
from framecast.ui.region_view import region_scores

HORIZON = 7


def comparison(
    workspace: Path, frames: Frames, horizon: int = HORIZON, valid: np.ndarray | None = None
) -> tuple[Comparison, Shown]:
    """A series whose last frames are the test, and a forecast of them that is off by a known amount."""
    store = SeriesStore(workspace)
    stored = store.add("made", frames, valid=valid)
    series = store.open(stored.digest)
    split = Split.of(len(frames), horizon)
    run = RunStore(workspace).create(plan(series, forecaster="unet", digest=stored.digest, device="cpu", split=split))
    shape = frames[split.test.start :].shape
    off = np.random.default_rng(1).normal(0, 1, shape) + 12 * np.sin(np.arange(shape[2]) / 5)[:, None]
    forecast = series.native(frames[split.test.start :] + off)
    return Comparison(str(workspace), run, stored, series), Shown("a run", "A", "", "#000000", forecast)


def smooth(n_frames: int, height: int, width: int, n_channels: int, dtype: str = "uint8") -> Frames:
    y, x = np.mgrid[:height, :width]
    ground = 120 + 30 * np.cos(y / 7)
    frames = [[ground + 60 * np.sin((x + 2 * t) / (9 + c)) for c in range(n_channels)] for t in range(n_frames)]
    return np.moveaxis(np.array(frames), 1, -1).round().astype(dtype)


def drawn(part: Part, index: int) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(part.blobs[index])))


def test_few_values_are_sent_as_they_are(tmp_path: Path) -> None:
    what, shown = comparison(tmp_path, smooth(20, 12, 15, 3))
    part = forecast_part(what, shown, what.leads_of(0, 1))
    assert what.exact and part.facts["form"] == "values" and len(part.blobs) == HORIZON
    assert part.blobs[2] == shown.forecast[2].tobytes()
    history = truth_part(what, what.leads_of(-1, -4))
    assert history.facts["first"] == -4 and history.blobs[-1] == what.series.frames[what.split.origin].tobytes()


@pytest.mark.parametrize("n_channels", [1, 2, 3, 4])
def test_the_preview_of_an_error_is_close_to_it(tmp_path: Path, n_channels: int) -> None:
    what, shown = comparison(tmp_path, smooth(20, 270, 260, n_channels))
    assert not what.exact
    part = error_part(what, shown, what.leads_of(0, 1))
    assert len(part.blobs) == CHUNK
    scale = part.facts["scales"][0]
    errors = shown.forecast[0].astype(float) - what.truth[0]
    assert scale == pytest.approx(ROOM * np.percentile(np.abs(shown.forecast.astype(float) - what.truth), 99.5), rel=0.1)
    levels = drawn(part, 0).reshape(270, 260, -1)
    for channel in range(min(n_channels, 3)):
        seen = (levels[..., channel].astype(float) - 128) / 127 * scale
        assert np.abs(seen - errors[..., channel]).mean() < 0.1 * scale / ROOM


@pytest.mark.parametrize("horizon", [1, 5, 12])
def test_every_lead_is_in_one_packet(tmp_path: Path, horizon: int) -> None:
    what, _ = comparison(tmp_path, smooth(20, 260, 270, 1), horizon)
    first = 1 - what.split.test.start
    leads = [lead for chunk in range(what.chunk_of(first), what.chunk_of(horizon) + 1) for lead in what.leads_of(chunk, first)]
    assert leads == list(range(first, horizon + 1))
    assert all(lead in what.leads_of(what.chunk_of(lead), first) for lead in leads)


def test_fifty_leads_of_full_size_are_sent_in_less_than_25_megabytes(tmp_path: Path) -> None:
    """One packet of each film, ten times; the values of the frame that rests; the observed frames before. Noise costs most."""
    frames = smooth(8, 785, 785, 3)
    noise = np.random.default_rng(0).normal(0, 4, frames.shape[1:])
    frames = np.stack([np.clip(frame + np.roll(noise, 7 * t, 1), 0, 255) for t, frame in enumerate(frames)]).astype(np.uint8)
    what, shown = comparison(tmp_path, frames, 5)
    leads = what.leads_of(0, 1)
    films = [truth_part(what, leads), forecast_part(what, shown, leads), error_part(what, shown, leads)]
    n_bytes = [sum(map(len, part.blobs)) for part in films]
    resting = sum(len(blob) for part in resting_parts(what, [shown], 1, None, None) for blob in part.blobs)
    assert 50 / CHUNK * sum(n_bytes) + 2 * n_bytes[0] + resting < 25e6


def test_samples_of_truth_and_forecast_are_the_same_valid_pixels(tmp_path: Path) -> None:
    valid = np.zeros((260, 270), bool)
    valid[40:200, 50:90] = True
    frames = smooth(20, 260, 270, 1)
    frames[:, ~valid] = 0
    what, shown = comparison(tmp_path, frames, valid=valid)
    parts = (truth_sample(what), forecast_sample(what, shown))
    truth, other = (np.frombuffer(part.blobs[0], part.facts["dtype"]).astype(float) for part in parts)
    assert truth.size == other.size > 1000 and truth.min() > 0
    errors = (shown.forecast.astype(float) - what.truth)[:, valid]
    assert np.percentile(np.abs(other - truth), 99) == pytest.approx(np.percentile(np.abs(errors), 99), rel=0.15)


def test_what_rests_is_sent_to_the_bit_and_may_be_dropped(tmp_path: Path) -> None:
    what, shown = comparison(tmp_path, smooth(20, 260, 270, 1, "uint16"))
    truth, forecast = resting_parts(what, [shown], 3, None, None)
    assert truth.blobs[0] == what.truth[2].tobytes() and forecast.blobs[0] == shown.forecast[2].tobytes()
    assert truth.facts["passing"] and not truth.facts["id"]
    assert len(resting_parts(what, [shown], 0, "all", None)) == 1  # an observed frame has no forecast


def test_the_map_of_ssim_has_the_ssim_as_its_mean() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 256, (2, 30, 40, 3)).astype(np.uint8)
    forecast = np.clip(truth + rng.normal(0, 30, truth.shape), 0, 255).astype(np.uint8)
    valid = np.ones((30, 40), bool)
    valid[8:14, 10:30] = False
    for mask in (None, valid):
        found = ssim_of_frame(forecast[1], truth[1], data_range=255, valid=mask)
        assert found.shape == truth.shape[1:] and np.isnan(found[:5]).all()
        assert np.nanmean(found) == pytest.approx(ssim(forecast, truth, data_range=255, valid=mask)[1], abs=1e-6)
    assert np.isfinite(ssim_of_frame(forecast[1, :4, :4], truth[1, :4, :4], data_range=255)).all()


def test_the_map_is_of_the_chosen_channel(tmp_path: Path) -> None:
    what, shown = comparison(tmp_path, smooth(20, 20, 24, 3))
    for channel in ("1", "luminance", "all"):
        part, few = ssim_parts(what, shown, channel, range(2, 3))
        unlike = np.frombuffer(part.blobs[0], "<f4")
        one, other = select(shown.forecast[1:2], channel), select(what.truth[1:2], channel)
        assert 1 - np.nanmean(unlike) == pytest.approx(ssim(one, other, data_range=255)[0], abs=1e-5)
        assert np.isfinite(np.frombuffer(few.blobs[0], "<f4")).all()


def test_of_four_channels_the_fourth_counts_as_in_the_scores(tmp_path: Path) -> None:
    what, shown = comparison(tmp_path, smooth(20, 20, 24, 4))
    part, _ = ssim_parts(what, shown, "all", range(2, 3))
    score = ssim(shown.forecast[1:2], what.truth[1:2], data_range=255)[0]
    assert 1 - np.nanmean(np.frombuffer(part.blobs[0], "<f4")) == pytest.approx(score, abs=1e-5)
    assert np.allclose(pixel_series(what.truth, (11, 4), "all"), what.truth[:, 4, 11].mean(axis=-1))


def test_a_pixel_is_read_over_time(tmp_path: Path) -> None:
    what, shown = comparison(tmp_path, smooth(20, 12, 15, 3))
    x, y = 11, 4
    assert np.array_equal(pixel_series(what.truth, (x, y), "2"), what.truth[:, y, x, 2])
    figure = pixel_chart(what, [shown], (x, y), "all", 3)
    truth, forecast = figure.data
    assert np.allclose(truth.y, what.series.frames[:, y, x].mean(axis=-1)) and truth.x[0] == 1
    assert truth.line.width >= 2 * forecast.line.width, "told apart also where a forecaster has nearly its colour"
    assert np.allclose(forecast.y, shown.forecast[:, y, x].mean(axis=-1)) and forecast.x[0] == what.split.test.start + 1


def test_a_rectangle_is_scored_as_a_frame_of_its_own_without_what_is_masked(tmp_path: Path) -> None:
    valid = np.ones((30, 40), bool)
    valid[:, 25:] = False
    what, shown = comparison(tmp_path, smooth(20, 30, 40, 1), valid=valid)
    scores = {curve.metric: curve.values for curve in region_scores(what, shown, (20, 3, 10, 8))}
    errors = (shown.forecast.astype(float) - what.truth)[:, 3:11, 20:25]
    assert np.allclose(scores["mse"], (errors**2).mean(axis=(1, 2, 3))) and len(scores["ssim"]) == HORIZON
    with pytest.raises(InputError):
        region_scores(what, shown, (26, 0, 5, 5))


def test_a_rule_forecasts_on_demand_what_a_run_would(tmp_path: Path) -> None:
    what, _ = comparison(tmp_path, smooth(30, 12, 15, 1))
    held = rule_forecast("persistence", what.series, what.split)
    assert held.shape == what.truth.shape and np.array_equal(held[-1], what.series.frames[what.split.origin])
    found = rule_forecast("climatology", what.series, what.split)
    assert found.dtype == np.uint8 and found.shape == what.truth.shape and not found.flags.writeable
    history = what.series.head(what.split.test.start)
    rule = FORECASTERS["climatology"].make(FORECASTERS["climatology"].configure(), Workbench())
    list(rule.fit(history, what.split))
    assert np.abs(found - rule.forecast(history.frames, len(found))).max() <= 0.5 + 1e-6


def test_what_differs_from_the_usual_settings_is_named_over_a_panel(tmp_path: Path) -> None:
    what, _ = comparison(tmp_path, smooth(20, 12, 15, 1))
    series = what.series
    record = plan(series, forecaster="unet", changes={"epochs": 3}, digest="x", device="cpu", split=what.split)
    assert "epochs 3" in key_settings(record) and "epochs" not in key_settings(what.run.record)


def test_of_two_budgets_the_one_that_decides_is_named_over_a_panel(tmp_path: Path) -> None:
    what, _ = comparison(tmp_path, smooth(20, 12, 15, 1))

    def said(**changes: float) -> str:
        return key_settings(
            plan(what.series, forecaster="unet", changes=changes, digest="x", device="cpu", split=what.split)
        )

    assert "time limit 20 s" in said(epochs=100_000, minutes=1 / 3) and "epochs" not in said(epochs=100_000, minutes=1 / 3)
    assert "step limit 50" in said(epochs=100_000, steps=50) and "epochs" not in said(epochs=100_000, steps=50)
    assert "epochs 3 · time limit 1 min 30 s" in said(epochs=3, minutes=1.5)
    assert "epochs 100,000" in said(epochs=100_000)
