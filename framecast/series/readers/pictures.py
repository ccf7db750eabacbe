"""Still pictures, one frame each: PNG, JPEG, BMP, WebP, GIF, TIFF, in natural order of their names.

Decimal numbers in names are told from versions and dates in `series/name_order.py`. All headers are looked at before the first
picture is decoded. Values are kept: 16 bits stay 16 bits (Pillow would cut 16-bit colour to 8 in silence), a palette becomes
its colours, transparency is laid over white, the EXIF orientation is applied.
"""

import io
import re
import warnings as python_warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from natsort import natsort_keygen, ns
from PIL import Image, ImageOps

from framecast.errors import SeriesError
from framecast.files import bytes_in_words
from framecast.series.look_ahead import in_order
from framecast.series.name_order import by_number, numbered, pattern, stem
from framecast.series.readers import ome_set, tiff
from framecast.series.readers.choice import Contents
from framecast.series.readers.contract import (
    MAX_PIXELS,
    READERS,
    Frame,
    FrameStream,
    Reader,
    Reading,
    Upload,
    Wish,
    check_size,
    is_text,
    readable,
    warn,
)
from framecast.series.readers.deep_animation import PNG, is_deep_png
from framecast.series.readers.fitting import agreed_size, fitted
from framecast.series.readers.jpeg_scans import JPEG, check_scans
from framecast.series.readers.moments import taken_at
from framecast.series.readers.ome import Described, is_description
from framecast.series.readers.pixels import INKS, TRANSPARENT, oriented, over_white, three_axes

SUFFIXES = ("png", "jpg", "jpeg", "bmp", "webp", "gif", "tif", "tiff")
BESIDE_PIXELS = 2**26
"""What a picture's file may hold beside its pixels: previews, colour profiles, notes."""
DTYPE_OF_MODE = {"I": np.dtype(np.int32), "F": np.dtype(np.float32)}
GREY_MODES = ("1", "L", "LA", "La", "I", "F")


@dataclass(frozen=True)
class Header:
    """What a picture says of itself before it is decoded."""

    height: int
    width: int
    n_channels: int
    dtype: np.dtype[Any]
    taken: float | None = None
    """When it was taken, in seconds from any moment, by its EXIF."""


def is_picture(head: bytes) -> bool:
    return head.startswith((PNG, JPEG, b"BM", b"GIF87a", b"GIF89a")) or _is_webp(head) or tiff.is_tiff(head)


def ignorable(file: Upload) -> bool:
    """What systems leave beside pictures: hidden files, thumbnails, a Mac's resource forks."""
    parts = file.path.parts
    return not parts or parts[-1].lower() in ("thumbs.db", "desktop.ini") or any(
        part == "__MACOSX" or (part.startswith(".") and part not in (".", "..")) for part in parts
    )  # fmt: skip


def natural_order(files: Sequence[Upload], notes: list[str]) -> list[Upload]:
    """frame2 before frame10 and t0.05 before t0.1; folder by folder; capital letters count like small ones."""
    key = natsort_keygen(alg=ns.PATH | ns.IGNORECASE)
    ordered = sorted(files, key=lambda file: (key(str(file.path)), file.name))
    alike: dict[tuple[str, str], list[int]] = defaultdict(list)  # what lies beside the frames keeps its place
    for place, file in enumerate(ordered):
        if not ignorable(file):
            alike[str(file.path.parent).casefold(), pattern(file.path.name)].append(place)
    of_frames = ordered.copy()
    for places in alike.values():
        for place, index in zip(places, by_number([ordered[place].path.name for place in places], notes), strict=True):
            of_frames[place] = ordered[places[index]]
    return of_frames


