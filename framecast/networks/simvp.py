"""SimVP: a block of frames at once, by convolutions alone.

No memory and no feeding back within a block: a translator with a large field of view turns the context, stacked as
channels, into all frames of the block. Between blocks the forecast is fed back as in every other network, so 50 frames take
5 to 10 steps in which errors can grow instead of 50. TAU is the same network with another attention.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from framecast.networks.contract import NETWORKS, NetworkKind, NetworkSettings, State, block_setting, context_setting
from framecast.networks.depthwise import Depthwise
from framecast.networks.parts import OutOfPatches, group_norm, into_patches, last_frames, out_of_patches
from framecast.settings import Value, setting


@dataclass(frozen=True)
class SimVpSettings(NetworkSettings):
    context: int = context_setting(6)
    block: int = block_setting(5)
    width: int = setting(
        32,
        label="Feature maps of a frame",
        help="Feature maps that describe each frame by itself before time is looked at. The paper has 64.",
        minimum=2,
        maximum=512,
    )
    hidden: int = setting(
        64,
        label="Feature maps of the motion",
        help="Feature maps in which all frames of the context are looked at together. The paper has 512.",
        minimum=2,
        maximum=2048,
    )
    depth: int = setting(
        2,
        label="Motion layers",
        help="Attention layers between context and forecast, each looking some 20 positions far. The paper has 8.",
        minimum=2,
        maximum=32,
    )
    patch: int = setting(
        2,
        label="Patch size",
        unit="px",
        help="Each square of this many pixels becomes one position of the network. 1 is finest and slowest, and the paper's.",
        minimum=1,
        maximum=16,
    )
    frame_layers: int = setting(
        2,
        label="Frame layers",
        help="Convolutions before and after the motion layers; every second one halves height and width. The paper has 4.",
        minimum=1,
        maximum=8,
        advanced=True,
    )
    expansion: int = setting(
        2,
        label="Expansion",
        help="How many times wider each motion layer becomes inside. Time grows with it. The paper has 8.",
        minimum=1,
        maximum=16,
        advanced=True,
    )


PUBLISHED: Mapping[str, Value] = {
    "context": 10,
    "block": 10,
    "unroll": 10,
    "width": 64,
    "hidden": 512,
    "depth": 8,
    "patch": 1,
    "frame_layers": 4,
    "expansion": 8,
    "batch_size": 16,
    "loss": "mse",
    "unroll_curriculum": False,
}
"""The sizes published for Moving MNIST, in the settings above; SimVP and TAU share them."""
PUBLISHED_HELP = (
    "The sizes and the loss published for Moving MNIST: some 45 million weights, made for 10000 series on a GPU and far too "
    "many for one short series on a CPU."
)


RECOMMENDED: Mapping[str, Value] = {"learning_rate": 4e-3, "unroll": 10}
"""Two blocks in the loss, the second after the first was fed back; and large steps, because there is time for few."""


class LargeKernelGate(nn.Module):
    """The gated spatiotemporal attention of Tan et al. 2022 (arXiv 2211.12509), section 3.2: a depthwise 5 x 5 convolution, a
    depthwise 7 x 7 one with dilation 3 and a 1 x 1 one, which together see 23 x 23 positions, give two maps a channel; the
    sigmoid of one gates the other."""

    def __init__(self, n_maps: int) -> None:
        super().__init__()
        self.look = large_kernel(n_maps, 2 * n_maps)

    def forward(self, maps: Tensor) -> Tensor:
        value, gate = self.look(maps).chunk(2, dim=1)
        gated: Tensor = value * torch.sigmoid(gate)
        return gated


class MotionLayer(nn.Module):
    """x + scale a(norm(x)), then x + scale m(norm(x)), on maps (b, n_maps, h, w): a is 1 x 1 convolution, GELU, attention and
    1 x 1 convolution with a shortcut around all four, m widens `expansion` times, with a depthwise 3 x 3 convolution at the
    widest place. Sizes as in the authors' published weights, where the papers leave them open.

    What differs: the scales start at 0.3, not 0.01, so that the layers take part from the first step. Group and not batch
    normalisation (same number of weights), because here batches have 4 windows and the statistics of a rollout over its own
    forecasts are not those of training. No drop path, which was 0 for Moving MNIST anyway: chance inside a network
    would keep a run from being repeated from its seed.
    """

    def __init__(self, n_maps: int, attention: Callable[[int], nn.Module], *, expansion: int) -> None:
        super().__init__()
        wide = expansion * n_maps
        self.norms = nn.ModuleList(group_norm(n_maps) for _ in range(2))
        self.scales = nn.ParameterList(nn.Parameter(torch.full((n_maps, 1, 1), 0.3)) for _ in range(2))
        self.attend = nn.Sequential(nn.Conv2d(n_maps, n_maps, 1), nn.GELU(), attention(n_maps), nn.Conv2d(n_maps, n_maps, 1))
        self.mix = nn.Sequential(
            nn.Conv2d(n_maps, wide, 1), nn.Conv2d(wide, wide, 3, padding=1, groups=wide), nn.GELU(), nn.Conv2d(wide, n_maps, 1)
        )

    def forward(self, maps: Tensor) -> Tensor:
        first, second = self.norms
        normed = first(maps)
        maps = maps + self.scales[0] * (normed + self.attend(normed))
        mixed: Tensor = maps + self.scales[1] * self.mix(second(maps))
        return mixed


class SimVp(nn.Module):
    """Encoder, translator and decoder of Gao et al. 2022 (CVPR, arXiv 2206.05099), section 3, with the translator of Tan et
    al. 2022 (arXiv 2211.12509), section 3.

    Each frame goes through convolutions with group normalisation and SiLU, every second of stride 2; the maps of all context
    frames are stacked as channels and go through the translator, whose 1 x 1 convolutions change their number, to one stack
    of maps for each frame of the block; the mirrored decoder draws each frame, its last layer beside what the encoder's first
    layer said.

    What differs from the papers: context and block need not be of the same length, and so the decoder is given the first
    layer of the last context frame for every frame of the block, not of the frame at the same place; frames may be
    folded into patches first, and then the last layer is 3 x 3 and not 1 x 1, so that patches meet without seams. Height and
    width are multiples of patch * 2**(n_frame_layers // 2). The state is the last k frames, or as many as were given so far;
    where there are fewer, the first stands in for those before it.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_context: int = 10,
        n_block: int = 10,
        n_maps: int = 64,
        n_hidden: int = 512,
        n_frame_layers: int = 4,
        n_motion_layers: int = 8,
        patch: int = 1,
        expansion: int = 8,
        attention: Callable[[int], nn.Module] = LargeKernelGate,
    ) -> None:
        super().__init__()
        assert n_motion_layers >= 2, "the first motion layer has the width of the context, the others that of the motion"
        self.n_context, self.n_block, self.patch = n_context, n_block, patch
        halves = [layer % 2 == 1 for layer in range(n_frame_layers)]
        inputs = [channels * patch**2] + [n_maps] * (n_frame_layers - 1)
        self.encoder = nn.ModuleList(
            _layer(nn.Conv2d(n, n_maps, 3, stride=2 if half else 1, padding=1), n_maps)
            for n, half in zip(inputs, halves, strict=True)
        )
        self.decoder = nn.ModuleList(
            _layer(_doubling(n_maps) if half else nn.Conv2d(n_maps, n_maps, 3, padding=1), n_maps) for half in reversed(halves)
        )
        widths = [n_context * n_maps] + [n_hidden] * (n_motion_layers - 1) + [n_block * n_maps]
        layers: list[nn.Module] = []
        for n, n_next in pairwise(widths):
            layers += [MotionLayer(n, attention, expansion=expansion)]
            layers += [nn.Conv2d(n, n_next, 1)] if n != n_next else []
        self.translator = nn.Sequential(*layers)
        k = 1 if patch == 1 else 3  # patches must see their neighbours, or a grid is seen in the forecast
        self.head = nn.Conv2d(n_maps, channels * patch**2, kernel_size=k, padding=k // 2)
        scales = [patch * 2 ** sum(halves[: layer + 1]) for layer in range(n_frame_layers)]
        self.reach = 2 * sum(scales) + (12 * n_motion_layers + 1) * scales[-1] + patch  # 12: 5 x 5, 7 x 7 with gaps, 3 x 3
        """Pixels that a forecast pixel looks at to each side, but for normalisation."""

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        window, seen = last_frames(frames, state, self.n_context)
        b = window.shape[0]
        first = maps = self.encoder[0](into_patches(window.flatten(0, 1), self.patch))  # (b*k, m, h/p, w/p)
        for layer in self.encoder[1:]:
            maps = layer(maps)
        stacked = maps.reshape(b, -1, *maps.shape[-2:])  # (b*k, m, h', w') -> (b, k*m, h', w')
        maps = self.translator(stacked).reshape(b * self.n_block, -1, *maps.shape[-2:])  # -> (b*n, m, h', w')
        for layer in self.decoder[:-1]:
            maps = layer(maps)
        last = first.reshape(b, -1, *first.shape[1:])[:, -1]  # (b, m, h/p, w/p)
        drawn = self.head(self.decoder[-1](maps + last.repeat_interleave(self.n_block, dim=0)))
        chunk = out_of_patches(drawn, self.patch)  # (b*n, c, h, w)
        return chunk.reshape(b, self.n_block, *chunk.shape[1:]), (seen,)


def large_kernel(n_maps: int, n_outputs: int) -> nn.Module:
    """A 21 x 21 convolution taken apart (Guo et al. 2022, arXiv 2202.09741, section 3.1)."""
    return nn.Sequential(
        Depthwise(n_maps, 5),
        Depthwise(n_maps, 7, dilation=3),
        nn.Conv2d(n_maps, n_outputs, 1),
    )


def _doubling(n_maps: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(n_maps, 4 * n_maps, 3, padding=1), OutOfPatches(2))


def _layer(convolution: nn.Module, n_maps: int) -> nn.Module:
    return nn.Sequential(convolution, group_norm(n_maps, most=2), nn.SiLU())


def build_simvp(settings: SimVpSettings, channels: int, *, attention: Callable[[int], nn.Module] = LargeKernelGate) -> SimVp:
    return SimVp(
        channels,
        n_context=settings.context,
        n_block=settings.block,
        n_maps=settings.width,
        n_hidden=settings.hidden,
        n_frame_layers=settings.frame_layers,
        n_motion_layers=settings.depth,
        patch=settings.patch,
        expansion=settings.expansion,
        attention=attention,
    )


def simvp_stride(settings: SimVpSettings) -> int:
    return int(settings.patch * 2 ** (settings.frame_layers // 2))


NETWORKS.add(
    "simvp",
    NetworkKind(
        title="SimVP",
        summary="Convolutions and a gated attention turn the last frames into a whole block of next frames at once.",
        use_when="When forecasts of other networks go astray after some steps: fewer forecasts are fed back. Slower to train "
        "than the U-Net.",
        settings=SimVpSettings,
        build=lambda settings, channels, height, width: build_simvp(settings, channels),
        stride=simvp_stride,
        any_size=True,
        presets={"published": PUBLISHED},
        preset_help={"published": PUBLISHED_HELP},
        recommended=RECOMMENDED,
    ),
)
