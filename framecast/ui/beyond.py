"""The forecast beyond the last frame of a series: to be looked at and taken away. There is no truth to hold it against."""

from collections.abc import Iterator

import streamlit as st

from framecast.export import mp4, npy, png_zip
from framecast.runs.experiment import forecast_beyond
from framecast.runs.store import Run
from framecast.series.frames import Frames
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.clips import encode_clip
from framecast.ui.pictures import Mask, Picture, picture
from framecast.ui.player import Panel, pack, player
from framecast.ui.resources import workspace
from framecast.ui.series_clip import display_range, grey_bar, panel_title
from framecast.ui.text import count

HEIGHT_PX = 560
FRAMES_PER_SECOND = 10


def beyond(run: Run, n_steps: int, store: SeriesStore) -> None:
    """Draw the forecast of `n_steps` frames and its downloads; computed once and kept for a few requests."""
    stored = store.info(run.record.series)
    frames, payload = _forecast(str(workspace()), run.id, n_steps, run, store)
    player(payload, key=f"beyond_player_{run.id}_{n_steps}")
    _downloads(run, frames, stored, store)


@st.cache_resource(max_entries=3, show_spinner="Forecasting ...")
def _forecast(workspace: str, run_id: str, n_steps: int, _run: Run, _store: SeriesStore) -> tuple[Frames, bytes]:
    digest = _run.record.series
    stored, series = _store.info(digest), _store.open(digest)
    frames = forecast_beyond(_run, series, n_steps)
    clip = encode_clip(_pictures(frames, stored, series.valid), n_steps)
    captions = [f"Lead {lead} · frame {series.n_frames + lead}" for lead in range(1, n_steps + 1)]
    panels = [Panel(panel_title("Forecast", stored), clip, grey_bar(stored))]
    return frames, pack(panels, captions, height=HEIGHT_PX, frames_per_second=FRAMES_PER_SECOND, reports=False)


def _pictures(frames: Frames, stored: StoredSeries, valid: Mask) -> Iterator[Picture]:
    shown = display_range(stored)
    return (picture(frame, shown, valid) for frame in frames)


def _downloads(run: Run, frames: Frames, stored: StoredSeries, store: SeriesStore) -> None:
    """Files are made when they are asked for."""
    valid = store.open(stored.digest).valid
    first = stored.n_frames + 1
    names = [f"frame_{first + index:05d}" for index in range(len(frames))]
    stem = f"forecast_{run.id}"
    st.subheader("Download", anchor=False)
    with st.container(horizontal=True):
        st.download_button(
            "NumPy array (.npy)",
            lambda: npy(frames),
            f"{stem}.npy",
            "application/octet-stream",
            key="save_npy",
            on_click="ignore",
            help=f"The exact values, {frames.dtype}: (lead, height, width, channel) = {frames.shape}.",
        )
        st.download_button(
            "Pictures (.zip of PNG)",
            lambda: png_zip(_pictures(frames, stored, valid), names),
            f"{stem}.zip",
            "application/zip",
            key="save_png",
            on_click="ignore",
            help=f"{count(len(frames), 'picture')} of 8 bits per channel, as they are shown.",
        )
        st.download_button(
            "Film (.mp4)",
            lambda: mp4(_pictures(frames, stored, valid), FRAMES_PER_SECOND),
            f"{stem}.mp4",
            "video/mp4",
            key="save_mp4",
            on_click="ignore",
            help=f"H.264, {FRAMES_PER_SECOND} frames per second; slightly lossy.",
        )
