"""How predictable a series is called follows from its law."""

from dataclasses import replace

import numpy as np
import pytest

from framecast.evaluation.predictability import Predictability, predictability
from framecast.metrics.ssim import ssim
from framecast.series.frames import FrameSeries
from framecast.series.synthetic import SYNTHETIC


def law(name: str, n_frames: int = 120, size: int = 32) -> FrameSeries:
    return SYNTHETIC[name](n_frames, size)


def test_a_still_is_perfect_at_every_lead() -> None:
    found = predictability(law("still"))
    assert found.persistence == pytest.approx([1.0] * found.horizon) and "Nothing changes" in found.sentence()


def test_a_cycle_is_predictable_far_ahead_and_the_curve_returns() -> None:
    found = predictability(law("pulsating_cycle"), period=12)
    assert found.seasonal == pytest.approx([1.0] * found.horizon, abs=1e-6)
    assert found.persistence[11] == pytest.approx(1.0, abs=1e-6) and found.persistence[5] < 0.9
    assert "because it repeats every 12 frames" in found.sentence()


def test_noise_is_hardly_predictable() -> None:
    rng = np.random.default_rng(0)
    found = predictability(FrameSeries("noise", rng.integers(0, 255, (80, 32, 32, 1)).astype(np.uint8), (0.0, 255.0)))
    assert "Hardly predictable" in found.sentence()


def test_slow_change_and_fast_change_are_called_so() -> None:
    assert predictability(law("ramp")).sentence().startswith("Changes slowly")
    fast = predictability(law("drifting_texture", 60))
    assert fast.persistence[0] < 0.85 and fast.sentence().startswith("Changes fast")
    waves = predictability(law("travelling_waves")).sentence()
    assert waves.startswith("Near frames are easy") and "frames ahead on the average of the past" in waves


def test_one_frame_is_no_frames() -> None:
    """"from one frame ahead on", where the average is as good at once."""
    curves = {"persistence": (0.97, 0.93), "climatology": (0.98, 0.97), "seasonal": ()}
    said = Predictability(**curves, period=None, n_origins=3, height=9, width=7).sentence()
    assert "from one frame ahead on the average" in said and "1 frames" not in said


def test_the_scores_that_are_told_are_those_of_the_plot() -> None:
    falling = tuple(0.95 - 0.01 * lead for lead in range(20))
    below = tuple(one - 0.2 for one in falling)
    found = Predictability(falling, below, (), period=None, n_origins=3, height=9, width=7)
    assert "0.76 at 20 frames ahead" in found.sentence() and "the average of the past (0.56)" in found.sentence()
    high = tuple(one + 0.04 for one in falling)
    season = Predictability(falling, below, high, period=5, n_origins=3, height=9, width=7)
    assert "score an SSIM of 0.80, the last frame repeated 0.76" in season.sentence()


@pytest.mark.parametrize("depth", [0.05, 0.3])
def test_what_is_back_at_the_last_lead_has_not_changed_slowly(depth: float) -> None:
    """The horizon is one period, so that the last frame is itself again at its end."""
    swing = tuple(1 - depth * np.sin(np.pi * lead / 12) for lead in range(1, 13))
    facts = {"n_origins": 3, "height": 9, "width": 7}
    said = Predictability(swing, (0.5,) * 12, (1.0,) * 12, period=12, **facts).sentence()
    assert said.startswith("Predictable far ahead, because it repeats every 12 frames: at 6 frames ahead past cycles")
    assert f"score an SSIM of 1.00, the last frame repeated {1 - depth:.2f}." in said
    alone = Predictability(swing, (0.5,) * 12, (), period=None, **facts).sentence()
    assert f"{1 - depth:.2f} at 6 and 1.00 at 12 frames ahead" in alone
    assert alone.startswith("Comes and goes") == (depth > 0.1)


def test_the_average_is_said_to_be_as_good_only_where_it_is() -> None:
    facts = {"period": None, "n_origins": 3, "height": 9, "width": 7}
    swing = (0.9, 0.7, 0.4, 0.3, 0.4, 0.7, 0.8)
    said = Predictability(swing, (0.5,) * 7, (), **facts).sentence()
    assert "from 3 to 5 frames ahead the average of the past is as good." in said
    again = Predictability((*swing, 0.45, 0.4), (0.5,) * 9, (), **facts).sentence()
    assert "from 8 frames ahead on the average of the past (0.50) is as good." in again


def test_one_frame_ahead_is_told_once_where_it_is_all_there_is() -> None:
    one = Predictability((0.95,), (0.6,), (), period=None, n_origins=2, height=9, width=7)
    assert "0.95 at one frame ahead, so little" in one.sentence() and one.sentence().count("0.95") == 1


def test_frames_that_do_not_belong_change_nothing() -> None:
    series = law("pulsating_cycle")
    spoilt = series.frames.copy()
    spoilt[[70, 71, 100]] = 255
    whole = predictability(series, period=12)
    found = predictability(FrameSeries("spoilt", spoilt, series.value_range), period=12, without={70, 71, 100})
    assert np.allclose(found.seasonal, whole.seasonal, atol=1e-6)
    assert np.allclose(found.persistence, whole.persistence, atol=0.08)
    assert np.min(predictability(FrameSeries("spoilt", spoilt, series.value_range), period=12).seasonal) < 0.9


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [2.0**-120, 2.0**127])
def test_numbers_at_the_ends_of_float32_are_as_predictable_as_others(scale: float) -> None:
    series = law("moving_blob")
    near = predictability(replace(series, frames=series.frames.astype(np.float32) / 255, value_range=(0.0, 1.0)))
    scaled = series.frames.astype(np.float32) / 255 * np.float32(scale)
    far = predictability(replace(series, frames=scaled, value_range=(0.0, scale)))
    assert far.persistence == pytest.approx(near.persistence, abs=1e-4)
    assert far.climatology == pytest.approx(near.climatology, abs=1e-4)


def test_small_frames_are_scored_as_they_are() -> None:
    """Where there is one origin, the curve is the metric's own."""
    series = law("moving_blob", 3, 24)
    found = predictability(series)
    expected = ssim(series.frames[1:2].astype(np.float32), series.frames[2:].astype(np.float32), data_range=255.0)
    assert (found.n_origins, found.horizon) == (1, 1) and found.persistence[0] == pytest.approx(expected[0])


def test_a_mask_keeps_its_filling_out() -> None:
    series = law("travelling_waves", 60)
    valid = np.ones((32, 32), bool)
    valid[:, :14] = False
    frames = series.frames.copy()
    frames[:, :, :14] = np.random.default_rng(0).integers(0, 255, frames[:, :, :14].shape)
    quiet = series.frames.copy()
    quiet[:, :, :14] = 7
    noisy, still = (
        predictability(FrameSeries("masked", one, series.value_range, valid=valid)) for one in (frames, quiet)
    )
    assert noisy.persistence == pytest.approx(still.persistence)


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (3, 5, 400, 3), (12, 2, 2, 4)], ids=str)
def test_any_series_has_an_answer_that_survives_json(shape: tuple[int, ...]) -> None:
    frames = np.random.default_rng(0).random(shape).astype(np.float32)
    found = predictability(FrameSeries("a", frames, (0.0, 1.0)), period=2 if shape[0] > 5 else None)
    assert Predictability.from_mapping(found.to_mapping()) == found
    assert np.isfinite(found.persistence).all() and found.sentence().endswith(".")
