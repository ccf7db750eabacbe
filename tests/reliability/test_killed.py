"""kill -9 at any moment: what was reached is kept, and going on gives what never having been killed would have given."""

import json
import random
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from framecast.runs.experiment import plan
from framecast.runs.store import Run, RunStore

from .conftest import Nursery, fresh_run, loss_column, stored_waves

N_KILLS = 10
"""By the clock, and as many in the middle of writing."""


@pytest.fixture(scope="session")
def never_killed(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = fresh_run(tmp_path_factory.mktemp("killed"))
    assert nursery.child(run)
    assert run.state == "finished"
    return run


def another(run: Run) -> Run:
    """The same run once more, in the same workspace, so that the simple rules are scored once."""
    return RunStore(run.store.folder.parent).create(replace(run.record, id=f"{run.id[:-4]}{secrets.token_hex(2)}"))


def check_interrupted(run: Run, reference: list, so_far: int) -> int:
    """The run is told as interrupted, with the epochs it had; how many it has."""
    again = RunStore(run.store.folder.parent).open(run.id)
    assert again.state == "interrupted" and again.error() is None and again.holder() is None
    column = loss_column(again)
    assert column == reference[: len(column)]
    checkpoint = again.checkpoint()
    kept = checkpoint[1]["n_lines"] if checkpoint else 0
    assert so_far <= kept <= len(column), "no epoch that was kept is lost"
    return kept


def test_a_run_killed_at_random_moments_gives_the_loss_column_of_one_never_killed(nursery: Nursery, never_killed: Run) -> None:
    chance = random.Random(20261125)
    reference, kills, kept = loss_column(never_killed), 0, 0
    run = another(never_killed)
    while kills < N_KILLS:
        if nursery.child(run, kill_after_s=chance.uniform(0.01, 0.4)):
            run, kept = another(never_killed), 0  # it was quicker than the kill
            continue
        kills += 1
        if run.state == "finished":
            run, kept = another(never_killed), 0
            continue
        kept = check_interrupted(run, reference, kept)
    assert nursery.child(run)
    assert run.state == "finished" and loss_column(run) == reference
    assert (run.forecast() == never_killed.forecast()).all()


def test_a_run_killed_while_it_writes_loses_nothing(nursery: Nursery, never_killed: Run) -> None:
    """Killed by itself, at a call that changes the disk: in a checkpoint, between two renames, in the last files."""
    chance = random.Random(5)
    reference, kills, kept = loss_column(never_killed), 0, 0
    run = another(never_killed)
    while kills < N_KILLS:
        assert not nursery.child(run, deadly_call=chance.randint(1, 40))
        kills += 1
        if run.state == "finished":  # killed while the run tidied up
            run, kept = another(never_killed), 0
            continue
        kept = check_interrupted(run, reference, kept)
    if run.state != "finished":
        assert nursery.child(run)
    assert run.state == "finished" and loss_column(run) == reference


@pytest.mark.slow
def test_a_killed_auto_has_lost_no_finished_part(nursery: Nursery, tmp_path: Path) -> None:
    """Killed whenever it has kept one more part; what is kept only grows, and the run comes to its end."""
    changes = {"minutes": 0, "epochs": 2, "networks": "two"}
    record = plan(stored_waves(tmp_path), forecaster="auto", changes=changes, device="cpu", n_threads=1)
    run = RunStore(tmp_path).create(record)
    parts, kills = 0, 0
    while kills < 4 and not nursery.child(run, kill_when=lambda so_far=parts: n_parts(run) > so_far):
        kills += 1
        checkpoint = run.checkpoint()
        assert run.state == "interrupted" and checkpoint is not None
        assert n_parts(run) > parts, "a finished part was lost"
        parts = n_parts(run)
    assert kills == 4, "it has more parts than it was killed after"
    assert nursery.child(run)
    assert run.state == "finished" and run.weights()


def n_parts(run: Run) -> int:
    """Parts of an automatic run that are finished and kept, also while it is at work and replaces them."""
    try:
        kept = json.loads((run.folder / "checkpoint" / "last" / "fit" / "auto.json").read_text())
    except FileNotFoundError:  # none yet, or the next one is taking its place
        return 0
    return sum(len(fold["done"]) for fold in kept["folds"]) + len(kept["refitted"])
