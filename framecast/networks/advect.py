"""Learned flow: the last true frame, sampled where the network says it came from, plus what it says has changed.

A network that paints each next frame from its own last one samples a sampled picture again and again, and blurs. Here only the
displacement is fed back and added up, and the picture is sampled once per lead, however far the lead. It suits what drifts,
flows or grows; on waves and reactions, where little is carried along, the plain U-Net is better.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from framecast.networks.classical_flow import classical_flow
from framecast.networks.contract import NETWORKS, Motion, NetworkKind, State, context_setting
from framecast.networks.tiling import Tiling, called
from framecast.networks.unet import UNet, UNetSettings
from framecast.settings import setting

FASTEST = 1 / 8
"""Of the shorter side: how far the picture can move from one frame to the next."""


@dataclass(frozen=True)
class AdvectSettings(UNetSettings):
    context: int = context_setting(4)
    flow_start: str = setting(
        "no motion",
        label="Flow begins at",
        help="What the picture does before anything is learned: it stays as it is, or it is carried on by the optical flow of "
        "the context frames, which the network then corrects. On moving rain that was ahead in the first seconds of training "
        "and a little behind after twenty; on a flower that opens it was behind.",
        choices=("no motion", "optical flow"),
        advanced=True,
    )


class Advect(nn.Module):
    """Semi-Lagrangian advection with a flow v and a source r from a U-Net, composed along the rollout:

        D_h = v_h + warp(D_{h-1}, v_h)    R_h = warp(R_{h-1}, v_h) + r_h    y_h = warp(x, D_h) + R_h

    x is the last true frame; with each true frame D and R begin at zero again. Sampling backwards along a flow is Staniforth
    and Cote 1991 (Semi-Lagrangian integration schemes, section 2); pixels taken from earlier frames instead of painted anew
    are Finn et al. 2016 (arXiv 1605.07157), section 3. The state is the frames that the U-Net sees, then x, D and R.

    The flow is in pixels, held within `fastest` of them by a hyperbolic tangent; by default FASTEST of the frame it is given.
    A network that learns from crops has to be told that of the whole frame: what it learned would bend otherwise there. With
    a head of zeros the forecast is x to the bit; or, with `from_classical`, x carried on by the classical flow of the true
    frames in the context, which v is then added to, which the U-Net sees as two more maps, and which goes on unchanged along
    the rollout.
    """

    def __init__(
        self,
        channels: int,
        *,
        n_context: int = 4,
        n_maps: int = 32,
        patch: int = 2,
        n_levels: int = 3,
        from_classical: bool = False,
        fastest: float | None = None,
    ) -> None:
        super().__init__()
        self.answers_change = False
        self.fastest = fastest
        self.tiling: Tiling | None = None
        self.from_classical = from_classical
        self.unet = UNet(
            channels,
            n_context=n_context,
            n_maps=n_maps,
            patch=patch,
            n_levels=n_levels,
            n_outputs=2 + channels,
            n_beside=2 if from_classical else 0,
        )

    @property
    def head(self) -> nn.Module:
        return self.unet.head

    @property
    def reach(self) -> int:
        return int(self.unet.reach)

    def forward(self, frames: Tensor, state: State = None, *, fed_back: bool = False) -> tuple[Tensor, State]:
        given, fastest = frames[:, -1].float(), self.fastest or FASTEST * min(frames.shape[-2:])
        beside = self._classical(frames, state, fed_back)
        inner = None if state is None else state[:1]
        answer, seen = called(self.unet, frames, inner, self.tiling, **({} if beside is None else {"beside": beside}))
        answer = answer[:, 0].float()  # autocast must not round positions
        flow = fastest * torch.tanh(answer[:, :2] / fastest)
        if beside is not None:
            flow = flow + beside
        if fed_back:
            assert state is not None, "the first frames are true ones"
            true, displacement, residual = state[1:4]
            carried = warp(torch.cat([displacement, residual], dim=1), flow)
            displacement, residual = flow + carried[:, :2], carried[:, 2:] + answer[:, 2:]
        else:
            true, displacement, residual = given, flow, answer[:, 2:]
        forecast = warp(true, displacement) + residual
        if self.answers_change:
            forecast = forecast - given
        kept = (*seen, true, displacement, residual)
        return forecast.unsqueeze(1), kept if beside is None else (*kept, beside)

    def _classical(self, frames: Tensor, state: State, fed_back: bool) -> Tensor | None:
        """The classical flow of the last true frames, (b, 2, h, w); None where nothing begins with it."""
        if not self.from_classical:
            return None
        if fed_back:
            assert state is not None, "the first frames are true ones"
            return state[4]
        seen = frames if state is None else torch.cat([state[0], frames], dim=1)
        return classical_flow(seen[:, -self.unet.n_context :], warp)

    def motion(self, state: State) -> Motion:
        assert state is not None, "motion belongs to a forecast"
        return state[2], state[3]


def warp(maps: Tensor, displacement: Tensor) -> Tensor:
    """`maps` (b, c, h, w) sampled at each pixel plus its `displacement` (b, 2, h, w), pixels down and right; float32.

    Bilinear; beyond the border the picture goes on as it is there. A displacement of zero gives the maps to the bit, which
    `grid_sample` does not: it takes positions as shares of the side.
    """
    maps, displacement = maps.float(), displacement.float()
    height, width = maps.shape[-2:]
    upper, lower, down = _between(displacement[:, 0], torch.arange(height, device=maps.device)[:, None])
    left, right, along = _between(displacement[:, 1], torch.arange(width, device=maps.device))
    pixels = maps.flatten(2)  # (b, c, h, w) -> (b, c, h*w)

    def at(row: Tensor, column: Tensor) -> Tensor:
        index = (row * width + column).flatten(1).unsqueeze(1).expand(-1, maps.shape[1], -1)
        return pixels.gather(2, index).view(maps.shape)

    above = torch.lerp(at(upper, left), at(upper, right), along)
    below = torch.lerp(at(lower, left), at(lower, right), along)
    return torch.lerp(above, below, down)


def _between(displacement: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Along one side: the pixel before the place looked for, the one behind it, and how far it lies between, (b, 1, h, w)."""
    last = start.numel() - 1
    place = (start + displacement).clamp(0, last)
    before = place.floor()
    first = before.long().clamp(0, last)  # again: a broken network's NaN must become a loss of NaN, not an index
    return first, (first + 1).clamp(max=last), (place - before).unsqueeze(1)


def _build(settings: AdvectSettings, channels: int, height: int, width: int) -> Advect:
    return Advect(
        channels,
        n_context=settings.context,
        n_maps=settings.width,
        patch=settings.patch,
        n_levels=settings.levels,
        from_classical=settings.flow_start == "optical flow",
        fastest=FASTEST * min(height, width),
    )


NETWORKS.add(
    "advect",
    NetworkKind(
        title="Learned flow",
        summary="A U-Net says where each pixel comes from and what is new; the last true frame is moved there in one piece.",
        use_when="When things drift, flow, grow or shrink: films, clouds, rain radar. Keeps edges sharper than a plain U-Net.",
        settings=AdvectSettings,
        build=_build,
        stride=lambda settings: int(settings.patch * 2 ** (settings.levels - 1)),
        any_size=True,
        tells_motion=True,
    ),
)
