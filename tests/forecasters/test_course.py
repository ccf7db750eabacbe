"""A fit that is left and gone on with is the fit that was never left, to the bit; one that has ended can go further."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ExtensibleForecaster, ResumableForecaster, Workbench
from framecast.forecasters.ensemble import Ensemble
from framecast.forecasters.network_fit import FURTHER, STAGE_ALL, STAGE_OTHERS, STAGE_SEARCH
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.networks.contract import NETWORKS
from framecast.series.frames import FrameSeries, Split
from framecast.training.progress import FitProgress

SPLIT = Split(range(14), range(14, 20), range(20, 24))
SMALL = {"context": 3, "unroll": 2, "batch_size": 3, "epochs": 3, "precision": "float32"}


def waves(n_frames: int = 24, pace: float = 0.5) -> FrameSeries:
    t, y, x = np.ogrid[:n_frames, :16, :20]
    frames = (127 + 100 * np.sin(0.6 * x + 0.3 * y - pace * t)).astype(np.uint8)[..., None]
    return FrameSeries("waves", frames, (0.0, 255.0))


def forecaster_of(name: str = "unet", bench: Workbench | None = None, **changes: object) -> NetworkForecaster:
    tiny = {"width": 4, "levels": 1} if name == "unet" else {}
    made = FORECASTERS[name].make(FORECASTERS[name].configure(None, {**SMALL, **tiny, **changes}), bench or Workbench())
    assert isinstance(made, NetworkForecaster)
    return made


Row = tuple[Any, ...]


def row(progress: FitProgress) -> Row:
    scores = tuple(progress.valid_scores.items())
    return progress.stage, progress.epoch, progress.step, progress.train_loss, scores, progress.unroll, progress.learning_rate


def told(steps: Sequence[FitProgress]) -> list[Row]:
    """What is kept of a fit: its epochs and validations."""
    return [row(progress) for progress in steps if progress.epoch_done or progress.valid_scores]


def left_and_gone_on_with(whole: NetworkForecaster, again: NetworkForecaster, n_yields: int, folder: Path) -> list[Row]:
    """The rows of a fit that `whole` begins, leaves after `n_yields`, and `again` goes on with from the disk alone."""
    folder.mkdir()
    before = []
    fit = whole.fit(waves().head(20), SPLIT)
    for _, progress in zip(range(n_yields), fit, strict=False):
        before.append(progress)
    whole.save_state(folder)
    fit.close()  # type: ignore[attr-defined]
    again.resume(folder)
    return told([*before, *again.fit(waves().head(20), SPLIT)])


def check_same_weights(one: NetworkForecaster, other: NetworkForecaster) -> None:
    assert one._network is not None and other._network is not None
    for name, weight in one._network.state_dict().items():
        assert torch.equal(weight, other._network.state_dict()[name]), name


@pytest.mark.parametrize("changes", [
    {},
    {"refit": False},
    {"validation": False},
    {"averaging": 0.3, "input_noise": 0.1, "flips": True},
    {"shuffle": "once", "optimizer": "adam", "unroll": 1},
    {"sampling": "scheduled", "pushforward": 2},
])  # fmt: skip
def test_a_fit_left_anywhere_goes_on_to_the_bit(tmp_path: Path, changes: dict[str, object]) -> None:
    once = forecaster_of(**changes)
    steps = list(once.fit(waves().head(20), SPLIT))
    for n_yields in range(1, len(steps) + 1, 2):
        again = forecaster_of(**changes)
        rows = left_and_gone_on_with(forecaster_of(**changes), again, n_yields, tmp_path / str(n_yields))
        assert rows == told(steps), f"left after {n_yields} of {len(steps)}"
        check_same_weights(once, again)
        assert again.restoration == once.restoration


@pytest.mark.parametrize("name", sorted(set(NETWORKS) - {"unet"}))
def test_every_network_goes_on_to_the_bit(tmp_path: Path, name: str) -> None:
    once, again = forecaster_of(name, epochs=2), forecaster_of(name, epochs=2)
    steps = list(once.fit(waves().head(20), SPLIT))
    assert left_and_gone_on_with(forecaster_of(name, epochs=2), again, 2, tmp_path / "state") == told(steps)
    check_same_weights(once, again)


def test_a_fit_left_in_the_middle_of_an_epoch_goes_on_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign of life after every step, so that it can be left there."""
    once = forecaster_of()
    steps = told(list(once.fit(waves().head(20), SPLIT)))
    monkeypatch.setattr("framecast.training.loop.SIGN_OF_LIFE_S", 0.0)
    for n_yields in (2, 3, 7):
        again = forecaster_of()
        assert left_and_gone_on_with(forecaster_of(), again, n_yields, tmp_path / str(n_yields)) == steps
        check_same_weights(once, again)


