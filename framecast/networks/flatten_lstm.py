"""Flatten LSTM: the network of the question. A frame's pixels in a row, two LSTM layers, a fully connected layer.

It is here to show what goes wrong and why. Each pixel has weights of its own, so nothing that was learned at one place helps
at another, and 785 x 785 x 3 takes 1,851,005,275 weights for 350 frames. The presets mend the posted training one cause at
a time; what remains after the last of them is the fault of the architecture.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from framecast.networks.contract import (
    MATLAB_DEFAULTS,
    NETWORKS,
    QUESTION_OPTIONS,
    NetworkKind,
    NetworkSettings,
    State,
    context_setting,
)
from framecast.networks.lstm import LstmStack
from framecast.settings import Value, setting


@dataclass(frozen=True)
class FlattenLstmSettings(NetworkSettings):
    context: int = context_setting(10)
    hidden: int = setting(
        200,
        label="LSTM units",
        help="Numbers in the memory of each LSTM layer. All that is known of a frame must pass through them.",
        minimum=1,
        maximum=4096,
    )
    layers: int = setting(
        2, label="LSTM layers", help="LSTM layers one on top of the other.", minimum=1, maximum=8, advanced=True
    )


class FlattenLstm(nn.Module):
    """Flatten -> LSTM -> LSTM -> fully connected -> frame, as posted in "How to use the LSTM network to forecast the image?"
    (MATLAB Answers). The layers are the LSTM of Hochreiter and Schmidhuber 1997 (Neural Computation 9, 1735-1780), section 4,
    with the forget gate of Gers et al. 2000, section 3. All weights start as MATLAB's do. The state is (h, c) of each layer,
    (b, hidden) each."""

    def __init__(self, channels: int, height: int, width: int, *, n_hidden: int = 200, n_layers: int = 2) -> None:
        super().__init__()
        self.answers_each = True
        n_pixels = channels * height * width
        self.lstm = LstmStack(n_pixels, n_hidden, n_layers)
        self.head = nn.Linear(n_hidden, n_pixels)
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, answers: int = 1
    ) -> tuple[Tensor, State]:
        pixels = frames.flatten(2)  # (b, t, c, h, w) -> (b, t, c*h*w)
        outputs, state = self.lstm(pixels, state)
        forecasts = self.head(outputs[:, -answers:])  # (b, n, c*h*w)
        return forecasts.unflatten(2, frames.shape[2:]), state  # (b, n, c, h, w)


def _build(settings: FlattenLstmSettings, channels: int, height: int, width: int) -> FlattenLstm:
    return FlattenLstm(channels, height, width, n_hidden=settings.hidden, n_layers=settings.layers)


AS_POSTED: dict[str, Value] = {
    **QUESTION_OPTIONS,
    **MATLAB_DEFAULTS,
    "context": 1,
    "unroll": 1,
    "unroll_curriculum": False,
    "burn_in": 1,
    "truncate": 0,
    "residual": False,
    "normalise": False,
    "validation": False,
    "refit": False,
    "clamp": False,
    "zero_block": True,
}
FIXED_WARM_UP: dict[str, Value] = {**AS_POSTED, "zero_block": False}
# 8 sequences of 20 steps are 160 frames a step, about as many as the 128 sequences of one frame before.
FIXED_SEQUENCES: dict[str, Value] = {**FIXED_WARM_UP, "context": 20, "truncate": 10, "batch_size": 8, "drop_last": False}

NETWORKS.add(
    "flatten_lstm",
    NetworkKind(
        title="Flatten LSTM",
        summary="The network of the question: all pixels in one row, two LSTM layers of 200, one fully connected layer.",
        use_when="To see why such a forecast is bad; as a forecaster only for tiny frames that change as a whole.",
        settings=FlattenLstmSettings,
        build=_build,
        stride=lambda settings: 1,
        presets={"as posted": AS_POSTED, "fixed warm-up": FIXED_WARM_UP, "fixed sequences": FIXED_SEQUENCES},
        preset_help={
            "as posted": "The posted code to the letter: it trains on sequences of one frame and pushes 50 black frames "
            "through the network before it forecasts. Expect one washed-out picture repeated at every lead.",
            "fixed warm-up": "Mends the start: the forecast begins at the last true frame, not after black ones. Expect a "
            "better first frame, and still no sense of motion.",
            "fixed sequences": "Mends the training data too: sequences of 20 frames, learned by truncated backpropagation "
            "through time. Expect changes over time to appear, in blurred frames.",
            "recommended": "Mends the rest: scaled values, the change from the last frame instead of the whole picture, and "
            "training on its own rollouts. Expect sharp frames close to persistence; better ones need convolutions.",
        },
        recommended={"burn_in": 3, "learning_rate": 1e-3},
    ),
)
