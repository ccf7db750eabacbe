"""Work that takes long is left in the middle where it was asked to be, and goes on as if it had not been begun."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from framecast.evaluation.case import Case
from framecast.evaluation.diagnosis import diagnose
from framecast.evaluation.scores import score
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.leaving import Left, left_when, may_be_left
from framecast.networks.build import bare_network
from framecast.networks.rollout import rollout, unroll
from framecast.networks.wrap import Residual
from framecast.series.frames import FrameSeries, Split

FRAMES = np.random.default_rng(0).integers(0, 255, (40, 24, 24, 1)).astype(np.uint8)
SPLIT = Split.of(len(FRAMES), 10)


def asked_at(turn: int) -> Callable[[], bool]:
    """Says so from that time of asking on."""
    turns = iter(range(1, 10**9))
    return lambda: next(turns) >= turn


def network() -> torch.nn.Module:
    kind = FORECASTERS["unet"]
    settings = kind.configure(None, {"context": 3, "width": 4, "levels": 1})
    return Residual(bare_network("unet", settings, 24, 24, 1))


def forecasts() -> None:
    rollout(network(), torch.zeros(1, 4, 1, 24, 24), 10)


def trains() -> None:
    unroll(network(), torch.zeros(1, 9, 1, 24, 24), burn_in=3, context=3)


def scores() -> None:
    score("a", FRAMES[:5], FRAMES[5:10], origin=4, data_range=255.0, last=FRAMES[4])


def diagnoses() -> None:
    diagnose(Case(forecast=FRAMES[30:], truth=FRAMES[29:39], history=FRAMES[:30], data_range=255.0, valid=None, learned=True))


def fits_a_rule() -> None:
    kind = FORECASTERS["optical_flow"]
    list(kind.make(kind.configure(), Workbench()).fit(FrameSeries("noise", FRAMES, (0, 255)).head(30), SPLIT))


@pytest.mark.parametrize("work", [forecasts, trains, scores, diagnoses, fits_a_rule], ids=lambda work: work.__name__)
@pytest.mark.parametrize("turn", [1, 3])
def test_long_work_is_left_at_any_turn_of_its_loops(work: Callable[[], None], turn: int) -> None:
    with left_when(asked_at(turn)), pytest.raises(Left):
        work()
    work()  # nobody asks any more


def test_whoever_asks_around_a_block_is_heard_in_it() -> None:
    with left_when(lambda: True), left_when(lambda: False), pytest.raises(Left):
        may_be_left()
