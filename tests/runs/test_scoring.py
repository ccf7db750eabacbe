"""Forecasts of the same frames that are scored together have the scores that each has by itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from framecast.errors import InputError
from framecast.evaluation import scores as scores_module
from framecast.runs.forecasting import Scoring
from framecast.series.frames import Frames, FrameSeries

N_PAST, HORIZON = 12, 5


def moving(dtype: str = "uint8", *, masked: bool = False) -> FrameSeries:
    frames = np.random.default_rng(0).integers(0, 60, (20, 24, 31, 3)).astype(dtype)
    for t in range(20):
        frames[t, 4:12, t : t + 8] += 100
    valid = np.ones((24, 31), np.bool_)
    valid[:, :3] = False
    return FrameSeries("moving", frames, (0.0, 255.0), valid=valid if masked else None)


def told(series: FrameSeries, name: str, forecast: Frames) -> dict[str, bytes]:
    """What `score` itself says."""
    curves = scores_module.score(
        name,
        forecast,
        series.frames[N_PAST : N_PAST + HORIZON],
        origin=N_PAST - 1,
        data_range=series.data_range,
        valid=series.valid,
        last=series.frames[N_PAST - 1],
    )
    return {curve.metric: curve.values.tobytes() for curve in curves}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose forecasts were really scored."""
    names: list[str] = []
    original: Callable[..., Any] = scores_module.score

    def score(name: str, *given: Any, **choices: Any) -> Any:
        names.append(name)
        return original(name, *given, **choices)

    monkeypatch.setattr(scores_module, "score", score)
    return names


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_together_as_alone_to_the_bit(dtype: str, masked: bool) -> None:
    series = moving(dtype, masked=masked)
    last = series.frames[N_PAST - 1]
    nearly = np.repeat(last[None], HORIZON, axis=0)
    nearly[-1, -1, -1, -1] += 1
    forecasts = {"still": np.repeat(last[None], HORIZON, axis=0), "mean": nearly // 2, "nearly": nearly}
    forecasts["still, too"] = forecasts["still"].copy()
    scoring = Scoring(series, N_PAST, HORIZON)
    for name, forecast in forecasts.items():
        curves = scoring.score(name, forecast)
        assert {(curve.forecaster, curve.origin) for curve in curves} == {(name, N_PAST - 1)}
        assert {curve.metric: curve.values.tobytes() for curve in curves} == told(series, name, forecast)


def test_only_the_last_frame_at_every_lead_is_scored_once(asked: list[str]) -> None:
    series = moving()
    still = np.repeat(series.frames[N_PAST - 1 : N_PAST], HORIZON, axis=0)
    other = still.copy()
    other[-1, 0, 0, 0] += 1
    scoring = Scoring(series, N_PAST, HORIZON)
    for name, forecast in {"a": still, "b": other, "c": still, "d": other, "e": still}.items():
        scoring.score(name, forecast)
    assert asked == ["a", "b", "d"]


def test_one_that_cannot_be_scored_takes_no_other_down(asked: list[str]) -> None:
    series = moving()
    still = np.repeat(series.frames[N_PAST - 1 : N_PAST], HORIZON, axis=0)
    scoring = Scoring(series, N_PAST, HORIZON)
    with pytest.raises(InputError):
        scoring.score("short", still[:-1])
    assert len(scoring.score("whole", still)[0].values) == HORIZON
    with pytest.raises(InputError):
        scoring.score("short", still[:-1])
