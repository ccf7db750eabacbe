"""From a gradient to new weights: the optimiser, the threshold on the gradient, and the number format it is computed in."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from framecast.training.settings import TrainingSettings


def optimizer_of(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Weight decay pulls at weight arrays only, not at biases and normalisation, as MATLAB and common practice have it."""
    kind = torch.optim.AdamW if settings.optimizer == "adamw" else torch.optim.Adam
    groups = [
        {"params": [p for p in network.parameters() if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in network.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # fused: one pass over each weight array, without copies as large as the weights
    return kind([group for group in groups if group["params"]], lr=settings.learning_rate, fused=True)


def moments_of(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What the optimiser remembers of the steps so far, by the place of the weight and the name of the moment."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": moment for index, moments in state.items() for name, moment in moments.items()}


def give_moments(optimizer: torch.optim.Optimizer, moments: Mapping[str, Tensor]) -> None:
    """Let a new optimiser go on from what `moments_of` gave."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, moment in moments.items():
        index, kind = name.split(".")
        state.setdefault(int(index), {})[kind] = moment
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def clip_gradient(network: nn.Module, settings: TrainingSettings) -> Tensor:
    """Shorten the gradient to the threshold, if there is one. Its length before that, a scalar on the device."""
    weights = [weight for weight in network.parameters() if weight.grad is not None]
    if settings.clip == 0:
        return nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    groups = [[weight] for weight in weights] if settings.clip_mode == "per weight" else [weights]
    norm: Tensor = torch.stack([nn.utils.clip_grad_norm_(group, settings.clip) for group in groups]).norm()
    return norm


def autocast(
    device: torch.device, precision: str, *, computed_on: torch.device | None = None
) -> AbstractContextManager[Any]:
    """bfloat16 where asked for, or under "auto" where the device computes with it natively; elsewhere it would be slower.
    `computed_on` another device, what `device` would do is done there."""
    enabled = precision == "bfloat16" or (precision == "auto" and _native_bfloat16(device))
    return torch.autocast((computed_on or device).type, dtype=torch.bfloat16, enabled=enabled)


def _native_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # not public; absent means float32
    return device.type == "cpu" and supported is not None and bool(supported())
