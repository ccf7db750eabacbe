"""A stored series as pictures: the scrubber's clip and single frames, made once per series and shared by all sessions.

Large frames are drawn once for all and kept beside the series (drawing/renditions.py); the server holds a few clips at most.
"""

import numpy as np
import streamlit as st

from framecast.drawing.colours import gradient, grey_lut
from framecast.drawing.pictures import Mask, display_range, picture, still
from framecast.drawing.renditions import Seen, kept_renditions, renditions
from framecast.series.frames import Frames
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.clips import LOSSLESS_BYTES, LOSSLESS_SIDE, Clip, encode_clip, shown_frames
from framecast.ui.player import ColourBar, Panel, pack_clips
from framecast.ui.text import value, with_units

HEIGHT_PX = 400
THUMBNAIL_PX = 160


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


def series_payload(workspace: str, stored: StoredSeries, store: SeriesStore, seen: Seen | None = None) -> bytes:
    """What the player is sent for a series. Of large frames it shows the renditions beside the series; where these must be
    made first, `seen` is told how far that is."""
    frames = shown_frames(stored.n_frames)
    if not _drawn_at_once(stored):
        renditions(store, stored, frames, seen)
    return _payload(workspace, stored.digest, store)


@st.cache_resource(max_entries=4, show_spinner=False)
def _payload(workspace: str, digest: str, _store: SeriesStore) -> bytes:
    """`workspace` and `digest` are the whole key: arrays are never hashed."""
    stored = _store.info(digest)
    frames = shown_frames(stored.n_frames)
    if _drawn_at_once(stored):
        series, shown = _store.open(digest), display_range(stored)
        clip = encode_clip((picture(series.frames[index], shown, series.valid) for index in frames), len(frames))
    else:
        small = renditions(_store, stored, frames)
        clip = Clip(small.pictures, "image/jpeg", small.width, small.height, lossless=False)
    captions = [f"Frame {index + 1} of {stored.n_frames}" for index in frames]
    title = "All frames" if frames.step == 1 else f"One frame in {frames.step}"
    panel = Panel(panel_title(title, stored), clip, grey_bar(stored))
    return pack_clips([panel], captions, size=(stored.width, stored.height), height=HEIGHT_PX, frames_per_second=10)


def _drawn_at_once(stored: StoredSeries) -> bool:
    """Whether the player is sent every pixel, which takes no longer than reading the renditions would."""
    n_bytes = len(shown_frames(stored.n_frames)) * stored.height * stored.width * min(3, stored.n_channels)
    return max(stored.height, stored.width) <= LOSSLESS_SIDE and n_bytes <= LOSSLESS_BYTES


@st.cache_resource(max_entries=256, show_spinner=False)
def thumbnail(workspace: str, digest: str, index: int, _store: SeriesStore) -> bytes:
    """One frame, small: from the renditions where the series has them, else from the frame itself."""
    stored = _store.info(digest)
    frames = shown_frames(stored.n_frames)
    if index in frames and kept_renditions(_store, stored, frames):
        return renditions(_store, stored, frames).of(index)
    return series_still(workspace, digest, index, THUMBNAIL_PX, _store)


@st.cache_resource(max_entries=64, show_spinner=False)
def series_still(workspace: str, digest: str, index: int, side: int, _store: SeriesStore) -> bytes:
    """One frame as PNG or JPEG."""
    stored, series = _store.info(digest), _store.open(digest)
    return still(picture(np.asarray(series.frames[index]), display_range(stored), series.valid), side)


def frame_still(frame: Frames, stored: StoredSeries, valid: Mask = None, side: int = 320) -> bytes:
    """A frame (height, width, channel) in the units of the series, as PNG or JPEG."""
    return still(picture(frame, display_range(stored), valid), side)
