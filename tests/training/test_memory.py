from dataclasses import replace
from typing import Any

import pytest
import torch

from framecast.errors import DeviceMemoryError
from framecast.forecasters.catalog import FORECASTERS
from framecast.networks.contract import NETWORKS as KINDS
from framecast.networks.depthwise import Depthwise
from framecast.networks.wrap import padded_size
from framecast.training.footprint import _blank, _held, footprint
from framecast.training.memory import memory_errors
from framecast.training.settings import TrainingSettings

CPU = torch.device("cpu")
NETWORKS_ALONE = sorted(KINDS)
NETWORKS = sorted(name for name, kind in FORECASTERS.items() if kind.family == "network")


def bytes_of(name: str, size: int, **changes: Any) -> int:
    kind = FORECASTERS[name]
    assert kind.training_bytes is not None
    return kind.training_bytes(kind.configure(changes=changes), size, size, 3, "cpu")


@pytest.mark.parametrize("name", NETWORKS)
def test_activations_grow_with_batch_area_and_unroll(name: str) -> None:
    twice, once, none = (bytes_of(name, 64, batch_size=size) for size in (256, 128, 64))
    assert twice - once == pytest.approx((once - none) * 2, rel=0.01)
    assert bytes_of(name, 128) > 2.5 * bytes_of(name, 64)
    assert bytes_of(name, 64, batch_size=64, unroll=8) > bytes_of(name, 64, batch_size=64, unroll=1)


@pytest.mark.parametrize("name", NETWORKS_ALONE)
def test_what_is_counted_at_small_sizes_is_what_a_larger_step_holds(name: str) -> None:
    """Batch and area are followed to the byte, also where the weights grow with the frame; but for a depthwise convolution,
    which takes columns in blocks and so a few more than there are."""
    kind, settings = KINDS[name], FORECASTERS[name].configure(changes={"unroll": 2})
    assert isinstance(settings, TrainingSettings)
    context, block = settings.to_mapping()["context"], getattr(settings, "block", 1)
    side = padded_size(40, kind.stride(settings))

    def build(height: int, width: int) -> torch.nn.Module:
        return kind.build(settings, 3, height, width)

    counted = footprint(build, settings, context, block, 3, kind.stride(settings), CPU)
    network = _blank(build, side)
    step, rollout = _held(network, settings, context, block, 3, side, 3, CPU)
    within = 0.05 if any(isinstance(part, Depthwise) for part in network.modules()) else 1e-3
    assert counted.peak_bytes(side**2, 3) == pytest.approx(max(step.max(), rollout.max()), rel=within)


def test_a_step_holds_what_autograd_saves_and_the_gradients() -> None:
    """A network of which every byte is known: one convolution without bias, the mean squared error."""

    class One(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Conv2d(1, 1, 3, padding=1, bias=False)

        def forward(self, frames: torch.Tensor, state: object = None, *, fed_back: bool = False) -> tuple[torch.Tensor, None]:
            return self.head(frames[:, -1])[:, None], None

    settings = TrainingSettings(unroll=1, loss="mse", precision="float32")
    step, _ = _held(One(), settings, 1, 1, 1, 32, 2, CPU)
    frame = 4 * 2 * 32 * 32
    assert step[0] == 2 * frame, "a window of two frames"
    in_parts, _ = _held(One(), replace(settings, parts=2), 1, 1, 1, 32, 2, CPU)
    assert in_parts[0] == 2 * frame + 9 * 4, "and the gradients of the parts before"
    assert 5 * frame < step.max() < 12 * frame
    assert step[-1] >= 9 * 4, "the gradients are left"


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")])
def test_a_failed_allocation_becomes_a_sentence(error: Exception) -> None:
    with pytest.raises(DeviceMemoryError, match="smaller working size"), memory_errors("cpu"):
        raise error


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_errors("cpu"):
        raise RuntimeError("shapes cannot be multiplied")


def test_crops_save_memory_and_pushed_frames_take_none() -> None:
    assert bytes_of("unet", 128, crop=64) < 0.5 * bytes_of("unet", 128)
    assert bytes_of("unet", 64, pushforward=50) == bytes_of("unet", 64)


HOLDING_MORE: list[dict[str, Any]] = [
    {"sampling": "reverse"},
    {"ssim_weight": 0.1},
    {"gradient_weight": 0.1},
    {"averaging": 0.1},
]


@pytest.mark.parametrize("changes", HOLDING_MORE, ids=str)
def test_what_a_control_holds_beside_is_counted(changes: dict[str, Any]) -> None:
    assert bytes_of("unet", 64, **changes) > bytes_of("unet", 64)


def test_what_the_heap_leaves_in_holes_is_counted_on_the_cpu_alone() -> None:
    kind = FORECASTERS["unet"]
    assert kind.training_bytes is not None
    settings = kind.configure(changes={"precision": "float32"})
    on_cpu, on_gpu = (kind.training_bytes(settings, 64, 64, 3, device) for device in ("cpu", "cuda"))
    assert 1.2 * on_gpu < on_cpu < 1.6 * on_gpu
