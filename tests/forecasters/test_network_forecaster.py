"""What the forecaster around a network promises beyond the contract of every forecaster."""

import dataclasses
import itertools
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from framecast.errors import SettingError
from framecast.forecasters import network_fit
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.network_fit import STAGE_ALL, STAGE_OTHERS, STAGE_SEARCH
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.network_settings import settings_class
from framecast.forecasters.training_data import as_if_this_series, to_tensor
from framecast.networks.contract import NETWORKS
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.training.scaling import Scaler
from framecast.training.validation import Validated

SPLIT = Split(range(14), range(14, 20), range(20, 24))


def waves(n_frames: int = 24) -> FrameSeries:
    t, y, x = np.ogrid[:n_frames, :16, :20]
    frames = (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None]
    return FrameSeries("waves", frames, (0.0, 255.0))


def forecaster_of(clock: Callable[[], float] = time.monotonic, **changes: object) -> NetworkForecaster:
    settings = FORECASTERS["unet"].configure(changes={"context": 3, "width": 4, "levels": 1, "unroll": 1, **changes})
    return NetworkForecaster("unet", settings, Workbench(), clock=clock)


def test_a_pause_on_the_clock_of_the_caller_costs_no_budget() -> None:
    fit = forecaster_of(lambda: 0.0, epochs=2, minutes=1.0).fit(waves().head(20), SPLIT)
    stages = [progress.stage for progress in fit if progress.epoch_done]
    assert stages[:2] == [STAGE_SEARCH] * 2, "no second passed, so both epochs were run"
    assert stages[-1] == STAGE_ALL


def test_seconds_on_the_clock_of_the_caller_end_the_run() -> None:
    now = [0.0]
    epochs = 0
    for progress in forecaster_of(lambda: now[0], epochs=1000, minutes=1.0).fit(waves().head(20), SPLIT):
        epochs += progress.epoch_done
        now[0] += 30.0
    assert epochs <= 4


def test_a_limit_that_is_over_before_the_first_step_leaves_one_to_tell_of() -> None:
    now = itertools.count(step=60.0)  # a minute passes whenever somebody asks
    forecaster = forecaster_of(lambda: next(now), epochs=1000, minutes=1.0)
    progress = list(forecaster.fit(waves().head(20), SPLIT))
    assert [(one.stage, one.step) for one in progress if one.epoch_done] == [(STAGE_SEARCH, 1), (STAGE_ALL, 1)]
    assert "was best in epoch 1" in progress[-1].finding


def test_time_that_runs_out_between_two_epochs_costs_neither_the_choice_nor_the_refit() -> None:
    now = [0.0]
    forecaster, seen = forecaster_of(lambda: now[0], epochs=1000, minutes=1.0), []
    for progress in forecaster.fit(waves().head(20), SPLIT):
        seen.append(progress)
        now[0] += 25.0 * progress.epoch_done  # as if what there is was kept on a slow disk: the limits are 24 and 36 s
    judged = [one for one in seen if one.valid_scores]
    assert judged and "was best in epoch 2" in seen[-1].finding
    assert forecaster.course.refit_step, "what was trained on all history forecasts"


def test_the_refit_learns_from_the_validation_frames_too_for_the_share_they_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, real = [], network_fit.train

    def train(network, data, *rest, **how):
        asked.append((how["stage"], data.span, data.valid, how["stop_at"]))
        yield from real(network, data, *rest, **how)

    worse = itertools.count()
    monkeypatch.setattr(network_fit, "train", train)
    monkeypatch.setattr(Validated, "score", lambda self, select_by: -float(next(worse)))  # so that the first one is the best
    forecaster = forecaster_of(epochs=3)
    list(forecaster.fit(waves().head(20), SPLIT))
    share = forecaster.course.best.fraction
    assert 0 < share < 1
    assert asked == [(STAGE_SEARCH, SPLIT.train, SPLIT.valid, 1.0), (STAGE_ALL, range(20), range(0), share)]
    alone = forecaster_of(epochs=3, refit=False)
    list(alone.fit(waves().head(20), SPLIT))
    assert [stage for stage, *_ in asked[2:]] == [STAGE_SEARCH]


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int, float | None]]:
    """Stage, most epochs, most steps and seconds of each training, as they come."""
    asked, real = [], network_fit.train

    def train(*rest, budget, **how):
        asked.append((how["stage"], budget.epochs, budget.most_steps, budget.seconds))
        yield from real(*rest, budget=budget, **how)

    monkeypatch.setattr(network_fit, "train", train)
    return asked


