"""Laws of the protocol: nothing is judged by what it has seen, and whatever fails or is left early still forecasts."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.errors import DeviceMemoryError, DivergedError
from framecast.forecasters.auto import Auto
from framecast.forecasters.auto_fit import AutoFit, hindcast_by
from framecast.forecasters.auto_settings import WITH_TIME, AutoSettings, kept_at_rung, networks_of, training_units
from framecast.forecasters.baselines.climatology import Average, Climatology, ClimatologySettings
from framecast.forecasters.blend import Moments, Weights, score, single_scores
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import BlendForecaster, Workbench
from framecast.forecasters.fold import LENGTHS, Fold, Moment, settings_for
from framecast.forecasters.hindcast import Hindcast, View, past_origins
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.tuned_rule import TunedRule
from framecast.series.frames import FrameSeries, Split
from framecast.training.progress import FitProgress

N_FRAMES = 20
SPLIT = Split.of(N_FRAMES, 4, 0)


def series(n_frames: int = N_FRAMES, seed: int = 0) -> FrameSeries:
    """12 x 13 float32: a wave with a period of five frames, under noise."""
    t, y, x, _ = np.ogrid[:n_frames, :12, :13, :1]
    noise = np.random.default_rng(seed).normal(0, 0.05, (n_frames, 12, 13, 1))
    frames = 0.5 + 0.3 * np.sin(2 * np.pi * (t / 5 + 0.08 * x + 0.05 * y)) + noise
    return FrameSeries("waves", frames.astype(np.float32), (0.0, 1.0))


def auto(networks: str, epochs: int = 1) -> Auto:
    return Auto(AutoSettings(minutes=0.0, epochs=epochs, networks=networks, seeds=2), Workbench(seed=3))


def fitted(networks: str, frames: FrameSeries, split: Split = SPLIT) -> tuple[Auto, list[FitProgress]]:
    found = auto(networks)
    return found, list(found.fit(frames.head(split.test.start), split))


def past(frames: FrameSeries, split: Split = SPLIT) -> np.ndarray[Any, Any]:
    return frames.frames[: split.test.start]


def test_weights_are_not_negative_and_sum_to_one_at_every_lead_and_beyond() -> None:
    found, progress = fitted("none", series())
    assert isinstance(found, BlendForecaster)
    shares = found.shares(9)
    assert shares.shape == (9, len(found.members)) and (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert len({member.name for member in found.members}) == len(found.members)
    assert "carries this series" in progress[-1].finding or "shared between" in progress[-1].finding
    assert progress[-1].fraction == 1.0 and [one.fraction for one in progress] == sorted(one.fraction for one in progress)


def test_a_forecast_is_the_weighted_mean_of_the_members_forecasts() -> None:
    frames = series()
    found, _ = fitted("none", frames)
    alone = np.stack([member.forecaster.forecast(past(frames), 4) for member in found.members], axis=1)
    blended = (alone * found.shares(4)[..., None, None, None]).sum(axis=1)
    np.testing.assert_allclose(found.forecast(past(frames), 4), blended, atol=1e-5)


def test_left_at_any_yield_it_forecasts_and_a_folder_forecasts_the_same(tmp_path: Path) -> None:
    frames, found = series(), auto("two")
    seen = set()
    for number, _ in enumerate(found.fit(frames.head(SPLIT.test.start), SPLIT)):
        names = tuple(member.name for member in found.members)
        if names in seen:
            continue
        seen.add(names)
        forecast = found.forecast(past(frames), 3)
        assert forecast.shape == (3, 12, 13, 1) and np.isfinite(forecast).all()
        folder = tmp_path / str(number)
        folder.mkdir()
        found.save(folder)
        loaded = Auto.load(folder)
        np.testing.assert_array_equal(loaded.forecast(past(frames), 3), forecast)
        np.testing.assert_array_equal(loaded.shares(7), found.shares(7))
    assert len(seen) >= 2, "the last frame alone at first, then a blend"


def test_within_a_stage_the_steps_never_go_back() -> None:
    """so that a chart of them runs to the right; every length of training is a stage of its own."""
    _, progress = fitted("two", series())
    stages = [one.stage for one in progress]
    for stage in dict.fromkeys(stages):
        places = [index for index, other in enumerate(stages) if other == stage]
        assert places == list(range(places[0], places[-1] + 1)), f"{stage} comes twice"
        steps = [progress[index].step for index in places]
        assert steps == sorted(steps), stage
    assert sum(stage.startswith("U-Net") for stage in dict.fromkeys(stages)) >= len(LENGTHS)


def test_closing_it_while_a_network_is_trained_leaves_the_blend_of_the_rules() -> None:
    frames, found = series(), auto("two", epochs=50)
    steps = found.fit(frames.head(SPLIT.test.start), SPLIT)
    stage = next(progress.stage for progress in steps if "trained on earlier frames" in progress.stage)
    steps.close()  # type: ignore[attr-defined]
    assert stage.startswith("U-Net") and {FORECASTERS[member.name].family for member in found.members} == {"rule"}
    assert np.isfinite(found.forecast(past(frames), 3)).all()


def test_noise_in_the_place_of_the_test_frames_changes_nothing() -> None:
    one = series()
    noisy = one.frames.copy()
    noisy[SPLIT.test.start :] = np.random.default_rng(5).uniform(0, 1, noisy[SPLIT.test.start :].shape)
    other = FrameSeries("waves", noisy, one.value_range)
    (a, _), (b, _) = (fitted("none", frames) for frames in (one, other))
    assert a.weights == b.weights
    np.testing.assert_array_equal(a.forecast(past(one), 4), b.forecast(past(other), 4))


def test_one_seed_and_no_time_limit_give_the_same_weights_and_bits() -> None:
    (a, said), (b, said_again) = (fitted("two", series()) for _ in range(2))
    assert a.weights == b.weights and [one.name for one in a.members] == [one.name for one in b.members]
    assert said[-1].finding == said_again[-1].finding
    np.testing.assert_array_equal(a.forecast(past(series()), 4), b.forecast(past(series()), 4))


@pytest.mark.parametrize("seed", [0, 1])
def test_on_the_past_origins_the_blend_is_not_worse_than_its_best_member(seed: int) -> None:
    found = auto("none")
    fit = AutoFit(found, series(seed=seed).head(SPLIT.test.start), SPLIT)
    list(fit.steps())
    names = [one.name for one in fit.judged]
    kept = [part.only([names.index(member.name) for member in found.members]) for part in fit.moments]
    best = np.mean([single_scores(part) for part in fit.moments], axis=0).max()
    assert score(kept, fit.view.leads, found.weights).mean() >= best - 1e-6, "also without those of next to no weight"


@pytest.mark.parametrize("error", [DivergedError, DeviceMemoryError])
@pytest.mark.parametrize("failing, other, nth", [("advect", "unet", 1), *(
    (*names, len(LENGTHS) + 2) for names in (("advect", "unet"), ("unet", "advect"))
)])  # fmt: skip
def test_a_network_that_fails_is_left_out_with_its_sentence(
    error: type[Exception], failing: str, other: str, nth: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The first trainings are those on the fold, then one to its newest origin, the last one is that on all history. What is
    kept for going on knows it, too."""
    sentence, real, begun = "The network of this test gave up.", NetworkForecaster.fit, list[str]()

    def fit(self: NetworkForecaster, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        begun.append(self.name)
        if self.name == failing and begun.count(failing) == nth:
            raise error(sentence)
        yield from real(self, history, split)

    monkeypatch.setattr(NetworkForecaster, "fit", fit)
    monkeypatch.setattr("framecast.forecasters.auto_fit.LEAST_WEIGHT", -1.0)  # so that every network is trained to its end
    frames = series()
    found, _ = fitted("two", frames)
    assert found.left_out[failing] == sentence and other not in found.left_out
    names = {member.name for member in found.members}
    assert failing not in names and other in names
    found.save_state(tmp_path)
    assert np.isfinite(found.forecast(past(frames), 4)).all()


@pytest.mark.parametrize("n_frames", [5, 6, 7, 8, 9])
def test_a_series_too_short_to_judge_repeats_the_last_frame_and_says_so(n_frames: int) -> None:
    frames, split = series(n_frames), Split.of(n_frames, n_valid=0)
    found, progress = fitted("two", frames, split)
    assert np.isfinite(found.forecast(past(frames, split), split.horizon)).all()
    assert all(FORECASTERS[member.name].family == "rule" for member in found.members)
    if not past_origins(split.test.start, split.horizon)[0]:
        assert [member.name for member in found.members] == ["persistence"]
        assert progress[-1].finding == "The series is too short to judge forecasts; the last frame is forecast."


def test_five_frames_are_too_short_to_judge() -> None:
    assert past_origins(Split.of(5, n_valid=0).test.start, 1)[0] == ()


def test_a_fold_never_sees_a_frame_from_its_oldest_origin_on(tmp_path: Path) -> None:
    true = series()
    origins, horizon = past_origins(SPLIT.test.start, SPLIT.horizon)
    poisoned = true.frames.copy()
    poisoned[min(origins) :] = 1 - 3 * poisoned[min(origins) :]
    learned = []
    for frames in (true, FrameSeries("waves", poisoned, true.value_range)):
        history = frames.head(SPLIT.test.start)
        settings = FORECASTERS["unet"].configure(
            None, {"epochs": 2, "minutes": 0.0, "validation": False, "refit": False, "context": 2}
        )
        view = View.of(history, horizon)
        fold = Fold("unet", settings, Workbench(seed=1), history, origins, horizon, view)
        list(fold.train(1.0))
        assert not fold.failure and np.isfinite(fold.score)
        learned.append(fold.judged(0)[-1])  # from the oldest origin, the last frames before which both have
    np.testing.assert_array_equal(*learned)


ONE_GOOD_AT_THE_NEWEST = [[3.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
"""Scores of two choices at three origins, newest first: all together choose the first, all but the newest the second."""


def test_a_network_is_judged_at_an_origin_by_the_training_that_the_others_chose() -> None:
    history = series().head(SPLIT.test.start)
    origins, horizon = past_origins(history.n_frames, SPLIT.horizon)
    origins = origins[:3]
    fold = Fold("unet", None, Workbench(), history, origins, horizon, View.of(history, horizon))
    seen = [[np.full((1, 1, 1, 1), 10 * moment + origin) for origin in range(3)] for moment in range(2)]
    moments = [asdict(Moment(length, "change")) for length in LENGTHS[:2]]
    told = {"name": "unet", "done": [], "failure": "", "moments": moments, "scores": ONE_GOOD_AT_THE_NEWEST}
    fold.take_up(told, seen)
    assert fold.hindcast(0).best.length == LENGTHS[0], "by this it is refitted"
    assert [int(one.item()) for one in fold.judged(0)] == [10, 1, 2]


def test_a_rule_is_judged_at_an_origin_by_the_setting_that_the_others_chose() -> None:
    frames, choices = series().frames, [Average("mean", 1), Average("mean", 2)]
    rule, view = Climatology(ClimatologySettings()), View.of(series(), 1)
    rule._choice, rule._hindcast = choices[0], Hindcast(choices, (15, 14, 13), np.array(ONE_GOOD_AT_THE_NEWEST))
    for origin, choice in ((15, choices[1]), (14, choices[0]), (13, choices[0])):
        said = hindcast_by(rule, frames[:origin], 1, view)
        np.testing.assert_array_equal(said, rule.forecast_by(choice, frames[:origin], 1))


def test_the_worse_half_of_many_networks_is_left_behind_at_every_length(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = AutoFit(auto("all"), series().head(SPLIT.test.start), SPLIT)
    names = networks_of(fit.auto.settings)
    worth = {name: float(number) for number, name in enumerate(names)}
    trained: dict[float, list[str]] = {length: [] for length in LENGTHS}

    def train(self: Fold, length: float, resumed: object = None, way: str = "") -> Iterator[FitProgress]:
        trained[length].append(self.name)
        self._seen.append((Moment(length, "change", n_steps=1), [fit.truth[0]] * len(self.origins)))
        self._scores.append([worth[self.name]] * len(self.origins))
        yield FitProgress("at work")

    monkeypatch.setattr(Fold, "train", train)
    monkeypatch.setattr("framecast.forecasters.auto_fit.look_from_nearer", lambda fit, folds: iter(()))
    list(fit._train_folds(names))
    assert len(names) == 7 and set(trained[LENGTHS[0]]) == set(names)
    assert [set(trained[length]) for length in LENGTHS[1:]] == [set(names[-4:]), set(names[-2:])]
    assert set(fit.folds) == {one.name for one in fit.judged} == set(names[-2:])


def test_a_shorter_training_is_a_whole_one_in_less_time() -> None:
    """and not a long one left in the middle: its schedules end with it."""
    settings = FORECASTERS["unet"].configure(None, {"epochs": 9, "minutes": 2.0})
    assert settings_for(settings, 0.25).to_mapping() == {**settings.to_mapping(), "minutes": 0.5}
    untimed = FORECASTERS["unet"].configure(None, {"epochs": 9, "minutes": 0.0})
    assert [settings_for(untimed, length).to_mapping()["epochs"] for length in (0.01, 1 / 3, 1.0)] == [1, 3, 9]


def test_half_is_left_behind_at_every_rung_but_never_the_last_two() -> None:
    assert [kept_at_rung(n) for n in (1, 2, 3, 4, 5, 7, 8)] == [1, 2, 2, 2, 3, 4, 4]


def test_units_are_the_lengths_of_all_and_a_refit_of_those_left() -> None:
    assert training_units(1) == pytest.approx(sum(LENGTHS) + 1)
    assert training_units(2) == pytest.approx(2 * sum(LENGTHS) + 2)
    first, second, third = LENGTHS
    assert training_units(7) == pytest.approx(7 * first + 4 * second + 2 * third + 2)


def test_stopped_among_the_rules_those_tried_forecast() -> None:
    t, y, x = np.ogrid[:60, :20, :24]
    frames = (120 + 60 * np.sin(0.4 * x - 0.5 * t) + 40 * np.sin(0.3 * y))[..., None].astype(np.uint8)
    split = Split.of(60)
    auto = Auto(AutoSettings(networks="none"), Workbench())
    fit = auto.fit(FrameSeries("waves", frames, (0.0, 255.0)).head(split.test.start), split)
    for progress in fit:
        if "optical flow" in progress.stage:
            break
    fit.close()  # type: ignore[attr-defined]
    assert {member.name for member in auto.members} - {"persistence"}


def test_memory_is_counted_for_every_network_that_may_be_trained() -> None:
    kind = FORECASTERS["auto"]
    assert kind.training_bytes is not None and kind.n_weights is not None
    short, long, none = AutoSettings(minutes=5.0), AutoSettings(minutes=20.0), AutoSettings(networks="none")
    assert set(networks_of(long)) - set(networks_of(short)) == set(WITH_TIME)
    for settings in (short, long):
        for name in networks_of(settings):
            one = FORECASTERS[name]
            assert one.training_bytes is not None
            alone = one.training_bytes(one.configure(), 64, 64, 3, "cpu")
            assert kind.training_bytes(settings, 64, 64, 3, "cpu") >= alone, name
    assert kind.training_bytes(long, 64, 64, 3, "cpu") > kind.training_bytes(short, 64, 64, 3, "cpu")
    assert kind.training_bytes(none, 64, 64, 3, "cpu") == 0 == kind.n_weights(none, 64, 64, 3, "cpu")


def row(progress: FitProgress) -> tuple[Any, ...]:
    return progress.stage, progress.epoch, progress.step, progress.train_loss, tuple(progress.valid_scores.items())


def test_a_fit_left_again_and_again_loses_no_finished_part_and_goes_on_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the disk alone, after one sign of life or a few at random, in every stage; what was finished is not done again."""
    monkeypatch.setattr("framecast.forecasters.auto_fit.LEAST_WEIGHT", -1.0)  # so that every network is trained to its end
    monkeypatch.setattr("framecast.forecasters.auto_fit.WORTH_KEEPING_S", -1.0)
    monkeypatch.setattr("framecast.forecasters.blend._STEPS", 30)  # weights are chosen at every return, which takes longest
    frames, once = series(), auto("two", epochs=2)
    steps = list(once.fit(frames.head(SPLIT.test.start), SPLIT))
    dice, came, n_left = np.random.default_rng(0), [], 0
    found, ended = auto("two", epochs=2), False
    while not ended:
        fit, most = found.fit(frames.head(SPLIT.test.start), SPLIT), int(dice.integers(2, 10))
        part = [progress for _, progress in zip(range(most), fit, strict=False)]
        came += part
        ended = len(part) < most
        folder = tmp_path / str(n_left)
        folder.mkdir()
        found.save_state(folder)
        fit.close()  # type: ignore[attr-defined]
        if not ended:
            found, n_left = auto("two", epochs=2), n_left + 1
            found.resume(folder)
    assert n_left > 3
    kept = [[row(one) for one in each if one.epoch_done or one.valid_scores] for each in (steps, came)]
    assert kept[0] == kept[1]
    assert [member.name for member in found.members] == [member.name for member in once.members]
    assert found.rules.keys() == once.rules.keys() and found.left_out == once.left_out
    np.testing.assert_array_equal(found.shares(6), once.shares(6))
    np.testing.assert_array_equal(found.forecast(past(frames), 4), once.forecast(past(frames), 4))


def test_the_time_that_was_used_before_it_was_left_stays_used(tmp_path: Path) -> None:
    now = [0.0]
    found = [Auto(AutoSettings(minutes=1.0, networks="none"), Workbench(), clock=lambda: now[0]) for _ in range(2)]
    fit = found[0].fit(series().head(SPLIT.test.start), SPLIT)
    next(iter(fit))
    now[0] = 20.0
    next(iter(fit))
    found[0].save_state(tmp_path)
    now[0] = 1000.0
    found[1].resume(tmp_path)
    assert next(iter(found[1].fit(series().head(SPLIT.test.start), SPLIT))).elapsed_s == 20.0


def test_networks_that_were_tried_in_vain_are_said_to_add_nothing() -> None:
    frames = np.random.default_rng(0).uniform(0, 1, (5, 12, 13, 1))[np.arange(40) % 5].astype(np.float32)
    split = Split.of(40, 8, 0)
    found, progress = fitted("two", FrameSeries("cycle", frames, (0.0, 1.0)), split)
    assert {FORECASTERS[member.name].family for member in found.members} == {"rule"}
    assert "Networks add nothing to the simple rules here." in progress[-1].finding


def test_weights_in_words_are_those_that_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framecast.forecasters.auto_fit.LEAST_WEIGHT", 0.3)  # so that some are left out of the blend
    found, progress = fitted("none", series())
    shown = found.shares(SPLIT.horizon).mean(axis=0)
    first = found.members[int(shown.argmax())].name
    assert f"{FORECASTERS[first].title} ({shown.max():.0%})" in progress[-1].finding


def test_what_is_told_of_how_is_told_by_the_first_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def crossing(seen: Sequence[Moments], leads: np.ndarray[Any, Any], horizon: int) -> Weights:
        """The second has most weight over the leads that the past had, the third over those of the forecast."""
        n_more = len(single_scores(seen[0])) - 3
        return Weights((-40.0, 4.0, 0.0, *[-40.0] * n_more), (-40.0, -2.0, 0.0, *[-40.0] * n_more), horizon)

    monkeypatch.setattr("framecast.forecasters.auto_fit.fit_weights", crossing)
    monkeypatch.setattr("framecast.forecasters.auto_fit.never_below_the_best", lambda seen, leads, weights: weights)
    monkeypatch.setattr("framecast.forecasters.blend.score", lambda *_: np.ones(1))  # nor are they worse without the others
    split = Split.of(36, 12, 0)
    found, progress = fitted("none", series(36), split)
    one, other = (member.name for member in found.members)
    over_the_past = found.weights.at(np.arange(past_origins(24, 12)[1])).mean(axis=0)
    assert over_the_past[0] > 0.5 > found.shares(12).mean(axis=0)[0]
    telling = {name: rule.finding() for name, rule in found.rules.items() if isinstance(rule, TunedRule)}
    assert telling[other] in progress[-1].finding
    assert telling[one] not in progress[-1].finding