@pytest.mark.parametrize("changes", [{}, {"precision": "auto", "averaging": 0.2, "sampling": "scheduled", "flips": True}])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_fit_left_again_and_again_goes_on_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, changes: dict[str, object]
) -> None:
    """After one step or a few at random, dozens of times: within epochs, at their ends, in the very last step of a stage, and
    between stages. The fit never left gives no sign of life within an epoch, so that one by the clock would be seen, too."""
    monkeypatch.setattr("framecast.training.loop.SIGN_OF_LIFE_S", float("inf"))
    steps = told(list(forecaster_of(**changes).fit(waves().head(20), SPLIT)))
    monkeypatch.setattr("framecast.training.loop.SIGN_OF_LIFE_S", 0.0)
    dice, rows, n_left = np.random.default_rng(seed), [], 0
    forecaster, ended = forecaster_of(**changes), False
    while not ended:
        fit, most = forecaster.fit(waves().head(20), SPLIT), int(dice.choice([1, 1, 2, 3]))
        came = [progress for _, progress in zip(range(most), fit, strict=False)]
        rows += told(came)
        ended = len(came) < most
        folder = tmp_path / str(n_left)
        folder.mkdir()
        forecaster.save_state(folder)
        fit.close()  # type: ignore[attr-defined]
        forecaster, n_left = forecaster_of(**changes), n_left + 1
        forecaster.resume(folder)
    assert n_left > 10 and rows == steps


@pytest.mark.parametrize("n_yields", [1, 3, 5])
def test_what_was_learned_from_other_series_is_not_learned_again(tmp_path: Path, n_yields: int) -> None:
    bench = Workbench(others=(waves(20, 0.8), waves(16, 0.3)))
    once, again = forecaster_of(bench=bench), forecaster_of(bench=bench)
    steps = list(once.fit(waves().head(20), SPLIT))
    assert steps[0].stage == STAGE_OTHERS
    rows = left_and_gone_on_with(forecaster_of(bench=bench), again, n_yields, tmp_path / "state")
    assert rows == told(steps)
    check_same_weights(once, again)
    assert "It learned from 'waves', 'waves' first." in again.course.finding


def test_the_time_that_was_used_stays_used(tmp_path: Path) -> None:
    now = [0.0]

    def timed() -> NetworkForecaster:
        settings = FORECASTERS["unet"].configure(None, {**SMALL, "width": 4, "levels": 1, "epochs": 1000, "minutes": 1.0})
        return NetworkForecaster("unet", settings, Workbench(), clock=lambda: now[0])

    first, epochs = timed(), 0
    fit = first.fit(waves().head(20), SPLIT)
    for progress in fit:
        epochs += progress.epoch_done
        now[0] += 5.0
        if progress.elapsed_s >= 10.0:
            break
    (tmp_path / "state").mkdir()
    first.save_state(tmp_path / "state")
    now[0] += 10_000.0  # the pause is no part of it
    again = timed()
    again.resume(tmp_path / "state")
    for progress in again.fit(waves().head(20), SPLIT):
        assert progress.elapsed_s >= 10.0
        epochs += progress.epoch_done
        now[0] += 5.0
    assert progress.elapsed_s <= 80.0 and epochs < 20


