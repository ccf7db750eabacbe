"""An ensemble that has ended goes further as each of its networks by itself would, and is judged by what it says since."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ExtensibleForecaster, Workbench
from framecast.forecasters.ensemble import Ensemble
from framecast.forecasters.ensemble_settings import PASSED_ON
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.series.frames import FrameSeries, Split
from framecast.training.progress import FitProgress

SPLIT = Split(range(14), range(14, 20), range(20, 24))
KIND = FORECASTERS["ensemble"]


def waves() -> FrameSeries:
    t, y, x = np.ogrid[:24, :16, :20]
    return FrameSeries("waves", (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None], (0.0, 255.0))


HISTORY, PAST = waves().head(20), waves().frames[:20]


def made(kind: str, state: Path | None = None, *further: object) -> Ensemble:
    changes = {"members": 2, "kind": kind, "minutes": 0, "epochs": 2, "unroll": 1}
    found = KIND.make(KIND.configure(None, changes), Workbench())
    assert isinstance(found, Ensemble) and isinstance(found, ExtensibleForecaster)
    if state is not None:
        found.resume(state)
    if further:
        found.extend(*further)  # type: ignore[arg-type]
    return found


def kept(ensemble: ExtensibleForecaster, folder: Path) -> Path:
    folder.mkdir()
    ensemble.save_state(folder)
    return folder


@pytest.fixture(scope="module", params=["seeds", "noise"])
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, Ensemble]:
    ensemble = made(request.param)
    list(ensemble.fit(HISTORY, SPLIT))
    return request.param, kept(ensemble, tmp_path_factory.mktemp("ended") / "state"), ensemble


def rows(steps: Sequence[FitProgress]) -> list[tuple[object, ...]]:
    return [
        (one.stage, one.epoch, one.step, one.train_loss, tuple(one.valid_scores.items()), one.learning_rate)
        for one in steps
        if one.epoch_done or one.valid_scores
    ]


def test_each_network_goes_further_as_it_would_by_itself(ended: tuple[str, Path, Ensemble], tmp_path: Path) -> None:
    kind, state, before = ended
    further = made(kind, state, "epochs", 3)
    list(further.fit(HISTORY, SPLIT))
    alone = []
    for number in range(2 if kind == "seeds" else 1):
        changes = {**{name: getattr(further.settings, name) for name in PASSED_ON}, "minutes": 0.0}
        one, again = (
            FORECASTERS["unet"].make(FORECASTERS["unet"].configure(None, changes, SPLIT), Workbench(seed=1000 * number))
            for _ in range(2)
        )
        assert isinstance(one, NetworkForecaster) and isinstance(again, NetworkForecaster)
        list(one.fit(HISTORY, SPLIT))
        again.resume(kept(one, tmp_path / str(number)))
        again.extend("epochs", 3)
        list(again.fit(HISTORY, SPLIT))
        alone.append(again.forecast(PAST, 3))
    if kind == "seeds":
        for member, one in zip(further.forecast_members(PAST, 3), alone, strict=True):
            np.testing.assert_array_equal(member, one)
    assert not np.array_equal(further.forecast(PAST, 3), before.forecast(PAST, 3)), "so few epochs leave much to learn"
    assert further.spread_law(3) != before.spread_law(3)


def test_it_is_judged_by_what_its_networks_say_before_they_see_the_validation_frames(
    ended: tuple[str, Path, Ensemble],
) -> None:
    """so that frames which they were then trained on do not make it too sure."""
    kind, state, _ = ended
    further = made(kind, state, "epochs", 3)
    past, said = waves().frames[:14], dict[int, list[np.ndarray]]()
    n_members = 0
    for progress in further.fit(HISTORY, SPLIT):
        if progress.stage.lower().endswith("chosen by validation"):
            index = int(progress.stage.split()[1]) - 1 if kind == "seeds" else 0
            said[index] = list(further.forecast_members(past, 6))[index : index + 1 if kind == "seeds" else None]
            n_members += len(said[index])
    judged = further._judged
    assert judged is not None and n_members == len(judged.members) == 2
    for one, forecast in zip(judged.members, [one for index in sorted(said) for one in said[index]], strict=True):
        np.testing.assert_array_equal(one, judged._sampled(forecast))


def test_it_can_be_left_anywhere_and_goes_on_to_the_bit_and_further_again(
    ended: tuple[str, Path, Ensemble], tmp_path: Path
) -> None:
    kind, state, before = ended
    once = made(kind, state, "epochs", 2)
    steps = list(once.fit(HISTORY, SPLIT))
    assert [one.fraction for one in steps] == sorted(one.fraction for one in steps) and steps[-1].fraction == 1.0
    for n_yields in range(1, len(steps) + 1, 2):
        first = made(kind, state, "epochs", 2)
        fit = first.fit(HISTORY, SPLIT)
        came = [progress for _, progress in zip(range(n_yields), fit, strict=False)]
        if n_yields == 1:
            np.testing.assert_array_equal(first.forecast(PAST, 3), before.forecast(PAST, 3))
        left = kept(first, tmp_path / str(n_yields))
        fit.close()  # type: ignore[attr-defined]
        assert np.isfinite(first.forecast(PAST, 3)).all()
        again = made(kind, left)
        assert rows([*came, *again.fit(HISTORY, SPLIT)]) == rows(steps), f"left after {n_yields} of {len(steps)}"
        np.testing.assert_array_equal(again.forecast(PAST, 3), once.forecast(PAST, 3))
        assert again.spread_law(3) == once.spread_law(3)
    assert not KIND.why_not_further(kept(once, tmp_path / "end"))
    twice = list(made(kind, tmp_path / "end", "steps", 4).fit(HISTORY, SPLIT))
    assert "trained 4 steps further" in twice[-1].finding


def test_what_is_not_better_stays_and_the_words_say_so(
    ended: tuple[str, Path, Ensemble], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, state, before = ended
    further = made(kind, state, "minutes", 0.02)
    monkeypatch.setattr("framecast.training.loop.Best.keep", lambda self, *found: None)  # nothing is ever the best
    last = list(further.fit(HISTORY, SPLIT))[-1]
    np.testing.assert_array_equal(further.forecast(PAST, 3), before.forecast(PAST, 3))
    assert further.spread_law(3) == before.spread_law(3)
    assert ("0 of 2" in last.finding) == (kind == "seeds") and ("did not get better" in last.finding) == (kind == "noise")


def test_a_state_of_before_members_were_kept_is_told_apart(ended: tuple[str, Path, Ensemble], tmp_path: Path) -> None:
    kind, _, before = ended
    state = kept(before, tmp_path / "state")
    (state / "member_1" / "fit.json").unlink()
    assert KIND.why_not_further(state)
    again = made(kind, state)
    list(again.fit(HISTORY, SPLIT))
    np.testing.assert_array_equal(again.forecast(PAST, 3), before.forecast(PAST, 3))
