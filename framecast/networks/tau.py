"""TAU: SimVP with an attention that weighs places and channels by themselves.

Since the frames of the context are stacked as channels, a weight for each channel is a weight for each moment: what is static
is told from what changes.
"""

from torch import Tensor, nn

from framecast.networks.contract import NETWORKS, NetworkKind
from framecast.networks.simvp import (
    PUBLISHED,
    PUBLISHED_HELP,
    RECOMMENDED,
    SimVp,
    SimVpSettings,
    build_simvp,
    large_kernel,
    simvp_stride,
)


class TemporalAttention(nn.Module):
    """The temporal attention unit of Tan et al. 2023 (CVPR, arXiv 2206.12126), section 3.2, on maps (b, n_maps, h, w):

        static = 1 x 1 convolution of dilated depthwise of depthwise convolution of x   (within a frame: where)
        dynamic = sigmoid(W2 relu(W1 mean of x over places))                            (between frames: when)
        x' = static dynamic x

    W1 leads to 16 numbers, or to a quarter of the maps where there are fewer than 64.

    The paper's second part, differential divergence regularisation (section 3.3), is left out: it compares the changes
    between forecast frames with those between true frames, and a network here sees no truth of what it forecasts.
    """

    def __init__(self, n_maps: int) -> None:
        super().__init__()
        n_squeezed = max(1, min(16, n_maps // 4))
        self.static = large_kernel(n_maps, n_maps)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.dynamic = nn.Sequential(
            nn.Linear(n_maps, n_squeezed, bias=False), nn.ReLU(), nn.Linear(n_squeezed, n_maps, bias=False), nn.Sigmoid()
        )

    def forward(self, maps: Tensor) -> Tensor:
        weights = self.dynamic(self.mean(maps).flatten(1))[..., None, None]  # (b, n_maps, 1, 1)
        attended: Tensor = self.static(maps) * weights * maps
        return attended


def _build(settings: SimVpSettings, channels: int, height: int, width: int) -> SimVp:
    return build_simvp(settings, channels, attention=TemporalAttention)


NETWORKS.add(
    "tau",
    NetworkKind(
        title="TAU",
        summary="SimVP with another attention: one weight for each place and one for each moment of the context.",
        use_when="As SimVP; worth a try where it does well, in particular when some past frames tell more than others.",
        settings=SimVpSettings,
        build=_build,
        stride=simvp_stride,
        any_size=True,
        presets={"published": PUBLISHED},
        preset_help={"published": PUBLISHED_HELP},
        recommended=RECOMMENDED,
    ),
)
