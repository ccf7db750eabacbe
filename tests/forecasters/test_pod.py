"""Patterns and their rhythm: waves are forecast, nothing grows, and a part of the past is a part of the products."""

import numpy as np
import pytest

from framecast.forecasters.baselines import pod
from framecast.forecasters.baselines.dmd import STILL as NO_OSCILLATION
from framecast.forecasters.baselines.dmd import Dmd, DmdSettings, Oscillations
from framecast.forecasters.baselines.pod import Known, Modes, Weights, combined, products
from framecast.forecasters.baselines.pod_var import STILL, Autoregression, PodVar, PodVarSettings
from framecast.forecasters.hindcast import View
from framecast.series.frames import FrameSeries, Split

T, H = 160, 50
RULES = [(PodVar, PodVarSettings()), (Dmd, DmdSettings())]


def series(law: str, n_frames: int = T + H, side: int = 20) -> FrameSeries:
    t, y, x = np.ogrid[:n_frames, :side, :side]
    laws = {
        "travelling": np.sin(0.5 * x + 0.3 * y - 0.21 * t),
        "standing": np.sin(0.5 * x + 0.4) * np.cos(0.4 * y) * np.cos(0.17 * t),
        "two": 0.5 * np.sin(0.5 * x - 0.21 * t) + 0.5 * np.sin(0.4 * y + 0.13 * t + 1),
    }
    return FrameSeries(law, (100 + 80 * laws[law] + 0 * x)[..., None].astype(np.float32), (20.0, 180.0))


@pytest.mark.parametrize("law", ["travelling", "standing", "two"])
@pytest.mark.parametrize("kind, settings, off_by", [(*RULES[0], 8.0), (*RULES[1], 0.1)])  # a ridge pulls, oscillations do not
def test_waves_go_on_for_fifty_leads(kind: type, settings: object, off_by: float, law: str) -> None:
    whole = series(law)
    rule = kind(settings)
    for _ in rule.fit(whole.head(T), Split.of(T + H, H)):
        pass
    forecast = rule.forecast(whole.frames[:T], H)
    assert np.abs(forecast - whole.frames[T:]).max() < off_by  # of 160


@pytest.mark.parametrize("kind, choice", [(PodVar, Autoregression(4, 4, 0.1, 1.0)), (Dmd, Oscillations(4, 4, 6, 1.0))])
def test_what_explodes_in_the_past_does_not_in_the_forecast(kind: type, choice: object) -> None:
    t, _, x = np.ogrid[:60, :9, :11]
    frames = (np.exp(0.08 * t) * np.sin(0.5 * x + 0.3 * t))[..., None].astype(np.float32)
    forecast = kind.forecast_by(choice, frames, 400)
    assert np.isfinite(forecast).all()
    assert forecast.min() >= frames.min() and forecast.max() <= frames.max()


@pytest.mark.parametrize("kind, still", [(PodVar, STILL), (Dmd, NO_OSCILLATION)])
def test_without_patterns_the_last_frame_is_repeated(kind: type, still: object) -> None:
    frames = series("two", 30).frames
    np.testing.assert_array_equal(kind.forecast_by(still, frames, 3), np.repeat(frames[-1:], 3, axis=0))
    flat = np.full((30, 9, 9, 1), 7, np.float32)
    np.testing.assert_array_equal(PodVar.forecast_by(Autoregression(4, 2, 1.0, 1.0), flat, 3), flat[:3])


def test_no_more_patterns_are_told_than_frames_have() -> None:
    """As many as frames, but for their mean, where all have noise; and never more than are taken."""
    noisy = series("two", 120).frames + np.random.default_rng(0).normal(0, 0.3, (120, 20, 20, 1)).astype(np.float32)
    for n_frames, n_patterns in ((50, 49), (120, Known.MOST_MODES)):
        rule = PodVar(PodVarSettings())
        list(rule.fit(FrameSeries("noisy", noisy[:n_frames], (0.0, 200.0)), Split.of(n_frames + 5, 5)))
        rule._choice = Autoregression(300, 2, 1.0, 1.0)
        assert f"The {n_patterns} strongest patterns are forecast" in rule.finding()


def test_products_of_fewer_frames_are_a_part_of_those_of_more() -> None:
    frames = series("two", 40, 140).frames
    np.testing.assert_allclose(products(frames)[:25, :25], products(frames[:25]), rtol=1e-4, atol=1)


