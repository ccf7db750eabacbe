from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from framecast.errors import DivergedError
from framecast.networks.contract import NETWORKS
from framecast.networks.wrap import Padded, Residual
from framecast.training.batches import TrainingData, _mixed
from framecast.training.loop import Best, epoch_steps, train
from framecast.training.progress import ROLLOUT_CURVES
from framecast.training.scaled import Scaled
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget
from framecast.training.settings import TrainingSettings
from framecast.training.validation import Validator

SETTINGS = TrainingSettings(epochs=6, batch_size=4, unroll=2, precision="float32")


def data_of(frames: torch.Tensor, n_valid: int = 6) -> TrainingData:
    stop = len(frames) - n_valid
    return TrainingData(frames, range(stop), range(stop, len(frames)), data_range=255.0)


def moving_frames(n_frames: int = 30) -> torch.Tensor:
    t, y, x = np.ogrid[:n_frames, :12, :16]
    return torch.from_numpy((127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[:, None])


def network_of(scaler: Scaler, name: str = "unet") -> torch.nn.Module:
    torch.manual_seed(0)
    kind = NETWORKS[name]
    settings = kind.settings.from_mapping({"context": 3, "width": 8, "levels": 2} if name == "unet" else {"context": 3})
    bare = kind.build(settings, 1, 12, 16)
    return Residual(Scaled(Padded(bare, kind.stride(settings)), scaler, answers_change=True))


def run(frames: torch.Tensor, settings: TrainingSettings = SETTINGS, data: TrainingData | None = None):
    data = data or data_of(frames)
    scaler = Scaler.fit(frames[data.span.start : data.span.stop].permute(0, 2, 3, 1).numpy())
    network, best = network_of(scaler), Best()
    budget = Budget(settings.epochs, epoch_steps(len(data.span) - 4, settings))
    progress = list(train(network, data, scaler, settings, context=3, budget=budget, best=best, seed=1, stage="Training"))
    return network, best, progress


def test_a_run_bound_by_epochs_repeats_to_the_bit() -> None:
    first, second = (run(moving_frames()) for _ in range(2))
    assert [p.train_loss for p in first[2]] == [p.train_loss for p in second[2]]
    for name, weight in first[0].state_dict().items():
        assert torch.equal(weight, second[0].state_dict()[name])


def test_training_lowers_the_loss_and_beats_persistence_on_what_it_has_not_seen() -> None:
    settings = replace(SETTINGS, epochs=25)
    frames = moving_frames(40)
    _, best, progress = run(frames, settings)
    truth = frames[-6:].float()
    persistence = float(((frames[-7].float() - truth) ** 2).mean())
    assert progress[-1].train_loss is not None and progress[0].train_loss is not None
    assert progress[-1].train_loss < progress[0].train_loss / 2
    assert min(p.valid_scores["mse"] for p in progress if p.valid_scores) < persistence / 4
    assert best.score == max(p.valid_scores["ssim"] for p in progress if p.valid_scores)


def test_epochs_are_counted_and_the_run_ends_with_one() -> None:
    *_, progress = run(moving_frames())
    assert [p.epoch for p in progress if p.epoch_done] == [1, 2, 3, 4, 5, 6]
    assert progress[-1].fraction == 1.0
    assert progress[-1].valid_scores, "the last weights are validated"
    assert progress[-1].preview is not None
    assert progress[-1].preview.forecast.shape == (6, 12, 16, 1)


def test_a_validation_tells_of_every_lead_of_its_rollout() -> None:
    frames = moving_frames()
    *_, progress = run(frames, replace(SETTINGS, epochs=1, learning_rate=1e-7))  # what it is at birth: persistence
    last = progress[-1]
    assert set(last.valid_curves) == set(ROLLOUT_CURVES)
    assert all(len(curve) == 6 for curve in last.valid_curves.values())
    assert last.valid_curves["ssim"] == pytest.approx(last.valid_curves["persistence_ssim"], abs=1e-4)
    assert np.mean(last.valid_curves["mse"]) == pytest.approx(last.valid_scores["mse"], rel=1e-4)
    truth = frames.float().numpy()[:, 0]
    errors = [((truth[-7] - truth[index]) ** 2).mean() for index in range(-6, 0)]
    assert last.valid_curves["persistence_mse"] == pytest.approx(errors, rel=1e-4)
    assert max(last.valid_curves["motion"]) < 0.01
    steps = [sum(np.abs(np.diff(one, axis=axis)).sum() for axis in (0, 1)) for one in truth]
    assert last.valid_curves["sharpness"] == pytest.approx([steps[-7] / steps[index] for index in range(-6, 0)], rel=1e-3)


def test_the_strip_is_of_the_frames_it_says_and_small() -> None:
    frames = torch.from_numpy(np.random.default_rng(0).integers(0, 255, (40, 1, 150, 200), np.uint8))
    data = TrainingData(frames, range(20), range(20, 40), data_range=255.0)
    network = network_of(Scaler((127.0,), (70.0,)))
    strip = Validator(network, data, SETTINGS, 4)(network, 0.5).preview
    assert strip.leads[0] == 1 and strip.leads[-1] == 20 and len(strip.leads) <= 6
    assert strip.truth.shape == strip.forecast.shape == (len(strip.leads), 72, 96, 1)
    for lead, picture in zip(strip.leads, strip.truth, strict=True):
        assert picture.mean() == pytest.approx(float(frames[20 + lead - 1].float().mean()), abs=1.0)


def test_the_gradient_is_measured_before_it_is_shortened() -> None:
    one_step = replace(SETTINGS, epochs=1, batch_size=100)
    free, *shortened = (
        run(moving_frames(), replace(one_step, clip=clip, clip_mode=mode))[2][0].gradient_norm
        for clip, mode in ((0.0, "global"), (1e-5, "global"), (1e-5, "per weight"))
    )
    assert free is not None and free > 1e-3
    assert shortened == pytest.approx([free, free], rel=1e-5)


def test_every_sign_of_life_tells_speed_and_memory() -> None:
    *_, progress = run(moving_frames())
    for one in progress:
        assert one.frames_per_second is not None and one.frames_per_second > 0
        assert one.memory_bytes is not None and one.memory_bytes > 1e7


def test_the_validation_frames_teach_nothing() -> None:
    frames = moving_frames()
    other = frames.clone()
    other[-6:] = 0
    (network, *_), (same, *_) = run(frames), run(other)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, same.state_dict()[name])


