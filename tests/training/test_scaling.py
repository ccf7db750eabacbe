import numpy as np
import pytest

from framecast.training.scaling import Scaler


def test_scaler_measures_mean_and_spread_per_channel_even_far_from_zero() -> None:
    rng = np.random.default_rng(0)
    frames = (1e5 + rng.normal([0.0, 5.0], [1.0, 3.0], size=(20, 30, 40, 2))).astype(np.float32)
    scaler = Scaler.fit(frames)
    assert scaler.mean == pytest.approx(frames.astype(np.float64).mean(axis=(0, 1, 2)), rel=1e-9)
    assert scaler.spread == pytest.approx(frames.astype(np.float64).std(axis=(0, 1, 2)), rel=1e-6)


def test_masked_pixels_do_not_count_and_a_constant_channel_keeps_spread_one() -> None:
    frames = np.zeros((3, 4, 4, 1), np.uint8)
    frames[:, 0, 0] = 200
    valid = np.ones((4, 4), bool)
    valid[0, 0] = False
    assert Scaler.fit(frames, valid) == Scaler(mean=(0.0,), spread=(1.0,))


def test_without_normalising_the_network_sees_units() -> None:
    frames = np.full((2, 3, 3, 3), 77, np.uint8)
    assert Scaler.fit(frames, normalise=False) == Scaler(mean=(0.0,) * 3, spread=(1.0,) * 3)
