"""What a step asks of an unroll is what the settings say, and what it learns from is the truth."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.training import step as step_module
from framecast.training.batches import Batch
from framecast.training.settings import TrainingSettings
from framecast.training.step import Objective

CONTEXT = 3


def batch(pushed: int = 0, own: list[bool] | None = None) -> Batch:
    window = torch.rand(2, 8, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    return Batch(window, window + 100.0, None, None, pushed, own)


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, {"burn_in": CONTEXT}),
        ({"burn_in": 1}, {"burn_in": 1}),
        ({"burn_in": 2}, {"burn_in": 2}),
        ({"burn_in": 500}, {"burn_in": CONTEXT}),
        ({"truncate": 4}, {"truncate": 4}),
        ({"recompute": True}, {"recompute": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("more", [{}, {"pushed": 2}, {"own": [False] * 8}], ids=str)
def test_what_is_asked_of_an_unroll(
    changes: dict[str, Any], asked: dict[str, Any], more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[str, Any] = {}

    def unroll(network: nn.Module, window: Tensor, **how: Any) -> Tensor:
        said.update(how, window=window)
        return window[:, -4:] * 0.0

    monkeypatch.setattr(step_module, "unroll", unroll)
    made = batch(**more)
    settings = TrainingSettings(loss="mse", precision="float32", **changes)
    _, loss = Objective(nn.Identity(), settings, CONTEXT, torch.ones(1, 1, 1))(made, 1.0)
    expected = {"burn_in": CONTEXT, "truncate": 0, "recompute": False, "pushed": 0, "own": None, **more, **asked}
    assert {name: said[name] for name in expected} == expected and said["context"] == CONTEXT
    assert said["window"] is made.given, "it is shown what is given"
    assert float(loss) == pytest.approx(float((made.window[:, -4:] ** 2).mean()), rel=1e-5), "and held against the truth"
