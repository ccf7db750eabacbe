"""What several architectures are built from: the window of last frames, patches, and a normalisation that small batches allow.

Patches are torch's pixel_unshuffle and pixel_shuffle to the bit. On a CPU those take two to four times as long as a copy in
another order, which is all that they do.
"""

import torch
from torch import Tensor, nn

from framecast.networks.contract import State


def last_frames(frames: Tensor, state: State, n_context: int) -> tuple[Tensor, Tensor]:
    """The window a windowed network looks at, and its next state.

    Args:
        frames: (b, t, c, h, w), new frames.
        state: the last frames before them, (b, up to n_context, c, h, w), or None.

    Returns:
        (b, n_context, c, h, w), where the first frame stands in for those before it if fewer were given; and the frames that
        were really given, at most n_context.
    """
    seen = frames if state is None else torch.cat([*state, frames], dim=1)
    seen = seen[:, -n_context:]
    first = seen[:, :1].expand(-1, n_context - seen.shape[1], -1, -1, -1)
    return torch.cat([first, seen], dim=1), seen


def group_norm(n_maps: int, most: int = 8) -> nn.GroupNorm:
    """Group normalisation (Wu & He 2018, arXiv 1803.08494) with the most groups up to `most` that divide the maps and leave at
    least two in each, so that a frame of one pixel can be normalised too. Needs at least two maps."""
    return nn.GroupNorm(max(n for n in range(1, most + 1) if n_maps % n == 0 and n_maps // n >= 2), n_maps)


def into_patches(maps: Tensor, patch: int) -> Tensor:
    """Squares of `patch` pixels become one place: (..., c, h, w) to (..., c * patch**2, h / patch, w / patch)."""
    *before, c, h, w = maps.shape
    squares = maps.reshape(*before, c, h // patch, patch, w // patch, patch)
    return squares.movedim((-3, -1), (-4, -3)).reshape(*before, c * patch**2, h // patch, w // patch)


def out_of_patches(maps: Tensor, patch: int) -> Tensor:
    """What `into_patches` did, undone: (..., c * patch**2, h, w) to (..., c, h * patch, w * patch)."""
    *before, c, h, w = maps.shape
    squares = maps.reshape(*before, c // patch**2, patch, patch, h, w)
    return squares.movedim((-4, -3), (-3, -1)).reshape(*before, c // patch**2, h * patch, w * patch)


class OutOfPatches(nn.Module):
    """`out_of_patches` as a layer."""

    def __init__(self, patch: int) -> None:
        super().__init__()
        self.patch = patch

    def forward(self, maps: Tensor) -> Tensor:
        return out_of_patches(maps, self.patch)
