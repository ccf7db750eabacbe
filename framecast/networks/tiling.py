"""A network called tile by tile, for frames that it cannot look at as a whole.

Every tile is looked at with what lies around it as far as the network sees in one call, and only its own pixels are kept. The
state is kept for the whole frame, and each tile is given its part of it, so that what happens in one tile reaches the next one
in the following frame and no seam grows along a rollout.

Where a layer looks at the whole frame at once (group normalisation, a mean over all places), its statistics are taken of all
tiles together. They change those of the layers behind, so passes over all tiles go on until one finds the statistics that it
was made with; after one more than there are such layers all is as if the frame had been looked at as a whole. That is what
makes tiles slow: a U-Net with ten such layers may look eleven times, and at what lies around each tile besides.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from framecast.networks.contract import State, answers_each

SETTLED = 1e-3
"""Statistics that moved by less than this share of the spread of what they are of have settled."""


@dataclass(frozen=True)
class Tiling:
    size: int
    """Side of a tile in pixels."""
    reach: int
    """Pixels around a tile that the network looks at with it."""
    stride: int
    settled: float = SETTLED

    def spans(self, length: int) -> list[tuple[int, int, int, int]]:
        """Along a side of `length` pixels, a multiple of the stride: where each tile starts and stops, and where what is
        looked at with it does."""
        size, reach = (-(-pixels // self.stride) * self.stride for pixels in (self.size, self.reach))
        starts = range(0, length, size)
        return [(a, min(a + size, length), max(0, a - reach), min(a + size + reach, length)) for a in starts]


def called(
    network: nn.Module, frames: Tensor, state: State, tiling: Tiling | None, **asked: Any
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """What `network` answers on `frames` (b, t, c, h, w), multiples of its stride; in tiles where `tiling` says so and no
    gradient is wanted. Further maps of a frame's size may be in `asked`."""
    if tiling is None or torch.is_grad_enabled() or max(frames.shape[-2:]) <= tiling.size:
        answer, new = network(frames, state, **asked)
        return answer, new
    if not answers_each(network):
        return _in_tiles(network, frames, state, tiling, asked)
    answers = asked.pop("answers", 1)
    forecasts: list[Tensor] = []
    for frame in torch.split(frames, 1, dim=1):  # of several it would see farther than of one
        forecast, state = _in_tiles(network, frame, state, tiling, asked)
        forecasts = [*forecasts, forecast][-answers:]
    assert state is not None, "there is a frame to absorb"
    return torch.cat(forecasts, dim=1), state


