"""Pages of one TIFF file that are alike but for their size, palette or packing: each is read by itself, and they are frames
once a person said how several sizes become one.

tifffile looks at a few pages to say that all are alike, and would then read the others as what they are not. So what each page
says of itself is compared here; that is quick, since only the lists of tags are read. Pages that hold values of another type,
or other channels, are refused by name.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO

from framecast.errors import SeriesError
from framecast.series.look_ahead import in_order
from framecast.series.readers.contract import Frame, FrameStream, Reading, Upload, Wanted, Wish, check_size
from framecast.series.readers.fitting import Size, agreed_size, fitted
from framecast.series.readers.moments import of_all, of_page

if TYPE_CHECKING:
    from tifffile import TiffFile


PLAIN_TAGS = (256, 257, 258, 259, 262, 266, 274, 277, 278, 284, 317, 320, 322, 323, 338, 339)
"""Width, height, bits, compression, meaning of colours, order of bits, which way is up, channels, rows a strip, order of
channels, predictor, palette, tiles, what further channels are, type of values."""
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 16: 8}
MOST_VALUE_BYTES = 3 * 2 * 2**16
"""The palette of a page of 16 bits, the longest value that is compared."""


def pages_of(file: Upload, tif: "TiffFile") -> list[Any]:
    """All pages in order, where they are of several sizes or packed in several ways, and nothing else tells them apart. None
    where they are alike, or are what else tifffile takes them for. Raises SeriesError where it takes for alike what is not."""
    if len(_said(file, tif)) < 2:
        return []
    pages: list[Any]
    tif.is_uniform = False  # else tifffile takes a page whose strips are of another number for damaged
    described = tif.is_ome or tif.is_imagej
    try:
        stacks = tif.series
    except RuntimeError:
        tif.pages.useframes = False
        pages = [page.aspage() for page in tif.pages]
        if not described or len({_way(page) for page in pages}) == 1:
            raise
        raise _refused(file, pages) from None
    if len(stacks) == 1:
        return _taken_for_alike(file, tif)
    if described or any(stack.kind != "generic" for stack in stacks):
        return []
    pages = sorted((page for stack in stacks for page in stack.pages if page is not None), key=_index)
    return pages if _can_be_frames(pages) and not any(page.is_reduced for page in pages) else []


def _taken_for_alike(file: Upload, tif: "TiffFile") -> list[Any]:
    listed: Any = tif.pages
    if len(listed) != len(tif.series[0].pages):
        return []
    pages = [page.aspage() for page in listed]
    if len({_way(page) for page in pages}) == 1:
        return []
    if _can_be_frames(pages) and not (tif.is_ome or tif.is_imagej):
        return pages
    raise _refused(file, pages)


def _refused(file: Upload, pages: Sequence[Any]) -> SeriesError:
    odd = next(index for index, page in enumerate(pages) if _way(page) != _way(pages[0]))
    found, first = in_words(pages[odd], pages[0])
    return SeriesError(
        f"{file.label} holds images of different kinds: page {odd + 1} is {found}, page 1 {first}; all must be alike. Save "
        "the series alone in one file, all pages in the same way."
    )


def in_words(page: Any, other: Any) -> tuple[str, str]:
    """Two pages that are not alike, as far as it takes to tell them apart: "20 x 30 uint16", "20 x 30 uint8"."""
    words = [f"{one.imagelength} x {one.imagewidth} {one.dtype}" for one in (page, other)]
    if words[0] == words[1] and _kind(page) != _kind(other):
        words = [f"{text} {_channels_in_words(one)}" for text, one in zip(words, (page, other), strict=True)]
    if words[0] == words[1]:
        unlike = zip(_packing(page).items(), _packing(other).values(), strict=True)
        words[0] += f" with another {next((what for (what, value), usual in unlike if value != usual), 'layout')}"
    return words[0], words[1]


def _channels_in_words(page: Any) -> str:
    named = [("a channel of data", "alpha, multiplied in", "alpha")[kind] for kind in page.extrasamples if kind in range(3)]
    beside = f" ({', '.join(named)} beside the colours)" if named else ""
    return f"{page.photometric.name} in {page.samplesperpixel} channel{'s' * (page.samplesperpixel != 1)}{beside}"


def _packing(page: Any) -> dict[str, Any]:
    """What tells how the values of a page are to be read, by the names that people have for it."""
    palette = page.colormap if page.photometric.name == "PALETTE" else None
    turned = page.tags.get(274)
    return {
        "palette": None if palette is None else hashlib.sha1(palette.tobytes()).digest(),
        "orientation": 1 if turned is None else turned.value,
        "compression": (page.compression, page.predictor),
        "number of bits": page.bitspersample,
        "order of bits": page.fillorder,
        "order of channels": page.planarconfig,
        "height of strips": page.rowsperstrip,
        "size of tiles": (page.tilelength, page.tilewidth),
    }


def _way(page: Any) -> tuple[Any, ...]:
    return _kind(page), _size(page), *_packing(page).values()


def _can_be_frames(pages: Sequence[Any]) -> bool:
    return len({_kind(page.keyframe) for page in pages}) == 1 and pages[0].keyframe.axes in ("YX", "YXS", "SYX")


def _said(file: Upload, tif: "TiffFile") -> set[bytes]:
    """What the pages say of their own layout, each way once. The list of pages is whole, or `opened` has refused it."""
    order, large = tif.byteorder, tif.is_bigtiff
    count_format, offset_format, n_entry = ("Q", "Q", 20) if large else ("H", "I", 12)
    n_count, n_offset = struct.calcsize(count_format), struct.calcsize(offset_format)
    wanted = {struct.pack(f"{order}H", tag) for tag in PLAIN_TAGS}
    found: set[bytes] = set()
    with file.open() as stream:
        stream.seek(8 if large else 4)
        for _ in range(len(tif.pages)):
            (place,) = struct.unpack(order + offset_format, stream.read(n_offset))
            stream.seek(place)
            (n_tags,) = struct.unpack(order + count_format, stream.read(n_count))
            tags = stream.read(n_entry * n_tags)
            next_page = stream.tell()
            entries = (tags[start : start + n_entry] for start in range(0, len(tags), n_entry))
            found.add(b"".join(_plain(entry, order, large, stream) for entry in entries if entry[:2] in wanted))
            stream.seek(next_page)
    return found


def _plain(entry: bytes, order: str, large: bool, stream: BinaryIO) -> bytes:
    """The entry, with its value where that lies elsewhere in the file; without, where it is too long to be looked at."""
    start = 12 if large else 8
    kind, count = struct.unpack(f"{order}H{'Q' if large else 'I'}", entry[2:start])
    n_bytes = VALUE_BYTES.get(kind, MOST_VALUE_BYTES) * count
    if n_bytes <= len(entry) - start:
        return entry
    if n_bytes > MOST_VALUE_BYTES:
        return entry[:start]
    stream.seek(struct.unpack(f"{order}{'Q' if large else 'I'}", entry[start:])[0])
    return entry[:start] + hashlib.sha1(stream.read(n_bytes)).digest()


def reading(
    file: Upload,
    opened: Callable[[Upload], AbstractContextManager["TiffFile"]],
    frame_of: Callable[[Sequence[Any], list[str]], Frame],
    wish: Wish,
) -> Reading:
    """Raises ChoiceNeededError, naming the odd ones, where the wish does not say what to do. `frame_of` unpacks a page."""
    notes: list[str] = []
    with opened(file) as tif:
        pages = pages_of(file, tif)
        sizes = [_size(page) for page in pages]
        times = of_all(of_page(page) for page in pages[wish.wanted.start : wish.wanted.stop : wish.wanted.every])
    labels = [f"page {number}" for number in range(1, len(sizes) + 1)]
    size = agreed_size(labels, sizes, f"pages of {file.label}", wish.sizes, notes)
    largest = max(height for height, _ in sizes), max(width for _, width in sizes)

    def unpacked(page: Any) -> Frame:
        check_size(file.label, *_size(page), 1, page.keyframe.dtype.itemsize)
        return fitted(frame_of([page], notes), size, wish.sizes)

    def frames(wanted: Wanted = wish.wanted) -> FrameStream:
        with opened(file) as tif:
            pages = pages_of(file, tif)[wanted.start : wanted.stop : wanted.every]
            tif.filehandle.set_lock(True)
            yield from in_order(unpacked, pages, frame_bytes=16 * largest[0] * largest[1])

    first = next(frames(Wanted(stop=1)))
    check_size(file.label, *size, first.shape[2], first.dtype.itemsize)
    return Reading(frames, first.dtype, wish.wanted.count(len(sizes)), times=times, warnings=notes)


def _index(page: Any) -> int:
    return int(page.index)


def _kind(keyframe: Any) -> tuple[Any, ...]:
    return keyframe.axes, keyframe.dtype, keyframe.samplesperpixel, keyframe.photometric, keyframe.extrasamples


def _size(page: Any) -> Size:
    """(height, width) as it is to be seen."""
    keyframe = page.keyframe
    turned = (tag := keyframe.tags.get(274)) is not None and tag.value in range(5, 9)
    size = int(keyframe.imagelength), int(keyframe.imagewidth)
    return size[::-1] if turned else size
