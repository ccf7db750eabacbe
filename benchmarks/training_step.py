"""The training step of ConvLSTM, PredRNN and SimVP against the plain form: python -m benchmarks.training_step [--side 64]

Same architecture, weights, windows and loss. The plain form is float32, frame by frame, with torch's own convolutions, patches
and AdamW, on a batch that was turned into floats before. Ours is measured in both number formats: what float32 gains is the
arithmetic that is left out and done in fewer calls, what bfloat16 gains on top the processor's own instructions. In processor
seconds of one thread, in turns, so that a busy machine disturbs all alike. The floor is the operations that torch counts in a
step at the rate of a large matrix product in that number format, measured in the same run.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.networks import FrameByFrame, torch_patches, with_torch_depthwise
from benchmarks.table import Row, in_turns, markdown
from framecast.forecasters.catalog import FORECASTERS
from framecast.networks.build import bare_network
from framecast.networks.contract import NETWORKS, answers_each
from framecast.networks.rollout import unroll
from framecast.networks.wrap import Padded, Residual
from framecast.training.batches import TrainingData, cut
from framecast.training.optimising import optimizer_of
from framecast.training.step import Stepper

NAMES = ("convlstm", "predrnn", "simvp")
BATCH, CHANNELS = 4, 3
PART = "Training step in processor time"
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def rows(side: int = 64, rounds: int = 7) -> Iterator[Row]:
    """Two for each network, one a number format."""
    torch.set_num_threads(1)
    rates = {name: rate(kind) for name, kind in PRECISIONS.items()}
    for name in NAMES:
        yield from rows_of(name, side, rounds, rates)


def rows_of(name: str, side: int, rounds: int, rates: dict[str, float]) -> Iterator[Row]:
    forms = {"plain": plain_step(name, side), **{kind: our_step(name, side, kind) for kind in PRECISIONS}}
    with FlopCounterMode(display=False) as counter:
        forms["float32"]()
    took = in_turns({form: partial(milliseconds, step) for form, step in forms.items()}, rounds)
    flops = counter.get_total_flops()
    for kind in PRECISIONS:
        what, floor = f"step of {NETWORKS[name].title} in {kind}, {side} px, one thread", 1e3 * flops / rates[kind]
        note = f"{flops / 1e9:.1f} 10^9 operations"
        yield Row(PART, what, took[kind], took["plain"], "plain form", "ms", floor, "operations", note)


def milliseconds(step: Callable[[], object]) -> float:
    """Of the processor."""
    began = time.process_time()
    step()
    return 1e3 * (time.process_time() - began)


def our_step(name: str, side: int, precision: str) -> Callable[[], object]:
    settings = settings_of(name, precision)
    network, data, spread = network_of(name, settings, side), data_of(settings, side), torch.ones(CHANNELS, 1, 1)
    stepper, optimizer = Stepper(network, settings, settings.context, spread), optimizer_of(network, settings)
    generator = torch.Generator().manual_seed(0)

    def step() -> object:
        n_unroll = len(data.frames) - BATCH + 1 - settings.context
        batch = cut(
            data, torch.arange(BATCH), settings.context, n_unroll, settings, mixing=0.0, spread=spread, generator=generator
        )
        return stepper(optimizer, batch, 1.0)

    return step


def plain_step(name: str, side: int) -> Callable[[], object]:
    settings = settings_of(name, "float32")
    network, data = network_of(name, settings, side), data_of(settings, side)
    with_torch_depthwise(network)
    if answers_each(network):
        network = FrameByFrame(network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01, foreach=False)
    length = len(data.frames) - BATCH + 1
    windows = torch.stack([data.frames[first : first + length] for first in range(BATCH)]).float()
    burn_in = min(settings.burn_in or settings.context, settings.context)

    def step() -> Tensor:
        with torch_patches():
            forecast = unroll(network, windows, burn_in=burn_in, context=settings.context)
        error = forecast - windows[:, -forecast.shape[1] :]
        loss = error.abs().mean() + error.square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss

    return step


def settings_of(name: str, precision: str):  # type: ignore[no-untyped-def]
    changes = {"precision": precision, "batch_size": BATCH, **({"decoupling": 0.0} if name == "predrnn" else {})}
    return FORECASTERS[name].configure("recommended", changes)


def network_of(name: str, settings: object, side: int) -> nn.Module:
    torch.manual_seed(0)
    network = Residual(Padded(bare_network(name, settings, side, side, CHANNELS), NETWORKS[name].stride(settings)))
    nn.init.normal_(network.head.weight, std=0.01)  # a head of zeros would leave most of the gradient zero
    return network


def data_of(settings: object, side: int) -> TrainingData:
    n_frames = settings.context + settings.unroll + BATCH - 1  # type: ignore[attr-defined]
    torch.manual_seed(0)
    frames = torch.randint(0, 3, (n_frames, CHANNELS, side, side), dtype=torch.uint8)
    return TrainingData(frames, range(n_frames), range(0), 1.0)


def rate(kind: torch.dtype, side: int = 1024) -> float:
    """Operations a second of a matrix product, the best of a few."""
    one = torch.randn(side, side).to(kind)
    found = []
    for _ in range(6):
        began = time.process_time()
        one @ one
        found.append(2 * side**3 / (time.process_time() - began))
    return max(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    asked = parser.parse_args()
    print(markdown(rows(asked.side, asked.rounds)))


if __name__ == "__main__":
    main()