def read(files: Sequence[Upload], wish: Wish) -> Reading:
    """One series of all pictures among `files`. Raises SeriesError where they do not make one, ChoiceNeededError where they
    are of several sizes and the wish does not say what to do."""
    notes: list[str] = []
    files = natural_order(files, notes)
    if (said := _set(files)) is not None:
        return ome_set.read(files, said, wish)  # which says itself in what order they are
    pictures, headers = _pictures(files, notes)
    sizes = [(header.height, header.width) for header in headers]
    size = agreed_size([file.label for file in pictures], sizes, "pictures", wish.sizes, notes)
    _check_types(pictures, headers)
    _check_channels(pictures, headers)
    n_channels = max(header.n_channels for header in headers)
    if n_narrow := sum(header.n_channels < n_channels for header in headers):
        notes.append(f"{n_narrow} of {len(headers)} pictures are grey and the others in colour; all were made colour.")
    _check_numbers(pictures, notes)
    wanted = slice(wish.wanted.start, wish.wanted.stop, wish.wanted.every)
    chosen = list(zip(pictures, headers, strict=True))[wanted]
    dtype = headers[0].dtype
    check_size(pictures[0].label, *size, n_channels, dtype.itemsize)
    decode = partial(_decoded, shape=(*size, n_channels), way=wish.sizes, notes=notes)

    def frames() -> FrameStream:
        yield from in_order(decode, chosen, frame_bytes=size[0] * size[1] * n_channels * dtype.itemsize)

    names, times = [file.path.name for file, _ in chosen], [header.taken for _, header in chosen if header.taken is not None]
    return Reading(frames, dtype, len(chosen), names=names, times=times, warnings=notes)


def look(files: Sequence[Upload]) -> Contents:
    """What a set of TIFF files holds that make one recording; of single pictures there is nothing to choose."""
    files = natural_order(files, [])
    said = _set(files)
    return Contents(files[0].label, ()) if said is None else ome_set.look(files, said)


def _set(ordered: Sequence[Upload]) -> Described | None:
    return ome_set.found([file for file in ordered if not ignorable(file)])


def _pictures(ordered: Sequence[Upload], notes: list[str]) -> tuple[list[Upload], list[Header]]:
    """The pictures among `ordered`, and what each says of itself; each is opened once for that."""
    pictures, headers, others = [], [], []
    for file in ordered:
        if ignorable(file):
            continue
        with readable(file, "a picture"):
            head = file.head()
        if is_picture(head):
            pictures.append(file)
            headers.append(_header(file, head))
        elif file.path.suffix.lower().lstrip(".") in SUFFIXES:
            raise SeriesError(_not_a_picture(file, head))
        else:
            others.append(file)
    if not pictures:
        found = f"{len(others)} files, the first {others[0].label}" if others else "no file"
        raise SeriesError(
            f"There is no picture among what was given ({found}); at least 2 are needed, one a frame. "
            f"Give files of type {', '.join(SUFFIXES)}."
        )
    if others:
        first = others[0].label
        one = f"One file is no picture and was left out: {first}."
        notes.append(one if len(others) == 1 else f"{len(others)} files are no pictures and were left out, the first {first}.")
    return pictures, headers


def _not_a_picture(file: Upload, head: bytes) -> str:
    content = "is empty" if not head else "holds text" if is_text(head) else "holds something else"
    return (
        f"{file.label} is named like a picture and {content}; every file named so must be a picture. "
        "Remove it or replace it by the real one."
    )


def _header(file: Upload, head: bytes) -> Header:
    """Size and type from the first bytes; formats that need more than those are read whole."""
    if tiff.is_tiff(head):
        header = Header(*tiff.still_header(file))
    else:
        with readable(file, "a picture"), python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                header = _pillow_header(head)
            except Image.DecompressionBombError:
                header = Header(MAX_PIXELS + 1, 1, 1, np.dtype(np.uint8))
            except OSError:
                header = _pillow_header(file.read())
        if header.height > MAX_PIXELS:
            raise SeriesError(f"{file.label} is far too large; at most {MAX_PIXELS:,} pixels a frame are read. Reduce it.")
    check_size(file.label, header.height, header.width, header.n_channels, header.dtype.itemsize)
    raw_bytes = header.height * header.width * header.n_channels * header.dtype.itemsize
    if file.n_bytes is not None and file.n_bytes > 4 * raw_bytes + BESIDE_PIXELS:
        raise SeriesError(
            f"{file.label} takes {bytes_in_words(file.n_bytes)} for a picture of {header.width} x {header.height} pixels; "
            f"what lies beside its pixels may be {bytes_in_words(BESIDE_PIXELS)} at most. Save the picture again."
        )
    return header


