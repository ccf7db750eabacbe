"""A panel of the player that is a map over the picture: where a forecast beyond the last frame says that it might be wrong."""

from collections.abc import Iterator

import numpy as np

from framecast.drawing.colours import gradient, spread_lut
from framecast.drawing.pictures import Picture, spread_picture
from framecast.evaluation.error_maps import error_limit, ticks
from framecast.series.frames import Frames, FrameSeries
from framecast.series.store import StoredSeries
from framecast.ui.clips import encode_clip
from framecast.ui.player import ColourBar, Panel

LONGEST = 5
MEAN_OF_CHANNELS = ", mean of channels"


def spread_panel(spread: Frames, series: FrameSeries, stored: StoredSeries, n_before: int = 0) -> Panel:
    """The standard deviation that a forecast came with, one scale from 0 for all leads. `n_before` pictures of no spread come
    before the first lead: frames that were observed."""
    nothing = np.broadcast_to(np.zeros((), np.float32), spread.shape)
    limit = error_limit(spread, nothing, signed=False, valid=series.valid)
    title = "Spread" + (MEAN_OF_CHANNELS if series.n_channels > 1 else ": how far off it may be")
    clip = encode_clip(_spreads(spread, series, limit, n_before), n_before + len(spread), beside_others=True)
    return Panel(title, clip, _bar(limit, stored))


def _spreads(spread: Frames, series: FrameSeries, limit: float, n_before: int) -> Iterator[Picture]:
    for _ in range(n_before):
        yield spread_picture(np.zeros((series.height, series.width), np.float32), limit, series.valid)
    for frame in spread:
        yield spread_picture(frame.mean(axis=-1, dtype=np.float32), limit, series.valid)


def _bar(limit: float, stored: StoredSeries) -> ColourBar:
    marks = ticks(limit, signed=False)
    labels = [f"{mark:.4g}" if mark else "0" for mark in marks]
    if max(map(len, labels)) > LONGEST:  # long numbers would run into each other: every other one, zero among them
        marks, labels = marks[::2], labels[::2]
    labels[-1] += "" if stored.units in ("", "1") else f" {stored.units}"
    return ColourBar(gradient(spread_lut()), tuple(zip((mark / limit for mark in marks), labels, strict=True)))