def test_epochs_and_steps_are_of_each_stage_and_of_its_own_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window is 4 frames: 14 have 11 of them, 20 have 17, and the other series 7; batches are of 4. A quarter of all epochs
    and steps is for the other series."""
    asked, shares = recorded(monkeypatch), {"pretraining_share": 0.25}
    bench = Workbench(others=(waves(10),))
    for changes, expected in (
        ({"epochs": 6}, [(2, 2 * 2), (6, 6 * 3), (6, 6 * 5)]),
        ({"epochs": 100, "steps": 9}, [(33, 3), (100, 9), (100, 9)]),
    ):
        asked.clear()
        forecaster = NetworkForecaster("unet", forecaster_of(**changes, **shares).settings, bench)
        list(forecaster.fit(waves().head(20), SPLIT))
        assert [stage for stage, *_ in asked] == [STAGE_OTHERS, STAGE_SEARCH, STAGE_ALL]
        assert [(epochs, steps) for _, epochs, steps, _ in asked] == expected


def test_a_time_limit_is_shared_out_to_the_stages_and_what_one_leaves_goes_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 60 s a quarter is for the other series, two fifths of what is then left for the search, the rest for the refit."""
    asked, now, took = recorded(monkeypatch), [0.0], {STAGE_OTHERS: 5.0, STAGE_SEARCH: 2.0}
    settings = forecaster_of(epochs=1000, minutes=1.0, pretraining_share=0.25, steps=12).settings
    forecaster = NetworkForecaster("unet", settings, Workbench(others=(waves(10),)), clock=lambda: now[0])
    for progress in forecaster.fit(waves().head(20), SPLIT):
        now[0] += took.get(progress.stage, 0.0) * progress.epoch_done
    (others, _, _, for_others), (search, _, _, for_search), (rest, _, _, for_rest) = asked
    assert (others, search, rest) == (STAGE_OTHERS, STAGE_SEARCH, STAGE_ALL)
    assert for_others == 15.0
    assert for_search == pytest.approx(0.4 * (60.0 - 10.0)), "2 epochs of 5 s, of 4 steps, came before"
    assert for_rest == pytest.approx(50.0 - 8.0), "and 4 epochs of 2 s"


def test_without_a_forecast_that_is_a_number_the_last_weights_are_said_to_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Validated, "score", lambda self, select_by: float("nan"))
    forecaster = forecaster_of(epochs=2)
    *_, last = forecaster.fit(waves().head(20), SPLIT)
    assert last.finding.startswith("No forecast of the validation frames was a number")
    assert not forecaster.course.refit_step


def placed(n_frames: int = 20) -> FrameSeries:
    """A fixed bright picture with small changes on it, and pixels without data that hold something wild."""
    rng = np.random.default_rng(0)
    frames = (rng.uniform(0, 900, (16, 20)) + rng.normal(0, 3, (n_frames, 16, 20))).astype(np.float32)[..., None]
    valid = np.ones((16, 20), bool)
    valid[:4] = False
    frames[:, :4] = 5000.0
    return FrameSeries("placed", frames, (0.0, 1000.0), valid=valid)


def begun(forecaster: NetworkForecaster, series: FrameSeries) -> NetworkForecaster:
    """As it is at birth: the fit is left at its first sign, before anything is kept as best."""
    fit = forecaster.fit(series, SPLIT)
    next(iter(fit))
    return forecaster


@pytest.mark.parametrize("clamp", [True, False])
def test_a_rollout_stays_within_what_was_seen_where_it_is_clamped(clamp: bool) -> None:
    """Also what is fed back, before it goes back to native size."""
    past = waves().frames[:20]
    forecaster = begun(forecaster_of(clamp=clamp), waves().head(20))
    assert forecaster._network is not None
    for name, weight in forecaster._network.named_parameters():
        if name.endswith("head.bias"):
            torch.nn.init.constant_(weight, 2.0)  # brighter with every lead
    fed_back = np.stack([frame for frame, _ in forecaster._rollout(past, 6)])
    for frames in (fed_back, forecaster.forecast(past, 6)):
        assert bool((frames <= past.max()).all()) is clamp


def test_without_the_mean_frame_it_is_persistence_at_birth_to_the_bit() -> None:
    series = placed()
    forecaster = begun(forecaster_of(subtract_mean=True, learning_rate=1e-7, clamp=False), series)
    forecaster._network = forecaster.build()
    forecast = forecaster.forecast(series.frames, 5)
    assert np.array_equal(forecast, np.repeat(series.frames[-1:], 5, axis=0))


def test_the_network_sees_differences_from_the_mean_frame_of_the_training_frames() -> None:
    forecaster = begun(forecaster_of(subtract_mean=True), placed())
    assert forecaster._network is not None and forecaster._fitted is not None
    seen: list[torch.Tensor] = []
    inner = forecaster._network.network.network  # type: ignore[union-attr]
    inner.register_forward_hook(lambda module, args, output: seen.append(args[0]))  # type: ignore[union-attr, operator]
    with torch.no_grad():
        forecaster._network(to_tensor(placed().frames)[None])
    inside = seen[0][0, :14, :, 4:]
    assert float(inside.mean()) == pytest.approx(0.0, abs=1e-3)
    assert float(inside.std()) == pytest.approx(1.0, rel=1e-3)
    assert forecaster._fitted.scaler.spread[0] == pytest.approx(3.0, rel=0.1), "the spread of the differences"
    held = seen[0][0, :14, :, :4]
    assert float(held.abs().max()) < 1e-3, "what is held under the mask is no difference, wild as it is"


