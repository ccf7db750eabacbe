"""What Prepare shows of a frame is what training makes of it."""

from pathlib import Path

import numpy as np
import pytest

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.series.derive import Recipe
from framecast.series.frames import Preparation, Split
from framecast.series.store import SeriesStore
from framecast.ui import network_sees as view


def test_the_values_shown_are_those_that_training_makes_of_the_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pixels that carry no data, which count neither for the scaling nor for black and white."""
    frames = np.random.default_rng(0).normal(5, 2, (16, 40, 48, 2)).astype(np.float32)
    valid = np.ones((40, 48), bool)
    valid[:12, :20] = False
    frames[:, ~valid] = 999.0
    store = SeriesStore(tmp_path)
    stored = store.add("holes", frames, valid=valid)
    series = store.open(stored.digest)
    split = Split.of(series.n_frames)
    shown = []
    monkeypatch.setattr(view, "size_options", lambda short: [20])
    monkeypatch.setattr(view, "default_preparation", lambda *shape: Preparation(20))
    monkeypatch.setattr(view, "stills", lambda *stills, **how: None)
    monkeypatch.setattr(view, "picture", lambda *drawn: shown.append(drawn))
    monkeypatch.setattr(view, "still", lambda picture: None)
    view.network_sees(stored, series, Recipe(), index=3)

    kind = FORECASTERS["unet"]
    settings = kind.configure(None, {"width": 4, "levels": 1, "validation": False, "epochs": 1, "context": 2}, split)
    network = kind.make(settings, Workbench(preparation=Preparation(20), device="cpu"))
    next(iter(network.fit(series.head(split.test.start), split)))
    scaler = network._fitted.scaler  # type: ignore[attr-defined]
    small = view.reduce_frames(series.frames[3:4], (20, 24))[0]
    _, (drawn, black_to_white, mask), _ = shown
    assert series.valid is not None and mask is not None and not mask.all()
    np.testing.assert_allclose(drawn, (small - np.array(scaler.mean)) / np.array(scaler.spread), rtol=1e-4, atol=1e-5)
    assert (black_to_white.low, black_to_white.high) == (drawn[mask].min(), drawn[mask].max())
