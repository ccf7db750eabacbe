"""What is true of every network and therefore lives in none: any frame size, and persistence at birth.

Both wrappers keep the contract `forward(frames, state) -> (next frames, state)` and may be put around each other in either
order. The state is the wrapped network's own and passes through untouched, as does what a call asks for beside.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.errors import memory_ran_out
from framecast.networks.contract import Motion, State, answers_each, motion_of
from framecast.networks.tiling import Tiling, called

SMALLEST_TILE = 64
"""Pixels: what does not fit in tiles of this size does not fit."""


class Wrapper(nn.Module):
    """A network around another one, which answers what is asked of it beside forecasts."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def head(self) -> nn.Module:
        head = self.network.head
        assert isinstance(head, nn.Module), f"{type(self.network).__name__}.head must be its last layer"
        return head

    @property
    def answers_each(self) -> bool:
        return answers_each(self.network)

    def motion(self, state: State) -> Motion | None:
        return motion_of(self.network, state)


class Padded(Wrapper):
    """Serves frames of any height and width: pads them at the bottom and right to multiples of `stride`, crops the forecast.

    Reflection continues the picture without an edge; a side too short to be reflected that far is continued by its last row
    or column. Weights may depend on the padded size, so a network made for one size serves all that pad to it.

    Where memory runs out while it forecasts a frame, it goes on in tiles, as large as fit, and stays with them; see `tiling`.
    """

    def __init__(self, network: nn.Module, stride: int) -> None:
        super().__init__(network)
        self.stride = stride
        self.tiling: Tiling | None = None

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, **asked: int
    ) -> tuple[Tensor, State]:
        height, width = frames.shape[-2:]
        padded = _pad(frames, -height % self.stride, -width % self.stride)
        while True:
            try:
                forecast, after = called(self.network, padded, state, self.tiling, fed_back=fed_back, **asked)
                return forecast[..., :height, :width], after
            except (MemoryError, RuntimeError) as error:
                smaller = self._smaller_tile(max(padded.shape[-2:]))
                if torch.is_grad_enabled() or _is_recorded(frames) or not memory_ran_out(error) or not smaller:
                    raise
            self.tile(smaller)  # out here, where the error holds on to nothing any more

    def tile(self, size: int) -> None:
        """From now on forecast in tiles of `size` pixels; see `tiling`. A network that moves frames has only its inner part
        tiled, for pixels may come from anywhere."""
        reach = self.network.reach
        assert isinstance(reach, int), "weights without a place are what can be moved about"
        tiling = Tiling(size, reach, self.stride)
        self._tiled_part.tiling = tiling  # type: ignore[assignment]

    @property
    def tile_size(self) -> int:
        """Side of the tiles that forecasts are made in; 0 for whole frames."""
        tiling = self._tiled_part.tiling
        return tiling.size if isinstance(tiling, Tiling) else 0

    @property
    def _tiled_part(self) -> nn.Module:
        return self.network if hasattr(self.network, "tiling") else self

    def _smaller_tile(self, side: int) -> int:
        """Half as large as now; 0 where that is too small, or weights belong to places of the frame."""
        if not isinstance(getattr(self.network, "reach", None), int):
            return 0
        half = (min(self.tile_size or side, side) + 1) // 2
        return half if half >= SMALLEST_TILE else 0


class Residual(Wrapper):
    """Forecast = last given frame + what the network says. Sets the network's head to zero, so that at birth it is
    persistence exactly and training starts at the score that every forecaster must beat."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        for weight in self.head.parameters():
            nn.init.zeros_(weight)
        for module in network.modules():
            if hasattr(module, "answers_change"):
                setattr(module, "answers_change", True)  # noqa: B010

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, **asked: int
    ) -> tuple[Tensor, State]:
        change, state = self.network(frames, state, fed_back=fed_back, **asked)
        return frames[:, -asked.get("answers", 1) :] + change, state


def _is_recorded(frames: Tensor) -> bool:
    """Whether what is done is only recorded, so that memory may run out which is there when it is done."""
    return frames.is_cuda and torch.cuda.is_current_stream_capturing()


def padded_size(size: int, stride: int) -> int:
    """`size` in pixels, rounded up to a multiple of `stride`."""
    return size + -size % stride


def count_weights(module: nn.Module) -> int:
    """Number of trained weights. Works on a module made under `torch.device("meta")`, which takes no memory."""
    return sum(weight.numel() for weight in module.parameters())


def _pad(frames: Tensor, bottom: int, right: int) -> Tensor:
    if not bottom and not right:
        return frames
    maps = frames.flatten(0, 1)  # (b, t, c, h, w) -> (b*t, c, h, w)
    maps = F.pad(maps, (0, 0, 0, bottom), mode="reflect" if bottom < maps.shape[-2] else "replicate")
    maps = F.pad(maps, (0, right, 0, 0), mode="reflect" if right < maps.shape[-1] else "replicate")
    return maps.reshape(*frames.shape[:2], *maps.shape[1:])  # (b, t, c, h + bottom, w + right)
