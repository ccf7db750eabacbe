"""Recorded steps are the steps: the same weights after any number of them, and none lost where recording fails.

On a processor nothing can be recorded; there a stand-in does the recorded work at every replay, from where windows were copied
to. That the work of a replay is that of the step is seen on a GPU.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from framecast.leaving import Left, left_when
from framecast.training import replaying, team
from framecast.training.batches import TrainingData, cut
from framecast.training.optimising import optimizer_of
from framecast.training.replaying import AS_THEY_ARE, OnGPU, may_replay, steps_until_replayed
from framecast.training.scaling import Scaler
from framecast.training.settings import TrainingSettings
from framecast.training.step import Stepper

from .test_saving_memory import NAMES, SETTINGS, SPREAD, data_of, network_of

ALWAYS = replace(SETTINGS, clip=1.0)
VARIED: list[dict[str, Any]] = [
    {},
    {"parts": 4},
    {"crop": 16, "flips": True},
    {"input_noise": 0.1},
    {"pushforward": 2},
    {"sampling": "reverse"},
]


class StandIn:
    """What records on a processor. `broken`: fails like a driver that refuses. `full`: replays after which memory runs out.
    `room`: for so many recordings."""

    def __init__(self, *, broken: bool = False, full: int = 1000, room: int = 1000) -> None:
        self.n_made, self.n_replayed, self.n_anew, self.broken, self.full, self.room = 0, 0, 0, broken, full, room

    def has_room(self) -> bool:
        return self.n_made < self.room

    def __call__(self, work: Callable[[], Tensor], *, anew: bool) -> Callable[[], Tensor]:
        self.n_made, self.n_anew = self.n_made + 1, self.n_anew + anew
        if self.broken:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

        def replay() -> Tensor:
            self.n_replayed += 1
            if self.n_replayed > self.full:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return work()

        return replay


def weights_after(
    n_steps: int,
    record: Any,
    settings: TrainingSettings = ALWAYS,
    *,
    name: str = "unet",
    data: TrainingData | None = None,
    device: str = "cpu",
    unrolls: tuple[int, ...] = (3,),
    each: Callable[[int, nn.Module], None] = lambda index, network: None,
) -> tuple[list[Tensor], list[float], str]:
    """Weights after steps on windows that differ, in batches of 6 but for every fourth of 4; the losses; what is said."""
    network, data = network_of(name).train().to(device), data or data_of()
    data = replace(data, frames=data.frames.to(device), mask=None if data.mask is None else data.mask.to(device))
    generator, spread = torch.Generator().manual_seed(1), SPREAD.to(device)
    optimizer, losses = optimizer_of(network, settings), []
    stepper = Stepper(network, settings, 4, spread, record=record)
    for index in range(n_steps):
        each(index, network)
        unroll = unrolls[index * len(unrolls) // n_steps]
        batch = cut(
            data, torch.arange(4 if index % 4 == 3 else 6) + index, 4, unroll, settings,
            mixing=0.5 if index < n_steps // 2 else 0.0, spread=spread, generator=generator,
        )  # fmt: skip
        losses.append(stepper(optimizer, batch, 255.0)[0])
    return [weight.detach() for weight in network.parameters()], [float(loss) for loss in losses], stepper.note


def assert_same(one: tuple[list[Tensor], list[float], str], other: tuple[list[Tensor], list[float], str]) -> None:
    assert one[1] == other[1]
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(one[0], other[0], strict=True))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("changes", VARIED, ids=str)
def test_replayed_steps_are_the_steps(changes: dict[str, Any], masked: bool) -> None:
    settings, record = replace(ALWAYS, **changes), StandIn()
    found = weights_after(12, record, settings, data=data_of(masked=masked))
    assert_same(found, weights_after(12, None, settings, data=data_of(masked=masked)))
    assert 0 < record.n_made < record.n_replayed and found[2] == ""


def test_frames_exchanged_by_chance_are_not_recorded() -> None:
    """Each step would be a form of its own; half of these have such frames."""
    by_chance, none = StandIn(), StandIn()
    weights_after(16, by_chance, replace(ALWAYS, sampling="scheduled"))
    weights_after(16, none)
    assert 0 < by_chance.n_replayed < none.n_replayed
    assert none.n_replayed - by_chance.n_replayed > 1, "steps by chance do not count as taken as they are"


def test_an_unroll_that_grows_is_recorded_anew_and_little_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "MOST_FORMS", 1)
    record = StandIn()
    found = weights_after(40, record, unrolls=(1, 3))
    assert_same(found, weights_after(40, None, unrolls=(1, 3)))
    assert record.n_made > 4, "the last batch drives out the others"
    assert record.n_anew < record.n_made, "what is driven out shares its memory with what came"


def test_where_recording_fails_all_steps_are_taken_as_they_are_and_it_says_so() -> None:
    record = StandIn(broken=True)
    found = weights_after(8, record, replace(ALWAYS, parts=2))
    assert_same(found, weights_after(8, None, replace(ALWAYS, parts=2)))
    assert record.n_made == 1 and "could not be recorded on this GPU" in found[2]


@pytest.mark.parametrize("n_parts", [1, 3])
def test_where_memory_runs_out_recordings_give_theirs_back_and_the_step_is_taken_again(n_parts: int) -> None:
    """Also in the middle of a batch in parts, whose first part had added its gradient already."""
    settings, record = replace(ALWAYS, parts=n_parts), StandIn(full=4)
    found = weights_after(12, record, settings)
    assert_same(found, weights_after(12, None, settings))
    assert record.n_replayed == 5 and "could not be recorded on this GPU (too little memory)" in found[2]


def test_memory_that_runs_out_for_the_step_itself_is_told_as_ever() -> None:
    def full(index: int, network: nn.Module) -> None:
        if index == 1:
            network.register_forward_hook(refuse)

    def refuse(*asked: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        weights_after(6, StandIn(), each=full)


def test_a_gpu_without_room_records_nothing_more() -> None:
    record = StandIn(room=1)
    found = weights_after(12, record, unrolls=(1, 3))
    assert_same(found, weights_after(12, None, unrolls=(1, 3)))
    assert record.n_made == 1 and "too little memory" in found[2]


def test_recording_is_tried_so_often_and_then_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "MOST_FORMS", 1)
    monkeypatch.setattr(replaying, "MOST_RECORDINGS", 3)
    record = StandIn()
    assert_same(weights_after(24, record), weights_after(24, None))
    assert record.n_made == 3


def test_what_is_large_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "LARGEST", 100)
    record = StandIn()
    weights_after(6, record)
    assert record.n_made == 0


def test_a_weight_that_lies_elsewhere_is_recorded_anew() -> None:
    def move(index: int, network: nn.Module) -> None:
        if index == 8:
            weight = next(network.parameters())
            weight.data = weight.data.clone()

    record, still = StandIn(), StandIn()
    weights_after(16, still)
    assert_same(weights_after(16, record, each=move), weights_after(16, None))
    assert record.n_made > still.n_made and record.n_anew == 2


def test_work_that_is_to_be_left_is_left_while_it_is_recorded() -> None:
    """Also there nobody takes it for an error."""

    class Leaving(StandIn):
        def __call__(self, work: Callable[[], Tensor], *, anew: bool) -> Callable[[], Tensor]:
            with left_when(lambda: True):
                work()
            raise AssertionError("it was to be left")

    with pytest.raises(Left):
        weights_after(AS_THEY_ARE + 1, Leaving())


def test_a_gpu_records_unless_it_is_switched_off_or_memory_is_saved() -> None:
    gpu, cpu = torch.device("cuda"), torch.device("cpu")
    assert may_replay(ALWAYS, gpu) and not may_replay(ALWAYS, cpu)
    assert not may_replay(replace(ALWAYS, compile="off"), gpu) and not may_replay(replace(ALWAYS, recompute=True), gpu)
    assert [steps_until_replayed(ALWAYS, device) for device in (gpu, cpu)] == [AS_THEY_ARE + 1, 1]


def test_the_team_records_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    record = StandIn()
    monkeypatch.setattr(team, "may_replay", lambda settings, device: True)
    monkeypatch.setattr(team, "OnGPU", lambda device: record)
    network, data = network_of("unet").train(), data_of()
    one, generator = team.Team(), torch.Generator().manual_seed(0)
    optimizer = optimizer_of(network, ALWAYS)
    one.begin(network, ALWAYS, 4, Scaler((120.0,), (60.0,)), optimizer)
    for _ in range(5):
        one.step(optimizer, [data], 0, torch.arange(6), 2, 0.0, generator)
    assert record.n_replayed == 5 - AS_THEY_ARE and one.note == ""


ON_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU to record on")
"""There sums of many threads differ in their last bits from one run to the next, and steps make more of that. So gradients are
compared with weights that stay where they are but for the least learning rate, closely; and losses with weights that move,
roughly."""


def gradients_after(n_steps: int, record: Any, settings: TrainingSettings, **asked: Any) -> tuple[Tensor, list[float], str]:
    """The gradient of the last of some steps that hardly change a weight, the losses, what is said."""
    grads: list[Tensor] = []

    def seen(index: int, network: nn.Module) -> None:
        grads[:] = [weight.grad.flatten().clone() for weight in network.parameters() if weight.grad is not None]

    still = replace(settings, learning_rate=1e-7, weight_decay=0.0, clip=0.0)
    _, losses, note = weights_after(n_steps + 1, record, still, device="cuda", each=seen, **asked)
    return torch.cat(grads), losses, note


def test_a_run_that_once_filled_the_gpu_leaves_room_for_the_recordings_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a card of 80 GB, on which 70 had been taken before and were given back."""
    peak = [70e9]
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (9e9, 80e9))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda device: 70e9)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda device: 1e9)
    monkeypatch.setattr("torch.cuda.max_memory_allocated", lambda device: peak[0])
    monkeypatch.setattr("torch.cuda.reset_peak_memory_stats", lambda device: peak.__setitem__(0, 1e9))
    record = OnGPU(torch.device("cuda"))
    peak[0] = 3e9
    assert record.has_room()
    peak[0] = 28e9
    assert not record.has_room(), "three times what a step takes must be free"


