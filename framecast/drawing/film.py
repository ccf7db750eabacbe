"""The film of a finished run, kept beside it, so that the first look at a large one is a look at a file.

Truth, forecast and error of every lead as small pictures, the observed frames just before them, and the few pixels that the
scale of errors is set by: [header length, 4 bytes, little-endian][header, JSON][samples][pictures]. A run whose values are few
is shown from them, and its film holds its name alone. A film can always be made again, and is where it is missing, damaged, of
another version or of another forecast.
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np

from framecast.drawing.pictures import DisplayRange
from framecast.drawing.played import PLAYED, error_preview, error_scale, few_pixels, frame_preview, sent_as_values
from framecast.files import writing
from framecast.series.frames import Frames, FrameSeries, Split

FILE = ".film"
"""Hidden, so that it does not travel with the run."""
HISTORY = 10
"""Observed frames before the forecast that a film has, where there are as many."""
TRUTH, FORECAST, ERROR = "truth", "forecast", "error"
_SAMPLED = (TRUTH, FORECAST)
_DRAWN = (TRUTH, FORECAST, ERROR)
_VERSION = 3


@dataclass(frozen=True, eq=False)
class Scene:
    """What a film is made of."""

    forecast: Frames
    """(lead, height, width, channel)"""
    series: FrameSeries
    split: Split
    shown: DisplayRange

    @property
    def truth(self) -> Frames:
        return self.series.frames[self.split.test.start : self.split.test.stop]

    @property
    def first(self) -> int:
        """The first lead of the truth: 0 and less were observed."""
        return 1 - min(HISTORY, self.split.test.start)

    @property
    def without_pictures(self) -> bool:
        return sent_as_values(self.forecast)

    def header(self) -> dict[str, object]:
        """What decides how the pictures look. Of the forecast a line of each frame and the last frame are taken: to read all
        of a large one takes as long as the film saves."""
        lines = crc32(self.forecast[:, self.forecast.shape[1] // 2].tobytes())
        return {
            "version": _VERSION,
            "side": PLAYED,
            "low": self.shown.low,
            "high": self.shown.high,
            "first": self.first,
            "shape": list(self.forecast.shape),
            "forecast": f"{crc32(self.forecast[-1].tobytes(), lines):08x}",
        }


@dataclass(frozen=True, eq=False)
class Film:
    title: str
    """What the forecaster is called; to ask it would take seconds in a process that has not forecast yet."""
    scale: float
    """What the ends of the levels of errors stand for; 0 without pictures."""
    samples: Mapping[str, Frames] = field(repr=False)
    """Of the truth and of the forecast: (pixel, channel) as `few_pixels` takes them."""
    pictures: Mapping[str, Sequence[bytes]] = field(repr=False)
    """JPEG: the truth from lead `first` on, the forecast and its errors from lead 1 on."""
    first: int = 1

    def of(self, kind: str, leads: range) -> tuple[bytes, ...] | None:
        """The pictures of these leads, None where the film has not all of them."""
        begin = leads.start - (self.first if kind == TRUTH else 1)
        found = tuple(self.pictures.get(kind, ())[max(0, begin) : begin + len(leads)])
        return found if begin >= 0 and len(found) == len(leads) else None


def make_film(path: Path, title: str, scene: Scene) -> Iterator[None]:
    """Draw the film and keep it at `path`, with a stop after each frame. Raises StorageError where it cannot be kept."""
    if scene.without_pictures:
        keep_film(path, Film(title, 0.0, {}, {}, scene.first), scene)
        return
    samples = {TRUTH: few_pixels(scene.truth, scene.series.valid), FORECAST: few_pixels(scene.forecast, scene.series.valid)}
    scale = error_scale(samples[FORECAST], samples[TRUTH])
    drawn: dict[str, list[bytes]] = {TRUTH: [], FORECAST: [], ERROR: []}
    valid = scene.series.valid
    for lead in range(scene.first, scene.split.horizon + 1):
        truth = scene.series.frames[scene.split.origin + lead]
        drawn[TRUTH].append(frame_preview(truth, scene.shown, valid))
        if lead > 0:
            forecast = scene.forecast[lead - 1]
            drawn[FORECAST].append(frame_preview(forecast, scene.shown, valid))
            drawn[ERROR].append(error_preview(forecast, truth, scale, valid))
        yield
    keep_film(path, Film(title, scale, samples, drawn, scene.first), scene)


def keep_film(path: Path, film: Film, scene: Scene) -> None:
    """Keep a film that was made elsewhere. Raises StorageError."""
    parts = [(kind, film.pictures[kind]) for kind in _DRAWN if film.pictures]
    samples = [np.ascontiguousarray(film.samples[name], "<f4") for name in _SAMPLED if film.samples]
    header = {
        **scene.header(),
        "title": film.title,
        "scale": film.scale,
        "samples": [list(one.shape) for one in samples],
        "sizes": {kind: [len(picture) for picture in pictures] for kind, pictures in parts},
    }
    text = json.dumps(header).encode()
    with writing(path) as handle:
        handle.write(struct.pack("<I", len(text)) + text)
        handle.writelines(one.tobytes() for one in samples)
        for _, pictures in parts:
            handle.writelines(pictures)


def kept_film(path: Path, scene: Scene) -> Film | None:
    """The film at `path`, None where there is none of this scene."""
    try:
        content = path.read_bytes()
        at = 4 + struct.unpack("<I", content[:4])[0]
        header = json.loads(content[4:at])
        if any(header[key] != value for key, value in scene.header().items()):
            return None
        samples, pictures = {}, {}
        for name, shape in zip(_SAMPLED, header["samples"], strict=False):
            n_pixels, n_channels = map(int, shape)
            taken = np.frombuffer(content, "<f4", n_pixels * n_channels, at)
            samples[name], at = taken.reshape(n_pixels, n_channels), at + taken.nbytes
        for kind, sizes in header["sizes"].items():
            ends = np.cumsum([at, *map(int, sizes)]).tolist()
            pictures[str(kind)] = tuple(content[start:end] for start, end in zip(ends[:-1], ends[1:], strict=True))
            at = ends[-1]
        complete = scene.without_pictures or (tuple(samples), tuple(pictures)) == (_SAMPLED, _DRAWN)
        whole = at == len(content) and complete
        return Film(str(header["title"]), float(header["scale"]), samples, pictures, scene.first) if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None
