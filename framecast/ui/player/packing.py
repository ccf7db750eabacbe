"""What the browser is sent: [header length, 4 bytes, little-endian][header, JSON][bytes of the parts, one after the other].

Only bytes at the top level of a component's data travel as bytes; inside JSON they would be base64 and a third larger.
"""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from framecast.ui.clips import Clip

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class ColourBar:
    """A legend below a panel: a CSS gradient and tick labels at positions 0 (left) to 1 (right)."""

    gradient: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Panel:
    title: str
    clip: Clip
    bar: ColourBar | None = None


@dataclass(frozen=True)
class Part:
    """Something for the player's shelf: `facts` say what, `blobs` are its bytes. `facts["form"]` is "pictures", "values",
    "sample" or "mask"; pictures and values belong to a "source" and are one blob a lead, from "first" on."""

    facts: Mapping[str, Any]
    blobs: tuple[bytes, ...] = field(repr=False)


def pack(header: Mapping[str, Any], parts: Sequence[Part] = ()) -> bytes:
    """A packet: the header and its parts."""
    described = [{**part.facts, "sizes": [len(blob) for blob in part.blobs]} for part in parts]
    text = json.dumps({**header, "parts": described}).encode()
    return b"".join([struct.pack("<I", len(text)), text, *(blob for part in parts for blob in part.blobs)])


def pack_clips(
    panels: list[Panel], captions: list[str], *, size: tuple[int, int], height: int, frames_per_second: float
) -> bytes:
    """One packet for panels of finished pictures that have nothing to be compared with. `captions` has one line per frame.
    `size` is the width and height of a frame, in whose pixels places are told; the pictures may be smaller."""
    lengths = {len(panel.clip.pictures) for panel in panels}
    assert lengths == {len(captions)}, f"panels of {lengths} frames with {len(captions)} captions"
    blobs = b"".join(picture for panel in panels for picture in panel.clip.pictures)
    name = sha256(blobs).hexdigest()[:16]
    header = {
        "name": name,
        "n": len(captions),
        "width": size[0],
        "height": size[1],
        "captions": captions,
        "room": height,
        "framesPerSecond": frames_per_second,
        "note": _note([panel.clip for panel in panels]),
        "sources": [
            {"source": str(index), "title": panel.title, "bar": asdict(panel.bar) if panel.bar else None}
            for index, panel in enumerate(panels)
        ],
    }
    parts = [pictures(str(i), 1, panel.clip.pictures, panel.clip.mime, name) for i, panel in enumerate(panels)]
    return pack(header, parts)


def pictures(
    source: str, first: int, drawn: Sequence[bytes], mime: str, name: str = "", scales: Sequence[float] | None = None
) -> Part:
    """Encoded pictures for the leads from `first` on. Where their levels are values, `scales` says what the ends mean,
    picture by picture. `name` is the part's id."""
    facts = {"id": f"{name}/{source}/{first}", "form": "pictures", "source": source, "first": first, "mime": mime}
    return Part(facts | ({"scales": list(scales)} if scales is not None else {}), tuple(drawn))


def values(source: str, first: int, frames: Array, *, passing: bool = False, name: str = "") -> Part:
    """Exact values for the leads from `first` on: `frames` (lead, height, width, channel) of uint8, uint16 or float32. Those
    that are `passing` may be dropped by the player, and sent again."""
    facts = {
        "id": "" if passing else f"{name}/{source}/{first}",
        "form": "values",
        "source": source,
        "first": first,
        "dtype": frames.dtype.name,
        "channels": frames.shape[-1],
        "passing": passing,
    }
    little = frames.dtype.newbyteorder("<")
    return Part(facts, tuple(np.ascontiguousarray(frame, dtype=little).tobytes() for frame in frames))


def sample(source: str, taken: Array, name: str = "") -> Part:
    """A few pixels, (pixel, channel), that the browser ranks errors by. Samples of one source add up."""
    dtype = _smallest(taken)
    facts = {"id": f"sample/{source}/{name}", "form": "sample", "source": source, "dtype": dtype.name}
    blob = np.ascontiguousarray(taken, dtype=dtype.newbyteorder("<")).tobytes()
    return Part({**facts, "channels": taken.shape[-1]}, (blob,))


def mask(valid: Array) -> Part:
    """The (height, width) mask of pixels that carry data."""
    height, width = valid.shape
    return Part({"id": "mask", "form": "mask", "height": height, "width": width}, (np.packbits(valid).tobytes(),))


def _smallest(taken: Array) -> np.dtype[Any]:
    """The smallest type that holds these values: they come before the first frame."""
    for dtype in (np.dtype(np.uint8), np.dtype(np.uint16)):
        if np.array_equal(taken, np.clip(taken, 0, np.iinfo(dtype).max).round()):
            return dtype
    return np.dtype(np.float32)


def _note(clips: list[Clip]) -> str:
    lossy = [clip for clip in clips if not clip.lossless]
    return f"preview, {lossy[0].width} × {lossy[0].height} px" if lossy else ""
