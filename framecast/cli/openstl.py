"""`runs show RUN --openstl`: a run's forecast in the units of OpenSTL's tables, persistence and our own scores beside it."""

import numpy as np

from framecast.cli.screen import number, table
from framecast.metrics import METRICS, openstl
from framecast.metrics.contract import Array
from framecast.runs.record import RunRecord
from framecast.series.frames import Frames, FrameSeries

HEADER = ("forecaster", "leads", "sum sq. err.", "sum abs. err.", "PSNR dB", "their SSIM", "our SSIM", "our MSE")
THEIR_HORIZON = 10
"""Leads of most of their tables."""
NOTE = """\
Sums are over all pixels of a frame with values from 0 to 1; every column is a mean over leads. Their SSIM is not ours (7 x 7
window, data range 2): it may be set beside OpenSTL's tables and beside nothing else. Those tables are of networks trained on
10000 sequences and tested on as many; this is one series and one forecast."""


def openstl_table(series: FrameSeries, record: RunRecord, forecast: Frames) -> str:
    """Of the forecast (lead, height, width, channel) of the test frames, and of the last frame repeated."""
    test = record.split.test
    truth = series.frames[test.start : test.stop]
    still = np.broadcast_to(series.frames[test.start - 1], truth.shape)
    rows = []
    for name, frames in {"persistence": still, record.forecaster: forecast}.items():
        curves = _curves(frames, truth, series)
        for last in dict.fromkeys((min(THEIR_HORIZON, test.stop - test.start), test.stop - test.start)):
            sse, sae, psnr, theirs, ours, mse = (float(curve[:last].mean()) for curve in curves)
            cells = (number(sse), number(sae), f"{psnr:.2f}", f"{theirs:.4f}", f"{ours:.4f}", number(mse))
            rows.append((name, f"1 to {last}", *cells))
    return f"In the units of OpenSTL:\n{table(HEADER, rows, left=(0, 1))}\n{NOTE}"


def _curves(forecast: Frames, truth: Frames, series: FrameSeries) -> list[Array]:
    theirs = (openstl.summed_squared_error, openstl.summed_absolute_error, openstl.psnr, openstl.ssim)
    curves = [one(forecast, truth, value_range=series.value_range, valid=series.valid) for one in theirs]
    for name in ("ssim", "mse"):
        curves.append(METRICS[name].function(forecast, truth, data_range=series.data_range, valid=series.valid))
    return curves
