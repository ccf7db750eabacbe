"""The frames of a comparison as parts of packets: pictures to play, exact values to read, a sample to set a scale by.

Where all values of a forecast are few enough they are sent instead of pictures, and everything on the screen is exact at all
times. Else a film is played from previews, and the values of the frame that it rests on follow.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from framecast.drawing.pictures import DisplayRange, Picture, display_range, picture
from framecast.metrics.ssim import ssim_of_frame
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.store import StoredSeries
from framecast.ui.beside import Shown
from framecast.ui.clips import encode_levels, encode_preview
from framecast.ui.player import Part, pictures, sample, values

CHUNK, EXACT_CHUNK = 5, 50
"""Leads in a packet: few, so that the first frames are on the screen while the last are still encoded; more of values, which
need no encoding."""
EXACT_PIXELS = 256 * 256
EXACT_BYTES = 8 * 2**20
"""Forecasts of frames up to this many pixels, and up to this many bytes in all, are sent as values."""
SAMPLE_PIXELS = 40_000
PERCENTILE = 99.5
ROOM = 2.5
"""The levels of an error's preview reach this many times further than the usual end of the scale."""
LUMINANCE = (0.299, 0.587, 0.114)
"""As MATLAB's rgb2gray; the player has the same."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the parts of one player have in common."""

    workspace: str
    run: Run
    stored: StoredSeries
    series: FrameSeries

    @property
    def split(self) -> Split:
        return self.run.record.split

    @property
    def key(self) -> tuple[str, str, int, int]:
        """Names the truth: arrays are never hashed."""
        return (self.workspace, self.stored.digest, self.split.test.start, self.split.test.stop)

    @property
    def truth(self) -> Frames:
        return self.series.frames[self.split.test.start : self.split.test.stop]

    @property
    def exact(self) -> bool:
        """Whether all values are sent."""
        height, width, n_channels = self.truth.shape[1:]
        n_bytes = self.split.horizon * height * width * n_channels * self.truth.dtype.itemsize
        return bool(height * width <= EXACT_PIXELS and n_bytes <= EXACT_BYTES)

    def chunk_of(self, lead: int) -> int:
        """Which packet holds a lead: 0 those from lead 1 on, -1 those up to lead 0."""
        return (lead - 1) // self._chunk

    def leads_of(self, chunk: int, first: int) -> range:
        """The leads of a packet, from `first` to the horizon at most."""
        begin = chunk * self._chunk + 1
        return range(max(first, begin), min(self.split.horizon, begin + self._chunk - 1) + 1)

    @property
    def _chunk(self) -> int:
        return EXACT_CHUNK if self.exact else CHUNK

    def observed(self, lead: int) -> Frames:
        """(height, width, channel): the true frame at a lead, which may be 0 or less."""
        frame: Frames = self.series.frames[self.split.origin + lead]
        return frame


def truth_part(what: Comparison, leads: range) -> Part:
    return _truth_part(*what.key, leads.start, leads.stop, what)


def forecast_part(what: Comparison, shown: Shown, leads: range) -> Part:
    return _forecast_part(*what.key, shown.name, leads.start, leads.stop, what, shown)


def error_part(what: Comparison, shown: Shown, leads: range) -> Part:
    """Previews of the errors; where all values are sent there are none."""
    return _error_part(*what.key, shown.name, leads.start, leads.stop, what, shown)


