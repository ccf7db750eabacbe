"""Plain pages of a TIFF file, deflated strip by strip, unpacked straight into the frame.

tifffile unpacks each strip into memory of its own and copies it into the page, which costs a quarter of the time. Only what is
plain is done here, with the same decoder; everything else, and whatever turns out not to be plain, is left to tifffile.
"""

from typing import Any

import numpy as np

DEFLATE = (8, 32946)
Array = np.ndarray[Any, np.dtype[Any]]


def unpacked(page: Any) -> Array | None:
    """The page as tifffile would give it, (height, width) or (height, width, channel), or None where it must. Reads from the
    file under its lock."""
    import imagecodecs

    keyframe = page.keyframe
    if not _is_plain(keyframe) or len(page.dataoffsets) != -(-keyframe.imagelength // keyframe.rowsperstrip):
        return None
    pixels: Array = np.empty(keyframe.shape, np.dtype(keyframe.dtype).newbyteorder(keyframe.parent.byteorder))
    content = pixels.reshape(-1).view(np.uint8)
    strip_bytes = keyframe.rowsperstrip * (content.size // keyframe.imagelength)
    for index, strip in enumerate(_strips(page)):
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


def _strips(page: Any) -> list[bytes]:
    handle = page.parent.filehandle
    with handle.lock:
        strips = []
        for offset, n_bytes in zip(page.dataoffsets, page.databytecounts, strict=True):
            handle.seek(offset)
            strips.append(handle.read(n_bytes))
    return strips
