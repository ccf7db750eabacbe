"""A network is judged at the newest origin by a training on all frames before it, and on none after."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from framecast.errors import DivergedError
from framecast.forecasters.auto import Auto
from framecast.forecasters.auto_fit import AutoFit
from framecast.forecasters.auto_nearer import judged, judging_moment
from framecast.forecasters.auto_settings import AutoSettings
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.fold import Fold, Moment
from framecast.forecasters.restoration import faint_of
from framecast.series.frames import FrameSeries, Split
from framecast.training.progress import FitProgress

SPLIT = Split.of(20, 4, 0)
NEARER = "trained on more of the earlier frames"


@pytest.fixture(scope="module", autouse=True)
def two_rules() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("framecast.forecasters.blend._STEPS", 10)
        few = {name: FORECASTERS[name] for name in ("persistence", "climatology", "auto", "unet")}
        patch.setattr(FORECASTERS, "_entries", few)
        yield


def waves(poisoned_from: int = 20) -> FrameSeries:
    t, y, x, _ = np.ogrid[:20, :12, :13, :1]
    frames = 0.5 + 0.3 * np.sin(2 * np.pi * (t / 5 + 0.08 * x + 0.05 * y))
    frames[poisoned_from:] = 1 - frames[poisoned_from:] ** 2
    return FrameSeries("waves", frames.astype(np.float32), (0.0, 1.0))


def fit_of(frames: FrameSeries, minutes: float = 0.0, clock: Callable[[], float] | None = None) -> AutoFit:
    auto = Auto(AutoSettings(minutes=minutes, epochs=8, networks="two", seeds=1), Workbench(seed=3))
    if clock:
        auto.clock = clock
    return AutoFit(auto, frames.head(SPLIT.test.start), SPLIT)


def told(fit: AutoFit) -> list[FitProgress]:
    return list(fit.steps())


def test_what_it_learned_ends_at_the_newest_origin() -> None:
    newest, _, oldest = fit_of(waves()).origins
    said = []
    for frames in (waves(), waves(newest), waves(oldest)):
        nearer = fit_of(frames).nearer_fold("unet")
        list(nearer.train(0.5))
        assert not nearer.failure
        said.append(nearer.forecast_by(nearer.hindcast(0).best.restoration))
    clean, after, between = said
    np.testing.assert_array_equal(clean, after, "frames from the newest origin on are not known")
    assert not np.array_equal(clean, between), "those between the oldest and the newest origin are"


def test_it_stands_for_the_network_at_the_newest_origin_alone_at_the_length_the_others_chose() -> None:
    fit = fit_of(waves())
    stages = [one.stage for one in told(fit)]
    fold, nearer = fit.folds["unet"], fit.nearer["unet"]
    moment = judging_moment(fit, fold, 0)
    assert nearer.origins == fit.origins[:1] and nearer.longest == moment.length
    stood, by_fold = next(one.forecasts for one in fit.judged if one.name == "unet"), fold.judged(0)
    np.testing.assert_array_equal(stood[0], nearer.forecast_by(moment.restoration))
    assert not np.array_equal(stood[0], by_fold[0])
    np.testing.assert_array_equal(np.stack(stood[1:]), np.stack(by_fold[1:]))
    first = next(index for index, stage in enumerate(stages) if NEARER in stage)
    assert "(3 of 3)" in stages[first - 1] and not any("(3 of 3)" in stage for stage in stages[first:])


def test_it_is_looked_at_in_the_way_that_the_others_chose_whatever_its_own_frames_ask_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Frames are empty enough at the oldest origin that what is faint may be left out, and not at the newest."""
    monkeypatch.setattr("framecast.forecasters.auto_nearer.judging_moment", _with_faint_left_out)
    t, x = np.ogrid[:20, :13]
    frames = np.where((x < 9) | (t >= 8), 0.5 + 0.3 * np.sin(2 * np.pi * (t / 5 + 0.08 * x)), 0.0)
    shown = np.broadcast_to(frames[:, None, :, None], (20, 12, 13, 1)).astype(np.float32)
    fit = fit_of(FrameSeries("a lid that is lifted", shown, (0.0, 1.0)))
    told(fit)
    fold, nearer = fit.folds["unet"], fit.nearer["unet"]
    way = _with_faint_left_out(fit, fold, 0).restoration
    assert faint_of(way) and way in {moment.restoration for moment in nearer.hindcast(0).candidates}
    stood = next(one.forecasts for one in fit.judged if one.name == "unet")
    np.testing.assert_array_equal(stood[0], nearer.forecast_by(way))


def _with_faint_left_out(fit: AutoFit, fold: Fold, further: int) -> Moment:
    return next(one for one in fold.hindcast(further).candidates if faint_of(one.restoration))


def test_it_looks_back_as_far_as_on_the_fold_and_on_all_history() -> None:
    """On more frames a network by itself would look back farther; what is judged here is then not what will forecast."""
    fit = fit_of(waves())
    told(fit)
    to_be_refitted = next(one for one in fit.judged if one.name == "unet")
    contexts = {one.settings.context for one in (fit.folds["unet"], fit.nearer["unet"], to_be_refitted)}
    assert contexts == {min(fit.origins) // 3} and fit.origins[0] // 3 > min(fit.origins) // 3


def test_what_it_cannot_learn_leaves_the_network_judged_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Fold.train

    def train(self: Fold, length: float, resumed: object = None, way: str = "") -> Iterator[FitProgress]:
        if len(self.origins) == 1:
            self.failure = str(DivergedError("It gave up."))
            return
        yield from real(self, length, resumed, way)  # type: ignore[arg-type]

    monkeypatch.setattr(Fold, "train", train)
    fit = fit_of(waves())
    told(fit)
    assert not fit.auto.left_out and fit.nearer["unet"].failure
    np.testing.assert_array_equal(np.stack(judged(fit, fit.folds["unet"], 0)), np.stack(fit.folds["unet"].judged(0)))


@pytest.mark.parametrize("step_s, trained", [(0.001, True), (4.0, False)])
def test_where_time_is_limited_only_time_left_over_is_spent_on_it(step_s: float, trained: bool) -> None:
    """A clock that moves at every look: by little, trainings end by their epochs early; by much, they take all their time."""
    now = [0.0]

    def clock() -> float:
        now[0] += step_s
        return now[0]

    fit = fit_of(waves(), minutes=1.0, clock=clock)
    stages = [one.stage for one in told(fit)]
    assert fit.folds and bool(fit.nearer) is trained
    assert any(NEARER in stage for stage in stages) is trained
