"""Pictures as files: a ZIP of PNG without loss, and single ones as WebP for pages."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from PIL import Image

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def png_zip(pictures: Iterable[np.ndarray[Any, Any]], names: Sequence[str], readme: str = "") -> bytes:
    """One PNG per picture, named in order `names` without suffix, and a README.txt where there is one.

    A picture is (height, width) uint8 or uint16, or (height, width, 3 or 4) uint8. The ZIP only stores: PNG is compressed.
    The same pictures give the same bytes.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for picture, name in zip(pictures, names, strict=True):
            image = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(picture)).save(image, "PNG", compress_level=3)
            archive.writestr(zipfile.ZipInfo(f"{name}.png", _FIXED_TIME), image.getvalue())
        if readme:
            archive.writestr(zipfile.ZipInfo("README.txt", _FIXED_TIME), readme)
    return buffer.getvalue()


def webp(picture: np.ndarray[Any, Any], *, lossless: bool, longest_side: int | None = None) -> bytes:
    """One picture, (height, width) or (height, width, 3) uint8, shrunk by area averaging where its longer side is above
    `longest_side`."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if longest_side is not None and max(image.size) > longest_side:
        scale = longest_side / max(image.size)
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(size, Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=lossless, quality=40 if lossless else 82, method=2)
    return buffer.getvalue()
