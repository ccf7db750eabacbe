"""ConvNeXt U-Net: the U-Net made of newer blocks, with a block of frames at once where wanted.

The block looks 7 x 7 positions far for few weights, so that the same number of weights reaches farther than in the U-Net of
3 x 3 convolutions. In the benchmark of The Well (Ohana et al. 2024, arXiv 2412.00568) such a network was the best of four on
many of the simulations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.networks.contract import NETWORKS, NetworkKind, NetworkSettings, State, block_setting, context_setting
from framecast.networks.depthwise import Depthwise
from framecast.networks.parts import into_patches, last_frames, out_of_patches
from framecast.settings import Value, setting


@dataclass(frozen=True)
class ConvNextUNetSettings(NetworkSettings):
    context: int = context_setting(12)
    block: int = block_setting(1)
    width: int = setting(
        32,
        label="Feature maps",
        help="Feature maps at the finest scale; each coarser one has twice as many. Small networks learn short series best.",
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
    blocks: int = setting(
        1,
        label="Layers per scale",
        help="ConvNeXt blocks one after the other on the way down, and again on the way up, at each scale.",
        minimum=1,
        maximum=16,
        advanced=True,
    )


PUBLISHED: Mapping[str, Value] = {
    "context": 4,
    "block": 1,
    "width": 42,
    "levels": 5,
    "blocks": 2,
    "patch": 1,
    "unroll": 1,
    "loss": "mse",
}
"""The sizes of The Well's benchmark, in the settings above. There the layers of the way up come before the step to the finer
scale, and that step has weights: three layers at the coarsest scale and two at the finest, two and four here, and 18,573,453
weights for frames of 3 channels, 13,905,741 here."""


class ConvNextBlock(nn.Module):
    """The block of Liu et al. 2022 (CVPR, arXiv 2201.03545), section 2 and figure 4, on maps (b, n_maps, h, w): depthwise
    7 x 7 convolution, layer normalisation over channels, four times as many maps, GELU, back, scaled, added to what came in.

    The scale starts at 0.1, where the paper has 1e-6 for 300 epochs of ImageNet; a run of a minute has no time to grow it.
    No drop path: chance inside a network would keep a run from being repeated from its seed.
    """

    def __init__(self, n_maps: int) -> None:
        super().__init__()
        self.look = Depthwise(n_maps, 7)
        self.norm = nn.LayerNorm(n_maps, eps=1e-6)
        self.mix = nn.Sequential(nn.Linear(n_maps, 4 * n_maps), nn.GELU(), nn.Linear(4 * n_maps, n_maps))
        self.scale = nn.Parameter(torch.full((n_maps,), 0.1))

    def forward(self, maps: Tensor) -> Tensor:
        looked = self.look(maps).permute(0, 2, 3, 1)  # (b, m, h, w) -> (b, h, w, m)
        added: Tensor = maps + (self.scale * self.mix(self.norm(looked))).permute(0, 3, 1, 2)
        return added


class ConvNextUNet(nn.Module):
    """Contracting path, expanding path and skip connections of Ronneberger et al. 2015 (arXiv 1505.04597), section 2, each
    scale made of ConvNeXt blocks (above), with the paper's layer normalisation and 2 x 2 convolution of stride 2 between
    scales on the way down; on the way up pixels are repeated and a 1 x 1 convolution joins them with the skip.

    The k context frames are stacked as channels and folded into patches first. The last layer gives all n frames of the
    block. Height and width are multiples of patch * 2**(n_levels - 1). The state is the last k frames, or as many as were
    given so far; where there are fewer, the first stands in for those before it.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_context: int = 12,
        n_block: int = 1,
        n_maps: int = 32,
        patch: int = 2,
        n_levels: int = 3,
        n_layers: int = 1,
    ) -> None:
        super().__init__()
        self.n_context, self.n_block, self.patch = n_context, n_block, patch
        maps = [n_maps * 2**level for level in range(n_levels)]
        finer = list(zip(maps[:-1], maps[1:], strict=True))
        self.stem = nn.Conv2d(n_context * channels * patch**2, n_maps, kernel_size=3, padding=1)
        self.contract = nn.ModuleList(_blocks(m, n_layers) for m in maps)
        self.down_norm = nn.ModuleList(nn.LayerNorm(a, eps=1e-6) for a, _ in finer)
        self.down = nn.ModuleList(nn.Conv2d(a, b, kernel_size=2, stride=2) for a, b in finer)
        self.join = nn.ModuleList(nn.Conv2d(a + b, a, kernel_size=1) for a, b in reversed(finer))
        self.expand = nn.ModuleList(_blocks(a, n_layers) for a, _ in reversed(finer))
        self.head = nn.Conv2d(n_maps, n_block * channels * patch**2, kernel_size=3, padding=1)
        scales = [patch * 2**level for level in range(n_levels)]
        self.reach = 3 * n_layers * (2 * sum(scales[:-1]) + scales[-1]) + 2 * patch + scales[-1]
        """Pixels that a forecast pixel looks at to each side."""

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        window, seen = last_frames(frames, state, self.n_context)
        maps = self.stem(into_patches(window.flatten(1, 2), self.patch))  # (b, k, c, h, w) -> (b, m, h/p, w/p)
        maps = self.contract[0](maps)
        skips: list[Tensor] = []
        for norm, down, blocks in zip(self.down_norm, self.down, self.contract[1:], strict=True):
            skips.append(maps)
            maps = blocks(down(norm(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)))
        for join, blocks in zip(self.join, self.expand, strict=True):
            maps = blocks(join(torch.cat([skips.pop(), F.interpolate(maps, scale_factor=2.0)], dim=1)))
        drawn = out_of_patches(self.head(maps), self.patch)  # (b, n*c, h, w)
        return drawn.reshape(drawn.shape[0], self.n_block, -1, *drawn.shape[-2:]), (seen,)


def _blocks(n_maps: int, n_layers: int) -> nn.Module:
    return nn.Sequential(*(ConvNextBlock(n_maps) for _ in range(n_layers)))


def _build(settings: ConvNextUNetSettings, channels: int, height: int, width: int) -> ConvNextUNet:
    return ConvNextUNet(
        channels,
        n_context=settings.context,
        n_block=settings.block,
        n_maps=settings.width,
        patch=settings.patch,
        n_levels=settings.levels,
        n_layers=settings.blocks,
    )


NETWORKS.add(
    "convnext_unet",
    NetworkKind(
        title="ConvNeXt U-Net",
        summary="The U-Net with blocks that look farther: the last few frames in, the next one or a block of them out.",
        use_when="Where motion is fast or smooth over long distances; somewhat slower than the U-Net.",
        settings=ConvNextUNetSettings,
        build=_build,
        stride=lambda settings: int(settings.patch * 2 ** (settings.levels - 1)),
        any_size=True,
        presets={"published": PUBLISHED},
        preset_help={
            "published": "The sizes of the ConvNeXt U-Net in The Well benchmark (42 feature maps, five scales, two layers "
            "each, four frames in, one out) and its training on single steps. The way up is simpler: a quarter fewer weights."
        },
    ),
)
