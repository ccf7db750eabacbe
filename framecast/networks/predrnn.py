"""PredRNN: a ConvLSTM with a second memory that climbs through the layers and starts again at the bottom.

In a stack of ConvLSTM cells each layer remembers alone, and what the top layer has understood of this frame is lost to the
bottom one of the next. Here a memory M is handed from layer to layer within a frame, and from the top to the bottom between
frames, beside the memory C that every layer keeps for itself. A step costs somewhat more than one of the ConvLSTM.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from framecast.errors import SettingError
from framecast.networks.contract import NETWORKS, NetworkKind, NetworkSettings, State, context_setting
from framecast.networks.hoisting import AT_ONCE, hoisted
from framecast.networks.parts import into_patches, out_of_patches
from framecast.settings import setting


@dataclass(frozen=True)
class PredRnnSettings(NetworkSettings):
    context: int = context_setting(10)
    hidden: int = setting(
        32,
        label="Feature maps",
        help="Feature maps in the memories of each layer. Time grows with the square, weights too.",
        minimum=2,
        maximum=1024,
    )
    layers: int = setting(
        2,
        label="Layers",
        help="Cells one on top of the other. The shared memory climbs through all of them in every frame.",
        minimum=1,
        maximum=8,
    )
    patch: int = setting(
        4,
        label="Patch size",
        unit="px",
        help="Each square of this many pixels becomes one cell of the memory. Larger is faster and sees motion farther away; "
        "smaller is finer.",
        minimum=1,
        maximum=32,
    )
    kernel: int = setting(
        3,
        label="Kernel size",
        unit="patches",
        help="Width of the convolutions, an odd number. What moves farther than half of it in one frame needs more layers.",
        minimum=1,
        maximum=15,
        advanced=True,
    )
    norm: bool = setting(
        True,
        label="Group normalisation",
        help="Keeps the gates in the range where they can learn. Steadier in long rollouts.",
        advanced=True,
    )
    decoupling: float = setting(
        0.05,
        label="Decoupling",
        help="How hard the two memories are pushed to remember different things, as a part of the loss while training. 0 lets "
        "them be: the first version of PredRNN.",
        minimum=0.0,
        maximum=10.0,
        advanced=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel % 2 == 0:
            raise SettingError(
                f"kernel is {self.kernel}; a kernel needs a middle, so it must be odd. Choose {self.kernel - 1} or "
                f"{self.kernel + 1}."
            )


Made = Sequence[Callable[[Tensor], Tensor]]


class SpatioTemporalCell(nn.Module):
    """One step of the spatio-temporal LSTM of Wang et al. 2021 (arXiv 2103.09504), section 3.1; * is convolution:

        g  = tanh(Wxg * x + Whg * h + bg)       i  = sigmoid(Wxi * x + Whi * h + bi)     f  = sigmoid(Wxf * x + Whf * h + bf)
        c' = f c + i g
        g~ = tanh(W~xg * x + Wmg * m + b~g)     i~ = sigmoid(W~xi * x + Wmi * m + b~i)   f~ = sigmoid(W~xf * x + Wmf * m + b~f)
        m' = f~ m + i~ g~
        o  = sigmoid(Wxo * x + Who * h + Wco * c' + Wmo * m' + bo)
        h' = o tanh(W1 * [c', m'])              W1 is 1 x 1 and has no bias

    m comes from the layer below, or from the top layer of the frame before. Both forget biases start at one, so that memory
    lasts before it is learned. With `norm` each gate is normalised over its maps and places before its nonlinearity; the
    authors' code normalises each convolution over maps and places with weights of every place, which would tie the network to
    one frame size.
    """

    def __init__(self, n_inputs: int, n_hidden: int, *, kernel: int = 3, norm: bool = False) -> None:
        super().__init__()
        around = kernel // 2
        self.temporal = nn.Conv2d(n_inputs + n_hidden, 4 * n_hidden, kernel, padding=around)  # i, f, g and o from x and h
        self.spatial = nn.Conv2d(n_inputs + n_hidden, 3 * n_hidden, kernel, padding=around)  # i~, f~ and g~ from x and m
        self.output = nn.Conv2d(2 * n_hidden, n_hidden, kernel, padding=around, bias=False)  # o from c' and m'
        self.mix = nn.Conv2d(2 * n_hidden, n_hidden, kernel_size=1, bias=False)
        self.norms = nn.ModuleList(nn.GroupNorm(n, n * n_hidden) if norm else nn.Identity() for n in (3, 3, 1))
        with torch.no_grad():
            for layer in self.norms[:2] if norm else (self.temporal, self.spatial):
                layer.bias[n_hidden : 2 * n_hidden].fill_(1.0)  # type: ignore[index]

    def forward(
        self, inputs: Tensor, hidden: Tensor, cell: Tensor, shared: Tensor, made: Made | None = None
    ) -> tuple[Tensor, ...]:
        """inputs (b, n_inputs, h, w); hidden, cell and shared (b, n_hidden, h, w) to the new three, and the two increments
        i g and i~ g~ that went into cell and shared. `made` is what `hoisted` made of the inputs for the first two
        convolutions, where they were known beforehand."""
        of_hidden, of_shared = made or (*hoisted(self.temporal, inputs[None]), *hoisted(self.spatial, inputs[None]))
        norm, norm_shared, norm_output = self.norms
        n_hidden = cell.shape[1]
        gates, o = torch.split(of_hidden(hidden), [3 * n_hidden, n_hidden], dim=1)
        i, f, g = norm(gates).chunk(3, dim=1)
        increment = torch.sigmoid(i) * torch.tanh(g)
        cell = torch.sigmoid(f) * cell + increment
        i, f, g = norm_shared(of_shared(shared)).chunk(3, dim=1)
        increment_shared = torch.sigmoid(i) * torch.tanh(g)
        shared = torch.sigmoid(f) * shared + increment_shared
        both = torch.cat([cell, shared], dim=1)
        hidden = torch.sigmoid(norm_output(o + self.output(both))) * torch.tanh(self.mix(both))
        return hidden, cell, shared, increment, increment_shared


class PredRnn(nn.Module):
    """The network of Wang et al. 2021, section 3: spatio-temporal cells one on top of the other over frames folded into
    patches, the shared memory going up through them and from the top back to the bottom (their zigzag), the hidden maps of
    the top layer read out into the next frame.

    Decoupling (section 3.2): the increments of both memories go through one 1 x 1 convolution, the same for all layers, and
    the size of the cosine of the angle between the two, over places, for each map, is a penalty. `pop_penalty` gives it.

    What differs from the paper: the read-out is a 3 x 3 convolution, not 1 x 1, so that patches meet without seams; the
    network is stepped, so that one network absorbs a context of any length and goes on for any horizon; how true frames give
    way to forecasts while training (their reverse scheduled sampling) is not the network's business. `height` and `width` are
    multiples of `patch`. The state is (h, c) of each layer and then the shared memory, each
    (b, hidden, height / patch, width / patch).
    """

    def __init__(
        self,
        channels: int,
        *,
        n_hidden: int = 32,
        n_layers: int = 2,
        patch: int = 4,
        kernel: int = 3,
        norm: bool = True,
        decoupling: float = 0.0,
    ) -> None:
        super().__init__()
        self.answers_each = True
        self.patch, self.n_hidden, self.decoupling = patch, n_hidden, decoupling
        n_folded = channels * patch**2
        self.cells = nn.ModuleList(
            SpatioTemporalCell(n_folded if i == 0 else n_hidden, n_hidden, kernel=kernel, norm=norm) for i in range(n_layers)
        )
        self.adapter = nn.Conv2d(n_hidden, n_hidden, kernel_size=1, bias=False) if decoupling else None
        self.head = nn.Conv2d(n_hidden, n_folded, kernel_size=3, padding=1)
        self.reach = patch * (2 * n_layers * (kernel // 2) + 2)
        """Pixels to each side that a forecast pixel and the memories look at in one step, but for normalisation."""
        self._penalties: list[Tensor] = []

    def forward(
        self, frames: Tensor, state: State = None, *, fed_back: bool = False, answers: int = 1
    ) -> tuple[Tensor, State]:
        if state is None:
            self._penalties.clear()  # what nobody asked for must not hold on to the graph of an earlier sequence
        carried = self._start(frames) if state is None else list(state)
        read: list[Tensor] = []
        for block in torch.split(frames, AT_ONCE, dim=1):
            folded = into_patches(block.transpose(0, 1), self.patch)  # (b, t, c, h, w) -> (t, b, c*p*p, h/p, w/p)
            read = [*read, *self._absorb(folded, carried)][-answers:]
        changes = self.head(torch.stack(read).flatten(0, 1))  # (n*b, c*p*p, h/p, w/p)
        forecasts = out_of_patches(changes, self.patch)
        forecasts = forecasts.reshape(answers, -1, *forecasts.shape[1:])
        return forecasts.transpose(0, 1), tuple(carried)  # (b, n, c, h, w)

    def _absorb(self, folded: Tensor, carried: list[Tensor]) -> list[Tensor]:
        """Folded frames (t, b, n, h', w') to the top hidden maps after each; `carried` becomes the state after them. The
        inputs of the lowest cell are known beforehand; those of the others come through the shared memory of this frame."""
        lowest = self.cells[0]
        assert isinstance(lowest, SpatioTemporalCell)
        tops: list[Tensor] = []
        for maps, *made in zip(folded, hoisted(lowest.temporal, folded), hoisted(lowest.spatial, folded), strict=True):
            for i, cell in enumerate(self.cells):
                given = (maps, *carried[2 * i : 2 * i + 2], carried[-1])
                maps, carried[2 * i + 1], carried[-1], *increments = cell(*given, made if i == 0 else None)
                carried[2 * i] = maps
                self._collect(*increments)
            tops.append(maps)
        return tops

    def pop_penalty(self) -> Tensor:
        """What training adds to its loss, a scalar: `decoupling` times the penalty, a mean over maps, layers, frames and
        batch from 0 to 1, so that its weight means the same for windows of any length.

        Of all calls since it was last asked for, or since the last sequence began, made in training mode and with gradient;
        then forgotten. Zero where there were none.
        """
        if not self._penalties:
            return self.head.weight.new_zeros(())
        penalty = self.decoupling * torch.stack(self._penalties).mean()
        self._penalties.clear()
        return penalty

    def _collect(self, increment: Tensor, increment_shared: Tensor) -> None:
        if self.adapter is None or not (self.training and torch.is_grad_enabled()):
            return
        one, other = (self.adapter(part).flatten(2).float() for part in (increment, increment_shared))  # (b, hidden, places)
        self._penalties.append(F.cosine_similarity(one, other, dim=2).abs().mean())

    def _start(self, frames: Tensor) -> list[Tensor]:
        height, width = frames.shape[-2] // self.patch, frames.shape[-1] // self.patch
        return [frames.new_zeros(frames.shape[0], self.n_hidden, height, width)] * (2 * len(self.cells) + 1)


def _build(settings: PredRnnSettings, channels: int, height: int, width: int) -> PredRnn:
    return PredRnn(
        channels,
        n_hidden=settings.hidden,
        n_layers=settings.layers,
        patch=settings.patch,
        kernel=settings.kernel,
        norm=settings.norm,
        decoupling=settings.decoupling,
    )


NETWORKS.add(
    "predrnn",
    NetworkKind(
        title="PredRNN",
        summary="A convolutional LSTM with a second memory that all layers share and hand on from frame to frame.",
        use_when="When the ConvLSTM is good but blurs too early and there is time to train: a step takes somewhat longer.",
        settings=PredRnnSettings,
        build=_build,
        stride=lambda settings: int(settings.patch),
        any_size=True,
        recommended={"burn_in": 3},
    ),
)
