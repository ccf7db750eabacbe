from typing import Any

import pytest
import torch

from framecast.errors import DeviceMemoryError
from framecast.forecasters.catalog import FORECASTERS
from framecast.networks.contract import NETWORKS as KINDS
from framecast.training.memory import _saved_bytes, activation_bytes, memory_errors
from framecast.training.settings import TrainingSettings

NETWORKS = sorted(name for name, kind in FORECASTERS.items() if kind.family == "network")


def bytes_of(name: str, size: int, **changes: Any) -> int:
    kind = FORECASTERS[name]
    assert kind.training_bytes is not None
    return kind.training_bytes(kind.configure(changes=changes), size, size, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_activations_grow_with_batch_area_and_unroll(name: str) -> None:
    twice, once, none = (bytes_of(name, 64, batch_size=size) for size in (8, 4, 1))
    assert twice - once == pytest.approx((once - none) * 4 / 3, rel=0.01)
    assert bytes_of(name, 128) > 2.5 * bytes_of(name, 64)
    assert bytes_of(name, 64, unroll=8) > bytes_of(name, 64, unroll=1)


@pytest.mark.parametrize("name", ["unet", "convlstm"])
def test_activations_are_what_autograd_holds_at_another_size(name: str) -> None:
    """The line through two small sizes is followed to a third, and the count made there agrees."""
    kind, settings = KINDS[name], FORECASTERS[name].configure(changes={"unroll": 2, "batch_size": 1})
    assert isinstance(settings, TrainingSettings)
    context, stride = settings.to_mapping()["context"], kind.stride(settings)
    expected = activation_bytes(lambda h, w: kind.build(settings, 3, h, w), settings, context, 3, 96 * 96, stride)
    held = _saved_bytes(kind.build(settings, 3, 96, 96), settings, context, 3, 96)
    assert expected == pytest.approx(held, rel=0.05)


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
