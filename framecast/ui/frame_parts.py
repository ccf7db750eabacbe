"""The frames of a comparison as parts of packets: pictures to play, exact values to read, a sample to set a scale by.

Where all values of a forecast are few enough they are sent instead of pictures, and everything on the screen is exact at all
times. Else a film is played from previews, and the values of the frame that it rests on follow.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from framecast.drawing.film import ERROR, FORECAST, TRUTH, Film
from framecast.drawing.pictures import display_range
from framecast.drawing.played import (
    ROOM,
    SAMPLE_PIXELS,
    error_preview,
    error_scale,
    few_pixels,
    frame_preview,
    levels_preview,
    sent_as_values,
    unsigned_levels,
)
from framecast.metrics.ssim import ssim_of_frame
from framecast.runs.filming import forecast_version
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.store import StoredSeries
from framecast.ui.beside import Shown
from framecast.ui.player import Part, pictures, sample, values

CHUNK, EXACT_CHUNK = 5, 50
"""Leads in a packet: few, so that the first frames are on the screen while the last are still encoded; more of values, which
need no encoding."""
LUMINANCE = (0.299, 0.587, 0.114)
"""As MATLAB's rgb2gray; the player has the same."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the parts of one player have in common."""

    workspace: str
    run: Run
    stored: StoredSeries
    series: FrameSeries
    film: Film | None = None
    """Of the run, where one is kept: it has the truth."""

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
        return sent_as_values(self.truth)

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
    drawn = [levels_preview(unsigned_levels(one, 1.0)) for one in maps]
    return [_previews(source, leads.start, drawn, scales=[1.0] * len(leads)), few]


def spread_name(what: Comparison) -> str:
    """Of the spread as it is now: what the player has of the one before is of no use to it."""
    return f"spread/{what.run.id}_{forecast_version(what.run):x}"


def spread_part(what: Comparison, spread: Frames, limit: float, leads: range) -> Part:
    source = spread_name(what)
    maps = [spread[lead - 1].mean(axis=-1, dtype=np.float32) for lead in leads]
    if what.exact:
        return values(source, leads.start, np.stack(maps)[..., None])
    scale = ROOM * limit
    drawn = [levels_preview(unsigned_levels(one, scale)) for one in maps]
    return _previews(source, leads.start, drawn, scales=[scale] * len(maps))


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
        parts.append(values(spread_name(what), lead, mean[None, ..., None], passing=True))
    return parts


def truth_sample(what: Comparison) -> Part:
    return sample("truth", _truth_sample(what))


def forecast_sample(what: Comparison, shown: Shown) -> Part:
    return sample(shown.name, _forecast_sample(what, shown))


def film_made(what: Comparison, shown: Shown, first: int) -> Film:
    """The film of what is `shown`, from parts as they were sent: the truth from lead `first` on."""
    if what.exact:
        return Film(shown.title, 0.0, {}, {}, first)
    chunks = range(what.chunk_of(first), what.chunk_of(what.split.horizon) + 1)
    all_leads = [what.leads_of(chunk, first) for chunk in chunks]
    drawn = {TRUTH: [one for leads in all_leads for one in truth_part(what, leads).blobs]}
    forecast_leads = [leads for chunk, leads in zip(chunks, all_leads, strict=True) if chunk >= 0]
    drawn[FORECAST] = [one for leads in forecast_leads for one in forecast_part(what, shown, leads).blobs]
    drawn[ERROR] = [one for leads in forecast_leads for one in error_part(what, shown, leads).blobs]
    samples = {TRUTH: _truth_sample(what), FORECAST: _forecast_sample(what, shown)}
    return Film(shown.title, _scale(what, shown), samples, drawn, first)


@st.cache_resource(max_entries=96, show_spinner=False)
def _truth_part(workspace: str, digest: str, start: int, stop: int, first: int, end: int, _what: Comparison) -> Part:
    kept = _what.film.of(TRUTH, range(first, end)) if _what.film else None
    return _frames_part("truth", first, end, _what.observed, _what, kept)


@st.cache_resource(max_entries=192, show_spinner=False)
def _forecast_part(
    workspace: str, digest: str, start: int, stop: int, name: str, first: int, end: int, _what: Comparison, _shown: Shown
) -> Part:
    kept = _shown.film.of(FORECAST, range(first, end)) if _shown.film else None
    return _frames_part(name, first, end, lambda lead: _shown.forecast[lead - 1], _what, kept)


@st.cache_resource(max_entries=192, show_spinner=False)
def _error_part(
    workspace: str, digest: str, start: int, stop: int, name: str, first: int, end: int, _what: Comparison, _shown: Shown
) -> Part:
    leads = range(first, end)
    scale, valid = _scale(_what, _shown), _what.series.valid
    kept = _shown.film.of(ERROR, leads) if _shown.film else None
    drawn = kept or [error_preview(_shown.forecast[lead - 1], _what.observed(lead), scale, valid) for lead in leads]
    return _previews(f"error/{name}", first, drawn, scales=[scale] * len(leads))


def _scale(what: Comparison, shown: Shown) -> float:
    if shown.film is not None and shown.film.scale:
        return shown.film.scale
    return error_scale(_forecast_sample(what, shown), _truth_sample(what))


def _truth_sample(what: Comparison) -> Frames:
    kept = what.film.samples.get(TRUTH) if what.film else None
    return _sample(*what.key, "truth", what.truth, what) if kept is None else kept


def _forecast_sample(what: Comparison, shown: Shown) -> Frames:
    kept = shown.film.samples.get(FORECAST) if shown.film else None
    return _sample(*what.key, shown.name, shown.forecast, what) if kept is None else kept


@st.cache_resource(max_entries=64, show_spinner=False)
def _sample(workspace: str, digest: str, start: int, stop: int, name: str, _frames: Frames, _what: Comparison) -> Frames:
    return few_pixels(_frames, _what.series.valid)


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
    """(..., channel): one channel, the luminance as float32, or all, as they are scored."""
    if channel == "luminance":
        luminance: Frames = (frame[..., :3] @ np.array(LUMINANCE, np.float32))[..., None]
        return luminance
    if channel == "all":
        return frame
    return frame[..., int(channel) : int(channel) + 1]


def _frames_part(
    source: str, first: int, end: int, frame: Callable[[int], Frames], what: Comparison, kept: Sequence[bytes] | None
) -> Part:
    if what.exact:
        return values(source, first, np.stack([frame(lead) for lead in range(first, end)]))
    shown, valid = display_range(what.stored), what.series.valid
    return _previews(source, first, kept or [frame_preview(frame(lead), shown, valid) for lead in range(first, end)])


def _previews(source: str, first: int, drawn: Sequence[bytes], scales: Sequence[float] | None = None) -> Part:
    return pictures(source, first, drawn, "image/jpeg", scales=scales)