def ssim_parts(what: Comparison, shown: Shown, channel: str, leads: range) -> list[Part]:
    """1 - SSIM of these leads, and a sample of it."""
    maps = [_ssim(*what.key, shown.name, channel, lead, what, shown) for lead in leads]
    source = f"ssim/{channel}/{shown.name}"
    step = max(1, round((what.split.horizon * maps[0].size / SAMPLE_PIXELS) ** 0.5))
    taken = np.concatenate([one[step // 2 :: step, step // 2 :: step].ravel() for one in maps])
    few = sample(source, taken[np.isfinite(taken), None], name=str(leads.start))
    if what.exact:
        return [values(source, leads.start, np.stack(maps)[..., None]), few]
    clip = encode_levels(_unsigned(one, 1.0) for one in maps)
    return [pictures(source, leads.start, clip, scales=[1.0] * len(leads)), few]


def spread_part(what: Comparison, spread: Frames, limit: float, leads: range) -> Part:
    source = f"spread/{what.run.id}"
    maps = [spread[lead - 1].mean(axis=-1, dtype=np.float32) for lead in leads]
    if what.exact:
        return values(source, leads.start, np.stack(maps)[..., None])
    scale = ROOM * limit
    clip = encode_levels(_unsigned(one, scale) for one in maps)
    return pictures(source, leads.start, clip, scales=[scale] * len(maps))


def resting_parts(
    what: Comparison, shown: Iterable[Shown], lead: int, ssim_channel: str | None, spread: Frames | None
) -> list[Part]:
    """The exact values of one lead; of all that is `shown` where it is forecast, of the truth alone where it was observed."""
    parts = [values("truth", lead, what.observed(lead)[None], passing=True)]
    if lead < 1:
        return parts
    for one in shown:
        parts.append(values(one.name, lead, np.asarray(one.forecast[lead - 1])[None], passing=True))
        if ssim_channel is not None:
            found = _ssim(*what.key, one.name, ssim_channel, lead, what, one)
            parts.append(values(f"ssim/{ssim_channel}/{one.name}", lead, found[None, ..., None], passing=True))
    if spread is not None:
        mean = spread[lead - 1].mean(axis=-1, dtype=np.float32)
        parts.append(values(f"spread/{what.run.id}", lead, mean[None, ..., None], passing=True))
    return parts


def truth_sample(what: Comparison) -> Part:
    return sample("truth", _sample(*what.key, "truth", what.truth, what))


def forecast_sample(what: Comparison, shown: Shown) -> Part:
    return sample(shown.name, _sample(*what.key, shown.name, shown.forecast, what))


@st.cache_resource(max_entries=96, show_spinner=False)
def _truth_part(workspace: str, digest: str, start: int, stop: int, first: int, end: int, _what: Comparison) -> Part:
    return _frames_part("truth", first, [_what.observed(lead) for lead in range(first, end)], _what)


@st.cache_resource(max_entries=192, show_spinner=False)
def _forecast_part(
    workspace: str, digest: str, start: int, stop: int, name: str, first: int, end: int, _what: Comparison, _shown: Shown
) -> Part:
    return _frames_part(name, first, list(_shown.forecast[first - 1 : end - 1]), _what)


@st.cache_resource(max_entries=192, show_spinner=False)
def _error_part(
    workspace: str, digest: str, start: int, stop: int, name: str, first: int, end: int, _what: Comparison, _shown: Shown
) -> Part:
    sizes = np.abs(_sample(*_what.key, name, _shown.forecast, _what) - _sample(*_what.key, "truth", _what.truth, _what))
    scale = ROOM * (float(np.percentile(sizes, PERCENTILE)) or float(sizes.max()) or 1.0)
    pairs = ((_shown.forecast[lead - 1], _what.observed(lead)) for lead in range(first, end))
    clip = encode_levels(_error_levels(one, other, scale, _what.series) for one, other in pairs)
    return pictures(f"error/{name}", first, clip, scales=[scale] * (end - first))


@st.cache_resource(max_entries=64, show_spinner=False)
def _sample(workspace: str, digest: str, start: int, stop: int, name: str, _frames: Frames, _what: Comparison) -> Frames:
    """(pixel, channel) float32: valid pixels of every lead on a grid that moves from lead to lead; the same of all sources."""
    n_leads, height, width, _ = _frames.shape
    step = max(1, round((n_leads * height * width / SAMPLE_PIXELS) ** 0.5))
    taken = []
    for lead, frame in enumerate(_frames):
        y, x = slice((lead * 7) % step % height, None, step), slice((lead * 3) % step % width, None, step)
        few = np.asarray(frame[y, x], np.float32)
        taken.append(few.reshape(-1, few.shape[-1]) if _what.series.valid is None else few[_what.series.valid[y, x]])
    every: Frames = np.concatenate(taken)
    return every


@st.cache_resource(max_entries=256, show_spinner=False)
def _ssim(
    workspace: str, digest: str, start: int, stop: int, name: str, channel: str, lead: int, _what: Comparison, _shown: Shown
) -> Frames:
    """(height, width) float32: 1 - SSIM at one lead, NaN where there is none."""
    one, other = (select(frame, channel) for frame in (_shown.forecast[lead - 1], _what.observed(lead)))
    found = ssim_of_frame(one, other, data_range=_what.series.data_range, valid=_what.series.valid)
    unlike: Frames = 1 - found.mean(axis=-1, dtype=np.float32)
    return unlike


def select(frame: Frames, channel: str) -> Frames:
    """(..., channel): one channel, the luminance as float32, or of "all" the first three that are shown."""
    if channel == "luminance":
        luminance: Frames = (frame[..., :3] @ np.array(LUMINANCE, np.float32))[..., None]
        return luminance
    if channel == "all":
        return frame[..., :3]
    return frame[..., int(channel) : int(channel) + 1]


def _frames_part(source: str, first: int, frames: list[Frames], what: Comparison) -> Part:
    if what.exact:
        return values(source, first, np.stack(frames))
    shown = display_range(what.stored)
    return pictures(source, first, encode_preview(_drawn(frame, shown, what.series) for frame in frames))


def _drawn(frame: Frames, shown: DisplayRange, series: FrameSeries) -> Picture:
    """Two channels travel as red and green: the player shows either."""
    return picture(frame[..., [0, 1, 0]] if frame.shape[-1] == 2 else frame, shown, series.valid)


def _error_levels(forecast: Frames, truth: Frames, scale: float, series: FrameSeries) -> Picture:
    """Level 128 is no error, 1 and 255 are -scale and +scale; channels as in `_drawn`."""
    channels = {1: [0], 2: [0, 1, 0]}.get(truth.shape[-1], [0, 1, 2])
    if truth.dtype == np.uint8:
        table = np.clip(np.rint(128 + np.arange(-255, 256) * (127 / scale)), 1, 255).astype(np.uint8)
        levels = table[np.subtract(forecast, truth, dtype=np.int16) + 255]
    else:
        error = np.subtract(forecast, truth, dtype=np.float32)
        levels = np.clip(np.rint(128 + error * np.float32(127 / scale)), 1, 255).astype(np.uint8)
    if series.valid is not None:
        levels[~series.valid] = 128
    return levels[..., 0] if channels == [0] else np.ascontiguousarray(levels[..., channels])


def _unsigned(one: Frames, scale: float) -> Picture:
    """Level 0 is 0, 255 is the scale."""
    return np.clip(np.rint(np.nan_to_num(one) * (255 / scale)), 0, 255).astype(np.uint8)