@pytest.mark.parametrize("kind, choice", [(PodVar, Autoregression(4, 4, 0.1, 0.9)), (Dmd, Oscillations(4, 4, 6, 0.9))])
def test_of_a_long_past_the_newest_frames_are_taken_apart(
    kind: type, choice: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the series began with them, in hindcasts too, whichever origin they look from."""
    monkeypatch.setattr(pod, "MOST_FRAMES", 40)
    frames = series("two", 100, 140).frames
    rule = kind(RULES[kind is Dmd][1])
    history = FrameSeries("two", frames, (20.0, 180.0))
    for _ in rule.fit(history, Split.of(112, 12)):
        pass
    view = View.of(history, 12)
    for n in (90, 30, 70):
        forecast = kind.forecast_by(choice, frames[:n], 12)
        if n > 40:
            of_newest = np.clip(kind.forecast_by(choice, frames[n - 40 : n], 12), frames[:n].min(), frames[:n].max())
            np.testing.assert_allclose(forecast, of_newest, atol=0.05)
        seen = rule.forecast_view_by(choice, frames[:n], 12, view)
        np.testing.assert_allclose(seen, view.patches(forecast[view.leads]), atol=1e-2)
    still = np.repeat(frames[89:90], 3, axis=0)
    np.testing.assert_array_equal(kind.forecast_by(STILL if kind is PodVar else NO_OSCILLATION, frames[:90], 3), still)


def test_weights_make_the_last_frame_where_nothing_is_missed() -> None:
    frames = series("two", 60).frames
    modes = Modes.of(products(frames), 8)
    weights = modes.weights(modes.coefficients[-1:], 1.0)
    np.testing.assert_allclose(weights.whole.sum(axis=1), 1)
    np.testing.assert_allclose(combined(frames, weights)[0], frames[-1], atol=1e-3)


def test_a_view_is_cut_from_the_whole_forecast() -> None:
    frames = series("two", 60, 150).frames
    view = View.of(FrameSeries("two", frames, (20.0, 180.0)), 12)
    known = Known(frames)
    by_chance = Weights(np.random.default_rng(0).dirichlet(np.ones(50), size=12), np.eye(50))
    future = np.random.default_rng(1).normal(size=(12, 8))
    of_modes = [known.modes(50).first(n_modes).weights(future[:, :n_modes], 0.9) for n_modes in (1, 2)]
    for weights in (by_chance, *of_modes, Weights.still(50, 12), by_chance):
        expected = view.patches(combined(frames[:50], weights)[view.leads])
        np.testing.assert_allclose(known.combined(50, weights, view), expected, atol=1e-3)


def test_frames_of_coefficients_are_mean_and_modes_and_what_they_miss_of_the_last_frame() -> None:
    """The formula, with each step taken on frames."""
    frames = series("two", 60).frames + np.random.default_rng(0).normal(0, 5, (60, 20, 20, 1)).astype(np.float32)
    modes = Modes.of(products(frames), 3)
    future = np.random.default_rng(1).normal(size=(4, 3))
    flat = frames.reshape(60, -1).astype(np.float64)
    patterns = modes.coefficients.T @ flat / 60
    missed = flat[-1] - flat.mean(axis=0) - modes.coefficients[-1] @ patterns
    expected = flat.mean(axis=0) + future @ patterns + 0.8 ** np.arange(1, 5)[:, None] * missed
    np.testing.assert_allclose(modes.weights(future, 0.8).whole @ flat, expected, atol=1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_frames_of_many_parts_are_summed_as_a_whole(dtype: str) -> None:
    generator = np.random.default_rng(0)
    past = generator.integers(0, 255, (9, 41, 113, 1)).astype(dtype)  # more than a part of values, and no whole number of them
    assert past[0].size > pod._SUMMED and past[0].size % pod._SUMMED
    rows = generator.random((4, 9))
    weights = Weights(rows / rows.sum(axis=1, keepdims=True), np.eye(9))
    summed = np.tensordot(weights.whole, past.astype(np.float64), axes=1)
    found = combined(past, weights)
    np.testing.assert_allclose(found, np.clip(summed, past.min(), past.max()), atol=1e-4)
    np.testing.assert_array_equal(combined(past, Weights.still(9, 2)), past[[-1, -1]].astype(np.float32))
