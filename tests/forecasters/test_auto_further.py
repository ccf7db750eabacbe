"""Auto that has ended goes further: by the same origins, from where its networks ended, and never to something worse."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import DivergedError
from framecast.forecasters.auto import Auto
from framecast.forecasters.auto_settings import AutoSettings
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ExtensibleForecaster, Workbench
from framecast.forecasters.fold import LENGTHS
from framecast.series.frames import FrameSeries, Split
from framecast.training.progress import FitProgress

SPLIT = Split.of(20, 4, 0)
KIND = FORECASTERS["auto"]


def waves() -> FrameSeries:
    """12 x 13 float32: a wave that travels, of which no rule that is tried here can tell how."""
    t, y, x, _ = np.ogrid[:20, :12, :13, :1]
    noise = np.random.default_rng(0).normal(0, 0.02, (20, 12, 13, 1))
    frames = 0.5 + 0.3 * np.sin(2 * np.pi * (t / 5 + 0.08 * x + 0.05 * y)) + noise
    return FrameSeries("waves", frames.astype(np.float32), (0.0, 1.0))


HISTORY, PAST = waves().head(16), waves().frames[:16]


@pytest.fixture(scope="module", autouse=True)
def two_rules_and_networks_that_count() -> Iterator[None]:
    """Rules are as they were when it goes further, and two of them show that as well as nine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("framecast.forecasters.auto_fit.LEAST_WEIGHT", -1.0)
        patch.setattr("framecast.forecasters.blend._STEPS", 30)  # weights are chosen at every return, which takes longest
        few = {name: FORECASTERS[name] for name in ("persistence", "climatology", "auto", "unet", "advect")}
        patch.setattr(FORECASTERS, "_entries", few)
        yield


def made(state: Path | None = None, *further: object, minutes: float = 0.0, clock: Callable[[], float] | None = None) -> Auto:
    bench, settings = Workbench(seed=3), AutoSettings(minutes=minutes, epochs=4, networks="two", seeds=2)
    found = Auto(settings, bench, clock=clock) if clock else Auto(settings, bench)
    assert isinstance(found, ExtensibleForecaster)
    if state is not None:
        found.resume(state)
    if further:
        found.extend(*further)  # type: ignore[arg-type]
    return found


def kept(auto: Auto, folder: Path) -> Path:
    folder.mkdir()
    auto.save_state(folder)
    return folder


def row(one: FitProgress) -> tuple[object, ...]:
    return one.stage, one.epoch, one.step, one.train_loss, tuple(one.valid_scores.items())


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Auto]:
    auto = made()
    list(auto.fit(HISTORY, SPLIT))
    return kept(auto, tmp_path_factory.mktemp("auto") / "state"), auto


@pytest.fixture(scope="module")
def further(ended: tuple[Path, Auto]) -> tuple[Auto, list[FitProgress]]:
    auto = made(ended[0], "epochs", 6)
    return auto, list(auto.fit(HISTORY, SPLIT))


