"""The report is made once, kept beside its series, and made again where it is missing, damaged or of another version."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from framecast.evaluation import health
from framecast.evaluation.health import FILE, health_report, kept_report
from framecast.samples import sample
from framecast.series.store import SeriesStore, StoredSeries
from framecast.series.synthetic import SYNTHETIC


@pytest.fixture
def store(tmp_path: Path) -> SeriesStore:
    return SeriesStore(tmp_path)


@pytest.fixture
def stored(store: SeriesStore) -> StoredSeries:
    series = SYNTHETIC["pulsating_cycle"](60, 24)
    frames = series.frames.copy()
    frames[30] = 255
    return store.add("cycle", frames, names=[f"{index}.png" for index in range(60)])


def test_the_report_is_made_once_with_progress(
    store: SeriesStore, stored: StoredSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    assert kept_report(store, stored.digest) is None
    report = health_report(store, stored.digest, lambda share, words: told.append(share))
    assert told == sorted(told) and told[-1] == pytest.approx(1) and len(told) > 60
    assert report.suspects == (30,) and report.names == ("0.png", "59.png") and report.frames == tuple(range(60))
    monkeypatch.setattr(health, "examine", None)
    assert health_report(store, stored.digest) == report == kept_report(store, stored.digest)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 0}', "null"])
def test_what_cannot_be_used_is_made_again(store: SeriesStore, stored: StoredSeries, text: str) -> None:
    report = health_report(store, stored.digest)
    store.beside(stored.digest, FILE).write_text(text)
    assert kept_report(store, stored.digest) is None and health_report(store, stored.digest) == report
    assert json.loads(store.beside(stored.digest, FILE).read_text())["version"] == health.VERSION


def test_a_disk_that_is_not_to_be_written_keeps_no_report_from_being_read(
    store: SeriesStore, stored: StoredSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise PermissionError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        report = health_report(store, stored.digest)
    assert kept_report(store, stored.digest) is None and health_report(store, stored.digest) == report


def test_brightness_and_change_are_the_frames_own(store: SeriesStore, stored: StoredSeries) -> None:
    report, frames = health_report(store, stored.digest), store.open(stored.digest).frames
    assert report.brightness == pytest.approx(frames.mean(axis=(1, 2, 3)))
    assert report.change[0] == 0 and np.argmax(report.change) in (30, 31)


def test_the_curves_of_a_long_series_are_thinned(store: SeriesStore) -> None:
    stored = store.add("long", np.arange(3000, dtype=np.uint16).reshape(-1, 1, 1, 1))
    report = health_report(store, stored.digest)
    assert len(report.frames) == len(report.brightness) == 1000 and report.frames[-1] == 2999


def test_what_is_said_of_the_samples_is_true(store: SeriesStore) -> None:
    ice = health_report(store, sample("arctic_sea_ice").load(store).digest)
    assert "repeats every 12 frames" in ice.predictability.sentence() and ice.predictability.period == 12
    assert not ice.suspects
    storm = health_report(store, sample("storm_pressure").load(store).digest)
    assert "mask" in {one.kind for one in storm.findings}
    assert storm.predictability.sentence().startswith("Changes fast")
