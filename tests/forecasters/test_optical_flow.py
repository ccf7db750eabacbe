"""Optical flow: finds a translation, goes on with it at native size, and stands still where nothing moves."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from framecast.forecasters.baselines.optical_flow import ILK, STILL, TVL1, Flow, OpticalFlow, OpticalFlowSettings, motion
from framecast.forecasters.hindcast import View
from framecast.series.frames import FrameSeries, Split


def drifting(velocity: tuple[int, int], n_frames: int = 40, side: int = 64, scale: float = 3.0) -> FrameSeries:
    """A texture that moves by whole pixels a frame, seen through a window."""
    reach = n_frames * max(map(abs, velocity)) + 2
    texture = gaussian_filter(np.random.default_rng(0).normal(size=(side + 2 * reach,) * 2), scale, mode="wrap")
    texture = 128 + 100 * texture / np.abs(texture).max()
    starts = [(reach - t * velocity[0], reach - t * velocity[1]) for t in range(n_frames)]
    frames = np.stack([texture[y : y + side, x : x + side] for y, x in starts])[..., None].astype(np.uint8)
    return FrameSeries("drift", frames, (0.0, 255.0))


@pytest.mark.parametrize("estimator", [ILK, TVL1])
@pytest.mark.parametrize("velocity", [(1, 2), (0, -1), (-2, 1)])
def test_a_translation_is_found_to_a_tenth_of_a_pixel(estimator: str, velocity: tuple[int, int]) -> None:
    found = motion(drifting(velocity).frames, estimator, 3, 0.0)
    middle = np.median(found[:, 16:-16, 16:-16], axis=(1, 2))
    np.testing.assert_allclose(middle, (-velocity[0], -velocity[1]), atol=0.1)  # where it came from


def fitted(series: FrameSeries, horizon: int, **settings: object) -> OpticalFlow:
    rule = OpticalFlow(OpticalFlowSettings(**settings))
    for _ in rule.fit(series, Split.of(series.n_frames + horizon, horizon)):
        pass
    return rule


@pytest.mark.parametrize("side", [64, 200])
def test_what_drifts_is_forecast_at_native_size(side: int) -> None:
    """200 pixels are more than motion is estimated on."""
    whole = drifting((1, 1), 46, side, scale=side / 20)
    history, horizon = whole.head(40), 6
    rule = fitted(history, horizon)
    assert rule.choice != STILL
    forecast = rule.forecast(history.frames, horizon)
    seen = np.s_[:, 10:-10, 10:-10]  # what has come in from beyond the border nobody knows
    error = np.abs(forecast[seen] - whole.frames[40:][seen]).mean()
    persistence = np.abs(history.frames[-1:][seen].astype(float) - whole.frames[40:][seen]).mean()
    assert error < 0.15 * persistence


def test_a_still_is_repeated_to_the_bit() -> None:
    frames = np.repeat(drifting((1, 1), 1).frames, 30, axis=0)
    rule = fitted(FrameSeries("still", frames, (0.0, 255.0)), 5)
    assert rule.choice == STILL
    np.testing.assert_array_equal(rule.forecast(frames, 5), frames[:5].astype(np.float32))


def test_a_view_is_cut_from_the_whole_forecast() -> None:
    history = drifting((1, 2), 20, 140)
    view = View.of(history, 8)
    flow = Flow(ILK, 2, 3.0, 0.95)
    assert not view.whole
    rule = OpticalFlow(OpticalFlowSettings())
    expected = view.patches(rule.forecast_by(flow, history.frames, 8)[view.leads])
    np.testing.assert_allclose(rule.forecast_view_by(flow, history.frames, 8, view), expected, atol=1e-4)


def test_nothing_leaves_the_values_of_the_last_frame() -> None:
    history = drifting((2, 3), 20)
    forecast = OpticalFlow.forecast_by(Flow(TVL1, 1, 0.0, 1.0), history.frames, 50)
    assert forecast.min() >= history.frames[-1].min() and forecast.max() <= history.frames[-1].max()
