"""DICOM: one file of many frames, or many files of one frame each, in the order of their numbers.

Needs pydicom, which comes with requirements-extras.txt. Values are those the file means (`dicom_values.py`), in the one type
that holds those of all files. Nothing of what the file says of a person is read into a message, a name or the store.
"""

import warnings as python_warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import accumulate, count
from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.files import bytes_in_words
from framecast.series.readers import dicom_values
from framecast.series.readers.contract import (
    READERS,
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
UNEVEN = "The frames were taken at uneven times; they are taken as evenly spaced all the same."
VECTOR = 0x00181065
"""The element that lists the time from each frame to the next; a file says whether it counts."""
UNFIT = "The times that the file lists do not fit its frames; they were left aside."


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
            places |= _places(one)
    if len(places) > 1:
        warn(notes, DEPTH)
    with _quiet(first):
        n_frames = _count(header) if len(ordered) == 1 else len(ordered)
        timestep, times = _timing(header, n_frames, notes)
        units = dicom_values.units(header)
    scaled = False
    for file, one in ordered:
        with _quiet(file):
            scaled = scaled or dicom_values.is_scaled(one, _count(one))
    dtype = _dtype(ordered, scaled, notes)

    def frames() -> FrameStream:
        with closing(wish.wanted.of(frame for file, _ in ordered for frame in _frames(file, scaled, notes))) as decoding:
            for frame in decoding:
                if not np.can_cast(frame.dtype, dtype):
                    raise SeriesError(
                        f"A frame turns out to hold {frame.dtype} values and not {dtype} as its header says; it would be cut. "
                        "Export the files again."
                    )
                yield frame.astype(dtype, copy=False)

    n_wanted = wish.wanted.count(n_frames)
    wanted_times = times[wish.wanted.start : wish.wanted.stop : wish.wanted.every]
    return Reading(frames, dtype, n_wanted, timestep, units=printable(units), times=wanted_times, warnings=notes)


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
    said_of_names: list[str] = []
    for file in natural_order(files, said_of_names):
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
        notes.extend(said_of_names)
        return headers
    return [headers[i] for i in sorted(range(len(headers)), key=lambda i: numbers[i] or 0)]


def _number(header: Any) -> int | None:
    try:
        return int(header.InstanceNumber)
    except (AttributeError, TypeError, ValueError):
        return None


def _count(header: Any) -> int:
    return int(header.get("NumberOfFrames", 1) or 1)


def _places(header: Any) -> set[tuple[Any, ...]]:
    """Where in the body the frames of one file lie."""
    if not header.get("PerFrameFunctionalGroupsSequence"):
        return {tuple(header.get("ImagePositionPatient") or ())}
    found = (dicom_values.group(header, "PlanePositionSequence", frame) for frame in range(_count(header)))
    return {tuple(one.get("ImagePositionPatient") or ()) for one in found if one is not None}


def _timing(header: Any, n_frames: int, notes: list[str]) -> tuple[timedelta | None, list[float]]:
    """The time between frames where it is the same throughout, and when each was taken, in seconds, where it is listed."""
    milliseconds = float(header.get("FrameTime") or 0)
    listed = header.get("FrameTimeVector")
    if listed is None or (milliseconds > 0 and header.get("FrameIncrementPointer") != VECTOR):
        return (timedelta(milliseconds=milliseconds) if milliseconds > 0 else None), []
    steps = [float(step) for step in (listed if isinstance(listed, Sequence) else [listed])][1:]  # of the first frame it is 0
    if len(steps) != n_frames - 1 or not all(0 < step < 1e12 for step in steps):
        warn(notes, UNFIT)
        return None, []
    if len(set(steps)) > 1:
        warn(notes, UNEVEN)
    even = timedelta(milliseconds=steps[0]) if len(set(steps)) == 1 else None
    return even, [since / 1000 for since in accumulate(steps, initial=0.0)]


def _dtype(ordered: Sequence[tuple[Upload, Any]], scaled: bool, notes: list[str]) -> np.dtype[Any]:
    """The type that holds the values of all files; of files that are alike in what decides it, one is decoded."""
    samples: dict[str, tuple[Upload, np.dtype[Any], int]] = {}
    for file, header in ordered:
        with _quiet(file):
            kind = dicom_values.kind(header)
        if kind not in samples:
            with closing(_frames(file, scaled, notes)) as decoding:
                sample = next(decoding)
            samples[kind] = file, sample.dtype, sample.shape[2]
    (first, _, n_channels), *others = samples.values()
    for file, _, n_other in others:
        if n_other != n_channels:
            raise SeriesError(
                f"{file.label} has {n_other} channels and {first.label} {n_channels}; all must be grey, or all in colour. "
                "Leave it out, or export all alike."
            )
    dtypes = sorted({str(dtype) for _, dtype, _ in samples.values()})
    dtype = np.result_type(*dtypes)
    if len(dtypes) > 1:
        notes.append(f"The files hold values of several types ({', '.join(dtypes)}); they were kept as they are, as {dtype}.")
    return dtype


def _check(file: Upload, header: Any) -> None:
    with _quiet(file) as pydicom:
        height, width, depth = int(header.Rows), int(header.Columns), int(header.SamplesPerPixel)
        depth = 4 if header.PhotometricInterpretation == dicom_values.FROM_TABLE else depth
        syntax = header.file_meta.TransferSyntaxUID
        n_bytes = (int(header.BitsAllocated) + 7) // 8
        if syntax.is_compressed and not pydicom.pixels.get_decoder(syntax).is_available:
            raise SeriesError(
                f"{file.label} is compressed by {syntax.name}, which is not read here; it must be uncompressed, RLE or JPEG. "
                "Export it so."
            )
    check_size(file.label, height, width, depth, n_bytes)


def _frames(file: Upload, scaled: bool, notes: list[str]) -> FrameStream:
    with file.open() as stream:
        with _quiet(file) as pydicom:
            header = pydicom.dcmread(stream, stop_before_pixels=True)
            stream.seek(0)
            deflated = header.file_meta.TransferSyntaxUID.is_deflated  # has no frames that could be looked up in the file
            decoding = pydicom.pixels.iter_pixels(pydicom.dcmread(stream) if deflated else stream)
        with closing(decoding):
            for index in count():
                with _quiet(file) as pydicom:
                    pixels = next(decoding, None)
                    if pixels is None:
                        return
                    frame = dicom_values.meant(three_axes(pixels), header, index, scaled, pydicom, file, notes)
                yield frame


READERS.add("dicom", Reader("DICOM", ("dcm", "dicom", "ima"), is_dicom, read, many=True))
