"""The series stays what it is and where it is: a batch is an index, and nothing inside an epoch asks the device back.

What is counted here on the CPU are the operations that wait for a GPU: reading a number out of a tensor, and copies of the
series. On a GPU torch itself says when it is waited for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from framecast.forecasters.training_data import to_tensor
from framecast.networks.contract import NETWORKS
from framecast.networks.wrap import Padded, Residual
from framecast.training import loop
from framecast.training.batches import TrainingData, cut
from framecast.training.optimising import optimizer_of
from framecast.training.scaled import Scaled
from framecast.training.scaling import Scaler
from framecast.training.schedule import Budget
from framecast.training.settings import TrainingSettings
from framecast.training.team import Team
from framecast.training.validation import seen_range

SETTINGS = TrainingSettings(batch_size=2, unroll=2, precision="float32")
SCALER = Scaler((120.0,), (60.0,))
VARIED: list[dict[str, Any]] = [
    {},
    {"crop": 16},
    {"flips": True, "input_noise": 0.1, "clip_mode": "per weight"},
    {"sampling": "scheduled", "pushforward": 2, "ssim_weight": 0.1},
    {"parts": 2, "recompute": True, "averaging": 0.1},
]
WAITING = ("aten::item", "aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero")


def frames_of(dtype: type = np.uint8, n_frames: int = 60) -> Tensor:
    rng = np.random.default_rng(0)
    return to_tensor(rng.integers(0, 250, (n_frames, 24, 20, 1)).astype(dtype))


def steps(frames: Tensor, settings: TrainingSettings, n: int = 6, *, masked: bool = False) -> Iterator[None]:
    """`n` steps of an epoch, as the loop takes them."""
    mask = torch.ones(24, 20, device=frames.device) if masked else None
    data = TrainingData(frames, range(len(frames)), range(0), 255.0, mask)
    torch.manual_seed(0)
    kind = NETWORKS["unet"]
    bare = kind.build(kind.settings.from_mapping({"width": 8, "context": 3}), 1, 24, 24)
    network = Residual(Scaled(Padded(bare, 8), SCALER, answers_change=True)).to(frames.device).train()
    optimizer, team, generator = optimizer_of(network, settings), Team(), torch.Generator().manual_seed(0)
    team.begin(network, settings, 3, SCALER, optimizer)
    for first in range(n):
        team.step(optimizer, [data], 0, torch.tensor([first, first + 9]), 2, 0.5, generator)
        yield


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the largest tensor, in numbers, that any operation makes anew."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.n_numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        given = {one.untyped_storage().data_ptr() for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)}
        made = [one for one in tree_leaves(outputs) if isinstance(one, Tensor)]
        made = [one for one in made if one.untyped_storage().data_ptr() not in given]
        self.n_numbers = max([self.n_numbers, *(one.numel() for one in made)])
        return outputs


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("changes", VARIED, ids=str)
def test_nothing_inside_an_epoch_reads_a_number_off_the_device(changes: dict[str, Any], masked: bool) -> None:
    taken = steps(frames_of(), replace(SETTINGS, **changes), masked=masked)
    next(taken)  # the first step makes the optimiser's moments
    with profile(activities=[ProfilerActivity.CPU]) as seen:
        for _ in taken:
            pass
    names = [event.name for event in seen.events() if not in_the_optimizer(event)]
    assert names.count("aten::convolution") > 100, "it was looked at"
    waited = {name: names.count(name) for name in WAITING if name in names}
    drawn = 5 if changes.get("pushforward") else 0  # how many frames, from the generator of the run, once a step
    assert waited in ({}, {"aten::item": drawn, "aten::_local_scalar_dense": drawn})


def test_a_longer_epoch_reads_no_more_numbers_off_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole loop with all that it keeps and judges, but for its signs of life, which come by the clock."""
    monkeypatch.setattr(loop, "SIGN_OF_LIFE_S", 1e9)
    settings = replace(SETTINGS, batch_size=1, epochs=1, averaging=0.1, crop=16)
    read = {}
    for n_steps in (4, 16):
        frames = frames_of(n_frames=n_steps + 4)
        data = TrainingData(frames, range(len(frames)), range(0), 255.0, mask=torch.ones(24, 20))
        torch.manual_seed(0)
        kind = NETWORKS["unet"]
        bare = kind.build(kind.settings.from_mapping({"width": 8, "context": 3}), 1, 24, 24)
        network = Residual(Scaled(Padded(bare, 8), SCALER, answers_change=True))
        taken = loop.train(
            network, data, SCALER, settings, context=3, budget=Budget(1, n_steps), best=loop.Best(), seed=0, stage=""
        )
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            (progress,) = taken
        assert progress.step == n_steps
        names = [event.name for event in seen.events() if not in_the_optimizer(event)]
        read[n_steps] = [names.count(name) for name in WAITING]
    assert read[4] == read[16] and sum(read[4]) > 0


def in_the_optimizer(event: Any) -> bool:
    """The optimiser of a CPU reads its counters, which live there; that of a GPU has them on the device."""
    while event is not None:
        if event.name.startswith("Optimizer.step"):
            return True
        event = event.cpu_parent
    return False


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("changes", VARIED[:3], ids=str)
def test_no_step_makes_a_copy_as_large_as_the_series(dtype: type, changes: dict[str, Any]) -> None:
    frames = frames_of(dtype, n_frames=400)
    taken = steps(frames, replace(SETTINGS, **changes), n=3)
    with Largest() as largest:
        for _ in taken:
            pass
    assert 0 < largest.n_numbers < frames.numel() / 4


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_whole_numbers_stay_whole_numbers(dtype: type) -> None:
    frames = frames_of(dtype)
    assert frames.element_size() == np.dtype(dtype).itemsize
    data = TrainingData(frames, range(60), range(0), 255.0)
    for changes in ({}, {"crop": 16}, {"turns": True}):
        batches = [
            cut(
                one,
                torch.tensor([3, 40]),
                3,
                2,
                replace(SETTINGS, **changes),
                mixing=0.0,
                spread=torch.ones(1, 1, 1),
                generator=torch.Generator().manual_seed(0),
            )
            for one in (data, replace(data, frames=frames.to(torch.float32)))
        ]
        assert batches[0].window.dtype == torch.float32
        assert torch.equal(batches[0].window, batches[1].window)


def test_values_above_the_half_of_sixteen_bits_are_what_they_were() -> None:
    frames = to_tensor(np.array([0, 32767, 32768, 65535], np.uint16).reshape(4, 1, 1, 1).repeat(20, axis=1))
    low, high = seen_range(frames)
    assert (float(low), float(high)) == (0.0, 65535.0)
    data = TrainingData(frames, range(4), range(0), 65535.0)
    window = cut(
        data, torch.tensor([0]), 3, 1, SETTINGS, mixing=0.0, spread=torch.ones(1, 1, 1), generator=torch.Generator()
    ).window
    assert window[0, :, 0, 0, 0].tolist() == [0.0, 32767.0, 32768.0, 65535.0]


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("changes", VARIED, ids=str)
def test_a_gpu_is_never_waited_for_inside_an_epoch(changes: dict[str, Any], masked: bool) -> None:
    taken = steps(frames_of().to("cuda"), replace(SETTINGS, **changes), masked=masked)
    next(taken)
    with waiting_is_an_error():
        for _ in taken:
            pass
