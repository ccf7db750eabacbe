"""What a network is: a torch module that absorbs frames and gives the next ones. It knows sizes, nothing else.

    forward(frames (b, t, c, h, w), state or None, *, fed_back=False) -> (next frames (b, n, c, h, w), state)

The first call starts from a zero state; a later call goes on where the last one stopped, so that a long rollout never
computes its context twice. A recurrent network carries its hidden state, a windowed one its last frames. `fed_back` says
that the frames are the network's own forecast and not observed; only a network that counts from the last true frame asks.
Scaling, the residual form, padding to `stride` and the feeding back of forecasts wrap a network; they do not live in it.
A recurrent network has an attribute `answers_each`: it takes `answers=n` and gives the forecasts after each of the last n
frames, so that the true frames of a window are absorbed in one call and not one by one. One without it is taken to have no
memory, and is shown no more than its last `context` frames.
A network that forms whole frames, and would have to take the last one off again to answer with a change, has an attribute
`answers_change` that the residual form sets. One that moves the last true frame can tell how: see `motion_of`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from framecast.registry import Registry
from framecast.settings import Settings, Value, setting

State = tuple[Tensor, ...] | None
"""Whatever a network carries from call to call: a flat tuple of tensors, batch first. None before the first call."""


Motion = tuple[Tensor, Tensor]
"""Where the last true frame x is sampled and what is then added, so that the forecast of row i, column j is
x[i + D[0], j + D[1]] + R: displacement D (b, 2, h, w) in pixels, down and right, and residual R (b, c, h, w)."""


def motion_of(network: nn.Module, state: State) -> Motion | None:
    """The motion behind the forecast that left `network` in this state; None where it forecasts by other means. Wrappers
    pass the question on; the answer has the size that the innermost network sees, to be cropped to the frame."""
    tell = getattr(network, "motion", None)
    return None if tell is None else tell(state)


def answers_each(network: Callable[..., Any]) -> bool:
    """Whether `network` takes `answers`. Wrappers pass it on."""
    return bool(getattr(network, "answers_each", False))


def pop_penalties(network: nn.Module) -> list[Tensor]:
    """What parts of a network ask to be kept small beside the loss, scalars: a part with `pop_penalty()` gives what came up
    since it was last asked, and forgets it."""
    asking = [getattr(module, "pop_penalty", None) for module in network.modules()]
    return [pop() for pop in asking if pop is not None]


QUESTION_OPTIONS: Mapping[str, Value] = {
    "optimizer": "adam",
    "epochs": 300,
    "learning_rate": 1e-4,
    "schedule": "piecewise",
    "drop_factor": 0.2,
    "drop_every": 125 / 300,
    "warmup": 0.0,
    "clip": 1.0,
}
"""How the question trained, as names and values of training settings: what is written in it, for every network."""

MATLAB_DEFAULTS: Mapping[str, Value] = {
    "clip_mode": "per weight",
    "weight_decay": 1e-4,
    "batch_size": 128,
    "shuffle": "once",
    "drop_last": True,
    "loss": "half sum of squares",
    "precision": "float32",
}
"""What the question left out and MATLAB filled in: the threshold is on the norm of each weight array, L2 regularisation 1e-4
is added to the gradient, 128 sequences make a batch, an incomplete batch is dropped, sequences are shuffled once, numbers are
single precision, and a regression layer sums half the squared error over pixels, so that the gradient is nearly always at
its threshold."""


def context_setting(default: int) -> Any:
    """The `context` field, with the default that suits an architecture."""
    return setting(
        default,
        label="Context frames",
        help="How many past frames the network is given before it must forecast. Motion needs at least two; a cycle is "
        "easier to see when a good part of it fits.",
        minimum=1,
        maximum=1000,
    )


def block_setting(default: int) -> Any:
    """The `block` field of an architecture that emits several frames at once. Training looks for it: windows then hold at
    least one whole block, so that every frame of it is in the loss."""
    return setting(
        default,
        label="Frames at once",
        help="How many frames are forecast in one go before forecasts are fed back. More: errors pile up in fewer steps, but "
        "all frames of a block must be guessed from the context alone.",
        minimum=1,
        maximum=200,
    )


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """What every architecture can be asked for. A network's own settings class adds to it and may change the default."""

    context: int = context_setting(4)


@dataclass(frozen=True)
class NetworkKind:
    """An entry of NETWORKS. `build(settings, channels, height, width)` makes the module; `height` and `width` are already
    multiples of `stride(settings)`. The module has an attribute `head`, its last layer, which the residual form starts at
    zero."""

    title: str
    summary: str
    use_when: str
    settings: type[NetworkSettings]
    build: Callable[[Any, int, int, int], nn.Module]
    stride: Callable[[Any], int]
    any_size: bool = False
    """The weights do not depend on height and width, so that it may be trained on crops."""
    presets: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Presets of its own, beside "recommended" and "question" which every network has: name to changed values."""
    preset_help: Mapping[str, str] = field(default_factory=dict)
    tells_motion: bool = False
    """Whether `motion_of` has an answer."""
    holes: float = 1.33
    """Memory that a training step takes from the machine on a CPU, as a multiple of what its tensors hold: the C library's
    heap leaves holes between them, and small objects keep it from closing them. Measured by benchmarks/preflight.py with
    glibc 2.36; most networks agree within a tenth."""
    recommended: Mapping[str, Value] = field(default_factory=dict)
    """Training values that suit this architecture better than the common defaults."""


NETWORKS: Registry[NetworkKind] = Registry("network", "framecast.networks")
