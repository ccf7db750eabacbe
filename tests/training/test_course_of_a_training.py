"""What the schedules say reaches every step, and what validation says decides: steps and validations are made up here."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.training.batches import TrainingData
from framecast.training.loop import Best, train
from framecast.training.progress import FitProgress, Preview
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget, learning_rate, sampling_at, unroll_at
from framecast.training.settings import TrainingSettings
from framecast.training.team import Team
from framecast.training.validation import Validated, Validator

CONTEXT, N_STEPS = 3, 40


class Counted(nn.Module):
    """Its one weight array is how many steps were taken."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class Made:
    """Steps that take a second each and count themselves, and validations that say what they are told to."""

    def __init__(self, patch: pytest.MonkeyPatch, scores: list[dict[str, float]] | None = None) -> None:
        self.now, self.steps, self.validated = 0.0, list[tuple[int, int, float, float]](), list[float]()
        scores = scores or []

        def step(team: Team, optimizer: Any, _: Any, index: int, chosen: Tensor, n_unroll: int, mixing: float, *x: Any) -> Any:
            self.now += 1.0
            self.steps.append((index, n_unroll, mixing, optimizer.param_groups[0]["lr"]))
            with torch.no_grad():
                team._network.weight += 1.0
            return torch.tensor(1.0), torch.tensor(1.0), 1000

        def validate(validator: Validator, network: nn.Module, fraction: float, call: Any = None) -> Validated:
            validator._frames_passed, validator._last_fraction = 0, fraction
            self.validated.append(float(network.weight.detach()))
            preview: Preview = None  # type: ignore[assignment]
            return Validated(scores[min(len(self.validated), len(scores)) - 1], {}, preview)

        patch.setattr(Team, "step", step)
        patch.setattr(Validator, "__call__", validate)

    def train(
        self, settings: TrainingSettings, budget: Budget, n_valid: int = 0, **asked: Any
    ) -> tuple[list[FitProgress], Best]:
        data = TrainingData(torch.zeros(40, 1, 12, 12), range(40 - n_valid), range(40 - n_valid, 40), 1.0)
        asked |= {"context": CONTEXT, "budget": budget, "best": Best(), "seed": 0, "stage": ""}
        return list(train(Counted(), data, Scaler((0.0,), (1.0,)), settings, **asked)), asked["best"]


@pytest.mark.parametrize("by_time", [False, True])
@pytest.mark.parametrize("changes", [{}, {"schedule": "piecewise", "drop_every": 0.3}, {"sampling": "reverse"}], ids=str)
@pytest.mark.parametrize("block", [1, 3])
def test_each_step_has_rate_unroll_and_mixing_of_the_part_of_the_budget_that_is_used(
    by_time: bool, changes: dict[str, Any], block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of steps or of time, whichever ends the run; the unroll is cut to what fits into the series that the step is on."""
    made = Made(monkeypatch)
    settings = TrainingSettings(**{"unroll": 8, "sampling": "scheduled", "batch_size": 4, **changes})
    budget = Budget(1000, 10, seconds=N_STEPS, clock=lambda: made.now) if by_time else Budget(1000, 10, steps=N_STEPS)
    short = TrainingData(torch.zeros(CONTEXT + 5, 1, 12, 12), range(CONTEXT + 5), range(0), 1.0)
    made.train(settings, budget, block=block, more=[short])
    assert len(made.steps) == N_STEPS and {index for index, *_ in made.steps} == {0, 1}
    for number, (index, n_unroll, mixing, rate) in enumerate(made.steps):
        used, longest = number / N_STEPS, (40, CONTEXT + 5)[index] - CONTEXT
        assert n_unroll == unroll_at(settings, used, longest, block)
        assert mixing == sampling_at(settings, used)
        assert rate == learning_rate(settings, used)
    assert {n_unroll for index, n_unroll, *_ in made.steps if index == 0} == ({1, 2, 4, 8} if block == 1 else {3, 6, 8})
    assert max(n_unroll for index, n_unroll, *_ in made.steps if index == 1) == 5


@pytest.mark.parametrize("stop_at", [0.01, 0.3, 0.49, 1.0])
def test_it_ends_at_the_share_of_the_budget_that_was_asked_for(stop_at: float, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(monkeypatch)
    progress, _ = made.train(TrainingSettings(), Budget(1000, 10, steps=N_STEPS), stop_at=stop_at)
    assert len(made.steps) == math.ceil(stop_at * N_STEPS - 1e-9) and progress[-1].fraction == 1.0


SCORES = [{"ssim": 0.5, "mse": 9.0}, {"ssim": 0.9, "mse": 7.0}, {"ssim": 0.9, "mse": 3.0}, {"ssim": 0.6, "mse": 5.0}]


@pytest.mark.parametrize(("select_by", "place"), [("ssim", 1), ("mse", 2)])
@pytest.mark.parametrize("averaging", [0.0, 0.3])
def test_the_weights_that_are_kept_are_those_that_were_validated_best(
    select_by: str, place: int, averaging: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the score that was chosen; among equals the first; where weights are averaged, the averaged ones."""
    made = Made(monkeypatch, SCORES)
    settings = TrainingSettings(select_by=select_by, averaging=averaging)
    progress, best = made.train(settings, Budget(1000, 10, steps=N_STEPS), n_valid=6)
    assert len(made.validated) > 4 and made.validated == sorted(made.validated)
    assert float(best.weights["weight"]) == made.validated[place]
    assert best.score == (0.9 if select_by == "ssim" else -3.0)
    assert best.fraction == best.step / N_STEPS
    assert (float(best.weights["weight"]) == best.step) is (averaging == 0.0)
    assert sum(one.improved for one in progress) == place + 1
    assert (made.validated[-1] == N_STEPS) is (averaging == 0.0), "the mean lags behind"


def test_validation_bounds_a_rollout_by_what_came_before_the_validation_frames() -> None:
    frames = torch.arange(24.0).reshape(12, 2, 1, 1).expand(12, 2, 12, 12)
    validator = Validator(Counted(), TrainingData(frames, range(8), range(8, 12), 1.0), TrainingSettings(), CONTEXT)
    assert validator.clamp is not None
    assert [bound.flatten().tolist() for bound in validator.clamp] == [[0.0, 1.0], [14.0, 15.0]]


@pytest.mark.parametrize("clamp", [True, False])
def test_a_validation_is_bounded_as_a_forecast_will_be(clamp: bool) -> None:
    class Doubling(nn.Module):
        def forward(self, frames: Tensor, state: Any = None, *, fed_back: bool = False) -> tuple[Tensor, Any]:
            return 2 * frames[:, -1:], ()

    frames = torch.arange(1.0, 13.0).reshape(12, 1, 1, 1).expand(12, 1, 12, 12)
    data, network = TrainingData(frames, range(8), range(8, 12), 1.0), Doubling()
    said = Validator(network, data, TrainingSettings(clamp=clamp), CONTEXT)(network, 0.5)
    forecast = [8.0] * 4 if clamp else [16.0, 32.0, 64.0, 128.0]
    errors = [(value - truth) ** 2 for value, truth in zip(forecast, (9, 10, 11, 12), strict=True)]
    assert said.curves["mse"] == pytest.approx(errors)
