"""CNN-LSTM: the accepted answer to the question. A picture becomes a short vector, time passes there, and it is drawn again.

What is gained over the flatten LSTM is convolutions on the way in and out. What stays is the bottleneck: a frame that must
pass through a few hundred numbers comes back without its detail, so it is used for the change, not for the picture.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from framecast.networks.contract import NETWORKS, NetworkKind, NetworkSettings, State, context_setting
from framecast.networks.lstm import LstmStack
from framecast.settings import setting


@dataclass(frozen=True)
class CnnLstmSettings(NetworkSettings):
    context: int = context_setting(10)
    width: int = setting(
        16,
        label="Feature maps",
        help="Feature maps of the first convolution; the next have twice as many, up to four times.",
        minimum=1,
        maximum=256,
    )
    latent: int = setting(
        128,
        label="Vector length",
        help="Numbers that stand for a frame between the encoder and the decoder, and in the memory of the LSTM.",
        minimum=1,
        maximum=4096,
    )
    depth: int = setting(
        4,
        label="Convolutions",
        help="Each halves height and width. More make the vector cheaper to reach from large frames.",
        minimum=1,
        maximum=8,
        advanced=True,
    )
    layers: int = setting(
        1, label="LSTM layers", help="LSTM layers one on top of the other.", minimum=1, maximum=8, advanced=True
    )


class CnnLstm(nn.Module):
    """Strided convolutions -> vector -> LSTM -> vector -> transposed convolutions, steps (a) to (c) of the accepted answer;
    an LSTM between an encoder and a decoder as in Srivastava et al. 2015, "Unsupervised Learning of Video Representations
    using LSTMs", section 2.3, here with convolutional ends and one LSTM for both. `height` and `width` are multiples of
    2**depth. The state is (h, c) of each LSTM layer, (b, latent) each."""

    def __init__(
        self,
        channels: int,
        height: int,
        width: int,
        *,
        n_maps: int = 16,
        depth: int = 4,
        n_latent: int = 128,
        n_layers: int = 1,
    ) -> None:
        super().__init__()
        self.answers_each = True
        maps = [n_maps * min(2**level, 4) for level in range(depth)]
        self.coarse = (maps[-1], height // 2**depth, width // 2**depth)
        n_coarse = self.coarse[0] * self.coarse[1] * self.coarse[2]
        self.encoder = nn.Sequential(*(_down(a, b) for a, b in zip([channels, *maps[:-1]], maps, strict=True)))
        self.to_vector = nn.Linear(n_coarse, n_latent)
        self.lstm = LstmStack(n_latent, n_latent, n_layers)
        self.from_vector = nn.Linear(n_latent, n_coarse)
        self.decoder = nn.Sequential(*(_up(b, a) for a, b in reversed(list(zip(maps[:-1], maps[1:], strict=True)))))
        self.head = nn.ConvTranspose2d(maps[0], channels, kernel_size=4, stride=2, padding=1)

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, answers: int = 1
    ) -> tuple[Tensor, State]:
        maps = self.encoder(frames.flatten(0, 1))  # (b, t, c, h, w) -> (b*t, maps, h / 2^depth, w / 2^depth)
        vectors = self.to_vector(maps.flatten(1)).unflatten(0, frames.shape[:2])  # (b, t, latent)
        outputs, state = self.lstm(vectors, state)
        asked = torch.cat(outputs[:, -answers:].unbind(dim=1))  # (n*b, latent)
        maps = self.from_vector(asked).unflatten(1, self.coarse)  # (n*b, maps, h / 2^depth, w / 2^depth)
        forecasts = self.head(self.decoder(maps)).unflatten(0, (answers, -1))
        return forecasts.transpose(0, 1), state  # (b, n, c, h, w)


def _down(n_inputs: int, n_outputs: int) -> nn.Module:
    return nn.Sequential(_scaled(nn.Conv2d(n_inputs, n_outputs, 3, stride=2, padding=1), 9 * n_inputs), nn.SiLU())


def _up(n_inputs: int, n_outputs: int) -> nn.Module:
    # A kernel that is a multiple of the stride leaves no chequerboard (Odena et al. 2016). 4 of its 16 taps meet each pixel.
    return nn.Sequential(_scaled(nn.ConvTranspose2d(n_inputs, n_outputs, 4, stride=2, padding=1), 4 * n_inputs), nn.SiLU())


def _scaled(layer: nn.Conv2d | nn.ConvTranspose2d, n_summed: int) -> nn.Module:
    """`layer` with weights that keep the variance through a SiLU (He et al. 2015, section 2.2; 1.68 is SiLU's gain). With
    torch's start two frames are all but equal after four convolutions, and for minutes only their mean is learned."""
    nn.init.normal_(layer.weight, std=1.68 / n_summed**0.5)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


def _build(settings: CnnLstmSettings, channels: int, height: int, width: int) -> CnnLstm:
    return CnnLstm(
        channels,
        height,
        width,
        n_maps=settings.width,
        depth=settings.depth,
        n_latent=settings.latent,
        n_layers=settings.layers,
    )


NETWORKS.add(
    "cnn_lstm",
    NetworkKind(
        title="CNN-LSTM",
        summary="Convolutions squeeze each frame into a vector, an LSTM carries it on, transposed convolutions draw the next.",
        use_when="When the whole picture follows a few numbers, such as a season or a brightness; fine detail is lost.",
        settings=CnnLstmSettings,
        build=_build,
        stride=lambda settings: int(2**settings.depth),
        # Where most pixels stand still, no change at all is the best that an absolute error sees nearby: with it in the loss
        # the network stayed at persistence for 30 to 120 steps or for good; with the squared error alone it learned at once.
        recommended={"burn_in": 3, "loss": "mse"},
    ),
)