def test_masked_pixels_teach_nothing() -> None:
    frames = moving_frames()
    noisy = frames.clone()
    generator = torch.Generator().manual_seed(0)
    noisy[..., :4, :] = torch.randint(0, 255, noisy[..., :4, :].shape, generator=generator, dtype=torch.uint8)
    mask = torch.ones(12, 16)
    mask[:4] = 0
    losses = []
    for series in (frames, noisy):
        window_blind = replace(data_of(series, n_valid=0), mask=mask)
        scaler = Scaler((127.0,), (70.0,))
        settings = replace(SETTINGS, epochs=1, learning_rate=1e-7)  # the untrained residual network forecasts the last frame
        budget = Budget(1, 3)
        progress = train(
            network_of(scaler), window_blind, scaler, settings, context=3, budget=budget, best=Best(), seed=1, stage=""
        )
        losses.append(list(progress)[-1].train_loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence() -> None:
    data, scaler = data_of(moving_frames()), Scaler((127.0,), (70.0,))
    network, best = network_of(scaler), Best()
    next(network.parameters()).data.fill_(torch.nan)
    fit = train(network, data, scaler, SETTINGS, context=3, budget=Budget(6, 3), best=best, seed=1, stage="Training")
    with pytest.raises(DivergedError, match="smaller learning rate, for example"):
        list(fit)
    assert not best.weights


@pytest.mark.parametrize(
    ("chosen", "advice"),
    [(1e-3, "for example 0.0002"), (2e-7, "for example 1e-07"), (1e-7, "There is no lower one")],
)
@pytest.mark.parametrize("judged_every", [1, 200])
def test_what_diverges_names_the_chosen_rate_one_below_it_and_the_epoch_at_work(
    monkeypatch: pytest.MonkeyPatch, chosen: float, advice: str, judged_every: int
) -> None:
    """Not the rate of that moment, which warm-up has cut to a hundredth here, nor the number of epochs that are done."""
    monkeypatch.setattr("framecast.training.loop.JUDGED_EVERY", judged_every)
    settings = replace(SETTINGS, learning_rate=chosen, warmup=0.5)
    with pytest.raises(DivergedError) as caught:
        fit_broken(settings)
    said = str(caught.value)
    assert f"in epoch 1 at learning rate {chosen:g}." in said and advice in said
    assert all(settings.from_mapping(settings.to_mapping() | remedy) for remedy in caught.value.remedies)
    assert len(caught.value.remedies) == (chosen > 1e-7)


def fit_broken(settings: TrainingSettings) -> None:
    data, scaler = data_of(moving_frames()), Scaler((127.0,), (70.0,))
    network = network_of(scaler)
    next(network.parameters()).data.fill_(torch.nan)
    list(train(network, data, scaler, settings, context=3, budget=Budget(6, 6), best=Best(), seed=1, stage="Training"))


def test_an_interrupted_run_keeps_its_best() -> None:
    frames = moving_frames()
    data, best = data_of(frames), Best()
    scaler = Scaler((127.0,), (70.0,))
    fit = train(
        network_of(scaler), data, scaler, SETTINGS, context=3, budget=Budget(6, 3), best=best, seed=1, stage="Training"
    )
    for progress in fit:
        if progress.improved:
            break
    fit.close()
    assert best.weights
    assert best.score == progress.valid_scores["ssim"]
    assert best.epoch == progress.best_epoch


CONTROLS: list[dict[str, Any]] = [
    {"pushforward": 6},
    {"sampling": "scheduled"},
    {"sampling": "reverse"},
    {"sampling": "reverse", "burn_in": 2, "pushforward": 2},
    {"l1_weight": 0.5},
    {"ssim_weight": 0.3},
    {"gradient_weight": 0.3},
    {"crop": 16},
    {"flips": True},
    {"turns": True},
    {"averaging": 0.2},
]


def wide(n_frames: int = 20) -> torch.Tensor:
    t, y, x = np.ogrid[:n_frames, :20, :24]
    return torch.from_numpy((127 + 100 * np.sin(0.6 * x + 0.3 * y - 0.5 * t)).astype(np.uint8)[:, None])


@pytest.mark.parametrize("changes", CONTROLS, ids=str)
def test_every_control_changes_the_run_and_repeats_to_the_bit(changes: dict[str, Any]) -> None:
    runs = [run(wide(), replace(SETTINGS, epochs=2, **change)) for change in ({}, changes, changes)]
    losses = [[(p.train_loss, dict(p.valid_scores)) for p in progress] for *_, progress in runs]
    assert losses[1] != losses[0]
    assert losses[1] == losses[2]


def test_mixed_from_the_start_on_with_certainty_is_teacher_forcing() -> None:
    """With every frame given, a run of several unrolled steps is one whose context reaches to the end of the window."""
    settings = replace(SETTINGS, unroll_curriculum=False, sampling="scheduled", sampling_start=1.0)
    generator = torch.Generator().manual_seed(0)
    assert _mixed(settings, 1.0, 3, 8, generator) == [False] * 8
    assert _mixed(settings, 0.0, 3, 8, generator) is None  # as without sampling
    reverse = replace(settings, sampling="reverse")
    assert _mixed(reverse, 1.0, 3, 8, generator) == [False] + [True] * 7
    assert _mixed(replace(reverse, burn_in=2), 1.0, 3, 8, generator) == [False] * 2 + [True] * 6
    assert _mixed(reverse, 0.0, 3, 8, generator) is None


def test_mixed_with_no_chance_at_all_the_run_is_the_plain_one() -> None:
    """The coins are drawn, and so the order of later windows is another; the first epoch is the same."""
    losses = [
        run(wide(), replace(SETTINGS, epochs=1, unroll_curriculum=False, shuffle="once", **changes))[2][-1].train_loss
        for changes in ({}, {"sampling": "scheduled", "sampling_start": 0.0}, {"sampling": "reverse", "sampling_start": 0.0})
    ]
    assert losses[0] == losses[1] == losses[2]


def test_pushed_frames_never_reach_beyond_the_span() -> None:
    data, frames = data_of(wide(12), n_valid=4), wide(12)
    other = frames.clone()
    other[-4:] = 0
    settings = replace(SETTINGS, epochs=2, pushforward=50)
    losses = [[p.train_loss for p in run(f, settings, replace(data, frames=f))[2]] for f in (frames, other)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(("memory", "passed"), [(False, 4 + 6), (True, 94 + 6)])
def test_a_validation_costs_the_frames_that_pass_the_network(memory: bool, passed: int) -> None:
    """A network that sees a window absorbs no more than that, however long the series is."""
    frames = moving_frames(100)
    network = network_of(Scaler((127.0,), (70.0,)), "convlstm" if memory else "unet")
    validator = Validator(network, data_of(frames), SETTINGS, 4)
    pasts: list[int] = []

    def counted(window: torch.Tensor, *rest: Any, **named: Any) -> Any:
        pasts.append(window.shape[1])
        return network(window, *rest, **named)

    validator(network, 0.5, counted)
    assert validator.n_frames == passed
    n_steps = -(-5 * passed // 30)
    for step in range(n_steps):
        assert not validator.due(ended=False), step
        validator.passed(10, 0.5 + step / n_steps)
    assert validator.due(ended=False)


def test_averaged_weights_are_what_is_validated_kept_and_left_behind() -> None:
    settings = replace(SETTINGS, averaging=0.5)
    network, best, progress = run(moving_frames(), settings)
    assert progress[-1].valid_scores
    averaged = {name: weight.clone() for name, weight in network.state_dict().items()}
    validator = Validator(network, data_of(moving_frames()), settings, 4)
    assert validator(network, 1.0).scores == progress[-1].valid_scores, "the last validation was of the averaged weights"
    plain, *_ = run(moving_frames())
    assert any(not torch.equal(weight, plain.state_dict()[name]) for name, weight in averaged.items())


def test_a_penalty_moves_the_weights_and_is_not_in_the_loss() -> None:
    class Asking(torch.nn.Module):
        head: torch.nn.Module

        def __init__(self, network: torch.nn.Module, weight: float) -> None:
            super().__init__()
            self.network, self.weight = network, weight
            self.head = network.head  # type: ignore[assignment]

        def forward(self, *args: Any, **named: Any) -> Any:
            return self.network(*args, **named)

        def pop_penalty(self) -> torch.Tensor:
            return self.weight * torch.stack([(p**2).sum() for p in self.network.parameters()]).sum()

    found = []
    for weight in (0.0, 10.0):
        data, scaler = data_of(moving_frames()), Scaler((127.0,), (70.0,))
        network = Asking(network_of(scaler), weight)
        budget = Budget(1, 2)
        fit = train(network, data, scaler, SETTINGS, context=3, budget=budget, best=Best(), seed=1, stage="", stop_at=0.5)
        found.append((list(fit)[0].train_loss, sum(float((p.detach() ** 2).sum()) for p in network.parameters())))
    assert found[0][0] == found[1][0]
    assert found[0][1] > found[1][1]
