"""Truth, forecast and error as one picture a lead, side by side under their names: what films and animations are made of.

Pixels are never rescaled between the panels: small frames are enlarged by whole factors, so that a film shows what the page
showed. The names stand in a bar above the frames, not on them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from framecast.drawing.pictures import Picture
from framecast.export.evidence import PANELS, Evidence

LEAST_SIDE = 256
GAP = 8
BAR_SHARE, LEAST_BAR = 14, 22
LEAST_COLUMN = 100
"""Pixels that a name has at least: those of narrow frames would run into each other."""
_PAGE, _INK = (255, 255, 255), (40, 48, 56)


def side_by_side(evidence: Evidence, panels: Sequence[str] = PANELS, longest_side: int | None = None) -> Iterator[Picture]:
    """(height, width, 3) uint8, one a lead. `longest_side` shrinks each panel, by area averaging, to at most that."""
    return (beside(evidence, index, panels, longest_side) for index in range(evidence.n_leads))


def beside(evidence: Evidence, index: int, panels: Sequence[str] = PANELS, longest_side: int | None = None) -> Picture:
    """The panels of lead `index` + 1."""
    pictures = [_fitted(evidence.picture(panel, index), longest_side) for panel in panels]
    height, width = pictures[0].shape[:2]
    bar, column = max(LEAST_BAR, width // BAR_SHARE), max(LEAST_COLUMN, width)
    canvas = np.empty((bar + height, len(panels) * column + (len(panels) - 1) * GAP, 3), np.uint8)
    canvas[:] = _PAGE
    for number, drawn in enumerate(pictures):
        left = number * (column + GAP)
        canvas[bar:, left : left + width] = drawn
    image = Image.fromarray(canvas)
    pen = ImageDraw.Draw(image)
    for number, panel in enumerate(panels):
        words = evidence.panel_title(panel)
        if number == 0:
            words += f", lead {index + 1}"
        left = number * (column + GAP)
        pen.text((left + 2, bar // 2), words, fill=_INK, font=_font(words, column - 4, bar), anchor="lm")
    return np.asarray(image)


def _fitted(drawn: Picture, longest_side: int | None) -> Picture:
    """Three channels, enlarged by a whole factor where small and shrunk where larger than asked."""
    colours = drawn if drawn.ndim == 3 else drawn[..., None].repeat(3, axis=-1)
    longest = max(colours.shape[:2])
    if longest_side is not None and longest > longest_side:
        height, width = (max(1, round(side * longest_side / longest)) for side in colours.shape[:2])
        return np.asarray(Image.fromarray(colours).resize((width, height), Image.Resampling.BOX))
    factor = -(-LEAST_SIDE // longest)
    if longest_side is not None:
        factor = min(factor, longest_side // longest)
    return colours.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else colours


def _font(words: str, width: int, bar: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest that lets the words fit into the bar."""
    size = max(8, round(bar * 0.62))
    while size > 8 and ImageFont.load_default(size).getlength(words) > width:
        size -= 1
    return ImageFont.load_default(size)
