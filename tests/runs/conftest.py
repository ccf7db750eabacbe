"""A series of a few pixels, and the smallest honest learner: it learns the mean change per frame, epoch by epoch."""

import errno
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from framecast.errors import DivergedError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind, Workbench
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress


@dataclass(frozen=True)
class DriftSettings(Settings):
    epochs: int = setting(4, label="Epochs", help="Steps towards the mean change.", minimum=1)
    context: int = setting(2, label="Context", help="Frames it is given.", minimum=1)
    pause_s: float = setting(0.0, label="Pause", help="Seconds each epoch takes.", minimum=0.0)
    breaks: str = setting(
        "never",
        label="Breaks",
        help="How it fails in epoch 2.",
        choices=("never", "by a bug", "diverged", "no memory", "no disk"),
    )


class Drift:
    def __init__(self, settings: DriftSettings) -> None:
        self.settings = settings
        self.drift: Frames | None = None

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        assert history.n_frames == split.test.start
        frames = history.frames.astype(np.float64)
        target = (frames[-1] - frames[0]) / (len(frames) - 1)
        self.drift = np.zeros_like(target)
        for epoch in range(1, self.settings.epochs + 1):
            time.sleep(self.settings.pause_s)
            if epoch == 2:
                self._break()
            self.drift += (target - self.drift) / 2
            loss = float(np.abs(target - self.drift).mean())
            yield FitProgress(
                "Learning", epoch, self.settings.epochs, epoch, epoch / self.settings.epochs, train_loss=loss, epoch_done=True,
                improved=True,
            )  # fmt: skip

    def forecast(self, past: Frames, horizon: int) -> Frames:
        assert self.drift is not None
        leads = np.arange(1, horizon + 1).reshape(-1, 1, 1, 1)
        return (past[-1] + leads * self.drift).astype(np.float32)

    def save(self, folder: Path) -> None:
        assert self.drift is not None
        (folder / "drift.json").write_text(json.dumps(self.drift.tolist()), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Drift":
        found = cls(DriftSettings())
        found.drift = np.array(json.loads((folder / "drift.json").read_text(encoding="utf-8")))
        return found

    def _break(self) -> None:
        match self.settings.breaks:
            case "by a bug":
                raise ZeroDivisionError("a slip of ours")
            case "diverged":
                raise DivergedError("The loss stopped being a number. Train again with a smaller learning rate.")
            case "no memory":
                raise RuntimeError("CUDA out of memory. Tried to allocate 7 GiB")
            case "no disk":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _make(settings: DriftSettings, workbench: Workbench) -> Drift:
    return Drift(settings)


DRIFT = ForecasterKind(
    title="Drift",
    summary="Adds the mean change per frame.",
    use_when="In tests.",
    family="network",
    settings=DriftSettings,
    make=_make,
    load=Drift.load,
    n_weights=lambda settings, height, width, channels: height * width * channels,
    training_bytes=lambda settings, height, width, channels, device: 16 * height * width * channels,
)


@pytest.fixture
def drift(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name under which the learner stands in FORECASTERS while a test runs."""
    assert "drift" not in FORECASTERS
    monkeypatch.setitem(FORECASTERS._entries, "drift", DRIFT)
    return "drift"


@pytest.fixture
def series() -> FrameSeries:
    """24 frames, 14 x 17, two channels, uint8: a blob that moves and brightens."""
    y, x = np.mgrid[:14, :17]
    frames = [
        np.stack([(60 + 5 * t) * np.exp(-((x - 3 - 0.4 * t) ** 2 + (y - 7) ** 2) / 9), 20 + 3 * t + 0 * x], axis=-1)
        for t in range(24)
    ]
    return FrameSeries("blob", np.rint(frames).astype(np.uint8), (0.0, 255.0))