def _pillow_header(content: bytes) -> Header:
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        # Asking Pillow for the EXIF of a PNG decodes it.
        exif = _png_exif(content) if image.format == "PNG" else image.getexif()
        orientation, taken = _orientation(exif), taken_at(exif.get_ifd(0x8769).get(0x9003), exif.get_ifd(0x8769).get(0x9291))
        if orientation >= 5:
            width, height = height, width
        grey = image.mode in GREY_MODES or image.mode.startswith("I;16")
        dtype = np.dtype(np.uint16) if image.mode.startswith("I;16") else DTYPE_OF_MODE.get(image.mode, np.dtype(np.uint8))
    if is_deep_png(content):
        grey, dtype = content[25] in (0, 4), np.dtype(np.uint16)
    return Header(height, width, 1 if grey else 3, dtype, taken)


def _check_types(pictures: Sequence[Upload], headers: Sequence[Header]) -> None:
    dtypes = Counter(header.dtype for header in headers)
    if len(dtypes) > 1:
        usual, n_usual = dtypes.most_common(1)[0]
        index = next(i for i, header in enumerate(headers) if header.dtype != usual)
        raise SeriesError(
            f"{pictures[index].label} holds {headers[index].dtype} values while {n_usual} of {len(headers)} pictures hold "
            f"{usual}; all must hold the same type. Save it as {usual}, or leave it out."
        )


def _check_channels(pictures: Sequence[Upload], headers: Sequence[Header]) -> None:
    """Grey beside colour is made colour; what two or four channels are is not known, so that they are with their like only."""
    counts = Counter(header.n_channels for header in headers)
    if len(counts) > 1 and set(counts) != {1, 3}:
        usual, n_usual = counts.most_common(1)[0]
        index = next(i for i, header in enumerate(headers) if header.n_channels != usual)
        raise SeriesError(
            f"{pictures[index].label} has {headers[index].n_channels} channels and {n_usual} of {len(headers)} pictures have "
            f"{usual}; all must have the same number, or be grey or colour. Save it with {usual}, or leave it out."
        )


def _check_numbers(pictures: Sequence[Upload], notes: list[str]) -> None:
    """Say where a run of numbered names has a few holes: a series is taken as evenly spaced."""
    named = numbered([stem(file.path.name) for file in pictures])
    if named is not None and named.decimal() is not None:
        return
    matches = [re.search(r"(\d+)\D*$", file.path.stem) for file in pictures]
    numbers = {int(match.group(1)) for match in matches if match}
    if len(numbers) != len(pictures):
        return
    missing = sorted(set(range(min(numbers), min(max(numbers), min(numbers) + 2 * len(numbers)))) - numbers)
    if missing and len(missing) <= len(numbers) // 10 and max(numbers) - min(numbers) < 2 * len(numbers):
        notes.append(
            f"The names count from {min(numbers)} to {max(numbers)} and {len(missing)} numbers are missing, first "
            f"{missing[0]}; the frames are taken as evenly spaced all the same."
        )