@pytest.mark.parametrize("holds", [True, False])
def test_a_fit_goes_on_with_masked_pixels_held_or_free_as_it_began(tmp_path: Path, holds: bool) -> None:
    """Of the time when none was held nothing says so: weights and the best score so far are of free ones then."""
    valid = np.ones((16, 20), bool)
    valid[4:12, 5:12] = False
    frames = np.where(valid[:, :, None], waves().frames, np.uint8(120))
    masked = FrameSeries("masked", frames, (0.0, 255.0), valid=valid)
    once, first, again = forecaster_of(), forecaster_of(), forecaster_of()
    once.course.holds = first.course.holds = holds
    steps = list(once.fit(masked.head(20), SPLIT))
    fit = first.fit(masked.head(20), SPLIT)
    before = [next(fit), next(fit)]
    first.save_state(tmp_path)
    fit.close()  # type: ignore[attr-defined]
    content = json.loads((tmp_path / "fit.json").read_text())
    if not content["holds"]:
        del content["holds"]
    (tmp_path / "fit.json").write_text(json.dumps(content))
    again.resume(tmp_path)
    assert told([*before, *again.fit(masked.head(20), SPLIT)]) == told(steps)
    check_same_weights(once, again)
    forecast = again.forecast(masked.frames[:20], 4)
    assert np.array_equal(forecast, once.forecast(masked.frames[:20], 4))
    assert (forecast[:, ~valid] == 120).all() == holds


def ended(tmp_path: Path, **changes: object) -> Path:
    forecaster = forecaster_of(**changes)
    list(forecaster.fit(waves().head(20), SPLIT))
    folder = tmp_path / "ended"
    folder.mkdir()
    forecaster.save_state(folder)
    return folder


@pytest.mark.parametrize(("unit", "amount"), [("epochs", 4), ("steps", 20), ("minutes", 0.02)])
def test_a_fit_that_has_ended_goes_further_from_its_best(tmp_path: Path, unit: str, amount: float) -> None:
    folder = ended(tmp_path)
    further = forecaster_of()
    assert isinstance(further, ExtensibleForecaster) and isinstance(further, ResumableForecaster)
    further.resume(folder)
    before = further.course.best.score
    further.extend(unit, amount)
    steps = list(further.fit(waves().head(20), SPLIT))
    search = [progress for progress in steps if progress.stage == STAGE_SEARCH + FURTHER]
    assert search and all(progress.step > 0 for progress in search)
    if unit == "epochs":
        assert [progress.epoch for progress in search if progress.epoch_done] == [1, 2, 3, 4]
    if unit == "steps":
        assert search[-1].step == 20
    assert steps[-1].finding.startswith("It was trained ")
    assert further.course.best.score > before, "so few epochs leave much to learn"
    assert {progress.stage for progress in steps} >= {STAGE_ALL + FURTHER}
    assert all(0 <= one.fraction <= 1 for one in steps) and steps[-1].fraction == 1.0


