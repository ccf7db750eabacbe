"""What the numbers in a DICOM file mean: colours by a table, values by a slope and an intercept.

A slope can stand at the file's own level, or, in files of the enhanced kinds, once for all frames or frame by frame (PS3.3,
C.7.6.16.2.9). Whether high values are shown dark is asked only where no file has a slope: values with a unit are never turned
round.
"""

from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import Frame, Upload, warn
from framecast.series.readers.pixels import TRANSPARENT, over_white, three_axes

FROM_TABLE = "PALETTE COLOR"
PADDED = "Pixels that the file calls padding, which fill the frame around the picture, count as missing."
TURNED = "The file shows high values dark; they were turned round, so that high is bright."


def group(header: Any, keyword: str, frame: int) -> Any:
    """The first item of the functional group `keyword` that holds for `frame`, counted from 0: its own, else the one that all
    frames share; None where there is neither."""
    own = header.get("PerFrameFunctionalGroupsSequence")
    for one in (own[frame] if own else None, (header.get("SharedFunctionalGroupsSequence") or [None])[0]):
        if one is not None and one.get(keyword):
            return one.get(keyword)[0]
    return None


def line(header: Any, frame: int) -> tuple[float, float]:
    """Slope and intercept of `frame`; 1 and 0 where values are what they are."""
    part = group(header, "PixelValueTransformationSequence", frame)
    said = header if part is None else part
    return float(said.get("RescaleSlope") or 1), float(said.get("RescaleIntercept") or 0)


def units(header: Any) -> str:
    """Of the values, as far as the file says; "US" is its word for saying nothing."""
    part = group(header, "PixelValueTransformationSequence", 0)
    said = (part.get("RescaleType") if part is not None else None) or header.get("RescaleType") or ""
    return str(said)[:16].replace("US", "")


def is_scaled(header: Any, n_frames: int) -> bool:
    """Whether any of the frames has a slope, or a table in its place."""
    if header.PhotometricInterpretation == FROM_TABLE:
        return False
    n_own = n_frames if header.get("PerFrameFunctionalGroupsSequence") else 1
    return bool(header.get("ModalityLUTSequence")) or any(line(header, frame) != (1, 0) for frame in range(n_own))


def kind(header: Any) -> str:
    """Files of one kind decode to one type and as many channels."""
    names = ["BitsAllocated", "PixelRepresentation", "SamplesPerPixel", "PhotometricInterpretation"]
    names.append("RedPaletteColorLookupTableDescriptor")
    told = [str(header.get(name)) for name in names]  # as text, since a broken file may hold anything there
    there = [str(name in header) for name in ("AlphaPaletteColorLookupTableData", "PixelPaddingValue")]
    return " ".join([*told, str(header.file_meta.TransferSyntaxUID), *there])


def meant(pixels: Frame, header: Any, frame: int, scaled: bool, pydicom: Any, file: Upload, notes: list[str]) -> Frame:
    """`pixels` (height, width, channel) of `frame` as the file means them. `scaled`: whether any frame of the series has a
    slope, so that all become float32."""
    if header.PhotometricInterpretation == FROM_TABLE:
        return _coloured(pixels, header, pydicom, file, notes)
    if scaled:
        if header.get("ModalityLUTSequence"):
            values = np.asarray(pydicom.pixels.apply_modality_lut(pixels, header), np.float32)
        else:
            slope, intercept = line(header, frame)
            values = np.asarray(pixels.astype(np.float64) * slope + intercept, np.float32)
        return _without_padding(values, pixels, header, notes)
    if pixels.dtype.kind == "i" and "PixelPaddingValue" in header:  # whole numbers with a sign become real ones anyway
        return _without_padding(pixels.astype(np.float32), pixels, header, notes)
    if header.PhotometricInterpretation == "MONOCHROME1" and pixels.dtype.kind == "u":
        warn(notes, TURNED)
        top = pixels.dtype.type(2 ** int(header.BitsStored) - 1)
        return np.asarray(top - pixels)
    return pixels


def _without_padding(values: Frame, pixels: Frame, header: Any, notes: list[str]) -> Frame:
    """`values`, NaN where `pixels` are what fills the frame around the picture (PS3.3, C.7.5.1.1.2): one value, or all from
    that to another. Not asked of whole numbers without sign and slope: it is mostly their 0, and they stay whole numbers."""
    ends = [header.get(name) for name in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    if ends[0] is None:
        return values
    first, last = int(ends[0]), int(ends[0] if ends[1] is None else ends[1])
    padding = (pixels >= min(first, last)) & (pixels <= max(first, last))
    if padding.any():
        warn(notes, PADDED)
    return np.where(padding, np.float32(np.nan), values)


def _coloured(pixels: Frame, header: Any, pydicom: Any, file: Upload, notes: list[str]) -> Frame:
    n_entries, first, _ = header.RedPaletteColorLookupTableDescriptor
    n_entries = n_entries or 2**16
    indices = np.clip(pixels[:, :, 0].astype(np.int32), first, first + n_entries - 1)
    colours = three_axes(pydicom.pixels.apply_color_lut(indices, header))
    if n_entries > 256 and colours.dtype.itemsize == 1:  # pydicom counts entries in the type of the colours
        raise SeriesError(
            f"{file.label} takes its colours from a table of {n_entries} entries of 8 bits, which is not read here; at most "
            "256 are. Export it in RGB."
        )
    if colours.shape[2] == 4:
        colours, changed = over_white(colours)
        if changed:
            warn(notes, TRANSPARENT)
    return colours
