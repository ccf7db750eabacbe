"""Pages of one TIFF file that are alike but for their size: frames, once a person said how they become one size."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from framecast.series.look_ahead import in_order
from framecast.series.readers.contract import Frame, FrameStream, Reading, Upload, Wanted, Wish, check_size
from framecast.series.readers.fitting import Size, agreed_size, fitted

if TYPE_CHECKING:
    from tifffile import TiffFile


def pages_of(tif: "TiffFile") -> list[Any]:
    """All pages in order, where they are of several sizes and nothing else tells them apart; none where they are alike, or
    some are smaller copies of others, or another kind of picture."""
    if len(tif.series) < 2 or tif.is_ome or tif.is_imagej:
        return []
    pages: list[Any] = sorted((page for stack in tif.series for page in stack.pages if page is not None), key=_index)
    kinds = {_kind(page.keyframe) for page in pages}
    if len(kinds) > 1 or next(iter(kinds))[0] not in ("YX", "YXS") or any(page.is_reduced for page in pages):
        return []
    return pages if len({_size(page) for page in pages}) > 1 else []


def reading(
    file: Upload,
    opened: Callable[[Upload], AbstractContextManager["TiffFile"]],
    frame_of: Callable[[Sequence[Any], list[str]], Frame],
    wish: Wish,
) -> Reading:
    """Raises ChoiceNeededError, naming the odd ones, where the wish does not say what to do. `frame_of` unpacks a page."""
    notes: list[str] = []
    with opened(file) as tif:
        sizes = [_size(page) for page in pages_of(tif)]
    labels = [f"page {number}" for number in range(1, len(sizes) + 1)]
    size = agreed_size(labels, sizes, f"pages of {file.label}", wish.sizes, notes)
    largest = max(height for height, _ in sizes), max(width for _, width in sizes)

    def unpacked(page: Any) -> Frame:
        check_size(file.label, *_size(page), 1, page.keyframe.dtype.itemsize)
        return fitted(frame_of([page], notes), size, wish.sizes)

    def frames(wanted: Wanted = wish.wanted) -> FrameStream:
        with opened(file) as tif:
            pages = pages_of(tif)[wanted.start : wanted.stop : wanted.every]
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
