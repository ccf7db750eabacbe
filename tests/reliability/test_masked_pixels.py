"""What lies under the mask enters no loss and no score: it is poisoned, once so and once otherwise, and nothing differs.

Frames of the store hold one constant there, the mean of the first frame. Here truth and forecast hold numbers that would drown
every other, or NaN where the code takes it.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from framecast.evaluation.health import examine
from framecast.metrics.contract import METRICS
from framecast.runs.experiment import carry_out, plan
from framecast.runs.store import RunStore
from framecast.series.derive import Recipe, derive
from framecast.series.frames import FrameSeries, Split
from framecast.series.store import SeriesStore
from framecast.training.loss import training_loss
from framecast.training.settings import TrainingSettings

N, HEIGHT, WIDTH, HORIZON = 48, 33, 40, 8
POISONS = (0.0, 1000.0, -1e6)
CONSTANTS = (500.0, 300.0, 700.0, 1e9, -1e9)
"""The last two are no value of a pixel with data, so the store keeps neither."""
MOVED_BY_THE_BORDER = ("local_law", "moving_objects", "optical_flow")
"""They look around each pixel, so what is beside the mask feels its border; what they say is scored all the same."""


def mask() -> np.ndarray:
    valid = np.ones((HEIGHT, WIDTH), bool)
    valid[:9, :12] = valid[20:24, 25:38] = False
    return valid


def clean() -> np.ndarray:
    """(time, height, width, 1) float32 in 0..1000: a wave with a period, and noise."""
    t, y, x = np.ogrid[:N, :HEIGHT, :WIDTH]
    noise = np.random.default_rng(0).normal(0, 20, (N, HEIGHT, WIDTH))
    wave = 500 + 300 * np.sin(2 * np.pi * t / 12 + 0.3 * x) * np.cos(0.2 * y)
    return np.clip(wave + noise, 0, 1000).astype(np.float32)[..., None]


def poisoned(poison: float) -> FrameSeries:
    frames = clean()
    frames[:, ~mask()] = poison
    return FrameSeries("poisoned", frames, (0.0, 1000.0), valid=mask())


@pytest.mark.parametrize("name", sorted(METRICS))
def test_no_metric_sees_them(name: str) -> None:
    frames, other = clean(), np.roll(clean(), 3, axis=0)
    last = frames[HORIZON].copy()
    scores = []
    for poison in (0.0, 1e30, np.nan):
        truth, forecast = frames[:HORIZON].copy(), other[:HORIZON].copy()
        truth[:, ~mask()], forecast[:, ~mask()], last[~mask()] = poison, -poison, 3 * poison
        scores.append(METRICS[name].function(forecast, truth, data_range=1000.0, valid=mask(), last=last))
    for score in scores[1:]:
        np.testing.assert_array_equal(score, scores[0])
    assert np.isfinite(scores[0]).all()


@pytest.mark.parametrize("weights", [{}, {"ssim_weight": 0.5}, {"gradient_weight": 0.5}], ids=str)
@pytest.mark.parametrize("loss", ["l1", "mse", "l1+mse", "half sum of squares"])
def test_no_loss_and_no_gradient_sees_them(loss: str, weights: dict[str, float]) -> None:
    settings = TrainingSettings(loss=loss, **weights)
    valid = torch.from_numpy(mask()).float()
    frames = torch.from_numpy(clean()[:4]).permute(0, 3, 1, 2)[None]
    found = []
    for poison in (*POISONS, np.nan, np.inf):
        truth = torch.where(valid > 0, frames, torch.full_like(frames, poison))
        start = torch.where(valid > 0, frames.flip(1), torch.full_like(frames, 3 * poison + 7))
        forecast = start.requires_grad_()
        value = training_loss(forecast, truth, settings, spread=torch.full((1, 1, 1), 300.0), data_range=1000.0, mask=valid)
        value.backward()
        assert forecast.grad is not None and not forecast.grad[..., valid == 0].any(), "what is masked teaches nothing"
        found.append((value.detach(), forecast.grad[..., valid > 0]))
    for value, gradient in found[1:]:
        assert torch.equal(value, found[0][0]) and torch.equal(gradient, found[0][1])


def run_of(series: FrameSeries, forecaster: str, workspace: Path) -> tuple[np.ndarray, dict[tuple[str, str], np.ndarray]]:
    """The forecast where there is data, and every score of the forecaster and of all simple rules."""
    workspace.mkdir()
    store = SeriesStore(workspace)
    stored = store.open(store.add("s", series.frames, value_range=series.value_range, valid=series.valid).digest)
    record = plan(stored, forecaster=forecaster, split=Split.of(N, n_test=HORIZON), device="cpu", n_threads=1)
    run = RunStore(workspace).create(record)
    list(carry_out(record, stored, run))
    scores = {(curve.forecaster, curve.metric): curve.values for curve in run.scores()}
    return np.array(run.forecast())[:, mask()], scores


def test_no_simple_rule_says_or_scores_anything_else(tmp_path: Path) -> None:
    runs = [run_of(poisoned(poison), "damped", tmp_path / str(index)) for index, poison in enumerate(CONSTANTS)]
    for forecast, scores in runs[1:]:
        np.testing.assert_allclose(forecast, runs[0][0], rtol=1e-6, atol=1e-3)
        assert scores.keys() == runs[0][1].keys() and len({name for name, _ in scores}) > 5
        for (name, metric), values in scores.items():
            if name not in MOVED_BY_THE_BORDER:
                np.testing.assert_allclose(values, runs[0][1][name, metric], rtol=1e-5, atol=1e-6, err_msg=f"{name} {metric}")


def test_what_is_stored_under_the_mask_is_between_what_is_seen(tmp_path: Path) -> None:
    """Also where a part is cut out that is far from the mean of the whole, and where numbers move under the mask."""
    store, frames = SeriesStore(tmp_path), clean()
    frames[:, :, 20:] += 1e6
    kept = frames.copy()
    frames[:, ~mask()] = np.random.default_rng(1).normal(0, 1e12, frames[:, ~mask()].shape)
    whole = store.add("s", frames, valid=mask())
    for recipe, x in ((Recipe(), slice(0, WIDTH)), (Recipe(crop=(0, 0, 18, HEIGHT)), slice(0, 18))):
        stored = whole if recipe.does_nothing else derive(store, whole.digest, recipe)
        found, valid = store.open(stored.digest).frames, mask()[:, x]
        hidden, seen = found[:, ~valid], kept[:, :, x][:, valid]
        np.testing.assert_array_equal(found[:, valid], seen)
        assert len(np.unique(hidden)) == 1 and seen[0].min() <= hidden.min() <= seen[0].max()


def test_the_health_report_says_nothing_else() -> None:
    reports = [examine(poisoned(poison)) for poison in POISONS]
    assert reports[1] == reports[0] and reports[2] == reports[0]


