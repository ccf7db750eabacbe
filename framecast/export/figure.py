"""A figure for a paper: truth, forecast and error at chosen leads, with a scale in the units of the series.

Drawn by matplotlib for print: 180 mm wide, letters of 7 points, 300 dots an inch, white behind it whatever the theme of the
app; as SVG or PDF the letters and lines are vectors and the frames keep every pixel.
"""

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from framecast.drawing.colours import error_lut, grey_lut
from framecast.export.evidence import PANELS, Evidence
from framecast.export.letters import USUAL, families
from framecast.metrics import METRICS

FORMATS = ("png", "svg", "pdf")
WIDTH_MM = 180.0
DOTS_PER_INCH = 300
POINTS = 7
LETTER = 0.62 * POINTS / 72
"""Inches that a letter is wide, a little more than most: rows are as high as the words that stand beside them are long."""
LONGEST_UNITS = 24


def figure(evidence: Evidence, leads: Sequence[int] | None = None, *, format: str = "png", score: str = "ssim") -> bytes:
    """The bytes of the figure: a row for each of truth, forecast and error, a column for each of `leads` (five by default).

    `format` is one of FORMATS; `score` is written under each column where the run has it. Raises SettingError on a lead that
    was not forecast.
    """
    assert format in FORMATS, format
    from matplotlib import rc_context
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.figure import Figure

    leads = evidence.chosen_leads(leads)
    height, width, channels = evidence.truth.shape[1:]
    panel = (WIDTH_MM / 25.4 - 1.1) / max(len(leads), 2)
    units = evidence.units if len(evidence.units) <= LONGEST_UNITS else f"{evidence.units[: LONGEST_UNITS - 1]}…"
    fonts = families(units)
    units = "" if units in ("", "1") else f" ({units})" if fonts else " (units of the series)"
    beside_rows = ("error" + units, *map(evidence.panel_title, PANELS))
    row_inches = max(panel * min(height / width, 3.0), LETTER * max(map(len, beside_rows)))
    inches = (panel * len(leads) + 1.1, len(PANELS) * row_inches + 0.75)
    # Pixels that share a dot are averaged: one of them alone would draw patterns that are not there. Errors are not, since
    # they would cancel and look smaller than they are.
    shared = format == "png" and max(width / panel, height / row_inches) > DOTS_PER_INCH
    letters: dict[Any, Any] = {"font.size": POINTS, "font.family": fonts or [USUAL], "text.parse_math": False}  # a $ is a $
    with rc_context({**letters, "svg.hashsalt": "framecast", "pdf.fonttype": 42}):
        drawn = Figure(figsize=inches, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
        axes = drawn.subplots(len(PANELS), len(leads), squeeze=False)
        for row, name in enumerate(PANELS):
            for column, lead in enumerate(leads):
                ax = axes[row][column]
                image = evidence.picture(name, lead - 1)
                if image.ndim == 2:
                    image = np.repeat(image[..., None], 3, axis=-1)
                ax.imshow(image, interpolation="hanning" if shared and name != "error" else "none")
                ax.set(xticks=[], yticks=[])
                for spine in ax.spines.values():
                    spine.set_linewidth(0.4)
                if row == 0:
                    ax.set_title(f"lead {lead}", fontsize=POINTS)
                if column == 0:
                    ax.set_ylabel(evidence.panel_title(name))
                if row == len(PANELS) - 1 and (value := _score(evidence, score, lead)) is not None:
                    ax.set_xlabel(f"{score.upper()} {value:.3f}")
        errors = (evidence.error(lead - 1) for lead in leads)
        scales = [(axes[-1], "error" + units, error_lut(), -evidence.limit, evidence.limit, errors)]
        if channels < 3:
            seen = slice(None) if evidence.valid is None else evidence.valid
            values = (frames[lead - 1, ..., 0][seen] for frames in (evidence.truth, evidence.forecast) for lead in leads)
            scales.append((axes[:2].ravel(), "value" + units, grey_lut(), evidence.shown.low, evidence.shown.high, values))
        for beside, words, lut, low, high, shown in scales:
            colours = ScalarMappable(Normalize(low, high), ListedColormap(lut / 255.0))
            aspect, arrows = 14 * len(beside) / len(leads), _arrows(shown, low, high)
            bar = drawn.colorbar(colours, ax=list(beside), fraction=0.05, aspect=aspect, pad=0.01, extend=arrows)
            bar.set_label(words)
            bar.outline.set_linewidth(0.4)
            bar.ax.tick_params(width=0.4, length=2)
        drawn.supxlabel(evidence.key, fontsize=POINTS)
        content = io.BytesIO()
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}}.get(format)
        drawn.savefig(content, format=format, dpi=DOTS_PER_INCH, metadata=undated)
    return content.getvalue()


def strip(evidence: Evidence, leads: Sequence[int] | None = None) -> bytes:
    """A PNG without letters or scales: truth above forecast above error at `leads` (up to ten by default), every pixel as it
    is, for whoever lays out a figure by hand. What its colours mean stands in the file, under "Description"."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    gap = 4
    chosen = evidence.chosen_leads(leads, most=10)
    height, width = evidence.truth.shape[1:3]
    canvas = np.full((3 * height + 2 * gap, len(chosen) * (width + gap) - gap, 3), 255, np.uint8)
    for row, name in enumerate(PANELS):
        for column, lead in enumerate(chosen):
            image = evidence.picture(name, lead - 1)
            top, left = row * (height + gap), column * (width + gap)
            canvas[top : top + height, left : left + width] = image if image.ndim == 3 else image[..., None]
    content = io.BytesIO()
    said = PngInfo()
    said.add_itxt("Description", evidence.scales)
    Image.fromarray(canvas).save(content, "PNG", compress_level=3, pnginfo=said)
    return content.getvalue()


def _arrows(values: Iterable[np.ndarray[Any, Any]], low: float, high: float) -> str:
    """The ends at which a scale gets an arrow, since values go beyond them."""
    below, above = False, False
    for one in values:
        below, above = below or bool((one < low).any()), above or bool((one > high).any())
    return {(True, False): "min", (False, True): "max", (True, True): "both"}.get((below, above), "neither")


def _score(evidence: Evidence, metric: str, lead: int) -> float | None:
    assert metric in METRICS, metric
    own = [c for c in evidence.scores if (c.forecaster, c.metric) == (evidence.record.forecaster, metric)]
    return float(own[0].values[lead - 1]) if own else None
