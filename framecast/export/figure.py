"""A figure for a paper: truth, forecast and error at chosen leads, with a scale in the units of the series.

Drawn by matplotlib for print: 180 mm wide, letters of 7 points, 300 dots an inch, white behind it whatever the theme of the
app; as SVG or PDF the letters and lines are vectors and the frames keep every pixel.
"""

import io
from collections.abc import Sequence

import numpy as np

from framecast.drawing.colours import error_lut, grey_lut
from framecast.export.evidence import PANELS, Evidence
from framecast.metrics import METRICS

FORMATS = ("png", "svg", "pdf")
WIDTH_MM = 180.0
DOTS_PER_INCH = 300
POINTS = 7


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
    height, width = evidence.truth.shape[1:3]
    grey = evidence.truth.shape[-1] < 3
    panel = (WIDTH_MM / 25.4 - 1.1) / max(len(leads), 2)
    inches = (panel * len(leads) + 1.1, len(PANELS) * panel * min(height / width, 3.0) + 0.55)
    with rc_context({"font.size": POINTS, "font.family": "DejaVu Sans", "svg.hashsalt": "framecast", "pdf.fonttype": 42}):
        drawn = Figure(figsize=inches, dpi=DOTS_PER_INCH, layout="constrained", facecolor="white")
        axes = drawn.subplots(len(PANELS), len(leads), squeeze=False)
        for row, name in enumerate(PANELS):
            for column, lead in enumerate(leads):
                ax = axes[row][column]
                image = evidence.picture(name, lead - 1)
                if image.ndim == 2:
                    image = np.repeat(image[..., None], 3, axis=-1)
                ax.imshow(image, interpolation="none")
                ax.set(xticks=[], yticks=[])
                for spine in ax.spines.values():
                    spine.set_linewidth(0.4)
                if row == 0:
                    ax.set_title(f"lead {lead}", fontsize=POINTS)
                if column == 0:
                    ax.set_ylabel(evidence.panel_title(name))
                if row == len(PANELS) - 1 and (value := _score(evidence, score, lead)) is not None:
                    ax.set_xlabel(f"{score.upper()} {value:.3f}")
        units = "" if evidence.units in ("", "1") else f" ({evidence.units})"
        scales = [(axes[-1], "error: forecast − truth" + units, error_lut(), -evidence.limit, evidence.limit)]
        if grey:
            scales.append((axes[:2].ravel(), "value" + units, grey_lut(), evidence.shown.low, evidence.shown.high))
        for beside, words, lut, low, high in scales:
            colours = ScalarMappable(Normalize(low, high), ListedColormap(lut / 255.0))
            aspect = 14 * len(beside) / len(leads)
            bar = drawn.colorbar(colours, ax=list(beside), fraction=0.05, aspect=aspect, pad=0.01)
            bar.set_label(words)
            bar.outline.set_linewidth(0.4)
            bar.ax.tick_params(width=0.4, length=2)
        content = io.BytesIO()
        undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}}.get(format)
        drawn.savefig(content, format=format, dpi=DOTS_PER_INCH, metadata=undated)
    return content.getvalue()


def strip(evidence: Evidence, leads: Sequence[int] | None = None) -> bytes:
    """A PNG without letters or scales: truth above forecast above error at `leads` (up to ten by default), every pixel as it
    is, for whoever lays out a figure by hand."""
    from PIL import Image

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
    Image.fromarray(canvas).save(content, "PNG", compress_level=3)
    return content.getvalue()


def _score(evidence: Evidence, metric: str, lead: int) -> float | None:
    assert metric in METRICS, metric
    own = [c for c in evidence.scores if (c.forecaster, c.metric) == (evidence.record.forecaster, metric)]
    return float(own[0].values[lead - 1]) if own else None
