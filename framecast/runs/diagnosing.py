"""The diagnosis of a run, made once and kept.

    diagnosis.json   what was found, and the fingerprint of the scores that it belongs to

It is written after the scores, and made on demand for a run that has none: old runs, and runs that ended in between. One that
belongs to other scores, as after a run went on and came to another forecast, counts as none.
"""

import contextlib
import json
from pathlib import Path
from zlib import crc32

import numpy as np

from framecast.errors import StorageError
from framecast.evaluation.case import Case
from framecast.evaluation.diagnosis import diagnose
from framecast.evaluation.faults.finding import Finding
from framecast.files import write_json
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.reading import UNREADABLE
from framecast.runs.store import Run
from framecast.series.frames import FrameSeries

_CEILING_LEADS = 6
_CHEAP_WAYS = ("change", "background")


def kept_diagnosis(run: Run) -> list[Finding] | None:
    """What was found of a finished run, as `diagnose` gives it; None where nobody has looked yet."""
    try:
        kept = json.loads(_path(run).read_text(encoding="utf-8"))
        if kept["scores"] != _fingerprint(run):
            return None
        return [Finding.from_mapping(one) for one in kept["findings"]]
    except UNREADABLE:  # not there, or damaged: it can be made again
        return None


def diagnosis(run: Run, series: FrameSeries) -> list[Finding]:
    """The same, made and kept where there is none. `series` is the run's, whole."""
    found = kept_diagnosis(run)
    if found is None:
        found = diagnose(case_of(run, series))
        with contextlib.suppress(StorageError):  # a disk that takes nothing is no reason to say nothing
            write_json(_path(run), {"scores": _fingerprint(run), "findings": [one.to_mapping() for one in found]})
    return found


def case_of(run: Run, series: FrameSeries) -> Case:
    """What a diagnosis of a finished run looks at."""
    record = run.record
    split, size = record.split, record.preparation.size
    learned = FORECASTERS[record.forecaster].family != "rule"
    reduced = size is not None and learned and size < min(series.height, series.width)
    best, reached = _ceiling(run, series) if reduced else (None, None)
    return Case(
        forecast=run.forecast(),
        truth=series.frames[split.test.start : split.test.stop],
        history=series.frames[: split.test.start],
        data_range=series.data_range,
        valid=series.valid,
        learned=learned,
        working_size=size if reduced else None,
        ceiling=best,
        reached=reached,
    )


def _ceiling(run: Run, series: FrameSeries) -> tuple[float, float | None]:
    """Mean SSIM of a perfect forecast at the working size by the better of the cheap ways back, and of the run's forecast,
    at a few leads."""
    from framecast.evaluation.ceiling import ceiling  # only here: it imports torch

    record = run.record
    leads = np.unique(np.linspace(0, record.split.horizon - 1, _CEILING_LEADS).round().astype(int)).tolist()
    curves = (
        ceiling(series, record.split, record.preparation, way=way, metrics=("ssim",), leads=leads)[0] for way in _CHEAP_WAYS
    )
    own = [curve for curve in run.scores() if (curve.forecaster, curve.metric) == (record.forecaster, "ssim")]
    return max(float(curve.values.mean()) for curve in curves), float(own[0].values[leads].mean()) if own else None


def _fingerprint(run: Run) -> str:
    """Of the run's own scores: another forecast has another."""
    own = [(curve.metric, curve.values.tolist()) for curve in run.scores() if curve.forecaster == run.record.forecaster]
    return f"{crc32(repr(own).encode()):08x}"


def _path(run: Run) -> Path:
    return run.folder / "diagnosis.json"
