"""The player of the Compare page: truth, forecast, error and, of an ensemble, its spread beside each other for every lead."""

from collections.abc import Iterator

import streamlit as st

from framecast.drawing.pictures import DisplayRange, Picture, display_range, picture
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.clips import encode_clip
from framecast.ui.ended_run import DELETED
from framecast.ui.maps import error_panel, spread_panel
from framecast.ui.player import Panel, pack, player
from framecast.ui.resources import workspace
from framecast.ui.series_clip import grey_bar, panel_title

HEIGHT_PX = 560


def frames_view(run: Run, stored: StoredSeries | None, store: SeriesStore) -> int:
    """Draw the player of a finished run and return the lead shown, from 1. `stored` is its series, None where that was
    deleted: then a sentence stands in its place."""
    if stored is None:
        st.warning(f"{DELETED}, so its forecast cannot be shown beside the truth. The scores remain.")
        return 1
    payload = comparison_payload(str(workspace()), run.id, run.record.series, run, store)
    return player(payload, key=f"compare_player_{run.id}") + 1


@st.cache_resource(max_entries=4, show_spinner="Preparing the frames ...")
def comparison_payload(workspace: str, run_id: str, digest: str, _run: Run, _store: SeriesStore) -> bytes:
    """What the player is sent for a run; the ids are the whole key."""
    stored, series = _store.info(digest), _store.open(digest)
    split, forecast = _run.record.split, _run.forecast()
    truth = series.frames[split.test.start : split.test.stop]
    shown = display_range(stored)
    n_leads = len(truth)
    bar = grey_bar(stored)
    seen = [
        Panel(panel_title(title, stored), encode_clip(_pictures(frames, shown, series), n_leads, beside_others=True), bar)
        for title, frames in (("Truth", truth), ("Forecast", forecast))
    ]
    spread = _run.spread()
    panels = [*seen, error_panel(forecast, truth, series, stored, narrow=spread is not None)]
    if spread is not None:
        panels.append(spread_panel(spread, series, stored))
    captions = [f"Lead {index + 1} · frame {split.test.start + index + 1}" for index in range(n_leads)]
    return pack(panels, captions, height=HEIGHT_PX, frames_per_second=5, reports=True)


def _pictures(frames: Frames, shown: DisplayRange, series: FrameSeries) -> Iterator[Picture]:
    return (picture(frame, shown, series.valid) for frame in frames)
