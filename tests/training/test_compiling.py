"""Compiled steps are the steps: the same numbers, nothing compiled anew as the unroll grows, and none lost where it fails."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from framecast.networks.rollout import rollout
from framecast.networks.wrap import Padded
from framecast.training import loop
from framecast.training.batches import cut
from framecast.training.compiling import Compiled, asked_for
from framecast.training.loop import Best, train
from framecast.training.optimising import optimizer_of
from framecast.training.progress import FitProgress
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget
from framecast.training.step import Stepper

from .test_saving_memory import SETTINGS, SPREAD, Step, assert_same_step, data_of, network_of

pytestmark = pytest.mark.filterwarnings("default:::torch")
"""Compilers of torch warn of what they do themselves."""
ON = replace(SETTINGS, compile="on", batch_size=13, unroll=8, epochs=8, validation=False)


def step(name: str, backend: Any, n_parts: int = 1) -> tuple[Step, str]:
    settings = replace(SETTINGS, parts=n_parts)
    network = network_of(name).train()
    batch = cut(
        data_of(), torch.arange(6), 4, 3, settings, mixing=0.0, spread=SPREAD, generator=torch.Generator().manual_seed(1)
    )
    compiled = None if backend is None else Compiled(network, backend=backend)
    stepper = Stepper(network, settings, 4, SPREAD, compiled=compiled)
    loss, norm = stepper(optimizer_of(network, settings), batch, 255.0)
    gradient = [weight.grad for weight in network.parameters() if weight.grad is not None]
    return (float(loss), float(norm), gradient), compiled.note if compiled else ""


def refused(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
    raise NotImplementedError("no working C++ compiler was found")


def refused_backwards(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
    """As where the forward pass compiles and that of the gradient does not, which is seen only when it is taken."""
    from torch._dynamo.backends.common import aot_autograd

    return aot_autograd(fw_compiler=lambda g, _: g.forward, bw_compiler=refused)(graph, inputs)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["cnn_lstm"])
def test_a_compiled_step_is_the_step(name: str) -> None:
    found, note = step(name, "aot_eager")
    assert_same_step(found, step(name, None)[0])
    assert note == ""


@pytest.mark.parametrize(("backend", "n_parts"), [(refused, 1), (refused_backwards, 3)])
def test_where_compiling_fails_the_step_is_taken_as_it_is_and_says_so(backend: Any, n_parts: int) -> None:
    (loss, norm, gradient), note = step("unet", backend, n_parts)
    wanted = step("unet", None, n_parts)[0]
    assert (loss, norm) == wanted[:2]
    assert all(torch.equal(one, other) for one, other in zip(gradient, wanted[2], strict=True))
    assert "could not be compiled on this machine (there is no C++ compiler)" in note


def test_what_goes_wrong_in_the_step_itself_is_not_swallowed() -> None:
    network = network_of("unet").train()
    batch = cut(data_of(), torch.arange(6), 4, 3, SETTINGS, mixing=0.0, spread=SPREAD, generator=torch.Generator())
    stepper = Stepper(network, SETTINGS, 4, SPREAD, compiled=Compiled(network, backend=refused))
    with pytest.raises(RuntimeError, match="expand|size"):
        stepper(optimizer_of(network, SETTINGS), replace(batch, given=batch.given[:, :, :, :-1].repeat(1, 1, 2, 1, 1)), 255.0)
    with pytest.raises(torch.OutOfMemoryError):
        Compiled(network).give_up(torch.OutOfMemoryError("CUDA out of memory"))


def training(monkeypatch: pytest.MonkeyPatch, backend: Any, name: str = "convlstm", **changes: Any) -> Iterator[FitProgress]:
    monkeypatch.setattr(loop, "Compiled", lambda network, **_: Compiled(network, backend=backend))
    settings, data = replace(ON, **changes), data_of()
    data = replace(data, valid=range(24, 30), span=range(24))
    budget = Budget(settings.epochs, 1)
    return train(
        network_of(name), data, Scaler((120.0,), (60.0,)), settings, context=4, budget=budget, best=Best(), seed=0, stage=""
    )


def test_an_unroll_that_grows_compiles_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_at: list[int] = []

    def counted(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
        compiled_at.append(len(compiled_at))
        return graph.forward

    seen, by_unroll = [], {}
    for progress in training(monkeypatch, counted):
        seen.append(progress)
        by_unroll[progress.unroll] = len(compiled_at)
    assert list(by_unroll) == [1, 2, 4, 8]
    assert by_unroll == {1: 1, 2: 2, 4: 2, 8: 2}  # one to absorb the context, one to go on from a forecast
    eager = list(training(monkeypatch, counted, compile="off"))
    assert [one.train_loss for one in seen] == pytest.approx([one.train_loss for one in eager], rel=1e-3)


def test_a_run_says_that_it_was_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list(training(monkeypatch, refused, epochs=2))
    assert "uncompiled" in seen[-1].finding
    assert seen[-1].train_loss == list(training(monkeypatch, refused, epochs=2, compile="off"))[-1].train_loss


def test_a_compiled_rollout_is_the_rollout() -> None:
    network = network_of("predrnn").eval()
    past = data_of().frames[None, :20]
    wanted = rollout(network, past, 7)
    assert torch.allclose(rollout(Compiled(network, backend="aot_eager").forecasting, past, 7), wanted, atol=1e-3)
    broken = Compiled(network, backend=refused)
    assert torch.equal(rollout(broken.forecasting, past, 7), wanted) and broken.note


def too_large(graph: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., Any]:
    def call(*asked: Any) -> Any:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 bytes")

    return call


def test_a_rollout_that_memory_runs_out_for_when_compiled_goes_on_as_it_is() -> None:
    """There it may go over to tiles, which are never compiled."""
    network = network_of("unet").eval()
    past = data_of().frames[None, :20]
    wanted = rollout(network, past, 4)
    full = Compiled(network, backend=too_large)
    assert torch.equal(rollout(full.forecasting, past, 4), wanted) and not full.note
    padded = next(part for part in network.modules() if isinstance(part, Padded))
    padded.tile(8)
    in_tiles = Compiled(network, backend=refused)
    rollout(in_tiles.forecasting, past, 2)
    assert not in_tiles.note, "nothing was compiled"


def test_steps_are_compiled_where_that_is_asked_for() -> None:
    assert asked_for(ON) and not asked_for(SETTINGS) and not asked_for(replace(ON, recompute=True))


def test_a_torch_that_knows_no_limit_compiles_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As 2.11, where torch.compile takes no more than this."""

    def older(model: Any = None, *, fullgraph: bool = False, dynamic: Any = None, backend: Any = "", mode: Any = None) -> Any:
        return model

    monkeypatch.setattr(torch, "compile", older)
    assert_same_step(step("unet", "eager")[0], step("unet", None)[0])


def test_names_of_weights_do_not_know_of_it() -> None:
    network = network_of("unet")
    names = list(network.state_dict())
    rollout(Compiled(network, backend="eager").forecasting, data_of().frames[None, :20], 2)
    assert list(network.state_dict()) == names
