"""What will it cost, and does it fit? Asked before a run is queued, so that nobody waits for a run that memory will end.

Counted are what training holds at its peak (weights, gradients, optimiser, the intermediate results of a step at full batch
and unroll), the series at working size, and what the run leaves on the disk. How long it takes is measured, see `trial`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from framecast.errors import SettingError
from framecast.files import bytes_in_words
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.devices import available_bytes
from framecast.series.frames import Preparation
from framecast.settings import Settings

DEFAULT_SIZE = {"cpu": 128, "cuda": 256}
DISK_COPIES = 7
"""Of the weights, while a network is trained: the best, and in the checkpoint the trained ones, two moments of the optimiser,
the last good ones, the best of the search, and those that forecast. A finished run keeps three."""
ROOM = 0.95
"""Of what can be had, for what is offered in place of what does not fit: free memory moves by the second."""
CROP_STEP = 16
"""Pixels, of crops that are offered."""
COARSER = 4
"""Times the patch, at most, that is offered: beyond that a network sees too little."""


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
    largest_batch: int | None = None
    """The largest batch that fits with all else as asked; None as above, and where there is no batch."""
    smallest_patch: int | None = None
    """The finest patch, a multiple of the one asked for, that fits; None as above, and where there is no patch."""
    largest_crop: int | None = None
    """The largest random crops to learn from that fit, whole frames being forecast as they are or in tiles of `crop_tile`.
    None as above, and where a network is bound to the size of the frame."""
    crop_tile: int = 0
    """Side of these tiles; 0 for none."""
    parts: tuple[tuple[str, int], ...] = ()
    """What the memory is needed for: (name, bytes), in sum `needed_bytes`."""
    disk_bytes: int = 0
    """What the run leaves on the disk, about: its weights, its checkpoint, its forecast."""


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
    horizon: int = 0,
) -> Preflight:
    """Weights and memory of training `kind` on native `height` x `width` frames as `preparation` makes them.

    `n_frames` and `bytes_per_value` (1 for uint8, 2 for uint16, 4 for float32) add the series itself, `horizon` the forecast
    on the disk, and `others`, (frames, height, width) each, the other series that are learned from, kept as float32. `device`
    is "cpu" or "cuda...".
    """

    def demand(size: int | None, settings: Settings = settings) -> tuple[int, int, int]:
        """Weights, bytes of training, bytes of series."""
        h, w = Preparation(size).working_shape(height, width)
        n_weights = kind.n_weights(settings, h, w, channels) if kind.n_weights else 0
        shapes = [(h, w), *(Preparation(size).working_shape(height, width) for _, height, width in others)]
        held = kind.training_bytes
        training = max(held(settings, *shape, channels, device) for shape in shapes) if held else 0
        copies = 1 if size is None else 2  # reduced, and as the network takes them
        kept = copies * n_frames * h * w * bytes_per_value
        kept += sum(4 * n * area[0] * area[1] for (n, _, _), area in zip(others, shapes[1:], strict=True))
        return n_weights, training, kept * channels

    free = available_bytes(device)
    h, w = preparation.working_shape(height, width)
    n_weights, training, series = demand(preparation.size)
    needed = training + series
    place = "the GPU" if device.startswith("cuda") else "this machine"
    disk = horizon * height * width * channels * bytes_per_value + DISK_COPIES * 4 * n_weights
    if kind.n_weights is None:
        return Preflight(0, needed, free, True, None, f"{kind.title} learns nothing; there are no weights to hold.")
    parts = _parts(n_weights, training, series)
    if needed <= free:
        sentence = (
            f"{kind.title} has {n_weights:,} weights at {w} x {h}; with them training holds about "
            f"{bytes_in_words(needed)}, of {bytes_in_words(free)} to be had on {place}."
        )
        return Preflight(n_weights, needed, free, True, None, sentence, parts=parts, disk_bytes=disk)

    def fits(size: int | None, settings: Settings = settings) -> bool:
        return sum(demand(size, settings)[1:]) <= ROOM * free

    largest = _largest(min(h, w) - 1, fits)
    batch = _largest_batch(settings, lambda changed: fits(preparation.size, changed))
    patch = _smallest_patch(settings, min(h, w), lambda changed: fits(preparation.size, changed))
    crop, tile = crop_and_tile(settings, min(h, w), lambda changed: fits(preparation.size, changed))
    sentence = (
        f"{kind.title} has {n_weights:,} weights at {w} x {h} and training needs {bytes_in_words(needed)}; "
        f"{bytes_in_words(free)} can be had on {place}. {_advice(largest, batch, patch, crop, tile)}"
    )
    return Preflight(n_weights, needed, free, False, largest, sentence, batch, patch, crop, tile, parts, disk)


def default_preparation(height: int, width: int, device: str) -> Preparation:
    """The working size when nobody chose one: at most 128 px on a CPU and 256 px on a GPU, where steps are still quick."""
    size = DEFAULT_SIZE["cuda" if device.startswith("cuda") else "cpu"]
    return Preparation(size if size < min(height, width) else None)


def _parts(n_weights: int, training: int, series: int) -> tuple[tuple[str, int], ...]:
    """Each weight is a float32, its gradient another, and Adam keeps two more of it."""
    weights, optimiser = 4 * n_weights, 8 * n_weights
    rest = max(0, training - 2 * weights - optimiser)
    named = (("weights", weights), ("gradients", weights), ("optimiser", optimiser), ("intermediate results and copies", rest))
    return (
        (*named, ("frames", series)) if training >= 2 * weights + optimiser else (("training", training), ("frames", series))
    )


def _advice(size: int | None, batch: int | None, patch: int | None, crop: int | None, tile: int) -> str:
    ways = [f"a working size of at most {size}"] if size else []
    ways += [f"a batch of at most {batch}"] if batch else []
    ways += [f"patches of {patch} px"] if patch else []
    ways += [f"random crops of {crop} px{f' and a forecast in tiles of {tile} px' if tile else ''}"] if crop else []
    if not ways:
        return "Choose a smaller batch, unroll or forecaster; no working size fits."
    return f"Choose {', or '.join(ways)}."


def _largest(top: int, fits: Callable[[int], bool]) -> int | None:
    """The largest size in 1..top that fits, by halving: what fits at one size fits at every smaller one."""
    low, high = 0, top
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low or None


def _largest_batch(settings: Any, fits: Callable[[Settings], bool]) -> int | None:
    if getattr(settings, "batch_size", 1) <= 1:
        return None
    return _largest(settings.batch_size - 1, lambda batch: fits(replace(settings, batch_size=batch)))


def _smallest_patch(settings: Any, side: int, fits: Callable[[Settings], bool]) -> int | None:
    """Twice or four times the patch: each takes fewer places, and some weights more."""
    patch, times = getattr(settings, "patch", None), 2
    while isinstance(patch, int) and times <= COARSER and patch * times <= side:
        try:
            if fits(replace(settings, patch=patch * times)):
                return patch * times
        except SettingError:
            return None
        times *= 2
    return None


def crop_and_tile(settings: Any, side: int, fits: Callable[[Settings], bool]) -> tuple[int | None, int]:
    """The largest crops to learn from, those asked for where these fit, and the largest tiles to forecast in, halves, quarters
    and so on of the frame; in tiles only if it fits in no other way, for tiles are slow."""
    if not getattr(settings, "any_size", False) or not hasattr(settings, "crop"):
        return None, 0
    from framecast.networks.wrap import SMALLEST_TILE  # torch, which is awake by now: something was counted

    top = min(settings.crop or side, side)
    steps = [*range(CROP_STEP, top, CROP_STEP), *([top] if settings.crop else [])]
    tiles, smaller = [int(settings.tile)], (min(settings.tile or side, side) + 1) // 2
    while smaller >= SMALLEST_TILE:
        tiles.append(smaller)
        smaller = (smaller + 1) // 2
    for tile in tiles:
        try:
            n_steps = _largest(len(steps), lambda n, tile=tile: fits(replace(settings, crop=steps[n - 1], tile=tile)))  # type: ignore[misc]
        except SettingError:  # with other settings crops cannot be
            return None, 0
        if n_steps:
            return steps[n_steps - 1], tile
    return None, 0