def test_the_mean_frame_is_kept_with_the_forecaster(tmp_path: Path) -> None:
    series = placed()
    forecaster = forecaster_of(subtract_mean=True, epochs=2)
    list(forecaster.fit(series, SPLIT))
    forecaster.save(tmp_path)
    loaded = NetworkForecaster.load(tmp_path)
    assert np.array_equal(loaded.forecast(series.frames, 4), forecaster.forecast(series.frames, 4))
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(forecaster.forecast(series.frames, 1)[0], series.frames[-1])


@pytest.mark.parametrize("other", [{"crop": 16}, {"flips": True}, {"turns": True}])
def test_the_mean_frame_cannot_be_cropped_or_turned(other: dict[str, object]) -> None:
    with pytest.raises(SettingError, match="Choose either subtract_mean, or crop, flips and turns"):
        forecaster_of(subtract_mean=True, **other)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_crops_are_for_networks_whose_weights_know_no_place(name: str) -> None:
    kind = NETWORKS[name]
    build, stride = settings_class(kind).from_mapping, kind.stride(kind.settings())
    sides = [max(stride, 16 // stride * stride) * factor for factor in (1, 2)]
    with torch.device("meta"):
        shapes = [{n: w.shape for n, w in kind.build(build({}), 3, side, side).state_dict().items()} for side in sides]
    assert kind.any_size == (shapes[0] == shapes[1]), f"{name} must say any_size just where its weights know no place"
    if kind.any_size:
        build({"crop": 32})
        return
    with pytest.raises(SettingError, match="cannot learn from crops of it. Set crop to 0"):
        build({"crop": 32})


@pytest.mark.parametrize("name", [name for name, kind in NETWORKS.items() if kind.any_size])
def test_a_network_trained_on_crops_forecasts_whole_frames(name: str) -> None:
    t, y, x = np.ogrid[:24, :37, :45]
    frames = (127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[..., None]
    series = FrameSeries("waves", frames, (0.0, 255.0))
    settings = FORECASTERS[name].configure(changes={"context": 3, "unroll": 1, "crop": 19, "steps": 2, "refit": False})
    forecaster = NetworkForecaster(name, settings, Workbench())
    list(forecaster.fit(series.head(20), SPLIT))
    assert forecaster.forecast(series.frames[:20], 4).shape == (4, 37, 45, 1)


def test_full_frames_are_forecast_in_tiles_by_weights_of_crops_and_again_after_loading(tmp_path: Path) -> None:
    """The whole way at an odd size: crops of 16 px, validation rollouts and forecasts in tiles; and the same in one piece."""
    rng = np.random.default_rng(0)
    series = FrameSeries("noise", rng.integers(0, 255, (20, 37, 41, 1), np.uint8), (0.0, 255.0))
    settings = FORECASTERS["convnext_unet"].configure(
        changes={"context": 3, "width": 4, "levels": 2, "unroll": 1, "crop": 16, "tile": 24, "epochs": 1}
    )
    forecaster = NetworkForecaster("convnext_unet", settings, Workbench())
    for _ in forecaster.fit(series, SPLIT):
        pass
    tiled = forecaster.forecast(series.frames, 4)
    forecaster.save(tmp_path)
    assert np.array_equal(NetworkForecaster.load(tmp_path).forecast(series.frames, 4), tiled)
    forecaster.settings = dataclasses.replace(settings, tile=0)
    weights = forecaster._network.state_dict()  # type: ignore[union-attr]
    forecaster._network = forecaster.build()
    forecaster._network.load_state_dict(weights)
    whole = forecaster.forecast(series.frames, 4)
    assert tiled.shape == (4, 37, 41, 1)
    assert np.abs(whole - series.frames[-1]).max() > 1.0
    assert np.abs(whole - tiled).max() < 0.01


def test_a_network_of_one_size_refuses_tiles_and_crops() -> None:
    for name in ("tile", "crop"):
        with pytest.raises(SettingError, match=f"Set {name} to 0"):
            FORECASTERS["cnn_lstm"].configure(changes={name: 64})


def test_a_forecast_is_made_in_float32_and_not_in_what_a_gpu_takes_for_it() -> None:
    """TF32, which cuDNN has on by default, has ten bits of the fraction. Training may use it."""
    series = waves()
    forecaster = forecaster_of(steps=1)
    assert {torch.backends.cudnn.allow_tf32 for _ in forecaster.fit(series.head(20), SPLIT)} == {True}
    seen: list[tuple[bool, bool]] = []
    assert forecaster._network is not None
    forecaster._network.register_forward_hook(
        lambda *_: seen.append((torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic))
    )
    forecaster.forecast(series.frames[:20], 4)
    assert len(seen) == 4 and set(seen) == {(False, True)}
    assert torch.backends.cudnn.allow_tf32


def island() -> FrameSeries:
    series = waves()
    valid = np.ones((16, 20), bool)
    valid[5:11, 6:14] = False
    frames = series.frames.astype(np.float32)
    frames[:, ~valid] = 99.0
    return FrameSeries("island", frames, (0.0, 255.0), valid=valid)


@pytest.mark.parametrize("name", ["unet", "convlstm"])
def test_masked_pixels_stay_as_they_were_also_of_one_that_was_saved(tmp_path: Path, name: str) -> None:
    settings = FORECASTERS[name].configure(changes={"context": 3, "unroll": 2, "epochs": 2})
    forecaster = NetworkForecaster(name, settings, Workbench())
    series = island()
    for _ in forecaster.fit(series.head(20), SPLIT):
        pass
    assert series.valid is not None
    forecast = forecaster.forecast(series.frames[:20], 4)
    assert (forecast[:, ~series.valid] == 99).all() and np.ptp(forecast[:, series.valid]) > 50
    forecaster.save(tmp_path)
    assert np.array_equal(NetworkForecaster.load(tmp_path).forecast(series.frames[:20], 4), forecast)
    (tmp_path / "mask.npy").unlink()  # as one was saved when none was held
    free = NetworkForecaster.load(tmp_path).forecast(series.frames[:20], 4)
    assert np.abs(free[:, ~series.valid] - 99).min() > 0
    assert np.array_equal(free[0][series.valid], forecast[0][series.valid]), "of true frames it says the same"
    assert not np.array_equal(free[-1][series.valid], forecast[-1][series.valid]), "what is beside them saw them"


def test_a_mask_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    forecaster = begun(forecaster_of(), island().head(20))
    forecaster.save(tmp_path)
    np.save(tmp_path / "mask.npy", np.ones((3, 4), bool))
    with pytest.raises(ValueError, match="no mask of the frames"):
        NetworkForecaster.load(tmp_path)


def test_without_masked_pixels_no_mask_is_kept(tmp_path: Path) -> None:
    begun(forecaster_of(), waves().head(20)).save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["forecaster.json", "weights.safetensors"]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_of_a_long_past_no_more_is_copied_than_the_network_looks_at(dtype: str) -> None:
    past = np.random.default_rng(0).uniform(0, 255, (300, 32, 32, 3)).astype(dtype)
    forecaster = begun(forecaster_of(), FrameSeries("noise", past[:20], (0.0, 255.0)))
    forecaster.forecast(past, 2)  # what is set up once is there
    tracemalloc.start()
    try:
        forecaster.forecast(past, 2)
        assert tracemalloc.get_traced_memory()[1] < past.nbytes / 2
    finally:
        tracemalloc.stop()


def test_another_series_is_learned_from_whole_in_the_units_of_this_one() -> None:
    """Mean, spread and range are brought along by one factor, so that its structure counts in the loss as at home."""
    t, y, x = np.ogrid[:12, :16, :20]
    frames = (30 + 2 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.float32)[..., None]
    other = FrameSeries("other", frames, (25.0, 35.0))
    found = as_if_this_series(other, Preparation(), Scaler((500.0,), (70.0,)), normalise=True, device="cpu")
    gain = 70.0 / float(frames.std())
    assert float(found.frames.mean()) == pytest.approx(500.0, rel=1e-4)
    assert float(found.frames.std()) == pytest.approx(70.0, rel=1e-3)
    assert found.data_range == pytest.approx(10.0 * gain, rel=1e-4)
    assert found.span == range(12) and not found.valid
    np.testing.assert_allclose(found.frames[:, 0].numpy(), (frames[..., 0] - frames.mean()) * gain + 500, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_another_series_is_never_there_as_float64(dtype: str) -> None:
    frames = np.random.default_rng(0).uniform(0, 255, (100, 32, 32, 3)).astype(dtype)
    tracemalloc.start()
    try:
        other = FrameSeries("other", frames, (0.0, 255.0))
        scaler = Scaler((100.0, 90.0, 80.0), (40.0, 30.0, 20.0))
        made = as_if_this_series(other, Preparation(), scaler, normalise=True, device="cpu")
        assert tracemalloc.get_traced_memory()[1] < 2.5 * 4 * made.frames.numel(), "as it is scaled, and in another order"
    finally:
        tracemalloc.stop()
