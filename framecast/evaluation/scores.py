"""Scores per lead and origin, and the file that keeps them.

`scores.csv` has the columns forecaster, metric, origin, lead, value. Values are written so that reading gives back every
bit, infinite ones too. The file appears whole or not at all, because its presence is what makes a run finished.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from framecast.errors import InputError, UnknownNameError
from framecast.evaluation.leads import scores_of_leads
from framecast.files import write_text
from framecast.metrics import METRICS
from framecast.metrics.contract import Array, Mask

COLUMNS = ("forecaster", "metric", "origin", "lead", "value")


@dataclass(frozen=True, eq=False)
class ScoreCurve:
    """One forecaster, one metric, one origin: `values` is (lead,) float64, the first of them for lead 1."""

    forecaster: str
    metric: str
    origin: int
    """Index in the series of the last frame that was observed."""
    values: Array

    @property
    def horizon(self) -> int:
        return len(self.values)


def score(
    name: str,
    forecast: Array,
    truth: Array,
    *,
    origin: int,
    data_range: float,
    valid: Mask | None = None,
    last: Array | None = None,
    metrics: Sequence[str] | None = None,
    moving: Mask | None = None,
    n_threads: int | None = None,
    device: str = "cpu",
) -> list[ScoreCurve]:
    """The forecast of forecaster `name` from `origin` by every metric that there is enough to compute, or by those named.

    `forecast` and `truth` are (lead, height, width, channel) in the units of the series, `data_range` the width of its value
    range, `valid` its (height, width) mask, `last` the frame at `origin`: without it what changes is not scored. `moving` are
    the `moving_pixels` of this truth, where they are known. On all cores, or in so many threads, or on another `device` of
    torch. Raises InputError where they do not fit and UnknownNameError for a metric.
    """
    asked = [one for one in METRICS if last is not None or not METRICS[one].needs_last] if metrics is None else metrics
    found = scores_of_leads(
        forecast,
        truth,
        asked,
        data_range=data_range,
        valid=valid,
        last=last,
        moving=moving,
        n_threads=n_threads,
        device=device,
    )
    return [ScoreCurve(name, metric, origin, values) for metric, values in found.items()]


def mean_curve(curves: Iterable[ScoreCurve], forecaster: str, metric: str) -> Array:
    """(lead,): the scores of one forecaster averaged over its origins, lead by lead.

    Origins that were scored over different horizons have no mean and are an InputError.
    """
    curves = list(curves)
    found = [curve.values for curve in curves if (curve.forecaster, curve.metric) == (forecaster, metric)]
    if not found:
        known = ", ".join(sorted({f"{curve.metric} of {curve.forecaster}" for curve in curves})) or "none"
        raise UnknownNameError(f"There are no scores named {metric} of {forecaster}. There are: {known}.")
    if len({len(values) for values in found}) > 1:
        raise InputError(
            f"{forecaster} was scored over horizons {sorted({len(values) for values in found})}; a mean over origins needs "
            "the same leads at each. Leave out the origins too near the end of the series."
        )
    mean: Array = np.stack(found).mean(axis=0)
    return mean


def write_scores(path: Path, curves: Iterable[ScoreCurve]) -> None:
    """Write scores.csv whole or not at all. Raises StorageError where the disk refuses."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for curve in curves:
        for lead, value in enumerate(curve.values.tolist(), start=1):
            rows.writerow((curve.forecaster, curve.metric, curve.origin, lead, repr(value)))
    write_text(path, text.getvalue())


def read_scores(path: Path, horizon: int | None = None) -> list[ScoreCurve]:
    """The curves that `write_scores` was given, in its order and to the bit. Raises InputError if this is no such file, or,
    where the `horizon` is known that all curves have, if the file ends before the last of them does."""
    found: dict[tuple[str, str, int], list[float]] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} holds no text; it is not a file of scores. Choose another.") from None
    with io.StringIO(text, newline="") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != COLUMNS:
            raise InputError(f"{path.name} does not begin with the columns {', '.join(COLUMNS)}; it is not a file of scores.")
        if not text.endswith("\n"):
            raise InputError(f"{path.name} ends in the middle of a line; it must end with a whole one.")
        for number, row in enumerate(rows, start=2):
            try:
                forecaster, metric, origin, lead, value = row
                values = found.setdefault((forecaster, metric, int(origin)), [])
                in_order = int(lead) == len(values) + 1
                values.append(float(value))
            except ValueError:
                in_order = False
            if not in_order:
                raise InputError(f"Line {number} of {path.name} is {','.join(row)!r}; it must be the next lead of a curve.")
    curves = [ScoreCurve(*key, np.array(values)) for key, values in found.items()]
    if horizon is not None and curves and _is_cut(curves, horizon):
        last = curves[-1]
        raise InputError(
            f"{path.name} ends with lead {len(last.values)} of the {last.metric} of {last.forecaster}; more belongs there."
        )
    return curves


def _is_cut(curves: list[ScoreCurve], horizon: int) -> bool:
    """Whether a curve is too short, or the last forecaster lacks metrics that each other one has: a file that was cut between
    two lines shows no other sign."""
    metrics: dict[str, list[str]] = {}
    for curve in curves:
        metrics.setdefault(curve.forecaster, []).append(curve.metric)
    *others, last = metrics.values()
    fewer = bool(others) and all(len(last) < len(other) and other[: len(last)] == last for other in others)
    return fewer or any(len(curve.values) != horizon for curve in curves)
