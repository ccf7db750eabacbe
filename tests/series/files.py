"""Files as other programs write them, made in memory."""

import io
import zipfile
from fractions import Fraction
from typing import Any

import av
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


def video(frames: Array, container: str, codec: str, pixel_format: str, options: dict[str, str] | None = None) -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as output:
        track = output.add_stream(codec, rate=25, options=options or {})
        track.height, track.width, track.pix_fmt = frames.shape[1], frames.shape[2], pixel_format
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24" if frame.ndim == 3 else "gray")
            output.mux(track.encode(picture.reformat(format=pixel_format)))
        output.mux(track.encode(None))
    return stream.getvalue()


def two_sizes() -> bytes:
    """Motion JPEG whose pictures change their size half-way."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="avi") as output:
        track = output.add_stream("mjpeg", rate=25)
        track.height, track.width, track.pix_fmt = 32, 48, "yuvj420p"
        packets = []
        for index, scale in enumerate((1, 1, 2, 2)):
            codec = av.CodecContext.create("mjpeg", "w")
            codec.height, codec.width, codec.pix_fmt = 32 // scale, 48 // scale, "yuvj420p"
            codec.time_base = Fraction(1, 25)
            picture = np.full((32 // scale, 48 // scale, 3), 60 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuvj420p")
            packets += [(index, bytes(packet)) for packet in [*codec.encode(frame), *codec.encode(None)]]
        for index, content in packets:
            packet = av.Packet(content)
            packet.stream, packet.pts, packet.dts = track, index, index
            packet.time_base, packet.is_keyframe = Fraction(1, 25), True
            output.mux(packet)
    return stream.getvalue()
