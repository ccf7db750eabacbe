"""How frames and their errors look while they are played: previews no larger than a panel, and the few pixels that a scale is
set by. What rests is never drawn from these; its values are sent as they are.
"""

import numpy as np

from framecast.drawing.pictures import DisplayRange, Mask, Picture, encode, picture
from framecast.series.frames import Frames

PLAYED = 640
"""Longest side in pixels of a film that is played beside others, whose frames at rest are exact."""
QUALITY, QUALITY_OF_LEVELS = 85, 75
"""Of frames, and of errors, whose levels are values: noise costs many bytes, and its last bit is not seen in a colour."""
EXACT_PIXELS = 256 * 256
EXACT_BYTES = 8 * 2**20
"""Forecasts of frames up to this many pixels, and up to this many bytes in all, are sent as values."""
SAMPLE_PIXELS = 40_000
PERCENTILE = 99.5
ROOM = 2.5
"""The levels of an error's preview reach this many times further than the usual end of the scale."""


def sent_as_values(forecast: Frames) -> bool:
    """Whether a forecast (lead, height, width, channel) is small enough to be sent as it is: there is no film of it."""
    _, height, width, _ = forecast.shape
    return bool(height * width <= EXACT_PIXELS and forecast.nbytes <= EXACT_BYTES)


def frame_preview(frame: Frames, shown: DisplayRange, valid: Mask) -> bytes:
    """A frame (height, width, channel) as JPEG. Two channels travel as red and green: the player shows either."""
    drawn = picture(frame[..., [0, 1, 0]] if frame.shape[-1] == 2 else frame, shown, valid)
    return encode(drawn, lossless=False, longest_side=PLAYED, quality=QUALITY)


def error_preview(forecast: Frames, truth: Frames, scale: float, valid: Mask) -> bytes:
    """Level 128 is no error, 1 and 255 are -scale and +scale; channels as in `frame_preview`."""
    return levels_preview(_error_levels(forecast, truth, scale, valid))


def levels_preview(levels: Picture) -> bytes:
    return encode(levels, lossless=False, longest_side=PLAYED, quality=QUALITY_OF_LEVELS)


def unsigned_levels(one: Frames, scale: float) -> Picture:
    """Level 0 is 0, 255 is the scale."""
    return np.clip(np.rint(np.nan_to_num(one) * (255 / scale)), 0, 255).astype(np.uint8)


def few_pixels(frames: Frames, valid: Mask) -> Frames:
    """(pixel, channel) float32: valid pixels of every lead on a grid that moves from lead to lead; the same of all sources."""
    n_leads, height, width, _ = frames.shape
    step = max(1, round((n_leads * height * width / SAMPLE_PIXELS) ** 0.5))
    taken = []
    for lead, frame in enumerate(frames):
        y, x = slice((lead * 7) % step % height, None, step), slice((lead * 3) % step % width, None, step)
        few = np.asarray(frame[y, x], np.float32)
        taken.append(few.reshape(-1, few.shape[-1]) if valid is None else few[valid[y, x]])
    every: Frames = np.concatenate(taken)
    return every


def error_scale(forecast: Frames, truth: Frames) -> float:
    """What the ends of the levels of an error stand for, from few pixels of both."""
    sizes = np.abs(forecast - truth)
    return ROOM * (float(np.percentile(sizes, PERCENTILE)) or float(sizes.max()) or 1.0)


def _error_levels(forecast: Frames, truth: Frames, scale: float, valid: Mask) -> Picture:
    channels = {1: [0], 2: [0, 1, 0]}.get(truth.shape[-1], [0, 1, 2])
    if truth.dtype == np.uint8:
        table = np.clip(np.rint(128 + np.arange(-255, 256) * (127 / scale)), 1, 255).astype(np.uint8)
        levels = table[np.subtract(forecast, truth, dtype=np.int16) + 255]
    else:
        error = np.subtract(forecast, truth, dtype=np.float32)
        levels = np.clip(np.rint(128 + error * np.float32(127 / scale)), 1, 255).astype(np.uint8)
    if valid is not None:
        levels[~valid] = 128
    return levels[..., 0] if channels == [0] else np.ascontiguousarray(levels[..., channels])
