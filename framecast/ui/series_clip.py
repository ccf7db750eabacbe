"""A stored series as pictures: the scrubber's clip and single frames, made once per series and shared by all sessions."""

import numpy as np
import streamlit as st

from framecast.drawing.colours import gradient, grey_lut
from framecast.drawing.pictures import Mask, display_range, picture, still
from framecast.series.frames import Frames
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.clips import encode_clip, shown_frames
from framecast.ui.player import ColourBar, Panel, pack_clips
from framecast.ui.text import value, with_units

HEIGHT_PX = 460


def range_note(stored: StoredSeries) -> str:
    """'shown from 91 to 144' where black and white are not the ends of the value range; else empty."""
    shown = display_range(stored)
    stretched = (shown.low, shown.high) != stored.value_range
    return f"shown from {value(shown.low)} to {with_units(shown.high, stored.units)}" if stretched else ""


def grey_bar(stored: StoredSeries) -> ColourBar | None:
    """The legend of a grey picture; colours need none."""
    if stored.n_channels >= 3:
        return None
    shown = display_range(stored)
    middle = (shown.low + shown.high) / 2
    return ColourBar(
        gradient(grey_lut()), ((0.0, value(shown.low)), (0.5, value(middle)), (1.0, with_units(shown.high, stored.units)))
    )


def panel_title(title: str, stored: StoredSeries) -> str:
    """Says which channels are drawn where not all are, and over which values where no legend does."""
    notes = [{2: "channel 1 of 2", 4: "channels 1 to 3 of 4"}.get(stored.n_channels, "")]
    notes.append(range_note(stored) if stored.n_channels >= 3 else "")
    said = ", ".join(note for note in notes if note)
    return f"{title} ({said})" if said else title


@st.cache_resource(max_entries=4, show_spinner="Preparing the frames ...")
def series_payload(workspace: str, digest: str, _store: SeriesStore) -> bytes:
    """What the player is sent for a series. `workspace` and `digest` are the whole key: arrays are never hashed."""
    stored, series = _store.info(digest), _store.open(digest)
    shown = display_range(stored)
    frames = shown_frames(series.n_frames)
    clip = encode_clip((picture(series.frames[index], shown, series.valid) for index in frames), len(frames))
    captions = [f"Frame {index + 1} of {series.n_frames}" for index in frames]
    title = "All frames" if frames.step == 1 else f"One frame in {frames.step}"
    panel = Panel(panel_title(title, stored), clip, grey_bar(stored))
    return pack_clips([panel], captions, height=HEIGHT_PX, frames_per_second=10)


@st.cache_resource(max_entries=64, show_spinner=False)
def series_still(workspace: str, digest: str, index: int, side: int, _store: SeriesStore) -> bytes:
    """One frame as PNG or JPEG."""
    stored, series = _store.info(digest), _store.open(digest)
    return still(picture(np.asarray(series.frames[index]), display_range(stored), series.valid), side)


def frame_still(frame: Frames, stored: StoredSeries, valid: Mask = None, side: int = 320) -> bytes:
    """A frame (height, width, channel) in the units of the series, as PNG or JPEG."""
    return still(picture(frame, display_range(stored), valid), side)
