"""The pre-flight: what is refused names what fits, and what it names does fit. Time follows from a trial by arithmetic."""

import json
import subprocess
import sys

import numpy as np
import pytest

from framecast.errors import SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs import preflight as preflight_module
from framecast.runs.experiment import plan
from framecast.runs.preflight import Preflight, preflight
from framecast.runs.trial import Question, Trial, _Clock, duration
from framecast.series.frames import FrameSeries, Preparation, Split


def ask(
    monkeypatch: pytest.MonkeyPatch, n_bytes: int, name: str = "convlstm", size: int | None = 64, **changes: object
) -> Preflight:
    monkeypatch.setattr(preflight_module, "available_bytes", lambda device: n_bytes)
    kind = FORECASTERS[name]
    settings = kind.configure(changes=changes)
    return preflight(kind, settings, 200, 300, 3, Preparation(size), "cpu", n_frames=10, horizon=5)


def test_what_is_needed_is_told_in_parts_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ask(monkeypatch, 10**12)
    parts = dict(found.parts)
    assert sum(parts.values()) == found.needed_bytes
    assert parts["weights"] == parts["gradients"] == 4 * found.n_weights and parts["optimiser"] == 8 * found.n_weights
    assert parts["intermediate results and copies"] > parts["optimiser"]
    assert found.disk_bytes >= 4 * found.n_weights + 5 * 200 * 300 * 3


