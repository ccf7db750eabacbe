"""The forecast beyond the last frame of a series: to be looked at and taken away. There is no truth to hold it against."""

from collections.abc import Iterator

import numpy as np
import streamlit as st

from framecast.drawing.pictures import Mask, Picture, display_range, picture
from framecast.runs.experiment import forecast_beyond
from framecast.runs.filming import forecast_version
from framecast.runs.members import spread_beyond
from framecast.runs.store import Run
from framecast.series.frames import Frames
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.clips import encode_clip
from framecast.ui.downloads import downloads
from framecast.ui.maps import spread_panel
from framecast.ui.player import Panel, pack_clips, player
from framecast.ui.resources import workspace
from framecast.ui.series_clip import grey_bar, panel_title
from framecast.ui.text import thousands

HEIGHT_PX = 560
PLAYED_PER_SECOND = 10


def beyond(run: Run, n_steps: int, stored: StoredSeries, store: SeriesStore) -> None:
    """Draw the forecast of `n_steps` frames and its downloads; computed once and kept for a few requests."""
    version = forecast_version(run)  # trained further, it is another network
    frames, spread, packet = _forecast(str(workspace()), run.id, version, n_steps, run, store)
    player(packet, key=f"beyond_player_{run.id}_{version:x}_{n_steps}")
    downloads(run, frames, stored, store, spread)


@st.cache_resource(max_entries=3, show_spinner="Forecasting ...")
def _forecast(
    workspace: str, run_id: str, version: int, n_steps: int, _run: Run, _store: SeriesStore
) -> tuple[Frames, Frames | None, bytes]:
    digest = _run.record.series
    stored, series = _store.info(digest), _store.open(digest)
    frames = forecast_beyond(_run, series, n_steps)
    shown = np.concatenate([series.frames[-1:], frames])
    spread = spread_beyond(_run, series, n_steps)
    clip = encode_clip(_pictures(shown, stored, series.valid), len(shown), beside_others=spread is not None)
    panels = [Panel(panel_title("Observed, then forecast", stored), clip, grey_bar(stored))]
    if spread is not None:
        panels.append(spread_panel(spread, series, stored, n_before=1))
    captions = player_captions(series.n_frames, n_steps)
    size = (stored.width, stored.height)
    packet = pack_clips(panels, captions, size=size, height=HEIGHT_PX, frames_per_second=PLAYED_PER_SECOND)
    return frames, spread, packet


def player_captions(n_frames: int, n_steps: int) -> list[str]:
    """What is shown: the last frame that was observed, then each forecast one by its lead."""
    last = f"Observed, frame {thousands(n_frames)}"
    return [last, *(f"Forecast +{lead} (frame {thousands(n_frames + lead)})" for lead in range(1, n_steps + 1))]


def _pictures(frames: Frames, stored: StoredSeries, valid: Mask) -> Iterator[Picture]:
    shown = display_range(stored)
    return (picture(frame, shown, valid) for frame in frames)
