"""Optical flow: a translated blob is found to a tenth of a pixel and carried on sharp; what does not move stays as it is."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from framecast.forecasters.baselines.motion import (
    ESTIMATORS,
    LONGEST,
    joint_motion,
    mean_motion,
    small_frames,
    smoothed,
    trajectories,
)
from framecast.forecasters.baselines.optical_flow import LAST_FRAME, Flow, OpticalFlow, OpticalFlowSettings
from framecast.forecasters.hindcast import Hindcast, View
from framecast.metrics.contract import METRICS
from framecast.series.frames import FrameSeries, Split


def drifting(n_frames=21, shape=(64, 72), velocity=(0.6, -1.1), dtype="uint8", channels=1, scale=3):
    """A random texture carried along: content at x was at x - velocity one frame earlier."""
    rng = np.random.default_rng(4)
    margin = 76
    wide = rng.normal(size=(shape[0] + 2 * margin, shape[1] + 2 * margin, channels))
    wide = gaussian_filter(wide, (scale, scale, 0))
    wide = (wide - wide.min()) / np.ptp(wide)
    y, x = np.mgrid[: shape[0], : shape[1]] + float(margin)
    top = {"uint8": 255, "uint16": 65535, "float32": 1.0}[dtype]
    frames = np.empty((n_frames, *shape, channels), dtype)
    for t in range(n_frames):
        at = [y - velocity[0] * t, x - velocity[1] * t]
        moved = np.stack([map_coordinates(wide[..., c], at, order=3) for c in range(channels)], axis=-1)
        frames[t] = np.clip(moved, 0, 1) * top
    return FrameSeries("drifting", frames, (0.0, float(top)))


def motion(frames, estimator):
    small = small_frames(frames)
    return joint_motion(small, 4.0) if estimator == "joint" else smoothed(mean_motion(small, estimator), 2.0)


def fitted(series, n_test=5, **settings):
    rule = OpticalFlow(OpticalFlowSettings(**settings))
    split = Split.of(series.n_frames, n_test=n_test)
    said = [progress.finding for progress in rule.fit(series.head(split.test.start), split)]
    return rule, split, said


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("velocity", [(0.6, -1.1), (-2.7, 0.0), (0.2, 3.4)])
def test_the_motion_of_a_texture_is_found_to_a_tenth_of_a_pixel(estimator, velocity):
    found = motion(drifting(5, velocity=velocity).frames, estimator)[:, 15:-15, 15:-15]
    expected = -np.array(velocity)  # backward
    assert np.abs(np.median(found, axis=(1, 2)) - expected).max() < 0.1
    assert np.abs(found.mean(axis=(1, 2)) - expected).max() < 0.1


def blob(n_frames=18, shape=(300, 400), velocity=(3.0, 5.0), start=(60.0, 70.0), radius=18.0):
    y, x = np.ogrid[: shape[0], : shape[1]]
    frames = np.empty((n_frames, *shape, 1), np.uint8)
    for t in range(n_frames):
        distance = (y - start[0] - velocity[0] * t) ** 2 + (x - start[1] - velocity[1] * t) ** 2
        frames[t, ..., 0] = 255 * np.exp(-distance / (2 * radius**2))
    return FrameSeries("blob", frames, (0.0, 255.0))


def test_a_blob_is_carried_on_at_native_size_by_a_motion_found_small():
    series = blob()
    rule, split, said = fitted(series)
    assert rule.choice != LAST_FRAME and "The last frame is carried on by" in said[0]
    forecast = rule.forecast(series.frames[: split.test.start], 5)
    for lead, truth in enumerate(series.frames[split.test.start :]):
        centres = [
            np.average(np.indices(frame.shape[:2]).reshape(2, -1), axis=1, weights=frame.astype(np.float64).ravel())
            for frame in (forecast[lead], truth)
        ]
        assert np.abs(centres[0] - centres[1]).max() < 0.1 * 3.2 * (lead + 1), "a tenth of a pixel of the small grid a frame"
    assert METRICS["ssim"].function(forecast, series.frames[split.test.start :], data_range=255.0).min() > 0.98


@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 3), ("uint16", 1), ("float32", 4)])
def test_a_drift_is_forecast_better_than_by_the_last_frame_and_as_sharp(dtype, channels):
    series = drifting(dtype=dtype, channels=channels)
    rule, split, _ = fitted(series)
    past, truth = series.frames[: split.test.start], series.frames[split.test.start :]
    forecast = rule.forecast(past, 5)
    inside = np.s_[:, 10:-10, 10:-10]
    error = np.abs(forecast[inside] - truth[inside].astype(np.float32)).mean()
    still = np.abs(truth[inside].astype(np.float32) - past[-1:, 10:-10, 10:-10]).mean()
    assert error < 0.1 * still
    assert forecast[-1][10:-10, 10:-10].std() > 0.97 * truth[-1][10:-10, 10:-10].std(), "sampled once, so not blurred"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_still_stays_still_to_the_bit(dtype):
    still = np.repeat(drifting(1, dtype=dtype, channels=3).frames, 20, axis=0)
    rule, _, said = fitted(FrameSeries("still", still, (0.0, 1.0)))
    assert rule.choice == LAST_FRAME and "the last frame is forecast" in said[0]
    for estimator in ESTIMATORS:
        forecast = OpticalFlow.forecast_by(Flow(estimator, 3, 2.0, 1.0), still, 5)
        np.testing.assert_array_equal(forecast, still[:5].astype(np.float32))


def test_noise_is_not_carried_about():
    frames = np.random.default_rng(0).integers(0, 255, (20, 40, 40, 1)).astype(np.uint8)
    rule, split, _ = fitted(FrameSeries("noise", frames, (0.0, 255.0)))
    assert np.isfinite(rule.forecast(frames[: split.test.start], 5)).all()


def test_a_turning_field_leads_round_the_circle():
    y, x = np.mgrid[:65, :65] - 32.0
    angle = 2 * np.pi / 60
    backward = np.stack([np.cos(angle) * y - np.sin(angle) * x - y, np.sin(angle) * y + np.cos(angle) * x - x])
    ways = list(trajectories(backward, range(1, 61)))
    inside = y**2 + x**2 < 30**2
    assert np.abs(ways[-1][:, inside]).max() < 1e-6, "after a whole turn everything is back"
    np.testing.assert_allclose(ways[29][:, inside], np.stack([-2 * y, -2 * x])[:, inside], atol=1e-6)


def test_damped_motion_stops_where_the_sum_of_its_steps_ends():
    field = np.broadcast_to(np.array([1.5, -2.0])[:, None, None], (2, 9, 9))
    times = [sum(0.5**k for k in range(lead + 1)) for lead in range(40)]
    *_, last = trajectories(field, times)
    np.testing.assert_allclose(last, 2 * field)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_view_sees_what_the_whole_forecast_says(estimator):
    series = blob()
    view = View.of(series, 12)
    assert not view.whole
    flow = Flow(estimator, 2, 2.0, 0.9)
    rule = OpticalFlow(OpticalFlowSettings())
    expected = view.patches(OpticalFlow.forecast_by(flow, series.frames, 12)[view.leads])
    np.testing.assert_allclose(rule.forecast_view_by(flow, series.frames, 12, view), expected, atol=0.01)


@pytest.mark.parametrize("shape", [(1, 40, 1), (40, 3, 3), (1, 1, 1), (8, 8, 1), (9, 200, 4)])
@pytest.mark.parametrize("n_past", [1, 2, 5])
def test_pasts_and_frames_of_any_size_are_served(shape, n_past):
    past = np.random.default_rng(0).integers(0, 255, (n_past, *shape)).astype(np.uint8)
    for estimator in ESTIMATORS:
        forecast = OpticalFlow.forecast_by(Flow(estimator, 6, 2.0, 1.0), past, 4)
        assert forecast.shape == (4, *shape) and np.isfinite(forecast).all()
    assert past.min() <= forecast.min() and forecast.max() <= past.max()


def test_what_was_asked_for_is_not_chosen_anew():
    series = drifting(20, shape=(20, 24))
    rule, _, _ = fitted(series, estimator="ILK", n_pairs=2, damping=1.0)
    assert (rule.choice.estimator, rule.choice.n_pairs, rule.choice.damping) == ("ILK", 2, 1.0)


def test_what_was_found_is_told_in_words():
    def told(*flow):
        rule = OpticalFlow(OpticalFlowSettings())
        rule._choice, rule._hindcast = Flow(*flow), Hindcast((), (9,), np.zeros((0, 1)))
        return rule.finding()

    carried = "The last frame is carried on by"
    assert told("joint", 10, 4.0, 1.0) == f"{carried} one steady motion, fitted to the last 10 steps between frames."
    assert told("ILK", 1, 4.0, 1.0) == f"{carried} its motion, that of the last step between frames (ILK)."
    slower = "the mean of the last 6 steps between frames (TV-L1), 90% of its speed left from frame to frame"
    assert told("TV-L1", 6, 4.0, 0.9) == f"{carried} its motion, {slower}."
    assert told("none", 1, 0.0, 1.0).startswith("No motion was found")


@pytest.mark.parametrize("length", [8 * LONGEST - 1, 8 * LONGEST + 1])
def test_what_is_so_long_that_one_row_is_searched_forecasts_the_last_frame(length):
    y, x = np.ogrid[:8, :length]
    wave = np.stack([np.sin(0.01 * x + 0.3 * y - 0.2 * t) for t in range(3)])[..., None].astype(np.float32)
    assert (OpticalFlow(OpticalFlowSettings()).candidates(FrameSeries("wave", wave, (-1.0, 1.0))) == [LAST_FRAME]) == (
        length > 8 * LONGEST
    )
    for estimator in ESTIMATORS:
        forecast = OpticalFlow.forecast_by(Flow(estimator, 1, 4.0, 1.0), wave, 1)
        assert np.isfinite(forecast).all() and np.array_equal(forecast[0], wave[-1]) == (length > 8 * LONGEST)
