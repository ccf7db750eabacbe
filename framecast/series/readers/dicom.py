"""DICOM: one file of many frames, or many files of one frame each, in the order of their numbers.

Needs pydicom, which comes with requirements-extras.txt. Values are those the file means: rescaled where it says so. Nothing of
what the file says of a person is read into a message, a name or the store.
"""

import warnings as python_warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.files import bytes_in_words
from framecast.series.readers.contract import (
    READERS,
    Frame,
    FrameStream,
    Reader,
    Reading,
    Upload,
    Wish,
    check_size,
    printable,
    readable,
    warn,
)
from framecast.series.readers.dicom_deflated import MOST_BYTES, is_too_long
from framecast.series.readers.extras import needed
from framecast.series.readers.pictures import natural_order
from framecast.series.readers.pixels import three_axes

WHAT = "a DICOM file"
DEPTH = "The pictures lie at different places in the body; they are taken as a series in time all the same."


def is_dicom(head: bytes) -> bool:
    return head[128:132] == b"DICM"


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    notes: list[str] = []
    ordered = _ordered(files, notes)
    first, header = ordered[0]
    places = set()
    for file, one in ordered:
        with _quiet(file):  # values are made of their bytes when they are asked for
            _check(file, one)
            if (one.Rows, one.Columns) != (header.Rows, header.Columns):
                raise SeriesError(
                    f"{file.label} is {one.Rows} x {one.Columns} pixels and {first.label} {header.Rows} x {header.Columns}; "
                    "all must have one size. Leave it out, or crop it."
                )
            if len(ordered) > 1 and _count(one) != 1:
                raise SeriesError(
                    f"{file.label} holds {_count(one)} frames; of several files each must hold one. Give it alone."
                )
            places.add(tuple(one.get("ImagePositionPatient") or ()))
    if len(places) > 1:
        warn(notes, DEPTH)
    with _quiet(first):
        n_frames = _count(header) if len(ordered) == 1 else len(ordered)
        milliseconds = float(header.get("FrameTime") or 0)
        timestep = timedelta(milliseconds=milliseconds) if milliseconds > 0 else None
        units = str(header.get("RescaleType", "") or "")[:16].replace("US", "")
    with closing(_frames(first, notes)) as decoding:
        sample = next(decoding)

    def frames() -> FrameStream:
        yield from wish.wanted.of(frame for file, _ in ordered for frame in _frames(file, notes))

    n_wanted = wish.wanted.count(n_frames)
    return Reading(frames, sample.dtype, n_wanted, timestep, units=printable(units), warnings=notes)


@contextmanager
def _quiet(file: Upload) -> Iterator[Any]:
    """pydicom, its complaints turned into one sentence or none."""
    (pydicom,) = needed(file, WHAT, "pydicom")
    from pydicom.errors import BytesLengthException, InvalidDicomError

    with python_warnings.catch_warnings(), readable(file, WHAT, InvalidDicomError, BytesLengthException):
        python_warnings.simplefilter("ignore")
        yield pydicom


def _ordered(files: Sequence[Upload], notes: list[str]) -> list[tuple[Upload, Any]]:
    """Files with their headers, by the number each gives itself; by name where not all have one of their own."""
    headers = []
    for file in natural_order(files):
        with _quiet(file) as pydicom, file.open() as stream:
            if is_too_long(stream):
                raise SeriesError(
                    f"{file.label} is deflated and takes more than {bytes_in_words(MOST_BYTES)} inside, which would have to "
                    "be unpacked at once. Export it uncompressed."
                )
            stream.seek(0)
            headers.append((file, pydicom.dcmread(stream, stop_before_pixels=True)))
    numbers = []
    for file, header in headers:
        with _quiet(file):
            numbers.append(_number(header))
    if len({number for number in numbers if number is not None}) < len(headers):
        return headers
    return [headers[i] for i in sorted(range(len(headers)), key=lambda i: numbers[i] or 0)]


def _number(header: Any) -> int | None:
    try:
        return int(header.InstanceNumber)
    except (AttributeError, TypeError, ValueError):
        return None


def _count(header: Any) -> int:
    return int(header.get("NumberOfFrames", 1) or 1)


def _check(file: Upload, header: Any) -> None:
    with _quiet(file) as pydicom:
        height, width, depth = int(header.Rows), int(header.Columns), int(header.SamplesPerPixel)
        syntax = header.file_meta.TransferSyntaxUID
        n_bytes = (int(header.BitsAllocated) + 7) // 8
        if syntax.is_compressed and not pydicom.pixels.get_decoder(syntax).is_available:
            raise SeriesError(
                f"{file.label} is compressed by {syntax.name}, which is not read here; it must be uncompressed, RLE or JPEG. "
                "Export it so."
            )
    check_size(file.label, height, width, depth, n_bytes)


def _frames(file: Upload, notes: list[str]) -> FrameStream:
    with file.open() as stream:
        with _quiet(file) as pydicom:
            header = pydicom.dcmread(stream, stop_before_pixels=True)
            stream.seek(0)
            deflated = header.file_meta.TransferSyntaxUID.is_deflated  # has no frames that could be looked up in the file
            decoding = pydicom.pixels.iter_pixels(pydicom.dcmread(stream) if deflated else stream)
        with closing(decoding):
            while True:
                with _quiet(file) as pydicom:
                    pixels = next(decoding, None)
                    if pixels is None:
                        return
                    frame = _meant(three_axes(pixels), header, pydicom, notes)
                yield frame


def _meant(pixels: Frame, header: Any, pydicom: Any, notes: list[str]) -> Frame:
    """Values as the file means them."""
    slope, intercept = float(header.get("RescaleSlope") or 1), float(header.get("RescaleIntercept") or 0)
    if "ModalityLUTSequence" in header or (slope, intercept) != (1, 0):
        return np.asarray(pydicom.pixels.apply_modality_lut(pixels, header), np.float32)
    if header.PhotometricInterpretation == "MONOCHROME1" and pixels.dtype.kind == "u":
        warn(notes, "The file shows high values dark; they were turned round, so that high is bright.")
        top = pixels.dtype.type(2 ** int(header.BitsStored) - 1)
        return np.asarray(top - pixels)
    return pixels


READERS.add("dicom", Reader("DICOM", ("dcm", "dicom", "ima"), is_dicom, read, many=True))
