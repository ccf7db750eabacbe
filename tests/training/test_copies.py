"""Copies of weights: none is taken beside an earlier one, and the pre-flight counts all that there are."""

import gc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.network_size import copies_of_weights
from framecast.series.frames import FrameSeries, Split
from framecast.training.copies import copied
from framecast.training.standing import GOOD_EVERY


def test_a_copy_has_the_memory_of_the_one_before_and_does_not_move_with_the_weights() -> None:
    weights = {"a": torch.ones(3, 4), "b": torch.arange(5.0)}
    first = copied(weights, into={})
    places = {name: one.data_ptr() for name, one in first.items()}
    weights["a"].mul_(2.0)
    assert (first["a"] == 1).all()
    second = copied(weights, into=first)
    assert {name: one.data_ptr() for name, one in second.items()} == places
    assert all((second[name] == weights[name]).all() for name in weights)


@pytest.mark.parametrize("changes", [{}, {"averaging": 0.1}, {"validation": False, "refit": False}])
def test_a_fit_holds_as_many_copies_of_its_weights_as_are_counted(changes: dict[str, Any]) -> None:
    """Seen at every sign of life, beyond the step at which the last good weights are copied once more. Nearly all that the
    network of a few large weight arrays holds between two steps are weights and their gradients."""
    split = Split.of(30, 4, 6)
    kind, steps = FORECASTERS["flatten_lstm"], 2 * GOOD_EVERY + 2
    settings: Any = kind.configure(changes={"steps": steps, "minutes": 0, "context": 3, "unroll": 2, "hidden": 64, **changes})
    frames = np.random.default_rng(0).integers(0, 255, (split.test.start, 16, 16, 3), np.uint8)
    forecaster = kind.make(replace(settings, batch_size=2), Workbench(device="cpu"))
    gc.collect()
    before, most = _living(), 0
    for _ in forecaster.fit(FrameSeries("noise", frames, (0.0, 255.0)), split):
        most = max(most, _living() - before)
    assert kind.n_weights is not None
    copies = copies_of_weights(settings, "cpu") + 1 + settings.refit  # gradients; in the end what the search ended with
    assert most == pytest.approx(4 * kind.n_weights(settings, 16, 16, 3) * copies, rel=0.05)


def _living() -> int:
    """Bytes of all tensors there are."""
    storages = {
        one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in gc.get_objects() if _is_tensor(one)
    }
    gradients = {
        one.grad.data_ptr(): one.grad.untyped_storage().nbytes()
        for one in gc.get_objects()
        if _is_tensor(one) and one.is_leaf and one.grad is not None
    }
    return sum((storages | gradients).values())


def _is_tensor(one: object) -> bool:
    """One with memory; those that stand for others while something is compiled have none."""
    return type(one) in (torch.Tensor, torch.nn.Parameter) and one.device.type == "cpu"  # type: ignore[attr-defined]
