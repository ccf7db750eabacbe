"""Which values a series keeps: 8-bit stays uint8, 16-bit uint16, everything else becomes float32.

What cannot be known from a dtype alone (the range of floats, whether doubles hold whole grey levels, where values are
missing) is learned by one pass over the frames, the survey, before any is written. Missing values that are the same in each
frame are a mask; missing values that come and go are refused, because whatever filled them would be forecast as if real.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import Frame

GREY_LEVELS = 255
LARGEST = float(np.finfo(np.float32).max)
LOOKS_8_BIT = 128
"""Whole numbers in 0..255 count as 8-bit grey levels if one reaches the upper half; else they may be classes or counts."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over all frames showed."""

    dtype: np.dtype[Any]
    """uint8, uint16 or float32: what the frames become."""
    value_range: tuple[float, float] | None
    """None where the dtype says it."""
    filling: float = 0.0
    valid: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    """(height, width), True where pixels carry data; None where all do."""
    warnings: tuple[str, ...] = ()


def keeps_dtype(dtype: np.dtype[Any]) -> bool:
    """Whether frames of this dtype are stored as they are, so that no survey is needed. Booleans become 0 and 255."""
    return dtype.kind == "b" or (dtype.kind == "u" and dtype.itemsize <= 2)


def stored_as_is(dtype: np.dtype[Any]) -> Survey:
    return Survey(np.dtype(np.uint16 if dtype.kind == "u" and dtype.itemsize == 2 else np.uint8), None)


def survey(name: str, frames: Iterable[Frame]) -> Survey:
    """Look at all frames (height, width, channel) of one series. Raises SeriesError on values that cannot be kept."""
    low, high, filling = np.inf, -np.inf, None
    whole = True
    masks: Counter[bytes] = Counter()
    first_seen: dict[bytes, int] = {}
    infinite: list[int] = []
    mask_shape: tuple[int, ...] = ()
    kind = ""
    for index, frame in enumerate(frames):
        _check_real(name, frame)
        kind = str(frame.dtype)
        missing = np.isnan(frame).any(axis=2) if frame.dtype.kind == "f" else np.zeros(frame.shape[:2], bool)
        mask_shape = missing.shape
        key = np.packbits(missing).tobytes()
        masks[key] += 1
        first_seen.setdefault(key, index)
        real = frame[~missing] if missing.any() else frame
        if real.size == 0:
            continue
        frame_low, frame_high = float(real.min()), float(real.max())
        if not max(-frame_low, frame_high) <= LARGEST:
            infinite.append(index)
            continue
        low, high = min(low, frame_low), max(high, frame_high)
        filling = float(real.mean(dtype=np.float64)) if filling is None else filling
        whole = whole and low >= 0 and high <= GREY_LEVELS and bool(np.equal(real, np.rint(real)).all())
    n_frames = sum(masks.values())
    _check_missing(name, n_frames, masks, first_seen, infinite)
    if filling is None:
        raise SeriesError(f"Series '{name}' holds no value at all, only NaN; it needs frames with values. Export it again.")
    return _decide(kind, low, high, filling, whole, _mask(masks, mask_shape))


def converted(frames: Iterable[Frame], survey: Survey) -> Iterator[Frame]:
    """The frames as they are stored: (height, width, channel) of `survey.dtype`, finite."""
    for frame in frames:
        if frame.dtype.kind == "b":
            frame = frame.astype(np.uint8) * np.uint8(GREY_LEVELS)
        if survey.valid is not None:
            frame = np.where(survey.valid[:, :, None], frame, frame.dtype.type(survey.filling))
        yield np.ascontiguousarray(frame, survey.dtype)


def _decide(
    kind: str, low: float, high: float, mean: float, whole: bool, valid: np.ndarray[Any, np.dtype[np.bool_]] | None
) -> Survey:
    notes = []
    if valid is not None:
        share = 100 * (1 - valid.mean())
        notes.append(
            f"{share:.1f} % of the pixels are missing (NaN) in every frame; they became a mask, are filled with the mean of "
            f"the first frame, {mean:.6g}, and never enter a score."
        )
    if whole and high >= LOOKS_8_BIT:
        notes.append(f"All values ({kind}) are whole numbers from {low:g} to {high:g}; they are kept as 8-bit grey levels.")
        return Survey(np.dtype(np.uint8), None, np.rint(mean), valid, tuple(notes))
    low, high = float(np.float32(low)), float(np.float32(high))
    if low == high:
        notes.append(f"All values are {low:g}; the value range was set to end one unit above.")
        span = (low, float(max(low + 1, np.nextafter(np.float32(low), np.float32(np.inf)))))
    else:
        notes.append(
            f"The values ({kind}) are kept as float32 and the value range was taken from them: {low:.6g} to {high:.6g}; "
            "scores that need a data range (SSIM, PSNR) use it."
        )
        span = (low, high)
        if high - low < 1000 * float(np.spacing(np.float32(max(abs(low), abs(high))))):
            notes.append("The values vary little beside their size and lose digits in float32; subtract a constant first.")
    return Survey(np.dtype(np.float32), span, float(np.float32(mean)), valid, tuple(notes))


def _check_real(name: str, frame: Frame) -> None:
    if frame.dtype.kind not in "biuf":
        raise SeriesError(
            f"Series '{name}' holds values of type {frame.dtype}; frames are booleans, integers or real numbers. "
            "Convert them, for complex numbers by taking the magnitude."
        )


def _check_missing(name: str, n_frames: int, masks: Counter[bytes], first_seen: dict[bytes, int], infinite: list[int]) -> None:
    if infinite:
        raise SeriesError(
            f"Series '{name}' has infinite values or values beyond float32 in {len(infinite)} of {n_frames} frames, first in "
            f"frame {infinite[0] + 1}; every value must be finite. Replace them or leave these frames out."
        )
    if len(masks) > 1:
        nothing = next((key for key in masks if not any(key)), None)
        usual = masks.most_common(1)[0][0] if nothing is None else nothing
        n_odd = n_frames - masks[usual]
        first = min(first_seen[key] for key in masks if key != usual)
        raise SeriesError(
            f"Series '{name}' has missing values (NaN) that come and go: {n_odd} of {n_frames} frames differ, first "
            f"frame {first + 1}; only pixels missing in every frame can be masked. "
            "Fill the others or leave these frames out."
        )


def _mask(masks: Counter[bytes], shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """The one mask all frames share; None where nothing is missing."""
    (packed,) = masks
    missing = np.unpackbits(np.frombuffer(packed, np.uint8), count=shape[0] * shape[1]).astype(bool)
    return ~missing.reshape(shape) if missing.any() else None