class Counted(OnGPU):
    """As OnGPU; `n_replayed` counts."""

    n_replayed = 0

    def __call__(self, work: Callable[[], Tensor], *, anew: bool) -> Callable[[], Tensor]:
        replay = super().__call__(work, anew=anew)

        def counted() -> Tensor:
            self.n_replayed += 1
            return replay()

        return counted


def assert_replayed(settings: TrainingSettings, closely: float, *, steep: float = 1.0, **asked: Any) -> None:
    record = Counted(torch.device("cuda"))
    (mine, losses, note), (theirs, wanted, _) = (gradients_after(15, one, settings, **asked) for one in (record, None))
    assert note == "" and record.n_replayed > 3
    assert losses == pytest.approx(wanted, rel=closely)
    assert float((mine - theirs).norm()) <= 100 * closely * steep * float(theirs.norm())
    moved, as_it_is = (weights_after(16, one, settings, device="cuda", **asked) for one in (record, None))
    assert moved[1] == pytest.approx(as_it_is[1], rel=0.1) and moved[1][-1] != losses[-1]


@ON_GPU
@pytest.mark.parametrize(("precision", "closely"), [("float32", 1e-4), ("bfloat16", 1e-3)])
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_replays_the_step(name: str, precision: str, closely: float) -> None:
    """Every network can be recorded, and what is replayed is what would have been done."""
    # where a sample falls between two pixels decides which difference is the gradient of learned flow: on frames of noise it
    # changes by a quarter where weights change by a hundred-thousandth, while the loss does not
    steep = 50.0 if name == "advect" else 1.0
    assert_replayed(replace(ALWAYS, precision=precision), closely, steep=steep, name=name, unrolls=(1, 3))


