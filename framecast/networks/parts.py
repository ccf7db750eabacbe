"""What several architectures are built from: the window of last frames, and a normalisation that small batches allow."""

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
