"""What the browser is sent: [header length, 4 bytes, little-endian][header, JSON][pictures, one after the other].

Only bytes at the top level of a component's data travel as bytes; inside JSON they would be base64 and a third larger.
"""

import json
import struct
from dataclasses import asdict, dataclass
from hashlib import sha256

from framecast.ui.clips import Clip


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


def pack(panels: list[Panel], captions: list[str], *, height: int, frames_per_second: float, reports: bool) -> bytes:
    """One payload for all panels. `captions` has one line per frame; `reports` tells the browser to send the frame back."""
    lengths = {len(panel.clip.pictures) for panel in panels}
    assert lengths == {len(captions)}, f"panels of {lengths} frames with {len(captions)} captions"
    blobs = b"".join(picture for panel in panels for picture in panel.clip.pictures)
    header = {
        "captions": captions,
        "height": height,
        "framesPerSecond": frames_per_second,
        "reports": reports,
        "panels": [_describe(panel) for panel in panels],
        "note": _note([panel.clip for panel in panels]),
        "id": sha256(blobs).hexdigest()[:16],
    }
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text + blobs


def _describe(panel: Panel) -> dict[str, object]:
    clip = panel.clip
    return {
        "title": panel.title,
        "mime": clip.mime,
        "width": clip.width,
        "height": clip.height,
        "exact": clip.lossless,
        "sizes": [len(picture) for picture in clip.pictures],
        "bar": asdict(panel.bar) if panel.bar else None,
    }


def _note(clips: list[Clip]) -> str:
    lossy = [clip for clip in clips if not clip.lossless]
    return f"preview, {lossy[0].width} × {lossy[0].height} px" if lossy else ""