@ON_GPU
@pytest.mark.parametrize("changes", VARIED, ids=str)
def test_a_gpu_replays_all_that_training_can_ask_for(changes: dict[str, Any]) -> None:
    settings = replace(ALWAYS, ssim_weight=0.1, gradient_weight=0.1, **changes)
    assert_replayed(settings, 1e-4, data=data_of(masked=True))


@ON_GPU
def test_a_recording_that_breaks_off_leaves_the_gpu_as_it_was() -> None:
    """The host may not be told a number while a step is recorded."""
    weight = torch.ones(4, device="cuda")
    record = OnGPU(torch.device("cuda"))
    with pytest.raises(RuntimeError):
        record(lambda: weight * weight.sum().item(), anew=True)
    assert torch.cuda.current_stream() == torch.cuda.default_stream()
    replay = record(lambda: weight * 2, anew=True)
    weight.fill_(3.0)
    assert replay().tolist() == [6.0] * 4


@ON_GPU
def test_a_gpu_replays_learned_flow_that_begins_at_the_classical_flow() -> None:
    from framecast.networks.contract import NETWORKS

    kind = NETWORKS["advect"]
    torch.manual_seed(0)
    settings = kind.settings.from_mapping({"flow_start": "optical flow"})
    network = kind.build(settings, 1, 24, 24).cuda().train()
    window = torch.rand(2, 6, 1, 24, 24, device="cuda")

    def work() -> Tensor:
        forecast, _ = network(window)
        loss = forecast.square().mean()
        loss.backward()
        return loss.detach()

    work()
    replay = OnGPU(torch.device("cuda"))(work, anew=True)
    assert float(replay()) == pytest.approx(float(work()), rel=1e-4)
