"""Networks that were saved by an earlier state of the program load, and forecast what they forecast then.

`kept_weights` holds four small networks as they were saved at commit 0756232, before cells took their input convolutions of
all frames in one call and depthwise layers got a way of their own: each fitted in three steps (rate 0.01, context 4, seed 3)
on the first 12 of the frames below, with every second row and column of what it then forecast.
"""

from pathlib import Path

import numpy as np
import pytest

from framecast.forecasters.network_forecaster import NetworkForecaster

KEPT = Path(__file__).parent / "kept_weights"
t, y, x = np.mgrid[:12, :16, :16]
SEEN = (120 + 80 * np.sin((x + t) / 3) * np.cos((y - t) / 4)).astype(np.uint8)[..., None]


@pytest.mark.parametrize("name", sorted(folder.name for folder in KEPT.iterdir()))
def test_an_old_network_forecasts_as_it_did(name: str) -> None:
    forecast = NetworkForecaster.load(KEPT / name).forecast(SEEN, 4)[:, ::2, ::2, 0]
    then = np.load(KEPT / name / "forecast.npy")
    still = SEEN[-1:, ::2, ::2, 0]
    assert np.abs(then - still).max() > 0.1, "weights that change nothing would prove nothing"
    assert np.abs(forecast - then).max() < 1e-3
