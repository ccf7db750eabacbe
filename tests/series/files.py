"""Files as other programs write them, made in memory."""

import io
import zipfile
from typing import Any

import numpy as np
from PIL import Image

from framecast.series.ingest import Upload

Array = np.ndarray[Any, np.dtype[Any]]


def encoded(pixels: Array | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as Pillow writes it."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pictures(frames: Array, pattern: str = "frame_{}.png") -> list[Upload]:
    return [Upload.from_bytes(pattern.format(i + 1), encoded(frame.squeeze())) for i, frame in enumerate(frames)]


def zipped(files: list[Upload]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file.name, file.read())
    return stream.getvalue()
