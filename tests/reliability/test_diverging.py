"""A loss that is no number or explodes: back to the last good weights at half the rate, at most three times, then an end."""

from pathlib import Path

import pytest
import torch

from framecast.errors import DivergedError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import carry_out
from framecast.runs.store import Run
from framecast.series.store import SeriesStore
from framecast.training.step import Stepper

from .conftest import fresh_run


def carried_out(workspace: Path, monkeypatch: pytest.MonkeyPatch, bad_steps: set[int], loss: float) -> Run:
    """A run some of whose steps give such a loss and break the weights, as a step that is too large does."""
    step, taken = Stepper.__call__, [0]

    def breaking(self, *others):
        taken[0] += 1
        found = step(self, *others)
        if taken[0] in bad_steps:
            with torch.no_grad():
                next(self._network.parameters()).fill_(loss)
            return torch.tensor(loss), found[1]
        return found

    monkeypatch.setattr(Stepper, "__call__", breaking)
    run = fresh_run(workspace, validation=False)
    for _ in carry_out(run.record, SeriesStore(workspace).open(run.record.series), run, rules=dict.fromkeys(FORECASTERS, ())):
        pass
    return run


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e9])
def test_training_goes_back_to_good_weights_at_half_the_rate_and_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: float
) -> None:
    run = carried_out(tmp_path, monkeypatch, {30, 50}, loss)
    lines = run.progress()
    assert run.state == "finished"
    counted = [line["set_backs"] for line in lines]
    assert counted == sorted(counted) and counted[0] == 0 and counted[-1] == 2
    assert [line["train_loss"] for line in lines].count(None) == 2, "the epochs that broke have no loss"
    for before, after in zip(lines, lines[1:], strict=False):
        if after["set_backs"] == before["set_backs"] + 1:
            halved = lines[lines.index(after) + 1]["learning_rate"]
            assert halved <= 0.55 * before["learning_rate"], "at half the rate, on a schedule that falls, too"
    assert max(line["train_loss"] or 0 for line in lines) < 100


def test_the_fourth_time_ends_the_run_with_a_sentence_and_a_rate_that_may_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        DivergedError, match=r"stopped being a number in epoch \d+ .* went back to good weights 3 times.*smaller"
    ):
        carried_out(tmp_path, monkeypatch, set(range(1, 10_000)), float("nan"))
    from framecast.runs.store import RunStore

    (run,) = RunStore(tmp_path).runs()
    assert run.state == "failed" and len(run.progress()) == 3
    ((name, rate),) = run.remedies()[0].items()
    assert name == "learning_rate" and 0 < rate < float(run.record.settings["learning_rate"])  # type: ignore[arg-type]
