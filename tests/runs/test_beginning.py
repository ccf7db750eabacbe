"""A run may begin with what was learned: weights of another run, or other series first; never with what it is to forecast."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from framecast.errors import SettingError, UnknownNameError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.network_fit import STAGE_OTHERS
from framecast.runs.beginning import check_start, frames_seen, inherited_settings, seen_before, shown_of_others
from framecast.runs.experiment import carry_out, plan, repeat_forecast
from framecast.runs.jobs import JobManager
from framecast.runs.record import RunRecord
from framecast.runs.repeat import repeat
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import SeriesStore

SMALL = {"context": 2, "width": 4, "levels": 1, "unroll": 2, "precision": "float32"}
STILL = {"epochs": 1, "steps": 1, "learning_rate": 1e-7, "weight_decay": 0.0, "warmup": 0.0}
"""Training that moves no weight by more than 1e-7 a stage."""


def waves(n_frames: int = 24, *, size: tuple[int, int] = (16, 20), channels: int = 1, pace: float = 0.5) -> FrameSeries:
    t, y, x = np.ogrid[:n_frames, : size[0], : size[1]]
    wave = 127 + 100 * np.sin(0.6 * x + 0.3 * y - pace * t)
    return FrameSeries(f"waves {pace}", np.repeat(wave[..., None], channels, axis=-1).astype(np.uint8), (0.0, 255.0))


def done(
    workspace: Path, series: FrameSeries, *, others: list[FrameSeries] | None = None, name: str = "unet", **choices: object
) -> Run:
    known = {other.digest(): other for other in others or []}
    small = SMALL if name == "unet" else {}
    changes = {**(small if "start_from" not in choices else {}), **choices.pop("changes", {})}  # type: ignore[dict-item]
    record = plan(series, forecaster=name, device="cpu", changes=changes, others=known, n_threads=1, **choices)  # type: ignore[arg-type]
    run = RunStore(workspace).create(record)
    list(carry_out(record, series, run, others=known, rules=dict.fromkeys(FORECASTERS, ())))
    assert run.state == "finished"
    return run


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return done(tmp_path_factory.mktemp("source"), waves(), changes={"epochs": 8})


def weights(run: Run) -> dict[str, np.ndarray]:
    network = run.forecaster()._network  # type: ignore[attr-defined]
    return {name: weight.numpy() for name, weight in network.state_dict().items()}


@pytest.mark.parametrize("refit", [True, False])
def test_without_further_training_it_forecasts_as_the_run_it_starts_from(learned: Run, refit: bool) -> None:
    """Both stages begin there: with `refit` the forecast is that of the network of the second one."""
    run = done(learned.folder.parents[1], waves(), start_from=learned, changes={**STILL, "refit": refit})
    for name, weight in weights(learned).items():
        np.testing.assert_allclose(weights(run)[name], weight, atol=3e-7, err_msg=name)
    assert np.abs(run.forecast().astype(int) - learned.forecast()).max() <= 1
    afresh = done(learned.folder.parents[1], waves(), changes={**STILL, "refit": refit})
    assert np.abs(afresh.forecast().astype(int) - learned.forecast()).max() > 1, "the law must be able to fail"
    assert "All weights are taken over" in run.summary()["finding"]
    assert "They learned on" not in run.summary()["finding"], "only another size is worth a word"


def test_what_the_network_is_comes_from_the_run_it_starts_from(learned: Run) -> None:
    record = plan(waves(), forecaster="unet", start_from=learned, changes={"epochs": 3}, device="cpu")
    assert all(record.settings[name] == value for name, value in SMALL.items() if name in ("context", "width", "levels"))
    assert record.settings["epochs"] == 3 and record.start_from == learned.id


def test_a_setting_that_a_preset_came_to_have_is_not_that_of_runs_before(tmp_path: Path) -> None:
    record = plan(waves(), forecaster="convnext_unet", preset="published", device="cpu")
    assert record.settings["way_up"] == "weights", "the preset must be able to differ"
    settings = {name: value for name, value in record.settings.items() if name != "way_up"}
    old = RunStore(tmp_path).create(replace(record, settings=settings))
    inherited = inherited_settings(FORECASTERS["convnext_unet"], "convnext_unet", old)
    assert inherited["way_up"] == "repeat", "as its weights are"
    assert "way_up=repeat" in repeat(old).command


def test_the_folder_alone_repeats_the_forecast_when_the_source_is_gone(learned: Run, tmp_path: Path) -> None:
    source = _copied(learned, tmp_path)
    run = done(tmp_path, waves(), start_from=source, changes={"epochs": 2})
    RunStore(tmp_path).delete(source.id)
    again = RunStore(tmp_path).open(run.id)
    np.testing.assert_array_equal(repeat_forecast(again, waves()), run.forecast())


def test_a_source_that_was_deleted_before_the_run_began_is_said(learned: Run, tmp_path: Path) -> None:
    source = _copied(learned, tmp_path)
    record = plan(waves(), forecaster="unet", start_from=source, device="cpu")
    run = RunStore(tmp_path).create(record)
    RunStore(tmp_path).delete(source.id)
    with pytest.raises(UnknownNameError, match="There is no run"):
        list(carry_out(record, waves(), run))


def test_a_convolutional_network_serves_another_size_and_starts_layers_anew_for_other_channels(learned: Run) -> None:
    other = waves(size=(24, 18), channels=3)
    run = done(learned.folder.parents[1], other, start_from=learned, changes=STILL)
    kept = [name for name, weight in weights(learned).items() if weights(run)[name].shape == weight.shape]
    assert 0 < len(kept) < len(weights(learned))
    for name in kept:
        np.testing.assert_allclose(weights(run)[name], weights(learned)[name], atol=3e-7, err_msg=name)
    finding = run.summary()["finding"]
    assert "weights are for 1 channel and this series has 3" in finding
    assert f"{len(kept)} of {len(weights(run))} weight arrays are taken over" in finding
    assert "They learned on frames of 20 x 16 px, and this run has 18 x 24." in finding


def test_settings_that_make_other_weights_are_refused_by_name(learned: Run) -> None:
    with pytest.raises(SettingError, match=r"Feature maps 4 there and 8 here.*Set Feature maps to 4, or start afresh"):
        plan(waves(), forecaster="unet", start_from=learned, changes={"width": 8}, device="cpu")
    with pytest.raises(SettingError, match="Forecast the change on there and off here"):
        plan(waves(), forecaster="unet", start_from=learned, changes={"residual": False}, device="cpu")


def test_a_network_of_one_size_says_which(tmp_path: Path) -> None:
    changes = {"epochs": 1, "hidden": 8, "context": 2, "unroll": 1}
    known = {field.name for field in FORECASTERS["flatten_lstm"].settings.fields()}
    source = done(tmp_path, waves(), name="flatten_lstm", changes={k: v for k, v in changes.items() if k in known})
    with pytest.raises(SettingError, match=r"made for one size: the weights are for 20 x 16 px.*working size of 16"):
        plan(waves(size=(32, 40)), forecaster="flatten_lstm", start_from=source, device="cpu")
    plan(waves(size=(32, 40)), forecaster="flatten_lstm", start_from=source, device="cpu", preparation=Preparation(16))


def test_only_a_finished_run_of_the_same_forecaster_is_a_beginning(learned: Run, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="of the forecaster unet and this one is of convlstm"):
        plan(waves(), forecaster="convlstm", start_from=learned, device="cpu")
    with pytest.raises(SettingError, match="Persistence cannot start from another run"):
        plan(waves(), forecaster="persistence", start_from=learned, device="cpu")
    begun = RunStore(tmp_path).create(learned.record)
    with pytest.raises(SettingError, match="is interrupted"):
        plan(waves(), forecaster="unet", start_from=begun, device="cpu")


def test_weights_that_saw_the_test_frames_are_refused_also_at_third_hand(learned: Run) -> None:
    """The source learned from 19 frames; a run that holds back more would be asked for what its weights have seen."""
    workspace, series = learned.folder.parents[1], waves()
    seen = learned.record.split.test.start
    early = Split.of(24, 24 - seen + 1)
    sentence = rf"learned from the first {seen} frames .* the test begins with frame {seen}.*at most {24 - seen} frames"
    with pytest.raises(SettingError, match=sentence):
        plan(series, forecaster="unet", start_from=learned, split=early, device="cpu")
    between = done(workspace, waves(pace=0.9), start_from=learned, changes=STILL)
    with pytest.raises(SettingError, match=sentence):
        plan(series, forecaster="unet", start_from=between, split=early, device="cpu")
    plan(series, forecaster="unet", start_from=between, device="cpu")


def test_validation_frames_that_the_weights_know_are_said(learned: Run) -> None:
    def sentence(split: Split) -> str:
        settings = FORECASTERS["unet"].configure(changes=SMALL)
        series = waves()
        return check_start(FORECASTERS["unet"], "unet", settings, learned, series, series.digest(), Preparation(), split)

    assert "validation scores are flattered" in sentence(learned.record.split)
    assert "flattered" not in sentence(Split(range(19), range(19, 22), range(22, 24)))


def test_an_old_record_has_no_beginning(learned: Run) -> None:
    values = json.loads(json.dumps(learned.record.to_mapping()))
    for name in ("start_from", "learned_from", "seen_before"):
        del values[name]
    assert RunRecord.from_mapping(values) == learned.record


def test_frames_that_are_forecast_never_teach_not_even_as_another_series(tmp_path: Path) -> None:
    """Other test frames, the same forecast, though the series is among those that are learned from first."""
    series, other = waves(), waves(30, size=(18, 16), pace=0.8)
    frames = series.frames.copy()
    frames[Split.of(24).test.start :] = 255 - frames[Split.of(24).test.start :]
    changes = {"epochs": 2}
    one = done(tmp_path, series, others=[series, other], changes=changes)
    changed = replace(series, frames=frames)
    two = done(tmp_path, changed, others=[changed, other], changes=changes)
    np.testing.assert_array_equal(one.forecast(), two.forecast())
    assert {line["stage"] for line in one.progress()} > {STAGE_OTHERS}
    assert one.record.seen_before == {other.digest(): Split.of(30).test.start}
    assert frames_seen(one.record)[series.digest()] == Split.of(24).test.start


@pytest.mark.parametrize(("validation", "n_valid", "shown"), [(True, 5, 14), (False, 5, 19), (True, 0, 19)])
def test_of_the_series_itself_no_frame_is_shown_first_that_is_to_choose(validation: bool, n_valid: int, shown: int) -> None:
    """Weights that had seen the validation frames would be judged by what they know."""
    series, other, split = waves(), waves(30, pace=0.8), Split.of(24, 5, n_valid)
    settings = FORECASTERS["unet"].configure(changes={**SMALL, "validation": validation})
    own = series.digest()
    lengths = [one.n_frames for one in shown_of_others({own: series, other.digest(): other}, own, settings, split)]
    assert lengths == [shown, Split.of(30).test.start]


def test_what_was_seen_before_is_not_forgotten_when_less_of_it_is_seen_again(learned: Run) -> None:
    other = waves(30, pace=0.8)
    for n_seen, n_known in ((28, 28), (3, Split.of(30).test.start)):
        source = SimpleNamespace(record=replace(learned.record, seen_before={"other": n_seen}))
        found = seen_before(source, {"other": other}, "this")  # type: ignore[arg-type]
        assert found == {"other": n_known, learned.record.series: learned.record.split.test.start}


def test_another_series_brings_its_own_units_size_and_channels(tmp_path: Path) -> None:
    """Learning from the same frames in other units teaches the same."""
    series = waves()
    other = waves(30, pace=0.8)
    other = replace(other, frames=other.frames.astype(np.float32))
    pressure = replace(other, frames=other.frames * 100 + 90_000, value_range=(90_000.0, 115_500.0))
    changes = {"epochs": 2, "pretraining_share": 0.8}
    one, two = (done(tmp_path, series, others=[one], changes=changes) for one in (other, pressure))
    assert np.abs(one.forecast().astype(int) - two.forecast()).max() <= 1
    done(tmp_path, series, others=[waves(30, channels=3)], changes=changes)
    done(tmp_path, waves(channels=3), others=[other], changes=changes)


def test_others_that_cannot_teach_are_refused(tmp_path: Path) -> None:
    def refused(words: str, other: FrameSeries, series: FrameSeries | None = None, forecaster: str = "unet") -> None:
        with pytest.raises(SettingError, match=words):
            plan(series or waves(), forecaster=forecaster, others={other.digest(): other}, device="cpu")

    refused("3 frames of series 'waves 0.5' can be learned from and a context of 4 needs 5", waves(4))
    refused("has 2 channels and this one has 3", waves(channels=2), waves(channels=3))
    refused("made for one size", waves(size=(30, 30)), forecaster="flatten_lstm")
    refused("cannot learn from other series", waves(), forecaster="persistence")


def test_a_job_finds_the_run_and_the_series_it_begins_with(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path)
    own, other = (store.add(f"waves {pace}", waves(pace=pace).frames) for pace in (0.5, 0.8))
    series = store.open(own.digest)
    source = done(tmp_path, series, changes=STILL)
    others = {other.digest: store.open(other.digest)}
    record = plan(series, forecaster="unet", changes=STILL, start_from=source, others=others, device="cpu")
    manager = JobManager(tmp_path)
    manager.submit(record)
    while manager.snapshot(record.id):
        pass
    assert manager.close()
    assert RunStore(tmp_path).open(record.id).state == "finished"


def test_what_was_learned_elsewhere_is_worth_training_time(tmp_path: Path) -> None:
    """Waves of two paces teach what a third does: at equal steps on the third the beginning wins."""
    series = waves(pace=0.7)
    few = {"epochs": 100, "steps": 15, "refit": False, "validation": False}
    afresh = done(tmp_path, series, changes=few)
    first = {**few, "steps": 15, "pretraining_share": 0.9}
    taught = done(tmp_path, series, others=[waves(40, pace=0.5), waves(40, pace=0.9)], changes=first)

    def error(run: Run) -> float:
        truth = series.frames[run.record.split.test.start :].astype(float)
        return float(((run.forecast() - truth) ** 2).mean())

    assert error(taught) < 0.5 * error(afresh)


def _copied(run: Run, workspace: Path) -> Run:
    shutil.copytree(run.folder, workspace / "runs" / run.id)
    return RunStore(workspace).open(run.id)