def _in_tiles(
    network: nn.Module, frames: Tensor, state: State, tiling: Tiling, asked: dict[str, Any]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    height, width = frames.shape[-2:]
    places = [_Place(*rows, *columns) for rows in tiling.spans(height) for columns in tiling.spans(width)]
    whole: list[Tensor] = []
    with _Statistics(network) as statistics:
        for _ in range(len(statistics.layers) + 1):
            for place in places:
                statistics.place = place
                answer, new = network(*_shown(place, frames, state, height), **_shown_beside(place, asked, height))
                parts = (answer, *new)
                whole = whole or [_empty(part, place, height, width) for part in parts]
                for part, full in zip(parts, whole, strict=True):
                    place.keep(part, full, height)
            if statistics.renew() < tiling.settled:
                break
    return whole[0], tuple(whole[1:])


@dataclass(frozen=True)
class _Place:
    """A tile in pixels of the frame, and what is looked at with it."""

    top: int
    bottom: int
    first_row: int
    last_row: int
    left: int
    right: int
    first_column: int
    last_column: int

    def seen(self, maps: Tensor, height: int) -> Tensor:
        """What is looked at of `maps` (..., h', w') of the whole frame, whose grid may be coarser."""
        f = height // maps.shape[-2]
        return maps[..., self.first_row // f : self.last_row // f, self.first_column // f : self.last_column // f]

    def own(self, maps: Tensor) -> Tensor:
        """The tile itself in `maps` of what is looked at."""
        f = (self.last_row - self.first_row) // maps.shape[-2]
        top, left = (self.top - self.first_row) // f, (self.left - self.first_column) // f
        return maps[..., top : top + (self.bottom - self.top) // f, left : left + (self.right - self.left) // f]

    def keep(self, part: Tensor, full: Tensor, height: int) -> None:
        """Put the tile in `part`, maps of what is looked at, into those of the whole frame."""
        f = height // full.shape[-2]
        full[..., self.top // f : self.bottom // f, self.left // f : self.right // f] = self.own(part)


def _shown(place: _Place, frames: Tensor, state: State, height: int) -> tuple[Tensor, State]:
    return place.seen(frames, height), None if state is None else tuple(place.seen(part, height) for part in state)


def _shown_beside(place: _Place, asked: dict[str, Any], height: int) -> dict[str, Any]:
    return {name: place.seen(one, height) if isinstance(one, Tensor) else one for name, one in asked.items()}


def _empty(part: Tensor, place: _Place, height: int, width: int) -> Tensor:
    f = (place.last_row - place.first_row) // part.shape[-2]
    return part.new_empty(*part.shape[:-2], height // f, width // f)


class _Statistics:
    """Those layers of `network` that look at all places, given the statistics of the whole frame, as far as they are known,
    in place of those of a tile. Inside the block `renew` makes what was seen since the last time the known ones."""

    def __init__(self, network: nn.Module) -> None:
        kinds = (nn.GroupNorm, nn.AdaptiveAvgPool2d)
        self.layers = [layer for layer in network.modules() if isinstance(layer, kinds)]
        self.place: _Place | None = None
        self._seen: dict[nn.Module, list[Tensor]] = {}
        self._known: dict[nn.Module, Tensor] = {}

    def __enter__(self) -> "_Statistics":
        self._hooks = [layer.register_forward_hook(self._hook) for layer in self.layers]
        return self

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def renew(self) -> float:
        """How far they moved, the farthest, as a share of the spread of what they are of."""
        moved = 0.0
        for layer, seen in self._seen.items():
            sums = torch.stack(seen).sum(dim=0)
            known, new = self._known.get(layer), sums[..., :-1] / sums[..., -1:]
            moved = float("inf") if known is None else max(moved, _apart(known, new))
            self._known[layer] = new
        self._seen.clear()
        return moved

    def _hook(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        maps, place = inputs[0], self.place
        assert place is not None, "a tile is looked at"
        n_groups = layer.num_groups if isinstance(layer, nn.GroupNorm) else maps.shape[1]
        self._seen.setdefault(layer, []).append(_sums(place.own(maps), n_groups))
        if layer not in self._known:
            return output
        mean, square = self._known[layer].unbind(dim=-1)  # (b, groups)
        if not isinstance(layer, nn.GroupNorm):
            return mean[..., None, None].to(output.dtype)
        n_in_group = maps.shape[1] // n_groups
        spread = (square - mean**2 + layer.eps).sqrt()
        mean, spread = (one.repeat_interleave(n_in_group, dim=1) for one in (mean, spread))  # (b, maps)
        scale = layer.weight / spread
        shift = layer.bias - mean * scale
        scale, shift = (one[..., None, None].float() for one in (scale, shift))
        return torch.addcmul(shift, maps.float(), scale).to(output.dtype)


def _apart(one: Tensor, other: Tensor) -> float:
    """Two pairs of mean and mean square, (..., 2) each, in spreads of the latter."""
    spread = [(pair[..., 1] - pair[..., 0] ** 2).clamp_min(1e-12).sqrt() for pair in (one, other)]
    means = (one[..., 0] - other[..., 0]).abs() / spread[1]
    return float(torch.maximum(means, (spread[0] / spread[1] - 1).abs()).max())


def _sums(maps: Tensor, n_groups: int) -> Tensor:
    """Of maps (b, n, h, w): sum, sum of squares and count of each group, (b, groups, 3) float64."""
    grouped = maps.float().reshape(len(maps), n_groups, -1, *maps.shape[2:])
    variance, mean = (one.double() for one in torch.var_mean(grouped, dim=(2, 3, 4), correction=0))
    count = torch.full_like(mean, grouped[0, 0].numel())
    return torch.stack([count * mean, count * (variance + mean**2), count], dim=-1)
