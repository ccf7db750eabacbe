"""U-Net: the last few frames in, the next frame out, at several scales at once.

The strongest single network measured on short series at small budgets: no memory to warm, cheap steps, few weights. What
cannot be seen in its context frames it cannot know.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.networks.contract import NETWORKS, NetworkKind, NetworkSettings, State, context_setting
from framecast.networks.parts import group_norm, into_patches, last_frames, out_of_patches
from framecast.settings import setting


@dataclass(frozen=True)
class UNetSettings(NetworkSettings):
    context: int = context_setting(12)
    width: int = setting(
        32,
        label="Feature maps",
        help="Feature maps at the finest scale; the coarser ones have twice as many. Small networks learn short series best.",
        minimum=4,
        maximum=512,
    )
    patch: int = setting(
        2,
        label="Patch size",
        unit="px",
        help="Each square of this many pixels becomes one position of the network. 1 is finest and slowest.",
        minimum=1,
        maximum=16,
    )
    levels: int = setting(
        3,
        label="Scales",
        help="Each further scale halves height and width, so that motion over longer distances is seen.",
        minimum=1,
        maximum=6,
        advanced=True,
    )


class UNet(nn.Module):
    """Contracting path, expanding path and skip connections of Ronneberger et al. 2015 (arXiv 1505.04597), section 2.

    What differs from the paper: small (widths 32-64-64, not 64 to 1024) and with group normalisation and SiLU, because
    series are short and batches small; the k context frames are stacked as channels and folded into patches first; zero
    padding keeps the size, which the paper shrinks; upsampling repeats pixels, which leaves no chequerboard. Frame height
    and width are multiples of patch * 2**(levels - 1). The state is the last k frames, or as many as were given so far; where
    there are fewer, the first stands in for those before it. Answers with `n_outputs` channels, by default those of a frame.
    It may be shown `n_beside` further maps of a frame's size.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_context: int = 12,
        n_maps: int = 32,
        patch: int = 2,
        n_levels: int = 3,
        n_outputs: int | None = None,
        n_beside: int = 0,
    ) -> None:
        super().__init__()
        self.n_context, self.patch = n_context, patch
        maps = [n_maps] + [2 * n_maps] * (n_levels - 1)
        inputs = [(n_context * channels + n_beside) * patch**2, *maps[:-1]]
        self.contract = nn.ModuleList(_block(a, b) for a, b in zip(inputs, maps, strict=True))
        self.expand = nn.ModuleList(_block(a + b, a) for a, b in reversed(list(zip(maps[:-1], maps[1:], strict=True))))
        self.head = nn.Conv2d(n_maps, (n_outputs or channels) * patch**2, kernel_size=3, padding=1)
        scales = [patch * 2**level for level in range(n_levels)]
        self.reach = 4 * sum(scales[:-1]) + 2 * scales[-1] + patch + scales[-1]  # convolutions, and what shares a position
        """Pixels that a forecast pixel looks at to each side, but for normalisation."""

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, beside: Tensor | None = None
    ) -> tuple[Tensor, State]:
        window, seen = last_frames(frames, state, self.n_context)
        stacked = window.flatten(1, 2)  # (b, k, c, h, w) -> (b, k*c, h, w)
        if beside is not None:  # (b, n_beside, h, w)
            stacked = torch.cat([stacked, beside.to(stacked.dtype)], dim=1)
        maps = into_patches(stacked, self.patch)  # (b, k*c*p*p, h/p, w/p)
        skips: list[Tensor] = []
        for level, block in enumerate(self.contract):
            maps = block(F.max_pool2d(maps, 2) if level else maps)
            skips.append(maps)
        skips.pop()
        for block in self.expand:
            maps = block(torch.cat([skips.pop(), F.interpolate(maps, scale_factor=2.0)], dim=1))
        return out_of_patches(self.head(maps), self.patch).unsqueeze(1), (seen,)  # (b, 1, c, h, w)


def _block(n_inputs: int, n_outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for n in (n_inputs, n_outputs):
        layers += [nn.Conv2d(n, n_outputs, kernel_size=3, padding=1), group_norm(n_outputs), nn.SiLU()]
    return nn.Sequential(*layers)


def _build(settings: UNetSettings, channels: int, height: int, width: int) -> UNet:
    return UNet(channels, n_context=settings.context, n_maps=settings.width, patch=settings.patch, n_levels=settings.levels)


NETWORKS.add(
    "unet",
    NetworkKind(
        title="U-Net",
        summary="Convolutions at several scales turn the last few frames into the next one.",
        use_when="The first network to try: quick to train and best on most short series whose next frame follows from the "
        "last few.",
        settings=UNetSettings,
        build=_build,
        stride=lambda settings: int(settings.patch * 2 ** (settings.levels - 1)),
        any_size=True,
    ),
)
