"""The training step and the 50-step rollout of each network, as FrameCast takes them, beside the plain form and a public one.

The plain form is the same network with the same weights, input and losses without what FrameCast does for speed: float32, a
recurrent network called frame by frame, torch's own depthwise convolutions and patches, and on a GPU nothing recorded. A step
is timed from inside a real fit: a span with as many windows as a batch has one step an epoch, and every epoch is heard of. The
floor of a step is the operations that torch counted in it, at the quickest rate the machine showed (`benchmarks.machine`).
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import Machine, wait
from benchmarks.table import Row, in_turns
from framecast.forecasters import network_forecaster
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster, Workbench
from framecast.networks.contract import answers_each
from framecast.networks.depthwise import Depthwise
from framecast.series.frames import FrameSeries, Split

PART = "Training step and rollout of each network"
BATCH, HORIZON = 4, 50
NETWORKS = [name for name, kind in FORECASTERS.items() if kind.family == "network"]


class FrameByFrame(nn.Module):
    """A recurrent network whose context is not absorbed in one call."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @property
    def head(self) -> nn.Module:
        return self.network.head

    def forward(self, frames: Tensor, state: object = None, *, fed_back: bool = False) -> object:
        found = None
        for frame in frames.split(1, dim=1):
            found, state = self.network(frame, state, fed_back=fed_back)
        return found, state


@contextlib.contextmanager
def plain() -> Iterator[None]:
    build = network_forecaster.bare_network

    def plainly(*arguments: object) -> nn.Module:
        network = build(*arguments)
        with_torch_depthwise(network)
        return FrameByFrame(network) if answers_each(network) else network

    with patch.object(network_forecaster, "bare_network", plainly), torch_patches():
        yield


def with_torch_depthwise(network: nn.Module) -> None:
    for part in network.modules():
        if isinstance(part, Depthwise):
            part.__class__ = nn.Conv2d


@contextlib.contextmanager
def torch_patches() -> Iterator[None]:
    """Inside the block frames are folded into patches, and back, by torch's own functions."""
    theirs = {"into_patches": F.pixel_unshuffle, "out_of_patches": F.pixel_shuffle}
    with contextlib.ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            for function in theirs if name.startswith("framecast.networks.") else ():
                if hasattr(module, function):
                    stack.enter_context(patch.object(module, function, theirs[function]))
        yield


def rows(machine: Machine, side: int, rounds: int, names: list[str]) -> Iterator[Row]:
    for name in names:
        try:
            yield from rows_of(name, machine, side, rounds)
        except Exception as error:  # noqa: BLE001  one network that cannot be measured must not take the table with it
            yield Row(PART, f"{name}, {side} px", note=f"did not run: {type(error).__name__}: {str(error)[:150]}")


def rows_of(name: str, machine: Machine, side: int, rounds: int) -> Iterator[Row]:
    device = machine.device
    frames = noise(name, side)
    steps = in_turns(
        {form: lambda form=form: step_seconds(name, frames, device, form == "plain")[0] for form in ("ours", "plain")}, rounds
    )
    with FlopCounterMode(display=False) as counted:
        step_seconds(name, frames, device, False, n_steps=1)
    floor = counted.get_total_flops() / machine.best
    label = f"{name}, {side} px, {BATCH} windows"
    yield Row(PART, f"step of {label}", steps["ours"], steps["plain"], "plain form", "s", floor, "operations")
    fitted = {form: step_seconds(name, frames, device, form == "plain", n_steps=1)[1] for form in ("ours", "plain")}
    context = settings_of(name, plain_form=False).context
    past = frames.frames[: Split.of(frames.n_frames, 1, 1).test.start][-context:]  # as many frames for both forms
    works = {form: lambda form=form: rollout_seconds(fitted[form], past, device, form == "plain") for form in fitted}
    rolled = in_turns(works, min(rounds, 2) * 4)  # a third of a second each: two rounds would tell the noise of the machine
    with FlopCounterMode(display=False) as counted:
        fitted["ours"].forecast(past, HORIZON)
    floor = counted.get_total_flops() / machine.best
    yield Row(
        PART,
        f"{HORIZON}-step rollout of {name}, {side} px",
        rolled["ours"],
        rolled["plain"],
        "plain form",
        "s",
        floor,
        "operations",
    )


def noise(name: str, side: int) -> FrameSeries:
    """As many frames as make one batch of windows, and one to test: every epoch is a step then."""
    settings = settings_of(name, plain_form=False)
    n_frames = settings.context + settings.unroll + BATCH
    frames = np.random.default_rng(0).integers(0, 256, (n_frames, side, side, 3)).astype(np.uint8)
    return FrameSeries("noise", frames, (0.0, 255.0))


def settings_of(name: str, *, plain_form: bool, n_steps: int = 4, **changes: object) -> object:
    kind = FORECASTERS[name]
    asked = {"steps": n_steps, "minutes": 0.0, "validation": False, "refit": False, "unroll_curriculum": False}
    asked |= {"batch_size": BATCH, **({"precision": "float32", "compile": "off"} if plain_form else {}), **changes}
    return kind.configure("recommended", asked, Split.of(1000, 1, 1))


def step_seconds(
    name: str,
    series: FrameSeries,
    device: str,
    plain_form: bool,
    *,
    n_steps: int = 0,
    clock: Callable[[], float] = time.perf_counter,
    **changes: object,
) -> tuple[float, Forecaster]:
    """The median step of a fit but for its first, and the forecaster. On a GPU of more steps: the first are not replayed."""
    n_steps = n_steps or (4 if device == "cpu" else 24)
    split = Split.of(series.n_frames, 1, 1)
    settings = settings_of(name, plain_form=plain_form, n_steps=n_steps, **changes)
    with plain() if plain_form else contextlib.nullcontext():
        forecaster = FORECASTERS[name].make(settings, Workbench(device=device))
        seen, last = [], -1
        for progress in forecaster.fit(series.head(split.test.start), split):
            if progress.step > last:
                wait(device)
                seen.append(clock())
                last = progress.step
    gaps = np.diff(seen)
    return float(np.median(gaps)) if len(gaps) else 0.0, forecaster


def rollout_seconds(forecaster: Forecaster, past: np.ndarray, device: str, plain_form: bool) -> float:
    with torch_patches() if plain_form else contextlib.nullcontext():
        began = time.perf_counter()
        forecaster.forecast(past, HORIZON)
        wait(device)
        return time.perf_counter() - began


def seconds_with(name: str, device: str, side: int, clock: Callable[[], float], **changes: object) -> float:
    """A step with other settings, for how cost grows."""
    settings = settings_of(name, plain_form=False, **changes)
    n_frames = settings.context + settings.unroll + BATCH
    frames = np.random.default_rng(0).integers(0, 256, (n_frames, side, side, 3)).astype(np.uint8)
    with torch.random.fork_rng(devices=[]):
        return step_seconds(name, FrameSeries("noise", frames, (0.0, 255.0)), device, False, clock=clock, **changes)[0]
