"""Pictures as an H.264 film that every browser and player opens.

H.264 in its common form holds two pixels of every side together. A frame of 785 x 785 is padded by one pixel, a copy of its
edge; an encoder left to itself would rescale it and blur every pixel. It holds brightness and two differences of colour, and
the file says by which rule they were made: where it says nothing, players guess by the height, and reds and blues shift.
"""

import io
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np

from framecast.errors import SettingError

LONGEST_SIDE = 16_384
"""Pixels, as x264 has it."""


def mp4(
    pictures: Iterable[np.ndarray[Any, np.dtype[np.uint8]]],
    frames_per_second: float,
    *,
    quality: int = 18,
    least_side: int = 256,
    comment: str = "",
) -> bytes:
    """The bytes of an MP4 of `pictures`, (height, width) or (height, width, 3) uint8, all of one size, at least one.

    `quality` is x264's rate factor: 18 looks like the source, higher is smaller. Pictures whose longer side is below
    `least_side` pixels are enlarged to it or a little more, pixel by pixel: players blur a film of 64 x 64. `comment` is kept
    in the file, where players show it. Raises SettingError where the pictures are larger than H.264 can be.
    """
    import av  # a hundred megabytes of codecs: loaded when a film is asked for
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = None
        if comment:
            container.metadata["comment"] = comment
        for picture in pictures:
            colours = picture if picture.ndim == 3 else picture[..., None].repeat(3, axis=-1)
            frame = _even(_enlarged(colours, least_side))
            if stream is None:
                if max(frame.shape[:2]) > LONGEST_SIDE:
                    raise SettingError(
                        f"The pictures of the film are {frame.shape[1]:,} x {frame.shape[0]:,} pixels; H.264 has at most "
                        f"{LONGEST_SIDE:,} a side. Take the frames as PNG, or an animation, whose panels are smaller."
                    )
                rate = Fraction(frames_per_second).limit_denominator(1000)
                stream = container.add_stream("libx264", rate=rate, options={"crf": str(quality), "preset": "fast"})
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.colorspace = Colorspace.ITU709
                stream.codec_context.color_primaries = ColorPrimaries.BT709
                stream.codec_context.color_trc = ColorTrc.BT709
                stream.codec_context.color_range = ColorRange.MPEG
            drawn = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(drawn.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)))
        assert stream is not None, "a film needs a picture"
        container.mux(stream.encode())
    return buffer.getvalue()


def _enlarged(picture: np.ndarray[Any, np.dtype[np.uint8]], least_side: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    factor = -(-least_side // max(picture.shape[:2]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else picture


def _even(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    height, width = picture.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return np.ascontiguousarray(picture)
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
