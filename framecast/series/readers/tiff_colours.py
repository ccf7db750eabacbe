"""What the samples of a TIFF page are to the eye: palette, white-is-zero, inks, transparency, and which way is up.

Only a sample that the file calls alpha is one. A sample of which it does not say what it is (ExtraSamples 0, as programs write
stacks of two or four channels, or red, green, blue and near infrared) is a channel like the others. Where a GeoTIFF names the
value that stands for nothing, it is missing.
"""

import math
from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import Frame, warn
from framecast.series.readers.pixels import (
    INKS,
    TRANSPARENT,
    inks_over_paper,
    oriented,
    over_white,
    premultiplied_over_white,
)

ASSOCIATED, UNASSOCIATED = 1, 2
"""The two kinds of alpha: with colours that were multiplied by it already, and with colours as they are."""
GDAL_NODATA = 42113
DIGITS = 2e-6
"""So much of the value that stands for nothing may be lost in writing it down: -3.40282e+38."""
UNSAID = "The file does not say what the fourth channel beside red, green and blue is; it is kept as a channel of the series."


def meant(pixels: Frame, keyframe: Any, notes: list[str]) -> Frame:
    """What is to be seen of a page (height, width, channel): palette looked up, white-is-zero turned round, inks laid over
    paper, alpha over white, all upright."""
    photometric = keyframe.photometric.name
    if photometric == "PALETTE":
        colours: Frame = np.moveaxis(keyframe.colormap[:, pixels.reshape(pixels.shape[:2])], 0, -1)
        pixels = (colours >> 8).astype(np.uint8)
    elif photometric == "MINISWHITE" and pixels.dtype.kind in "bu":
        pixels = ~pixels
    elif photometric == "SEPARATED" and pixels.shape[2] == 4 and pixels.dtype in (np.uint8, np.uint16):
        warn(notes, INKS)
        pixels = inks_over_paper(pixels)
    elif photometric not in ("MINISBLACK", "RGB", "YCBCR", "MINISWHITE"):
        raise SeriesError(f"A TIFF file holds {photometric} colours; grey, RGB, a palette or CMYK is read. Save it as RGB.")
    elif pixels.shape[2] == keyframe.samplesperpixel:
        pixels = _without_alpha(pixels, keyframe, notes)
    if (nothing := _nothing_measured(keyframe)) is not None:
        pixels = _missing_where(pixels, nothing, notes)
    return oriented(pixels, orientation(keyframe))


def channels_meant(keyframe: Any) -> int:
    """How many channels `meant` gives of a page, from its header alone."""
    if keyframe.photometric.name in ("PALETTE", "SEPARATED"):
        return 3
    return int(keyframe.samplesperpixel) - (_alpha(keyframe) is not None)


def dtype_meant(keyframe: Any) -> np.dtype[Any]:
    """The type of the values that `meant` gives of a page."""
    if keyframe.photometric.name == "PALETTE" or keyframe.dtype is None or keyframe.dtype.kind == "b":
        return np.dtype(np.uint8)
    dtype: np.dtype[Any] = keyframe.dtype.newbyteorder("=")
    return dtype if _nothing_measured(keyframe) is None else np.result_type(dtype, np.float32)


def orientation(page: Any) -> int:
    tag = page.keyframe.tags.get(274)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _nothing_measured(keyframe: Any) -> float | None:
    """The value that stands for nothing, as GDAL writes it into GeoTIFFs; None where the page names none. Of whole numbers
    without a sign it is kept, as it is mostly their 0 or 255, and they stay whole numbers; others become real ones anyway."""
    tag = keyframe.tags.get(GDAL_NODATA)
    if tag is None or keyframe.dtype is None or keyframe.dtype.kind not in "if":
        return None
    try:
        nothing = float(str(tag.value).strip("\0 "))
    except ValueError:
        return None
    return nothing if math.isfinite(nothing) else None


def _missing_where(pixels: Frame, nothing: float, notes: list[str]) -> Frame:
    """NaN in place of that value, which is written with fewer digits than it has."""
    pixels = pixels.astype(np.result_type(pixels.dtype, np.float32), copy=False)
    with np.errstate(over="ignore"):
        missing = np.abs(pixels - pixels.dtype.type(nothing)) <= DIGITS * abs(nothing)
    if not missing.any():
        return pixels
    warn(notes, f"Values of {nothing:g}, by which the file says that nothing was measured, count as missing.")
    return np.where(missing, pixels.dtype.type(np.nan), pixels)


def _without_alpha(pixels: Frame, keyframe: Any, notes: list[str]) -> Frame:
    place = _alpha(keyframe)
    if place is None:
        if keyframe.photometric.name == "RGB" and pixels.shape[2] == 4 and not any(_extra(keyframe).values()):
            warn(notes, UNSAID)
        return pixels
    lay = premultiplied_over_white if _extra(keyframe)[place] == ASSOCIATED else over_white
    pixels, changed = lay(np.concatenate([np.delete(pixels, place, axis=2), pixels[:, :, place : place + 1]], axis=2))
    if changed:
        warn(notes, TRANSPARENT)
    return pixels


def _alpha(keyframe: Any) -> int | None:
    """Which sample of a page of grey or colour is its alpha; None where none is, or in types that have no full opacity."""
    if keyframe.photometric.name == "MINISWHITE" or keyframe.dtype is None or keyframe.dtype.newbyteorder("=") not in (
        np.uint8,
        np.uint16,
    ):
        return None
    return next((place for place, kind in _extra(keyframe).items() if kind in (ASSOCIATED, UNASSOCIATED)), None)


def _extra(keyframe: Any) -> dict[int, int]:
    """Place of each sample beside those of grey or colour, and what kind of sample the file says it is."""
    first = int(keyframe.samplesperpixel) - len(keyframe.extrasamples)
    return {first + index: int(kind) for index, kind in enumerate(keyframe.extrasamples) if first + index > 0}
