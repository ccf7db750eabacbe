"""Noise in the place of the test frames, from ingest on, changes no forecast: neither range, filling nor choice sees them."""

from pathlib import Path

import numpy as np
import pytest

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import carry_out, plan
from framecast.runs.store import RunStore
from framecast.series.frames import Split
from framecast.series.ingest import ingest
from framecast.series.store import SeriesStore

QUICK: dict[str, object] = {
    "epochs": 1,
    "minutes": 0.0,
    "width": 4,
    "hidden": 4,
    "latent": 8,
    "unroll": 2,
    "members": 2,
    "networks": "two",
}


def forecast_of(name: str, frames: np.ndarray, workspace: Path) -> np.ndarray:
    workspace.mkdir()
    np.save(workspace / "s.npy", frames)
    store = SeriesStore(workspace)
    series = store.open(ingest(workspace / "s.npy", store).digest)
    kind = FORECASTERS[name]
    known = {field.name for field in kind.settings.fields()}
    changes = {key: value for key, value in QUICK.items() if key in known}
    record = plan(series, forecaster=name, changes=changes, split=Split.of(40, n_test=6), device="cpu", n_threads=1)
    run = RunStore(workspace).create(record)
    list(carry_out(record, series, run, rules=dict.fromkeys(FORECASTERS, ())))
    forecast = np.array(run.forecast())
    return forecast if series.valid is None else forecast[:, series.valid]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", sorted(FORECASTERS))
def test_noise_instead_of_the_test_frames_changes_no_forecast(name: str, masked: bool, tmp_path: Path) -> None:
    t, y, x = np.ogrid[:40, :13, :16]
    frames = (1000 + 30 * np.sin(2 * np.pi * t / 7 + 0.4 * x) + 5 * np.cos(0.3 * y * t)).astype(np.float32)
    noisy = frames.copy()
    noisy[-6:] = np.random.default_rng(0).normal(1200, 400, noisy[-6:].shape)
    if masked:
        frames[:, :3, :4] = noisy[:, :3, :4] = np.nan
    np.testing.assert_array_equal(
        forecast_of(name, frames, tmp_path / "true"), forecast_of(name, noisy, tmp_path / "noisy")
    )
