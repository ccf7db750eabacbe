"""A member that cannot be trained costs an ensemble that member, and not hours of the others."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import DeviceMemoryError, DivergedError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.ensemble import Ensemble
from framecast.forecasters.network_fit import STAGE_CHOSEN
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.seeds import SEED_STEP
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.training.progress import FitProgress

SPLIT, SENTENCE = Split(range(14), range(14, 20), range(20, 24)), "The network of this test gave up."


def waves() -> FrameSeries:
    t, y, x = np.ogrid[:24, :16, :20]
    return FrameSeries("waves", (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None], (0.0, 255.0))


HISTORY, PAST = waves().head(20), waves().frames[:20]


def made(kind: str = "seeds", members: int = 3) -> Ensemble:
    changes = {"members": members, "kind": kind, "minutes": 0, "epochs": 2, "unroll": 1}
    found = FORECASTERS["ensemble"].make(FORECASTERS["ensemble"].configure(None, changes), Workbench())
    assert isinstance(found, Ensemble)
    return found


def let_fail(patch: pytest.MonkeyPatch, *failing: int, late: bool = False, error: type[Exception] = DivergedError) -> None:
    """The members of these numbers, from 1, fail at their first sign of life, or `late`, when they have been judged."""
    real = NetworkForecaster.fit

    def fit(self: NetworkForecaster, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        for progress in real(self, history, split):
            yield progress
            if 1 + self.workbench.seed // SEED_STEP in failing and (not late or progress.stage == STAGE_CHOSEN):
                raise error(SENTENCE)

    patch.setattr(NetworkForecaster, "fit", fit)


@pytest.fixture(scope="module")
def whole() -> Ensemble:
    ensemble = made()
    list(ensemble.fit(HISTORY, SPLIT))
    return ensemble


@pytest.mark.parametrize("error", [DivergedError, DeviceMemoryError])
@pytest.mark.parametrize("failing", [1, 2, 3])
@pytest.mark.parametrize("late", [False, True])
def test_a_member_that_fails_is_left_out_and_the_others_forecast_as_they_would(
    whole: Ensemble, failing: int, late: bool, error: type[Exception], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    let_fail(monkeypatch, failing, late=late, error=error)
    ensemble, fractions = made(), []
    for progress in ensemble.fit(HISTORY, SPLIT):
        fractions.append(progress.fraction)
        assert np.isfinite(ensemble.forecast(PAST, 2)).all(), "whoever leaves it at this moment has a forecast"
    assert ensemble.left_out == {f"Member {failing}": SENTENCE}
    assert "2 members, networks trained by themselves: on" in progress.finding
    assert f"Member {failing} was left out." in progress.finding
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    others = [one for number, one in enumerate(whole.forecast_members(PAST, 3), 1) if number != failing]
    for found, expected in zip(ensemble.forecast_members(PAST, 3), others, strict=True):
        np.testing.assert_array_equal(found, expected)
    judged = ensemble._judged
    assert judged is not None and whole._judged is not None and len(judged.members) == 2
    theirs = [one for number, one in enumerate(whole._judged.members, 1) if number != failing]
    for seen, expected in zip(judged.members, theirs, strict=True):
        np.testing.assert_array_equal(seen, expected)
    assert ensemble.spread_law(3) != whole.spread_law(3)
    ensemble.save(tmp_path)
    loaded = Ensemble.load(tmp_path)
    np.testing.assert_array_equal(loaded.forecast(PAST, 3), ensemble.forecast(PAST, 3))
    assert loaded.spread_law(3) == ensemble.spread_law(3)


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_left_after_that_it_goes_on_and_further_without_it(
    failing: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    let_fail(monkeypatch, failing)
    once = made()
    stages = [progress.stage for progress in once.fit(HISTORY, SPLIT)]
    told = [number for number, stage in enumerate(stages, 1) if stage.endswith("left out")]
    assert len(told) == (failing > 1), "as long as there is none that forecasts, nobody may leave"
    for number in {*range(1, len(stages) + 1, 3), *told}:
        first, again = made(), made()
        fit = first.fit(HISTORY, SPLIT)
        for _ in zip(range(number), fit, strict=False):
            pass
        (tmp_path / str(number)).mkdir()
        first.save_state(tmp_path / str(number))
        fit.close()  # type: ignore[attr-defined]
        again.resume(tmp_path / str(number))
        list(again.fit(HISTORY, SPLIT))
        assert again.left_out == once.left_out and again.spread_law(3) == once.spread_law(3)
        np.testing.assert_array_equal(again.forecast(PAST, 3), once.forecast(PAST, 3))
    monkeypatch.undo()
    (tmp_path / "end").mkdir()
    once.save_state(tmp_path / "end")
    further = made()
    further.resume(tmp_path / "end")
    further.extend("minutes", 3.0)
    assert further._further == ("minutes", 1.5), "shared by those that there are"
    further.extend("epochs", 3)
    *_, last = further.fit(HISTORY, SPLIT)
    assert " of 2 forecast the validation frames better" in last.finding and f"Member {failing} was left out." in last.finding
    assert further._judged is not None and len(further._judged.members) == 2


@pytest.mark.parametrize(("kind", "failing"), [("seeds", (1, 2, 3)), ("noise", (1,))])
@pytest.mark.parametrize("late", [False, True])
def test_where_none_is_left_the_run_ends_with_the_sentence(
    kind: str, failing: tuple[int, ...], late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_fail(monkeypatch, *failing, late=late)
    with pytest.raises(DivergedError, match=SENTENCE):
        list(made(kind).fit(HISTORY, SPLIT))


def test_a_member_whose_forecast_is_no_number_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    real = NetworkForecaster.forecast

    def forecast(self: NetworkForecaster, past: Frames, horizon: int, nudge: Frames | None = None) -> Frames:
        found = real(self, past, horizon, nudge)
        return np.full_like(found, np.nan) if self.workbench.seed == SEED_STEP else found

    monkeypatch.setattr(NetworkForecaster, "forecast", forecast)
    ensemble = made()
    list(ensemble.fit(HISTORY, SPLIT))
    assert "stopped being a number" in ensemble.left_out["Member 2"]
    assert np.isfinite(ensemble.forecast(PAST, 3)).all() and np.isfinite(ensemble.spread_law(3).reach).all()
