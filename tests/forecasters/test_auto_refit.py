"""What carries weight is trained on all history from several random starts, as time allows; their mean forecasts."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import DivergedError
from framecast.forecasters.auto import Auto
from framecast.forecasters.auto_fit import AutoFit
from framecast.forecasters.auto_refit import further_starts, share_of_refit
from framecast.forecasters.auto_settings import AutoSettings
from framecast.forecasters.blend import Weights
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.fold import LENGTHS, Moment
from framecast.forecasters.hindcast import Hindcast
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.seeds import Seeds
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.training.progress import FitProgress

SPLIT = Split.of(20, 4, 0)


@pytest.fixture(scope="module", autouse=True)
def two_rules() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("framecast.forecasters.auto_fit.LEAST_WEIGHT", -1.0)  # so that the network is trained to its end
        patch.setattr("framecast.forecasters.blend._STEPS", 10)
        few = {name: FORECASTERS[name] for name in ("persistence", "climatology", "auto", "unet")}
        patch.setattr(FORECASTERS, "_entries", few)
        yield


def history() -> FrameSeries:
    t, y, x, _ = np.ogrid[:16, :12, :13, :1]
    frames = 0.5 + 0.3 * np.sin(2 * np.pi * (t / 5 + 0.08 * x + 0.05 * y))
    return FrameSeries("waves", frames.astype(np.float32), (0.0, 1.0))


def fitted(seeds: int, minutes: float = 0.0, step_s: float = 0.0) -> tuple[Auto, list[FitProgress]]:
    now = [0.0]

    def clock() -> float:
        now[0] += step_s
        return now[0]

    auto = Auto(AutoSettings(minutes=minutes, epochs=2, networks="two", seeds=seeds), Workbench(seed=3), clock=clock)
    return auto, list(auto.fit(history(), SPLIT))


def network_of(auto: Auto) -> object:
    return next(member.forecaster for member in auto.members if member.name == "unet")


@pytest.fixture(scope="module")
def three() -> tuple[Auto, list[FitProgress]]:
    return fitted(3)


def test_each_start_is_another_and_their_mean_forecasts(three: tuple[Auto, list[FitProgress]], tmp_path: Path) -> None:
    found, past = network_of(three[0]), history().frames
    assert isinstance(found, Seeds) and len(found.networks) == 3
    each = np.stack([network.forecast(past, 4) for network in found.networks])
    assert len({one.tobytes() for one in each}) == 3
    np.testing.assert_allclose(found.forecast(past, 4), each.mean(axis=0), atol=1e-6)
    alone = network_of(fitted(1)[0])
    assert isinstance(alone, NetworkForecaster)
    np.testing.assert_array_equal(alone.forecast(past, 4), each[0], "the first is the one that there always was")
    found.save(tmp_path)
    loaded = FORECASTERS["unet"].load(tmp_path)
    np.testing.assert_array_equal(loaded.forecast(past, 4), found.forecast(past, 4))


def test_each_training_is_a_stage_of_its_own_and_the_blend_forecasts_between_them(
    three: tuple[Auto, list[FitProgress]]
) -> None:
    stages = list(dict.fromkeys(one.stage for one in three[1]))
    on_all = [stage for stage in stages if "on all history" in stage]
    assert [stage.partition(", from ")[2] for stage in on_all] == ["", "start 2", "start 3"]
    fractions = [one.fraction for one in three[1]]
    assert fractions == sorted(fractions) and sum(one.part_done and one.improved for one in three[1]) == 3


def test_the_fold_ends_at_the_oldest_origin_and_every_start_of_the_refit_knows_all_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, known = NetworkForecaster.fit, list[tuple[int, int, range]]()

    def fit(self: NetworkForecaster, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        known.append((self.workbench.seed, history.n_frames, split.train))
        yield from real(self, history, split)

    monkeypatch.setattr(NetworkForecaster, "fit", fit)
    fitted(2)
    newest, _, oldest = AutoFit(Auto(AutoSettings(), Workbench()), history(), SPLIT).origins
    on_the_fold, nearer = [(3, oldest, range(oldest))] * len(LENGTHS), [(3, newest, range(newest))]
    assert known == [*on_the_fold, *nearer, (3, 16, range(16)), (1003, 16, range(16))]


def test_what_was_refitted_goes_back_to_native_size_in_the_way_that_was_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hindcast, "best", property(lambda self: self.candidates[-1]))  # of a network: over the background
    auto = Auto(AutoSettings(minutes=0.0, epochs=2, networks="two", seeds=1), Workbench(Preparation(8), seed=3))
    list(auto.fit(history(), SPLIT))
    found = network_of(auto)
    assert isinstance(found, NetworkForecaster) and found.restoration == "background"


@pytest.mark.parametrize("step_s, several", [(0.0001, True), (2.0, False)])
def test_where_time_is_limited_there_are_as_many_as_it_is_left_for(step_s: float, several: bool) -> None:
    auto, _ = fitted(3, minutes=1.0, step_s=step_s)
    assert isinstance(network_of(auto), Seeds) is several


def test_all_history_is_seen_as_often_as_the_fold_was() -> None:
    """With a time limit a training is longer by as much as there are more frames, to the whole time at most; epochs, without
    one, are as many and longer by themselves."""

    def fit_of(minutes: float) -> AutoFit:
        fit = AutoFit(Auto(AutoSettings(minutes=minutes), Workbench()), history(), SPLIT)
        fit.seconds = minutes * 60
        return fit

    limited, unlimited = fit_of(1.0), fit_of(0.0)
    more = 16 / min(limited.origins)
    assert 1 < more <= 2
    shares = {length: share_of_refit(limited, Moment(length, "change")) for length in LENGTHS}
    assert shares == {0.125: 0.125 * more, 0.25: 0.25 * more, 0.5: 1.0}
    assert [share_of_refit(unlimited, Moment(length, "change")) for length in LENGTHS] == [0.125, 0.25, 1.0]
    fold, nearer = limited._fold("unet"), limited.nearer_fold("unet")
    assert nearer.settings.minutes == pytest.approx(fold.settings.minutes * limited.origins[0] / min(limited.origins))


@pytest.mark.parametrize(
    "weights, order",
    [
        ([0.6, 0.1, 0.3], [(0, 1), (0, 2), (2, 1), (2, 2)]),  # .36/2, .36/6, .09/2, .09/6
        ([0.0, 0.5, 0.5], [(2, 1), (2, 2), (0, 1), (0, 2)]),
        ([0.4, 0.3, 0.3], [(0, 1), (2, 1), (0, 2), (2, 2)]),
    ],
)
def test_time_that_is_left_goes_first_where_it_gains_most(
    weights: list[float], order: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = AutoFit(Auto(AutoSettings(seeds=3), Workbench()), history(), SPLIT)
    logs = tuple(float(np.log(max(weight, 1e-9))) for weight in weights)
    monkeypatch.setattr("framecast.forecasters.auto_refit.fit_weights", lambda *_: Weights(logs, logs, 4))
    assert further_starts(fit, [0, 2]) == order
    assert further_starts(fit, []) == []


def test_a_start_that_fails_leaves_those_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = NetworkForecaster.fit

    def fit(self: NetworkForecaster, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        if self.workbench.seed == 1003:
            raise DivergedError("It gave up.")
        yield from real(self, history, split)

    monkeypatch.setattr(NetworkForecaster, "fit", fit)
    auto, _ = fitted(3)
    found = network_of(auto)
    assert not auto.left_out and isinstance(found, Seeds) and [one.workbench.seed for one in found.networks] == [3, 2003]


def test_a_start_that_was_left_goes_on_and_not_another_one_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also behind one that failed, which begins again and fails again."""
    real, begun = NetworkForecaster.fit, list[tuple[int, bool]]()

    def fit(self: NetworkForecaster, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        begun.append((self.workbench.seed, self.course.is_new))
        if self.workbench.seed == 1003:
            raise DivergedError("It gave up.")
        yield from real(self, history, split)

    monkeypatch.setattr(NetworkForecaster, "fit", fit)
    once, _ = fitted(3)
    auto, left = (Auto(AutoSettings(minutes=0.0, epochs=2, networks="two", seeds=3), Workbench(seed=3)) for _ in range(2))
    steps = left.fit(history(), SPLIT)
    for progress in steps:
        if "from start 3" in progress.stage and progress.step:
            break
    left.save_state(tmp_path)
    steps.close()  # type: ignore[attr-defined]
    auto.resume(tmp_path)
    begun.clear()
    list(auto.fit(history(), SPLIT))
    assert begun == [(1003, True), (2003, False)]
    np.testing.assert_array_equal(auto.forecast(history().frames, 4), once.forecast(history().frames, 4))
