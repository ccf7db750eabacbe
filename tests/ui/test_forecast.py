"""The forecast beyond the last frame begins with what was observed, and its film runs as the series did."""

from datetime import timedelta

import pytest

from framecast.export.kinds import film_rate
from framecast.ui.beyond import player_captions


def test_the_player_begins_with_the_last_observed_frame() -> None:
    assert player_captions(64, 2) == ["Observed, frame 64", "Forecast +1 (frame 65)", "Forecast +2 (frame 66)"]


@pytest.mark.parametrize(("seconds", "rate"), [(0.04, 25.0), (1.0, 1.0), (3600.0, 10.0), (0.001, 10.0)])
def test_a_film_runs_at_the_speed_of_the_series_where_it_can_be_watched(seconds: float, rate: float) -> None:
    assert film_rate(timedelta(seconds=seconds)) == pytest.approx(rate)
    assert film_rate(None) == 10.0
