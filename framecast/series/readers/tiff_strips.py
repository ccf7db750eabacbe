"""Plain pages of a TIFF file, deflated strip by strip, unpacked straight into the frame.

tifffile unpacks each strip into memory of its own and copies it into the page, which costs a quarter of the time. Only what is
plain is done here, with the same decoder; everything else, and whatever turns out not to be plain, is left to tifffile. Where
the system can read from a place that it is given, threads do so beside each other and never wait for the file's own place.
"""

import io
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

DEFLATE = (8, 32946)
Array = np.ndarray[Any, np.dtype[Any]]


def unpacked(page: Any) -> Array | None:
    """The page as tifffile would give it, (height, width) or (height, width, channel), or None where it must. May be
    called from several threads."""
    import imagecodecs

    keyframe = page.keyframe
    if not _is_plain(keyframe) or len(page.dataoffsets) != -(-keyframe.imagelength // keyframe.rowsperstrip):
        return None
    pixels: Array = np.empty(keyframe.shape, np.dtype(keyframe.dtype).newbyteorder(keyframe.parent.byteorder))
    content = pixels.reshape(-1).view(np.uint8)
    strip_bytes = keyframe.rowsperstrip * (content.size // keyframe.imagelength)
    for index, strip in enumerate(parts_of(page)):
        target = content[index * strip_bytes : (index + 1) * strip_bytes]
        try:
            found = imagecodecs.deflate_decode(strip, out=target.data)
        except imagecodecs.DeflateError:
            return None
        if len(found) != target.size:
            return None
    return pixels


def _is_plain(keyframe: Any) -> bool:
    return (
        keyframe.compression in DEFLATE
        and keyframe.predictor == 1
        and keyframe.planarconfig == 1
        and keyframe.fillorder == 1
        and keyframe.imagedepth == 1
        and keyframe.rowsperstrip > 0
        and not keyframe.is_tiled
        and keyframe.dtype is not None
        and keyframe.bitspersample == 8 * keyframe.dtype.itemsize
        and keyframe.axes in ("YX", "YXS")
    )


def parts_of(page: Any) -> Iterator[bytes]:
    """Its strips or tiles as they are packed; one after the other, so that each lies in the memory of the last, which the
    processor still has at hand."""
    handle = page.parent.filehandle
    descriptor = _descriptor(handle)
    for offset, n_bytes in zip(page.dataoffsets, page.databytecounts, strict=True):
        if descriptor is not None:
            yield os.pread(descriptor, n_bytes, offset)
        else:
            with handle.lock:
                handle.seek(offset)
                strip = handle.read(n_bytes)
            yield strip


def _descriptor(handle: Any) -> int | None:
    """What the system calls the file; None where it is in memory, or the system moves a file's own place for each reading."""
    if not hasattr(os, "pread"):
        return None
    try:
        return int(handle.fileno())
    except (OSError, AttributeError, io.UnsupportedOperation):
        return None
