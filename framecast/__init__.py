"""FrameCast: one series of images in, the frames that come next out, and how far they can be trusted.

The public names. Each is imported when it is first asked for, so that `import framecast` costs nothing and whoever only reads
series or names forecasters never waits for torch.
"""

import importlib
import os
import platform
from typing import TYPE_CHECKING, Any

# Idle OpenMP threads spin by default and take the cores from whoever else computes: on two shared cores, two threads with
# spinning were several times slower than one. The variable is read when torch is first imported, so it must be set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")  # the same to Intel's OpenMP, with which some builds of torch come
# numpy shares out even the small products of the simple rules: on two cores a tenth of the time is gained at best, for twice
# the processor's, and beside one busy program they take twice as long. On ARM torch may need the threads of this library.
if platform.machine().lower() not in ("aarch64", "arm64"):
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if TYPE_CHECKING:
    from framecast.errors import FrameCastError, InputError, RunError
    from framecast.evaluation.health import HealthReport, health_report
    from framecast.evaluation.leaderboard import rows
    from framecast.evaluation.scores import ScoreCurve, read_scores, score
    from framecast.evaluation.skill import skill, skill_horizon
    from framecast.evaluation.verdict import verdict
    from framecast.files import default_workspace
    from framecast.forecasters.catalog import FORECASTERS
    from framecast.forecasters.contract import Forecaster, ForecasterKind, Workbench
    from framecast.metrics import METRICS
    from framecast.runs.experiment import carry_out, forecast_beyond, plan, repeat_forecast
    from framecast.runs.record import RunRecord
    from framecast.runs.store import Run, RunStore
    from framecast.samples import SAMPLES
    from framecast.series.derive import Recipe, derive
    from framecast.series.frames import FrameSeries, Preparation, Split
    from framecast.series.ingest import ingest
    from framecast.series.store import SeriesStore, StoredSeries
    from framecast.series.synthetic import SYNTHETIC
    from framecast.training.progress import FitProgress

_ROOMS = {
    "framecast.errors": ("FrameCastError", "InputError", "RunError"),
    "framecast.evaluation.health": ("HealthReport", "health_report"),
    "framecast.evaluation.leaderboard": ("rows",),
    "framecast.evaluation.scores": ("ScoreCurve", "read_scores", "score"),
    "framecast.evaluation.skill": ("skill", "skill_horizon"),
    "framecast.evaluation.verdict": ("verdict",),
    "framecast.files": ("default_workspace",),
    "framecast.forecasters.catalog": ("FORECASTERS",),
    "framecast.forecasters.contract": ("Forecaster", "ForecasterKind", "Workbench"),
    "framecast.metrics": ("METRICS",),
    "framecast.runs.experiment": ("carry_out", "forecast_beyond", "plan", "repeat_forecast"),
    "framecast.runs.record": ("RunRecord",),
    "framecast.runs.store": ("Run", "RunStore"),
    "framecast.samples": ("SAMPLES",),
    "framecast.series.derive": ("Recipe", "derive"),
    "framecast.series.frames": ("FrameSeries", "Preparation", "Split"),
    "framecast.series.ingest": ("ingest",),
    "framecast.series.store": ("SeriesStore", "StoredSeries"),
    "framecast.series.synthetic": ("SYNTHETIC",),
    "framecast.training.progress": ("FitProgress",),
}
_HOMES = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "FORECASTERS",
    "METRICS",
    "SAMPLES",
    "SYNTHETIC",
    "FitProgress",
    "Forecaster",
    "ForecasterKind",
    "FrameCastError",
    "FrameSeries",
    "HealthReport",
    "InputError",
    "Preparation",
    "Recipe",
    "Run",
    "RunError",
    "RunRecord",
    "RunStore",
    "ScoreCurve",
    "SeriesStore",
    "Split",
    "StoredSeries",
    "Workbench",
    "carry_out",
    "default_workspace",
    "derive",
    "forecast_beyond",
    "health_report",
    "ingest",
    "plan",
    "read_scores",
    "repeat_forecast",
    "rows",
    "score",
    "skill",
    "skill_horizon",
    "verdict",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'framecast' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