def test_what_forecast_stays_where_going_further_finds_nothing_better(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    before, further = forecaster_of(), forecaster_of()
    before.resume(folder)
    list(before.fit(waves().head(20), SPLIT))
    further.resume(folder)
    further.course.best.score = 2.0  # better than any SSIM can be
    further.extend("epochs", 2)
    steps = list(further.fit(waves().head(20), SPLIT))
    assert "did not get better" in steps[-1].finding and "what forecast before still does" in steps[-1].finding
    check_same_weights(before, further)


def test_going_further_can_be_left_and_gone_on_with_to_the_bit_and_be_done_again(tmp_path: Path) -> None:
    folder = ended(tmp_path)
    once = forecaster_of()
    once.resume(folder)
    once.extend("epochs", 3)
    steps = list(once.fit(waves().head(20), SPLIT))
    for n_yields in range(1, len(steps) + 1):
        first, again = forecaster_of(), forecaster_of()
        first.resume(folder)
        first.extend("epochs", 3)
        rows = left_and_gone_on_with(first, again, n_yields, tmp_path / f"further_{n_yields}")
        assert rows == told(steps), f"left after {n_yields} of {len(steps)}"
        check_same_weights(once, again)
    (tmp_path / "twice").mkdir()
    once.save_state(tmp_path / "twice")
    twice = forecaster_of()
    twice.resume(tmp_path / "twice")
    twice.extend("epochs", 2)
    assert twice.course.from_step > 0
    assert list(twice.fit(waves().head(20), SPLIT))[-1].finding.startswith("It was trained 2 epochs further")


def test_the_learning_rate_of_going_further_is_that_of_the_larger_budget(tmp_path: Path) -> None:
    folder = ended(tmp_path, schedule="cosine", warmup=0.0, validation=False)
    further = forecaster_of(schedule="cosine", warmup=0.0, validation=False)
    further.resume(folder)
    further.extend("epochs", 3)
    rates = [progress.learning_rate for progress in further.fit(waves().head(20), SPLIT) if progress.epoch_done]
    assert rates[0] is not None and rates[0] < 0.5 * further.settings.learning_rate, "half of the whole is behind it"
    assert rates == sorted(rates, reverse=True) and rates[-1] is not None and rates[-1] < 0.02 * further.settings.learning_rate


def test_minutes_further_come_on_top_of_those_that_were_used_and_windows_in_another_order(tmp_path: Path) -> None:
    """An epoch takes five seconds of a made clock: a minute has 12, half a minute 6; one more finds that it is over."""
    now, orders = [0.0], []

    def trained(forecaster: NetworkForecaster) -> int:
        n_epochs = 0
        for progress in forecaster.fit(waves().head(20), SPLIT):
            n_epochs += progress.epoch_done
            now[0] += 5.0 * progress.epoch_done
        return n_epochs

    def made() -> NetworkForecaster:
        settings = forecaster_of(epochs=1000, minutes=1.0, validation=False).settings
        return NetworkForecaster("unet", settings, Workbench(), clock=lambda: now[0])

    real = torch.randperm
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "randperm", lambda n, **how: orders.append(real(n, **how)) or orders[-1])
        first = made()
        assert trained(first) == 13
        before = len(orders)
        first.save_state(tmp_path)
        further = made()
        further.resume(tmp_path)
        further.extend("minutes", 0.5)
        now[0] = 1000.0
        assert trained(further) == 7
    assert not torch.equal(orders[before], orders[0])


@pytest.mark.parametrize("kind", ["seeds", "noise"])
def test_an_ensemble_goes_on_with_the_member_that_was_at_work(tmp_path: Path, kind: str) -> None:
    changes = {"members": 2, "kind": kind, "minutes": 0, "epochs": 2, "unroll": 1}

    def made() -> Ensemble:
        found = FORECASTERS["ensemble"].make(FORECASTERS["ensemble"].configure(None, changes), Workbench())
        assert isinstance(found, Ensemble) and isinstance(found, ResumableForecaster)
        return found

    once = made()
    steps = list(once.fit(waves().head(20), SPLIT))
    past = waves().frames[:20]
    for n_yields in {2, len(steps) // 2 + 2, len(steps) - 1}:
        first, again = made(), made()
        folder = tmp_path / str(n_yields)
        folder.mkdir()
        fit = first.fit(waves().head(20), SPLIT)
        before = [progress for _, progress in zip(range(n_yields), fit, strict=False)]
        first.save_state(folder)
        fit.close()  # type: ignore[attr-defined]
        again.resume(folder)
        rows = told([*before, *again.fit(waves().head(20), SPLIT)])
        assert rows == told(steps), f"left after {n_yields} of {len(steps)}"
        np.testing.assert_array_equal(again.forecast(past, 3), once.forecast(past, 3))
        assert again.spread_law(3) == once.spread_law(3)
