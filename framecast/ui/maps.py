"""Panels of the player that are maps over the picture: where a forecast was wrong, and where it said it might be."""

from collections.abc import Iterator

import numpy as np

from framecast.drawing.colours import error_lut, gradient, spread_lut
from framecast.drawing.pictures import Picture, error_picture, spread_picture
from framecast.evaluation.error_maps import error_limit, error_map, ticks
from framecast.series.frames import Frames, FrameSeries
from framecast.series.store import StoredSeries
from framecast.ui.clips import encode_clip
from framecast.ui.player import ColourBar, Panel

MEAN_OF_CHANNELS = ", mean of channels"


def error_panel(
    forecast: Frames, truth: Frames, series: FrameSeries, stored: StoredSeries, *, narrow: bool = False
) -> Panel:
    """Forecast minus truth, one diverging scale for all leads. A `narrow` panel has room for fewer numbers."""
    limit = error_limit(forecast, truth, valid=series.valid)
    several = series.n_channels > 1
    title = ("Error" if narrow and several else "Error: forecast minus truth") + (MEAN_OF_CHANNELS if several else "")
    clip = encode_clip(_errors(forecast, truth, series, limit), len(truth), beside_others=True)
    return Panel(title, clip, _bar(limit, stored, signed=True, longest=3 if narrow else 5))


def spread_panel(spread: Frames, series: FrameSeries, stored: StoredSeries, n_before: int = 0) -> Panel:
    """The standard deviation that a forecast came with, one scale from 0 for all leads. `n_before` pictures of no spread come
    before the first lead: frames that were observed."""
    nothing = np.broadcast_to(np.zeros((), np.float32), spread.shape)
    limit = error_limit(spread, nothing, signed=False, valid=series.valid)
    title = "Spread" + (MEAN_OF_CHANNELS if series.n_channels > 1 else ": how far off it may be")
    clip = encode_clip(_spreads(spread, series, limit, n_before), n_before + len(spread), beside_others=True)
    return Panel(title, clip, _bar(limit, stored, signed=False, longest=5))


def _errors(forecast: Frames, truth: Frames, series: FrameSeries, limit: float) -> Iterator[Picture]:
    for one, other in zip(forecast, truth, strict=True):
        error = np.nan_to_num(error_map(one, other, valid=series.valid))
        yield error_picture(error, limit, series.valid)


def _spreads(spread: Frames, series: FrameSeries, limit: float, n_before: int) -> Iterator[Picture]:
    for _ in range(n_before):
        yield spread_picture(np.zeros((series.height, series.width), np.float32), limit, series.valid)
    for frame in spread:
        yield spread_picture(frame.mean(axis=-1, dtype=np.float32), limit, series.valid)


def _bar(limit: float, stored: StoredSeries, *, signed: bool, longest: int) -> ColourBar:
    marks = ticks(limit, signed=signed)
    units = "" if stored.units in ("", "1") else f" {stored.units}"
    labels = [f"{mark:{'+' if signed else ''}.4g}" if mark else "0" for mark in marks]
    if max(map(len, labels)) > longest:  # long numbers would run into each other: every other one, zero among them
        first = len(marks) // 2 % 2 if signed else 0
        marks, labels = marks[first::2], labels[first::2]
    labels[-1] += units
    places = [(mark / limit + 1) / 2 if signed else mark / limit for mark in marks]
    return ColourBar(gradient(error_lut() if signed else spread_lut()), tuple(zip(places, labels, strict=True)))
