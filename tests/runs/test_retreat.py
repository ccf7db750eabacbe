"""A frame that memory cannot forecast as a whole is forecast in tiles: no run is lost to it, and the run says so."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from framecast.forecasters.auto import Auto, AutoSettings
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Member, Workbench
from framecast.forecasters.ensemble import Ensemble
from framecast.forecasters.ensemble_settings import EnsembleSettings
from framecast.forecasters.seeds import Seeds
from framecast.networks.unet import UNet
from framecast.runs.experiment import carry_out, plan, repeat_forecast
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries, Split

SMALL = {"width": 8, "levels": 1, "context": 2, "unroll": 2, "batch_size": 2, "epochs": 2, "crop": 16}
SAYS = "frames were forecast in tiles of 64 px"
ROOM = 100 * 100
"""Pixels that the machine of these tests can look at in one call that learns nothing."""


@pytest.fixture
def large() -> FrameSeries:
    t, y, x = np.ogrid[:20, :120, :128]
    return FrameSeries("waves", (127 + 100 * np.sin(0.2 * x + 0.1 * y - 0.5 * t)).astype(np.uint8)[..., None], (0.0, 255.0))


def done(workspace: Path, series: FrameSeries, forecaster: str = "unet", **changes: Any) -> Run:
    split = Split(range(12), range(12, 16), range(16, 20))
    record = plan(series, forecaster=forecaster, device="cpu", split=split, changes={**SMALL, **changes}, n_threads=1)
    run = RunStore(workspace).create(record)
    for _ in carry_out(record, series, run, rules=dict.fromkeys(FORECASTERS, ())):
        pass
    return run


def cramp(patch: pytest.MonkeyPatch) -> None:
    forward = UNet.forward

    def cramped(self: UNet, frames: Tensor, *given: Any, **asked: Any) -> Any:
        if frames.shape[-2] * frames.shape[-1] > ROOM:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 12 bytes.")
        return forward(self, frames, *given, **asked)

    patch.setattr(UNet, "forward", cramped)


def test_a_run_whose_frames_do_not_fit_forecasts_in_tiles_and_says_so(tmp_path: Path, large: FrameSeries) -> None:
    """Memory is short all along: validation falls back first. The folder repeats it, with memory to spare, too."""
    with pytest.MonkeyPatch.context() as patch:
        cramp(patch)
        run = done(tmp_path, large)
        assert run.state == "finished" and run.error() is None
        assert str(run.summary()["finding"]).count(SAYS) == 1
    kept = json.loads((run.folder / "checkpoint" / "best" / "forecaster.json").read_text())
    assert kept["tile"] == 64 and run.record.settings["tile"] == 0
    np.testing.assert_array_equal(repeat_forecast(run, large), run.forecast())


def test_tiles_are_taken_when_memory_gets_short_after_the_training(
    tmp_path: Path, large: FrameSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = done(tmp_path / "whole", large)
    assert "tiles" not in str(whole.summary()["finding"])
    forecaster = Run.forecaster

    def late(self: Run) -> Any:
        cramp(monkeypatch)
        monkeypatch.setattr(Run, "forecaster", forecaster)
        return forecaster(self)

    monkeypatch.setattr(Run, "forecaster", late)
    run = done(tmp_path / "tiled", large)
    assert str(run.summary()["finding"]).count(SAYS) == 1
    assert run.forecaster().tile == 64  # type: ignore[attr-defined]
    assert np.abs(run.forecast().astype(int) - whole.forecast()).max() <= 1


def test_a_blend_says_once_what_became_of_its_members() -> None:
    members = [Member(name, SimpleNamespace(retreat=words), None) for name, words in WORDS]  # type: ignore[arg-type]
    auto, ensemble = Auto(AutoSettings(), Workbench()), Ensemble(EnsembleSettings(), Workbench())
    auto.members = tuple(members)
    ensemble._networks = dict(enumerate(member.forecaster for member in members))  # type: ignore[misc]
    seeds = Seeds([member.forecaster for member in members])  # type: ignore[misc]
    assert auto.retreat == ensemble.retreat == seeds.retreat == "Memory ran out."


WORDS = (("unet", "Memory ran out."), ("persistence", ""), ("convlstm", "Memory ran out."))
