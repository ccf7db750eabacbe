"""Public implementations that install from PyPI, beside ours at equal sizes, input and task.

    pip install --no-deps conv-lstm==0.1.2 unet==0.8.1

Neither is a requirement; what is not installed is a row that says so. The task is one training step on the same random window:
forward, mean squared error, backward, Adam. Ours runs as FrameCast trains on this device, theirs as their readme uses it.

What was looked for on PyPI (2026-11-25) and not found: OpenSTL, which has SimVP, TAU and PredRNN, is not there (the package
`openstl` is about meshes for 3D printers). `vp-suite` 0.0.9 has a PredRNN-V2, but imports a tracker and a tuner of 2022 before
it. `mlcast` is a ConvGRU for radar on Lightning. So SimVP, TAU, PredRNN and learned flow have the plain form beside them only.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from benchmarks.machine import wait
from benchmarks.table import Row, in_turns
from framecast.forecasters.catalog import FORECASTERS
from framecast.networks.build import bare_network
from framecast.training.optimising import autocast

PART = "Beside public implementations"
BATCH, N_FRAMES, CHANNELS = 4, 10, 3


def rows(device: str, side: int, rounds: int) -> Iterator[Row]:
    for package, module, pair in PAIRS:
        if importlib.util.find_spec(module) is None:
            yield Row(PART, package, note=f"not installed: pip install --no-deps {package}")
            continue
        (our_words, ours), (their_words, theirs) = pair(device, side)
        found = in_turns(
            {"ours": lambda step=ours: timed(step, device), "theirs": lambda step=theirs: timed(step, device)}, rounds
        )
        yield Row(PART, f"step of {our_words}, {side} px", found["ours"], found["theirs"], f"{package}: {their_words}")


Side = tuple[str, Callable[[], None]]


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
    return (
        (f"ConvLSTM, {more}", step(ours, forward, frames[:, :-1], frames[:, 1:], device, settings.precision)),
        (about, step(theirs, theirs, frames[:, :-1], frames[:, 1:], device, "float32")),
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
    return (
        (
            f"U-Net, {wanted} weights",
            step(ours, lambda x: ours(x)[0], frames[:, :-1], frames[:, -1:], device, settings.precision),
        ),
        (
            f"{widths[width]} weights, batch normalisation",
            step(theirs, lambda x: theirs(x.flatten(1, 2))[:, None], frames[:, :-1], frames[:, -1:], device, "float32"),
        ),
    )


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
