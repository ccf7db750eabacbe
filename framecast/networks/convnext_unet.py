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
    way_up: str = setting(
        "repeat",
        label="Way up",
        help="How a coarser scale becomes a finer one again. repeat: its pixels are repeated, joined with what was seen at "
        "the finer scale, then come the layers. weights: the layers come first, then a step with weights of its own, as in "
        "The Well benchmark; a third to a half more weights in all.",
        choices=("repeat", "weights"),
        advanced=True,
    )


PUBLISHED: Mapping[str, Value] = {
    "context": 4,
    "block": 1,
    "width": 42,
    "levels": 5,
    "blocks": 2,
    "patch": 1,
    "way_up": "weights",
    "unroll": 1,
    "loss": "mse",
}
"""What The Well's benchmark trains as UNetConvNext, in the settings above: 18,573,453 weights for frames of 3 channels."""


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
    scales on the way down.

    On the way up pixels are repeated, a 1 x 1 convolution joins them with the skip, and n_layers blocks follow. With
    `weighted_up` it is that of UNetConvNext, which the benchmark of The Well trains (Ohana et al. 2024, arXiv 2412.00568): one
    block at the coarsest scale, then at each scale a 1 x 1 convolution that joins the skip (not at the coarsest), n_layers
    blocks, layer normalisation and a 2 x 2 transposed convolution of stride 2. What is skipped is what came into a scale, not
    what left its blocks, and nothing is skipped at the finest scale, which has no blocks on the way up.

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
        weighted_up: bool = False,
    ) -> None:
        super().__init__()
        self.n_context, self.n_block, self.patch = n_context, n_block, patch
        self.weighted_up = weighted_up and n_levels > 1  # one scale has no way up
        maps = [n_maps * 2**level for level in range(n_levels)]
        finer = list(zip(maps[:-1], maps[1:], strict=True))
        n_coarsest = 1 if self.weighted_up else n_layers
        self.stem = nn.Conv2d(n_context * channels * patch**2, n_maps, kernel_size=3, padding=1)
        self.contract = nn.ModuleList([*(_blocks(a, n_layers) for a, _ in finer), _blocks(maps[-1], n_coarsest)])
        self.down_norm = nn.ModuleList(nn.LayerNorm(a, eps=1e-6) for a, _ in finer)
        self.down = nn.ModuleList(nn.Conv2d(a, b, kernel_size=2, stride=2) for a, b in finer)
        if self.weighted_up:
            self.join = nn.ModuleList(nn.Conv2d(2 * b, b, kernel_size=1) for b in maps[-2:0:-1])
            self.expand = nn.ModuleList(_blocks(b, n_layers) for b in maps[:0:-1])
            self.up_norm = nn.ModuleList(nn.LayerNorm(b, eps=1e-6) for b in maps[:0:-1])
            self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, kernel_size=2, stride=2) for a, b in reversed(finer))
        else:
            self.join = nn.ModuleList(nn.Conv2d(a + b, a, kernel_size=1) for a, b in reversed(finer))
            self.expand = nn.ModuleList(_blocks(a, n_layers) for a, _ in reversed(finer))
        self.head = nn.Conv2d(n_maps, n_block * channels * patch**2, kernel_size=3, padding=1)
        scales = [patch * 2**level for level in range(n_levels)]
        up_scales = scales[1:] if self.weighted_up else scales[:-1]
        self.reach = 3 * (n_layers * sum(scales[:-1] + up_scales) + n_coarsest * scales[-1]) + 2 * patch + scales[-1]
        """Pixels that a forecast pixel looks at to each side."""

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        window, seen = last_frames(frames, state, self.n_context)
        came = [self.stem(into_patches(window.flatten(1, 2), self.patch))]  # (b, k, c, h, w) -> (b, m, h/p, w/p)
        left = [self.contract[0](came[0])]
        for norm, down, blocks in zip(self.down_norm, self.down, self.contract[1:], strict=True):
            came.append(down(_normed(norm, left[-1])))
            left.append(blocks(came[-1]))
        maps = self._weighted_up(came, left[-1]) if self.weighted_up else self._repeated_up(left)
        drawn = out_of_patches(self.head(maps), self.patch)  # (b, n*c, h, w)
        return drawn.reshape(drawn.shape[0], self.n_block, -1, *drawn.shape[-2:]), (seen,)

    def _repeated_up(self, left: list[Tensor]) -> Tensor:
        """From what left each scale on the way down, the coarsest last, to the maps of the finest, (b, m, h/p, w/p)."""
        maps = left.pop()
        for join, blocks in zip(self.join, self.expand, strict=True):
            maps = blocks(join(torch.cat([left.pop(), F.interpolate(maps, scale_factor=2.0)], dim=1)))
        return maps

    def _weighted_up(self, came: list[Tensor], maps: Tensor) -> Tensor:
        """The same from what left the coarsest scale and from what came into each of them, the coarsest last."""
        for number, (blocks, norm, up) in enumerate(zip(self.expand, self.up_norm, self.up, strict=True)):
            if number:
                maps = self.join[number - 1](torch.cat([maps, came[-1 - number]], dim=1))
            maps = up(_normed(norm, blocks(maps)))
        return maps


def _normed(norm: nn.Module, maps: Tensor) -> Tensor:
    normed: Tensor = norm(maps.permute(0, 2, 3, 1))  # (b, m, h, w) -> (b, h, w, m)
    return normed.permute(0, 3, 1, 2)


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
        weighted_up=settings.way_up == "weights",
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
            "published": "The ConvNeXt U-Net of The Well benchmark (42 feature maps, five scales, two layers each, four "
            "frames in, one out; 18.6 million weights for frames in colour) and its training on single steps."
        },
    ),
)
