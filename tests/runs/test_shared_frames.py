"""What was prepared from a series shows its frames: no run forecasts what its weights have learned by another name."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from framecast.cli.main import main
from framecast.errors import SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import carry_out, plan
from framecast.runs.record import RunRecord
from framecast.runs.store import Run, RunStore
from framecast.series.derive import Recipe, derive
from framecast.series.frames import Split
from framecast.series.store import SeriesStore
from tests.runs.test_beginning import SMALL, STILL, waves
from tests.series.test_lineage import make_older

N, SEEN = 30, 24
"""Frames of the wave, and those before its default test."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a series, and what was prepared from it, by name; nothing of it was ever learned."""
    workspace = tmp_path_factory.mktemp("kept")
    store = SeriesStore(workspace)
    root = store.add("wave", waves(N).frames)
    for name, above, recipe in (
        ("part", "wave", Recipe(frames=(1, 22))),  # its last frames are learned by whoever learns from the wave
        ("sibling", "wave", Recipe(frames=(3, 30), crop=(0, 0, 12, 12))),
        ("thin", "wave", Recipe(every=2)),
        ("below", "thin", Recipe(crop=(0, 0, 14, 12))),
        ("cropped", "wave", Recipe(crop=(0, 0, 14, 14))),
        ("head", "wave", Recipe(frames=(1, 15))),
        ("tail", "wave", Recipe(frames=(16, 30))),
    ):
        derive(store, store.info(above).digest, recipe, name=name)
    assert root.n_frames == N and Split.of(N).test.start == SEEN
    return workspace


@pytest.fixture
def workspace(kept: Path, tmp_path: Path) -> Path:
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return tmp_path


def planned(
    workspace: Path, name: str, n_test: int | None = None, *, others: tuple[str, ...] = (), start: Run | None = None
) -> RunRecord:
    store = SeriesStore(workspace)
    stored = store.info(name)
    learned = {store.info(one).digest: store.open(one) for one in others}
    changes = {**STILL} if start else {**SMALL, **STILL, "refit": False, "validation": False}
    split = Split.of(stored.n_frames, n_test)
    return plan(
        store.open(name), forecaster="unet", changes=changes, split=split, digest=stored.digest, device="cpu", n_threads=1,
        others=learned, start_from=start,
    )  # fmt: skip


def done(workspace: Path, name: str, **choices: object) -> Run:
    record = planned(workspace, name, **choices)  # type: ignore[arg-type]
    run, store = RunStore(workspace).create(record), SeriesStore(workspace)
    others = {one: store.open(one) for one in record.learned_from}
    list(carry_out(record, store.open(name), run, others=others, rules=dict.fromkeys(FORECASTERS, ())))
    return run


Refused = Callable[..., None]


@pytest.fixture(params=["learn from", "start from", "start from at third hand"])
def refused(request: pytest.FixtureRequest, workspace: Path) -> Refused:
    """That a run on a series which holds back `n_test` frames is refused, with these words, where it learned from another."""

    def check(learned: str, name: str, n_test: int | None, words: str) -> None:
        begin: dict[str, object] = {"others": (learned,)}
        if request.param != "learn from":
            begin = {"start": done(workspace, learned)}
        if request.param == "start from at third hand":
            SeriesStore(workspace).add("else", waves(N, pace=0.9).frames)
            begin = {"start": done(workspace, "else", **begin)}
        if not words:
            planned(workspace, name, n_test, **begin)  # type: ignore[arg-type]
            return
        with pytest.raises(SettingError, match=words):
            planned(workspace, name, n_test, **begin)  # type: ignore[arg-type]

    return check


@pytest.mark.parametrize(
    ("learned", "name", "n_test", "words"),
    [
        ("wave", "part", 4, "the first 22 frames of this series.*the test begins with frame 19;.*(Leave|Start)"),
        ("part", "wave", 14, r"the first 17 frames.*begins with frame 17;.*Hold back at most 13 frames, or"),
        ("part", "wave", 13, ""),
        ("wave", "sibling", 8, r"the first 22 frames.*begins with frame 21;.*at most 6 frames"),
        ("wave", "sibling", 6, ""),
        ("part", "sibling", 14, r"the first 15 frames.*begins with frame 15;.*at most 13"),
        ("wave", "below", 4, r"the first 12 frames.*begins with frame 12;.*at most 3"),
        ("below", "wave", 8, r"the first 23 frames.*begins with frame 23;.*at most 7"),
        ("cropped", "wave", 7, r"the first 24 frames.*at most 6"),
        ("cropped", "wave", None, ""),
        ("tail", "head", 5, ""),
        ("head", "tail", 5, ""),
    ],
)
def test_what_one_series_taught_is_not_asked_for_in_another(
    refused: Refused, learned: str, name: str, n_test: int | None, words: str
) -> None:
    refused(learned, name, n_test, words)


def test_a_record_knows_it_also_when_what_was_prepared_is_gone(workspace: Path) -> None:
    run, store = done(workspace, "part"), SeriesStore(workspace)
    assert run.record.seen_above == {store.info("wave").digest: ((0, 1, 17),)}
    store.add("else", waves(N, pace=0.9).frames)
    between = done(workspace, "else", start=run)
    assert between.record.seen_above == run.record.seen_above
    both = done(workspace, "tail", start=run)
    assert both.record.seen_above == {store.info("wave").digest: ((0, 1, 27),)}
    for name in ("part", "else"):
        store.delete(store.info(name).digest)
    for source in (run, between):
        with pytest.raises(SettingError, match="the first 17 frames of this series, as another one shows them, and the test"):
            planned(workspace, "wave", 14, start=source)
        planned(workspace, "wave", 13, start=source)


def test_what_an_earlier_framecast_prepared_is_refused_until_it_is_prepared_again(refused: Refused, workspace: Path) -> None:
    store = SeriesStore(workspace)
    make_older(store, store.info("part"), store.info("thin"))
    refused("part", "wave", 4, "it is not known which;.*Prepare that series once more with the same steps")
    refused("wave", "thin", 2, "it is not known which;")
    refused("part", "thin", 2, "it is not known which;")
    refused("cropped", "wave", None, "")
    for name, recipe in (("part", Recipe(frames=(1, 22))), ("thin", Recipe(every=2))):
        assert derive(store, store.info("wave").digest, recipe).name == name
    refused("part", "wave", 13, "")
    refused("part", "wave", 14, "the first 17 frames")


def test_the_command_line_refuses_it(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "part", "--forecaster", "unet", "--learn-from", "wave", "--test", "4", "--workspace", str(workspace)]
    assert main(words) == 2
    assert "'wave' shows the first 22 frames of this series" in capsys.readouterr().err
    assert not RunStore(workspace).runs()
    np.testing.assert_equal(len(SeriesStore(workspace).list()), 8)