def test_networks_go_further_from_where_they_ended_first_on_the_fold(
    ended: tuple[Path, Auto], further: tuple[Auto, list[FitProgress]]
) -> None:
    (_, before), (after, steps) = ended, further
    assert before._fit is not None and after._fit is not None
    for name, fold in after._fit.folds.items():
        first = before._fit.folds[name].steps_of(LENGTHS[-1])
        longest = [moment.n_steps for moment in fold.hindcast(1).candidates if moment.further == 1]
        assert longest and {first // 2 * (2 + 6)} == set(longest), "two epochs, and six more"
        old, new = before._fit.folds[name], [one for one in fold.hindcast(0).candidates]
        assert new == list(old.hindcast(0).candidates), "what was seen before still counts"
    stages = list(dict.fromkeys(one.stage for one in steps))
    assert sum("further on earlier frames" in stage for stage in stages) == 2
    assert "It was trained 6 epochs further: the mean SSIM of the blend" in steps[-1].finding
    assert any("further on all history" in stage for stage in stages)
    assert [one.fraction for one in steps] == sorted(one.fraction for one in steps) and steps[-1].fraction == 1.0
    assert not np.array_equal(after.forecast(PAST, 4), before.forecast(PAST, 4))


def test_on_all_history_they_go_further_in_the_same_proportion(
    ended: tuple[Path, Auto], further: tuple[Auto, list[FitProgress]]
) -> None:
    first, second = ({one.name: one for one in auto._fit.state.refitted} for auto in (ended[1], further[0]) if auto._fit)
    redone = 0
    for name, one in second.items():
        old, moment = first[name], one.moment
        assert moment is not None and old.moment is not None
        if moment.further:
            redone += 1
            ratio = moment.n_steps / old.moment.n_steps
            assert one.forecaster.course.ended_step == pytest.approx(old.forecaster.course.ended_step * ratio, abs=1)
    assert redone


def test_until_all_is_trained_the_old_blend_forecasts_and_it_is_kept_where_nothing_is_better(
    ended: tuple[Path, Auto], monkeypatch: pytest.MonkeyPatch
) -> None:
    state, before = ended
    auto, old = made(state, "epochs", 6), before.forecast(PAST, 4)
    steps = auto.fit(HISTORY, SPLIT)
    for progress in steps:
        if "on all history" in progress.stage:
            break
        np.testing.assert_array_equal(auto.forecast(PAST, 4), old)
    steps.close()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(auto.forecast(PAST, 4), old)
    monkeypatch.setattr("framecast.forecasters.auto_further.LEAST_GAIN", 1.0)
    auto = made(state, "epochs", 1)
    last = list(auto.fit(HISTORY, SPLIT))[-1]
    np.testing.assert_array_equal(auto.forecast(PAST, 4), old)
    assert "trained 1 epoch further, and nothing forecast the earlier frames better" in last.finding


def test_left_again_and_again_it_goes_on_to_the_bit_and_can_go_further_once_more(
    ended: tuple[Path, Auto], further: tuple[Auto, list[FitProgress]], tmp_path: Path
) -> None:
    once, steps = further
    dice, came, n_left = np.random.default_rng(2), [], 0
    auto, done = made(ended[0], "epochs", 6), False
    while not done:
        fit, most = auto.fit(HISTORY, SPLIT), int(dice.integers(3, 9))
        part = [progress for _, progress in zip(range(most), fit, strict=False)]
        came += part
        done = len(part) < most
        folder = kept(auto, tmp_path / str(n_left))
        fit.close()  # type: ignore[attr-defined]
        if not done:
            auto, n_left = made(folder), n_left + 1
    assert n_left > 3
    told = [[row(one) for one in each if one.epoch_done or one.valid_scores] for each in (steps, came)]
    assert told[0] == told[1]
    assert steps[-1].finding == came[-1].finding
    np.testing.assert_array_equal(auto.shares(6), once.shares(6))
    np.testing.assert_array_equal(auto.forecast(PAST, 4), once.forecast(PAST, 4))
    assert not KIND.why_not_further(folder)
    twice = made(folder, "steps", 3)
    first = next(iter(twice.fit(HISTORY, SPLIT)))
    np.testing.assert_array_equal(twice.forecast(PAST, 4), once.forecast(PAST, 4))
    assert first.fraction < 0.1 and twice._fit is not None and twice._fit.state.n_further == 2


def test_it_uses_the_minutes_it_was_given_and_no_more(ended: tuple[Path, Auto]) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.05
        return now[0]

    auto = made(ended[0], "minutes", 1.0, clock=clock)
    steps = list(auto.fit(HISTORY, SPLIT))
    assert 15.0 < steps[-1].elapsed_s < 75.0
    assert "It was trained 1 minute further" in steps[-1].finding


def test_a_network_that_diverges_on_the_way_changes_nothing(ended: tuple[Path, Auto], monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(*asked: object, **more: object) -> None:
        raise DivergedError("The loss is no number.")

    monkeypatch.setattr("framecast.forecasters.network_fit.NetworkFit._further", diverged)
    auto = made(ended[0], "epochs", 2)
    last = list(auto.fit(HISTORY, SPLIT))[-1]
    assert last.finding.count("could not: The loss is no number.") == 2
    np.testing.assert_array_equal(auto.forecast(PAST, 4), ended[1].forecast(PAST, 4))


def test_what_lacks_a_network_or_how_it_ended_is_told_before_anything_begins(ended: tuple[Path, Auto], tmp_path: Path) -> None:
    assert not KIND.why_not_further(ended[0])
    state = kept(ended[1], tmp_path / "old")
    text = (state / "auto.json").read_text(encoding="utf-8")
    (state / "auto.json").write_text(text.replace('"ended"', '"nothing"'), encoding="utf-8")
    assert "did not keep" in KIND.why_not_further(state)
    rules = Auto(AutoSettings(minutes=0.0, networks="none"), Workbench())
    list(rules.fit(HISTORY, SPLIT))
    assert "only simple rules" in KIND.why_not_further(kept(rules, tmp_path / "rules"))
