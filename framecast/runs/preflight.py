"""Does it fit? Asked before a run is queued, so that nobody waits for a run that memory will end.

Counted are what training holds at its peak (weights, gradients, optimiser, the intermediate results of a step at full batch
and unroll) and the series at working size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from framecast.files import bytes_in_words
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.devices import available_bytes
from framecast.series.frames import Preparation
from framecast.settings import Settings

DEFAULT_SIZE = {"cpu": 128, "cuda": 256}


@dataclass(frozen=True)
class Preflight:
    n_weights: int
    needed_bytes: int
    available_bytes: int
    fits: bool
    largest_size: int | None
    """The largest working size (shorter side, pixels) that fits; None where it fits as asked, or where none does."""
    sentence: str
    """To be shown in either case."""


def preflight(
    kind: ForecasterKind,
    settings: Settings,
    height: int,
    width: int,
    channels: int,
    preparation: Preparation,
    device: str,
    *,
    n_frames: int = 0,
    bytes_per_value: int = 1,
    others: Sequence[tuple[int, int, int]] = (),
) -> Preflight:
    """Weights and memory of training `kind` on native `height` x `width` frames as `preparation` makes them.

    `n_frames` and `bytes_per_value` (1 for uint8, 4 otherwise) add the series itself, and
    `others`, (frames, height, width) each, the other series that are learned from, kept as float32. `device` is "cpu" or
    "cuda...".
    """

    def demand(size: int | None) -> tuple[int, int]:
        h, w = Preparation(size).working_shape(height, width)
        n_weights = kind.n_weights(settings, h, w, channels) if kind.n_weights else 0
        shapes = [(h, w), *(Preparation(size).working_shape(height, width) for _, height, width in others)]
        training = max(kind.training_bytes(settings, *shape, channels) for shape in shapes) if kind.training_bytes else 0
        kept = n_frames * h * w * bytes_per_value
        kept += sum(4 * n * area[0] * area[1] for (n, _, _), area in zip(others, shapes[1:], strict=True))
        return n_weights, training + kept * channels

    free = available_bytes(device)
    h, w = preparation.working_shape(height, width)
    n_weights, needed = demand(preparation.size)
    place = "the GPU" if device.startswith("cuda") else "this machine"
    if kind.n_weights is None:
        return Preflight(0, needed, free, True, None, f"{kind.title} learns nothing; there are no weights to hold.")
    if needed <= free:
        sentence = (
            f"{kind.title} has {n_weights:,} weights at {w} x {h}; with them training holds about "
            f"{bytes_in_words(needed)}, of {bytes_in_words(free)} to be had on {place}."
        )
        return Preflight(n_weights, needed, free, True, None, sentence)
    largest = _largest(min(h, w) - 1, lambda size: demand(size)[1] <= 0.95 * free)  # free memory moves by the second
    advice = "Choose a smaller batch, unroll or forecaster; no working size fits."
    if largest is not None:
        advice = f"Choose a working size of at most {largest}, or a smaller batch or unroll."
    sentence = (
        f"{kind.title} has {n_weights:,} weights at {w} x {h} and training needs {bytes_in_words(needed)}; "
        f"{bytes_in_words(free)} can be had on {place}. {advice}"
    )
    return Preflight(n_weights, needed, free, False, largest, sentence)


def default_preparation(height: int, width: int, device: str) -> Preparation:
    """The working size when nobody chose one: at most 128 px on a CPU and 256 px on a GPU, where steps are still quick."""
    size = DEFAULT_SIZE["cuda" if device.startswith("cuda") else "cpu"]
    return Preparation(size if size < min(height, width) else None)


def _largest(top: int, fits: Any) -> int | None:
    """The largest size in 1..top that fits, by halving: what fits at one size fits at every smaller one."""
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low or None
