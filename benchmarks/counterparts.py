"""Public implementations that install from PyPI, beside ours at equal sizes, input and task.

    pip install --no-deps conv-lstm==0.1.2 unet==0.8.1

Neither is a requirement; what is not installed is a row that says so. Two tasks: a training step on the same random window
(forward, mean squared error, backward, Adam), and a forecast of 50 frames fed back one by one. Ours runs as FrameCast trains
and forecasts on this device, theirs as their readme uses it. Neither takes up a state: for each frame of a rollout theirs is
shown the last frames again, as many as the step has.

What was looked for on PyPI (2026-11-25) and not found: OpenSTL, which has SimVP, TAU and PredRNN, is not there (the package
`openstl` is about meshes for 3D printers). `vp-suite` 0.0.9 has a PredRNN-V2, but imports a tracker and a tuner of 2022 before
it. `mlcast` is a ConvGRU for radar on Lightning. So SimVP, TAU, PredRNN and learned flow have the plain form beside them only.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import Machine, wait
from benchmarks.table import Row, in_turns
from framecast.forecasters.catalog import FORECASTERS
from framecast.networks.build import bare_network
from framecast.networks.rollout import rollout
from framecast.training.optimising import autocast

PART = "Beside public implementations"
BATCH, N_FRAMES, CHANNELS, HORIZON = 4, 10, 3, 50


@dataclass(frozen=True)
class Side:
    """One of two implementations that are set side by side, ready to be timed."""

    words: str
    step: Callable[[], object]
    rollout: Callable[[], object]


def rows(machine: Machine, side: int, rounds: int) -> Iterator[Row]:
    """Two for each package. The floor is the operations of ours at the quickest rate that the machine showed."""
    for package, module, pair in PAIRS:
        if importlib.util.find_spec(module) is None:
            yield Row(PART, package, note=f"not installed: pip install --no-deps {package}")
            continue
        ours, theirs = pair(machine.device, side)
        against = f"{package}: {theirs.words}"
        for task, our_work, their_work in (
            ("step", ours.step, theirs.step),
            (f"{HORIZON}-step rollout", ours.rollout, theirs.rollout),
        ):
            works = {"ours": our_work, "theirs": their_work}
            found = in_turns({name: lambda work=work: timed(work, machine.device) for name, work in works.items()}, rounds)
            with FlopCounterMode(display=False) as counted:
                our_work()
            floor, what = counted.get_total_flops() / machine.best, f"{task} of {ours.words}, {side} px"
            yield Row(PART, what, found["ours"], found["theirs"], against, "s", floor, "operations")


def convlstm(device: str, side: int) -> tuple[Side, Side]:
    """The same stack of cells over the same folded frames; the answer after each frame is the next one."""
    conv_lstm = importlib.import_module("conv_lstm")
    settings = FORECASTERS["convlstm"].configure("recommended")
    frames = torch.rand(BATCH, N_FRAMES + 1, CHANNELS, side, side, device=device)
    ours = bare_network("convlstm", settings, side, side, CHANNELS).to(device)
    folded = CHANNELS * settings.patch**2

    class Theirs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = conv_lstm.ConvLSTM(folded, settings.hidden, settings.kernel, settings.layers, True, True, False)
            self.head = nn.Conv2d(settings.hidden, folded, 3, padding=1)

        def forward(self, window: Tensor) -> Tensor:
            maps = self.cells(nn.functional.pixel_unshuffle(window, settings.patch))[0][0]
            return nn.functional.pixel_shuffle(self.head(maps.flatten(0, 1)), settings.patch).unflatten(0, maps.shape[:2])

    def forward(window: Tensor) -> Tensor:
        found: Tensor = ours(window, answers=N_FRAMES)[0]
        return found

    theirs = Theirs().to(device)
    about = f"{settings.layers} layers of {settings.hidden}, {N_FRAMES} frames"
    more = f"{about}, with peepholes and normalised gates" if settings.norm else f"{about}, with peepholes"
    given, truth = frames[:, :-1], frames[:, 1:]
    return (
        Side(
            f"ConvLSTM, {more}",
            step(ours, forward, given, truth, device, settings.precision),
            lambda: rollout(ours, given, HORIZON),
        ),
        Side(about, step(theirs, theirs, given, truth, device, "float32"), lambda: shown_again(theirs, theirs, given)),
    )


def unet(device: str, side: int) -> tuple[Side, Side]:
    """The last frames in one stack of channels to the next frame, about as many weights."""
    package = importlib.import_module("unet")
    settings = FORECASTERS["unet"].configure("recommended")
    ours = bare_network("unet", settings, side, side, CHANNELS).to(device)
    frames = torch.rand(BATCH, settings.context + 1, CHANNELS, side, side, device=device)
    wanted = sum(weights.numel() for weights in ours.parameters())

    def made(width: int) -> nn.Module:
        return package.UNet2D(
            in_channels=settings.context * CHANNELS, out_classes=CHANNELS, num_encoding_blocks=3,
            out_channels_first_layer=width, normalization="batch", padding=True,
        )  # fmt: skip

    widths = {width: sum(w.numel() for w in made(width).parameters()) for width in range(4, 65, 2)}
    width = min(widths, key=lambda one: abs(widths[one] - wanted))
    theirs = made(width).to(device)
    given, truth = frames[:, :-1], frames[:, -1:]

    def forward(window: Tensor) -> Tensor:
        found: Tensor = theirs(window.flatten(1, 2))[:, None]
        return found

    return (
        Side(
            f"U-Net, {wanted} weights",
            step(ours, lambda window: ours(window)[0], given, truth, device, settings.precision),
            lambda: rollout(ours, given, HORIZON),
        ),
        Side(
            f"{widths[width]} weights, batch normalisation",
            step(theirs, forward, given, truth, device, "float32"),
            lambda: shown_again(theirs, forward, given),
        ),
    )


@torch.no_grad()
def shown_again(network: nn.Module, forward: Callable[[Tensor], Tensor], given: Tensor) -> Tensor:
    """(b, HORIZON, c, h, w): what `forward`, a call of `network`, says last of a window, put at its end for the next frame."""
    network.eval()
    window, found = given, []
    for _ in range(HORIZON):
        found.append(forward(window)[:, -1:])
        window = torch.cat([window[:, 1:], found[-1]], dim=1)
    network.train()
    return torch.cat(found, dim=1)


def step(
    network: nn.Module, forward: Callable[[Tensor], Tensor], given: Tensor, truth: Tensor, device: str, precision: str
) -> Callable[[], None]:
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)

    def taken() -> None:
        with autocast(torch.device(device), precision):
            forecast = forward(given)
        optimizer.zero_grad(set_to_none=True)
        (forecast.float() - truth).square().mean().backward()
        optimizer.step()

    return taken


def timed(work: Callable[[], None], device: str) -> float:
    began = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - began


PAIRS = (("conv-lstm==0.1.2", "conv_lstm", convlstm), ("unet==0.8.1", "unet", unet))
