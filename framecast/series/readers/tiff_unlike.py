"""Pages of one TIFF file that are alike but for their size: frames, once a person said how they become one size.

tifffile looks at a few pages to say that all are alike, and would then read the others as what they are not. So what each page
says of itself is compared here; that is quick, since only the lists of tags are read.
"""

import struct
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from framecast.errors import SeriesError
from framecast.series.look_ahead import in_order
from framecast.series.readers.contract import Frame, FrameStream, Reading, Upload, Wanted, Wish, check_size
from framecast.series.readers.fitting import Size, agreed_size, fitted

if TYPE_CHECKING:
    from tifffile import TiffFile


PLAIN_TAGS = (256, 257, 258, 259, 262, 277, 284, 317, 322, 323)
"""Width, height, bits, compression, meaning of colours, channels and their order, predictor, tiles."""
VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 16: 8}


def pages_of(file: Upload, tif: "TiffFile") -> list[Any]:
    """All pages in order, where they are of several sizes, or packed in several ways, and nothing else tells them apart. None
    where they are alike, or tifffile tells them apart. Raises SeriesError where it takes for alike what is not."""
    if len(tif.series) == 1:
        return _taken_for_alike(file, tif)
    if tif.is_ome or tif.is_imagej:
        return []
    pages: list[Any] = sorted((page for stack in tif.series for page in stack.pages if page is not None), key=_index)
    kinds = {_kind(page.keyframe) for page in pages}
    if len(kinds) != 1 or pages[0].keyframe.axes not in ("YX", "YXS") or any(page.is_reduced for page in pages):
        return []
    return pages if len({_size(page) for page in pages}) > 1 else []


def _taken_for_alike(file: Upload, tif: "TiffFile") -> list[Any]:
    listed: Any = tif.pages
    if len(listed) != len(tif.series[0].pages) or len(_said(file, tif)) < 2:
        return []
    pages = [page.aspage() for page in listed]
    kinds = [(_kind(page), _size(page), page.compression, page.predictor) for page in pages]
    if len(set(kinds)) == 1:
        return []
    if len({kind[0] for kind in kinds}) == 1 and not (tif.is_ome or tif.is_imagej) and pages[0].axes in ("YX", "YXS"):
        return pages
    odd = next(index for index, kind in enumerate(kinds) if kind != kinds[0])
    raise SeriesError(
        f"{file.label} holds images of different kinds: page {odd + 1} is {pages[odd].imagelength} x {pages[odd].imagewidth} "
        f"{pages[odd].dtype}, page 1 {pages[0].imagelength} x {pages[0].imagewidth} {pages[0].dtype}; all must be alike. Save "
        "the series alone in one file."
    )


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
            entries = (tags[start : start + n_entry] for start in range(0, len(tags), n_entry))
            found.add(b"".join(_plain(entry, order, large) for entry in entries if entry[:2] in wanted))
    return found


def _plain(entry: bytes, order: str, large: bool) -> bytes:
    """The entry, its value left out where it lies elsewhere in the file."""
    kind, count = struct.unpack(f"{order}H{'Q' if large else 'I'}", entry[2 : 12 if large else 8])
    inside = VALUE_BYTES.get(kind, 99) * count <= (8 if large else 4)
    return entry if inside else entry[: 12 if large else 8]


def reading(
    file: Upload,
    opened: Callable[[Upload], AbstractContextManager["TiffFile"]],
    frame_of: Callable[[Sequence[Any], list[str]], Frame],
    wish: Wish,
) -> Reading:
    """Raises ChoiceNeededError, naming the odd ones, where the wish does not say what to do. `frame_of` unpacks a page."""
    notes: list[str] = []
    with opened(file) as tif:
        sizes = [_size(page) for page in pages_of(file, tif)]
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
    return Reading(frames, first.dtype, wish.wanted.count(len(sizes)), warnings=notes)


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