def test_what_is_too_big_is_refused_with_a_size_a_batch_and_a_patch_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    room = ask(monkeypatch, 10**12).needed_bytes * 2 // 3
    refused = ask(monkeypatch, room)
    assert not refused.fits
    size, batch, patch = refused.largest_size, refused.largest_batch, refused.smallest_patch
    assert size and batch and patch
    assert f"at most {size}, or a batch of at most {batch}, or patches of {patch} px" in refused.sentence
    assert ask(monkeypatch, room, size=size).fits
    assert (
        ask(monkeypatch, room, batch_size=batch).fits
        and batch < FORECASTERS["convlstm"].configure().to_mapping()["batch_size"]
    )
    assert ask(monkeypatch, room, patch=patch).fits
    assert not ask(monkeypatch, room * 9 // 10, batch_size=batch + 1).fits, "it is the largest"


def test_a_network_without_patches_is_offered_none(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ask(monkeypatch, ask(monkeypatch, 10**12, "unet").needed_bytes // 2, "unet")
    assert not refused.fits and refused.smallest_patch is None and "patches" not in refused.sentence


def test_full_resolution_that_does_not_fit_is_offered_by_way_of_crops_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(n_bytes: int, **changes: object) -> Preflight:
        return ask(monkeypatch, n_bytes, "unet", None, **changes)

    room = asked(10**12).needed_bytes // 2
    refused = asked(room)
    crop = refused.largest_crop
    assert not refused.fits and crop and refused.crop_tile == 0
    assert f"random crops of {crop} px" in refused.sentence and "tiles" not in refused.sentence
    assert asked(room, crop=crop).fits
    assert not asked(room * 9 // 10, crop=crop + 16).fits, "they are the largest"
    assert asked(room, crop=crop).largest_crop is None, "what fits is offered nothing"


def test_tiles_are_offered_where_a_whole_frame_cannot_be_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(n_bytes: int, **changes: object) -> Preflight:
        monkeypatch.setattr(preflight_module, "available_bytes", lambda device: n_bytes)
        kind = FORECASTERS["unet"]
        return preflight(kind, kind.configure(changes=changes), 1500, 2000, 3, Preparation(None), "cpu", n_frames=2, horizon=5)

    in_tiles, whole = (asked(10**12, crop=16, tile=tile).needed_bytes for tile in (375, 0))
    assert in_tiles < whole
    room = (in_tiles + whole) // 2
    refused = asked(room)
    tile = refused.crop_tile
    assert not refused.fits and refused.largest_crop and tile in (375, 188, 94)
    assert f"in tiles of {tile} px" in refused.sentence
    assert asked(room, crop=refused.largest_crop, tile=tile).fits
    assert not asked(room, crop=16, tile=2 * tile).fits, "they are the largest, and the quickest"
    again = asked(room, crop=16)
    assert (again.largest_crop, again.crop_tile) == (16, tile), "crops that fit stay as they were asked for"


def test_a_memory_is_counted_with_one_frame_at_once_in_tiles() -> None:
    """In one tile as large as the frame; whole frames are absorbed many at once."""
    kind = FORECASTERS["convlstm"]

    def needed(tile: int) -> int:
        settings = kind.configure(changes={"crop": 16, "tile": tile, "unroll": 1})
        return preflight(kind, settings, 512, 512, 1, Preparation(None), "cpu", n_frames=40, horizon=5).needed_bytes

    assert needed(512) < needed(0)


@pytest.mark.parametrize("name, changes", [("cnn_lstm", {}), ("unet", {"subtract_mean": True})])
def test_no_crops_are_offered_where_there_can_be_none(
    monkeypatch: pytest.MonkeyPatch, name: str, changes: dict[str, object]
) -> None:
    refused = ask(monkeypatch, ask(monkeypatch, 10**12, name, **changes).needed_bytes // 2, name, **changes)
    assert not refused.fits and refused.largest_crop is None and "crops" not in refused.sentence


SPLIT = Split.of(100, 20, 20)


def time_of(**changes: object):
    settings = FORECASTERS["unet"].configure(
        changes={"refit": False, "validation": False, "unroll_curriculum": False, **changes}
    )
    return duration(Trial(1.0, 8.0, 0), settings, SPLIT)


def test_a_run_takes_its_steps_times_the_measured_one() -> None:
    found = time_of(epochs=10, batch_size=4, unroll=8, context=4)
    n_windows = 80 - 4 - 8 + 1
    assert found.epoch_s == pytest.approx(8.0 * -(-n_windows // 4))
    assert (found.n_epochs, found.total_s) == (10, pytest.approx(10 * found.epoch_s))
    assert time_of(epochs=10, steps=9).total_s == pytest.approx(9 * 8.0)


def test_a_growing_unroll_costs_less_and_a_refit_and_validation_more() -> None:
    plain = time_of(epochs=10)
    assert time_of(epochs=10, unroll_curriculum=True).total_s < 0.8 * plain.total_s
    validated = time_of(epochs=10, validation=True)
    assert plain.total_s / len(range(80)) < validated.total_s / len(SPLIT.train) < 1.5 * plain.total_s / 80
    assert time_of(epochs=10, validation=True, refit=True).total_s > 1.9 * validated.total_s


def test_of_a_time_limit_the_epochs_that_fit_are_told() -> None:
    found = time_of(epochs=100_000, minutes=60.0)
    assert found.total_s == 3600
    assert found.n_epochs == round(3600 / found.epoch_s)


def test_a_trial_in_a_process_of_its_own_measures_a_step() -> None:
    settings = FORECASTERS["unet"].configure(changes={"context": 2, "width": 4, "levels": 1, "unroll": 2}).to_mapping()
    question = Question("unet", settings, 24, 24, 1, "cpu", 1)
    assert question.key() == Question("unet", {**settings, "epochs": 3, "minutes": 2.0}, 24, 24, 1, "cpu", 1).key()
    assert question.key() != Question("unet", {**settings, "batch_size": 3}, 24, 24, 1, "cpu", 1).key()
    done = subprocess.run(
        [sys.executable, "-m", "framecast.runs.trial"],
        input=json.dumps({**vars(question), "settings": dict(settings)}),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    trial = Trial(**json.loads(done.stdout))
    assert 0 < trial.short_s <= trial.full_s < 60


@pytest.mark.parametrize(("uncounted", "expected"), [(1, 0.55), (3, 0.1), (9, 5.4 / 5)])
def test_a_trial_counts_the_steps_that_are_as_all_others_will_be(uncounted: int, expected: float) -> None:
    """Three that are taken as they are or recorded, of which the first is the slowest, and two that are replayed."""
    clock = _Clock()
    for step, elapsed_s in enumerate((3.2, 4.2, 5.2, 5.3, 5.4), 1):
        clock.note(step, elapsed_s)
    assert clock.per_step(uncounted) == pytest.approx(expected)


def test_a_trial_that_cannot_be_is_a_sentence() -> None:
    settings = FORECASTERS["advect"].configure(changes={"zero_block": True, "restore": "warp"}).to_mapping()
    question = {**vars(Question("advect", settings, 24, 24, 1, "cpu", 1)), "settings": dict(settings)}
    done = subprocess.run(
        [sys.executable, "-m", "framecast.runs.trial"], input=json.dumps(question), capture_output=True, text=True, timeout=300
    )
    assert "push no zeros" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize(
    ("numbers", "says"), [({"seed": -1}, "The seed is -1"), ({"n_threads": -3}, "-3 threads are asked for")]
)
def test_numbers_that_torch_does_not_take_are_refused_before_the_run(numbers: dict[str, int], says: str) -> None:
    series = FrameSeries("still", np.zeros((12, 8, 8, 1), np.uint8), (0, 255))
    with pytest.raises(SettingError, match=says):
        plan(series, forecaster="persistence", **numbers)
