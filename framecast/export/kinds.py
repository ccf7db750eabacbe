"""What can be taken away of a finished run, by name: the one list that the Compare page and the command line offer.

To add a kind, write the function that makes its bytes and enter it here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np

from framecast.drawing.colours import MASKED
from framecast.errors import SettingError
from framecast.export.animation import animation
from framecast.export.evidence import PANELS, Evidence
from framecast.export.figure import figure, strip
from framecast.export.film import mp4
from framecast.export.numbers import comparison_arrays, scores_csv
from framecast.export.pictures import png_zip
from framecast.export.report import report
from framecast.export.side_by_side import side_by_side

USUAL_RATE, SLOWEST, FASTEST = 10.0, 1.0, 60.0
"""Frames per second of a film, where the series' own speed is not known or cannot be watched."""
SMALL_SIDE = 320
"""Longest side of a panel in an animation, in pixels."""


@dataclass(frozen=True)
class Asked:
    """What a person may choose of a file; each kind takes what concerns it."""

    leads: Sequence[int] | None = None
    """Of a figure or a strip; None for a choice over the horizon."""
    frames_per_second: float | None = None
    """Of a film or an animation; None for the series' own speed."""


@dataclass(frozen=True)
class ExportKind:
    title: str
    suffix: str
    mime: str
    words: str
    """What is in it, a sentence for a person."""
    make: Callable[[Evidence, Asked], bytes]
    takes: tuple[str, ...] = ()
    """What of `Asked` concerns it."""


def film_rate(timestep: timedelta | None) -> float:
    """Frames per second: the series' own where a person can watch it."""
    return timedelta(seconds=1) / timestep if timestep and rate_is_own(timestep) else USUAL_RATE


def rate_is_own(timestep: timedelta | None) -> bool:
    return timestep is not None and SLOWEST <= timedelta(seconds=1) / timestep <= FASTEST


def by_suffix(suffix: str) -> ExportKind:
    """The first kind that makes files of this suffix. Raises SettingError where there is none."""
    found = next((kind for kind in KINDS.values() if kind.suffix == suffix.lower()), None)
    if found is None:
        known = ", ".join(dict.fromkeys(kind.suffix for kind in KINDS.values()))
        wrong = f"'{suffix}' is no kind of file that a comparison is written to" if suffix else "The name has no ending"
        raise SettingError(f"{wrong}; the ending says what the file becomes. Name a file ending in {known}.")
    return found


def _rate(evidence: Evidence, asked: Asked) -> float:
    return asked.frames_per_second or film_rate(evidence.timestep)


def _film(evidence: Evidence, asked: Asked) -> bytes:
    return mp4(side_by_side(evidence), _rate(evidence, asked), comment=evidence.scales)


def _animation(evidence: Evidence, asked: Asked, format: str) -> bytes:
    pictures = side_by_side(evidence, longest_side=SMALL_SIDE)
    return animation(pictures, _rate(evidence, asked), format=format, kept=(MASKED,))


def _frames(evidence: Evidence, asked: Asked) -> bytes:
    """Truth, forecast and error in a folder each, 8 bits a channel as they are shown."""
    pictures = (np.asarray(one) for panel in PANELS for one in evidence.pictures(panel))
    leads = range(evidence.n_leads)
    names = [f"{panel}/{evidence.frame_name(index)}" for panel in PANELS for index in leads]
    return png_zip(pictures, names, evidence.scales)


KINDS: dict[str, ExportKind] = {
    "scores": ExportKind(
        "Scores", ".csv", "text/csv", "Every score of this run and of the simple rules at every lead, for a spreadsheet.",
        lambda evidence, asked: scores_csv(evidence),
    ),
    "npz": ExportKind(
        "NumPy", ".npz", "application/octet-stream",
        "Truth, forecast and last observed frame with their exact values, (lead, height, width, channel), and the scores.",
        lambda evidence, asked: comparison_arrays(evidence, ".npz"),
    ),
    "matlab": ExportKind(
        "MATLAB", ".mat", "application/octet-stream",
        "Truth, forecast and last observed frame with their exact values, height × width × channel × lead, and the scores.",
        lambda evidence, asked: comparison_arrays(evidence, ".mat"),
    ),
    "figure": ExportKind(
        "Figure for a paper", ".png", "image/png",
        "Truth, forecast and error at chosen leads with a scale in units, 180 mm wide, 300 dots an inch.",
        lambda evidence, asked: figure(evidence, asked.leads), ("leads",),
    ),
    "figure_svg": ExportKind(
        "Figure", ".svg", "image/svg+xml", "The same figure with letters and lines as vectors, to be edited.",
        lambda evidence, asked: figure(evidence, asked.leads, format="svg"), ("leads",),
    ),
    "figure_pdf": ExportKind(
        "Figure", ".pdf", "application/pdf", "The same figure for LaTeX, letters and lines as vectors.",
        lambda evidence, asked: figure(evidence, asked.leads, format="pdf"), ("leads",),
    ),
    "strip": ExportKind(
        "Strip", ".png", "image/png", "Truth above forecast above error at chosen leads, every pixel, no letters.",
        lambda evidence, asked: strip(evidence, asked.leads), ("leads",),
    ),
    "frames": ExportKind(
        "Frames", ".zip", "application/zip",
        "All frames of truth, forecast and error as PNG, as they are shown, and in README.txt what their colours mean.",
        _frames,
    ),
    "report": ExportKind(
        "Report", ".html", "text/html",
        "One page that works offline: player, curves, scores, diagnosis, settings, and how to repeat the run.",
        lambda evidence, asked: report(evidence),
    ),
    "film": ExportKind(
        "Film", ".mp4", "video/mp4", "Truth, forecast and error side by side, H.264, slightly lossy.",
        _film, ("frames_per_second",),
    ),
    "gif": ExportKind(
        "Animation", ".gif", "image/gif", f"The film, each panel at most {SMALL_SIDE} pixels, for slides and messages.",
        partial(_animation, format="GIF"), ("frames_per_second",),
    ),
    "webp": ExportKind(
        "Animation", ".webp", "image/webp", "The same as WebP: smaller and with all colours.",
        partial(_animation, format="WEBP"), ("frames_per_second",),
    ),
}  # fmt: skip