def _decoded(picture: tuple[Upload, Header], *, shape: tuple[int, int, int], way: str, notes: list[str]) -> Frame:
    """The frame (height, width, channel) of `shape`."""
    file, header = picture
    with readable(file, "a picture", Image.DecompressionBombError):
        content = file.read()
        _check_still(file, content)
        check_scans(content, f"{file.label} is")
        if tiff.is_tiff(content[:4]):
            frame = tiff.still(file, notes)
        elif is_deep_png(content):
            frame = _deep_png(content, notes)
        else:
            frame = _pillow(content, notes)
    if frame.shape[:2] != (header.height, header.width):
        raise SeriesError(
            f"{file.label} turns out to be {frame.shape[0]} x {frame.shape[1]} pixels and not {header.height} x "
            f"{header.width} as it says. Save it again without an orientation mark."
        )
    if frame.dtype != header.dtype:
        raise SeriesError(
            f"{file.label} turns out to hold {frame.dtype} values and not {header.dtype} as it says. Save it again."
        )
    frame = fitted(frame, shape[:2], way)
    return frame if frame.shape[2] == shape[2] else np.repeat(frame[:, :, :1], shape[2], axis=2)


def _check_still(file: Upload, content: bytes) -> None:
    if not content.startswith((b"GIF8", PNG)) and not _is_webp(content):
        return
    with Image.open(io.BytesIO(content)) as image:
        if getattr(image, "is_animated", False):
            raise SeriesError(
                f"{file.label} is an animation; where several files are given, each must hold one frame. "
                "Upload the animation alone, or save its frames as single pictures."
            )


def _pillow(content: bytes, notes: list[str]) -> Frame:
    with Image.open(io.BytesIO(content)) as image:
        ImageOps.exif_transpose(image, in_place=True)
        if image.mode in ("1", "L", "I", "F", "RGB") and "transparency" not in image.info:
            return three_axes(np.asarray(image.convert("L") if image.mode == "1" else image))
        if image.mode.startswith("I;16"):
            return three_axes(np.asarray(image).astype(np.uint16))
        if image.mode in ("LA", "La") or (image.mode == "L" and "transparency" in image.info):
            return _laid_over_white(np.asarray(image.convert("LA")), notes)
        if image.mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
            return _laid_over_white(np.asarray(image.convert("RGBA")), notes)
        if image.mode == "CMYK":
            warn(notes, INKS)
        return np.asarray(image.convert("RGB"))


def _laid_over_white(pixels: Frame, notes: list[str]) -> Frame:
    frame, changed = over_white(pixels)
    if changed:
        warn(notes, TRANSPARENT)
    return frame


def _deep_png(content: bytes, notes: list[str]) -> Frame:
    import imagecodecs

    pixels = oriented(three_axes(imagecodecs.png_decode(content)), _orientation(_png_exif(content)))
    return _laid_over_white(pixels, notes) if pixels.shape[2] in (2, 4) else pixels


def _png_exif(content: bytes) -> Image.Exif:
    """Read off the chunks of a PNG before its pixels; empty where there is none."""
    exif = Image.Exif()
    place = len(PNG)
    while place + 8 <= len(content):
        n_bytes, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        if kind == b"eXIf":
            exif.load(b"Exif\0\0" + content[place + 8 : place + 8 + n_bytes])
        if kind in (b"eXIf", b"IDAT", b"IEND"):
            break
        place += 12 + n_bytes
    return exif


def _orientation(exif: Image.Exif) -> int:
    found = exif.get(0x0112, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _is_still(head: bytes) -> bool:
    """Formats of one frame, those that can hold several but here do not, and what describes TIFF files beside it."""
    if is_description(head):
        return True
    if head.startswith(PNG):
        return b"acTL" not in head.split(b"IDAT", 1)[0]
    return head.startswith((JPEG, b"BM")) or (_is_webp(head) and not _is_moving_webp(head))


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _is_moving_webp(head: bytes) -> bool:
    return head[12:16] == b"VP8X" and bool(head[20] & 2)


READERS.add("pictures", Reader("Pictures, one a frame", (*SUFFIXES, "ome"), _is_still, read, look, many=True))
