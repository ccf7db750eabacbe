"""The numbers of a comparison: scores as a table, truth and forecast as arrays, for Python, MATLAB or a spreadsheet."""

import csv
import io
from typing import Any

import numpy as np

from framecast.errors import SettingError
from framecast.export.arrays import LARGEST_MAT_BYTES
from framecast.export.evidence import Evidence

Array = np.ndarray[Any, np.dtype[Any]]


def scores_csv(evidence: Evidence) -> bytes:
    """One row for a forecaster, an origin and a lead, one column for a metric: a spreadsheet plots it as it is.

    The frame is counted from 1, as the pages count. A score that there is none of is an empty cell.
    """
    metrics = list(dict.fromkeys(curve.metric for curve in evidence.scores))
    rows: dict[tuple[str, int, int], dict[str, float]] = {}
    for curve in evidence.scores:
        for lead, value in enumerate(curve.values.tolist(), start=1):
            rows.setdefault((curve.forecaster, curve.origin, lead), {})[curve.metric] = value
    text = io.StringIO(newline="")
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(("forecaster", "origin_frame", "lead", "frame", *metrics))
    for (forecaster, origin, lead), values in rows.items():
        sheet.writerow(
            (forecaster, origin + 1, lead, origin + lead + 1, *(repr(values[m]) if m in values else "" for m in metrics))
        )
    return text.getvalue().encode()


def comparison_arrays(evidence: Evidence, suffix: str) -> bytes:
    """Truth, forecast and the last observed frame as .npz in the order (lead, height, width, channel), or as .mat in the order
    of MATLAB's image stacks, (height, width, channel, lead); with them `lead`, `frame` (from 1) and, as `ssim`, `mse`, ...,
    the scores of the run, one a lead.

    Values are exact, in the type of the series. Pixels without data are NaN in floats; integers have no NaN, and what they
    hold there looks like a value, so of a series with a mask `valid` (height, width) comes along. Raises SettingError where a
    .mat file of version 5 cannot hold them.
    """
    assert suffix in (".npz", ".mat"), suffix
    if suffix == ".mat" and evidence.forecast.nbytes > LARGEST_MAT_BYTES:
        raise SettingError(
            f"The forecast is {evidence.forecast.nbytes:,} bytes and a variable in a .mat file holds {LARGEST_MAT_BYTES:,}. "
            "Take the .npz, or the TIFF stack."
        )
    arrays: dict[str, Any] = {
        "forecast": _masked(evidence.forecast, evidence.valid),
        "truth": _masked(evidence.truth, evidence.valid),
        "last_observed": _masked(evidence.past[-1:], evidence.valid),
    }
    leads = np.arange(1, evidence.n_leads + 1)
    others: dict[str, Any] = {"lead": leads, "frame": leads + evidence.record.split.test.start}
    for curve in evidence.scores:
        if curve.forecaster == evidence.record.forecaster and curve.origin == evidence.record.split.origin:
            others[curve.metric] = curve.values
    if evidence.valid is not None:
        others["valid"] = evidence.valid
    content = io.BytesIO()
    if suffix == ".npz":
        np.savez_compressed(content, **arrays, **others)
        return content.getvalue()
    from scipy.io import savemat

    stacks = {name: stack.transpose(1, 2, 3, 0) for name, stack in arrays.items()}
    savemat(content, {**stacks, **others}, do_compression=True)
    return content.getvalue()


def _masked(frames: Array, valid: Array | None) -> Array:
    if valid is None or frames.dtype != np.float32:
        return frames
    return np.where(valid[:, :, None], frames, np.float32(np.nan))
