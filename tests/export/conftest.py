"""A finished run on a made series whose name is as awkward as names can be: odd sizes, three channels, uint8."""

from pathlib import Path

import numpy as np
import pytest

from framecast.export import Evidence
from framecast.runs.experiment import carry_out, plan
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore

NAME = "=blob</script><b>&'\""


def blob(n_frames: int = 24, channels: int = 3, dtype: str = "uint8") -> np.ndarray:
    y, x = np.mgrid[:15, :21]
    frames = np.stack([200 * np.exp(-((x - 4 - t / 3) ** 2 + (y - 8) ** 2) / 8) for t in range(n_frames)])
    return np.repeat(frames[..., None], channels, axis=-1).astype(dtype)


def finished_run(workspace: Path, frames: np.ndarray, forecaster: str = "climatology", **known: object) -> Run:
    store = SeriesStore(workspace)
    stored = store.add(NAME, frames, **known)  # type: ignore[arg-type]
    series = store.open(stored.digest)
    record = plan(series, forecaster=forecaster, digest=stored.digest, device="cpu")
    run = RunStore(workspace).create(record)
    for _ in carry_out(record, series, run):
        pass
    return run


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished_run(tmp_path_factory.mktemp("workspace"), blob())


@pytest.fixture(scope="session")
def evidence(run: Run) -> Evidence:
    return Evidence.of(run, SeriesStore(run.store.folder.parent))
