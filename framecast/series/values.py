"""Which values a series keeps: 8-bit stays uint8, 16-bit uint16, everything else becomes float32.

What cannot be known from a dtype alone (the range of floats, whether doubles hold whole grey levels, where values are
missing) is learned by one pass over the frames, the survey, before any is written. Missing values that are the same in each
frame are a mask. Missing values that come and go are for a person to decide, because whatever fills them is forecast as if it
were real: mask every pixel that is ever missing, or fill the gaps in time (`filling.py`).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from framecast.errors import ChoiceNeededError, SeriesError
from framecast.series.filling import first_of_test
from framecast.series.readers.contract import Frame
from framecast.series.writing import too_few

Mask = np.ndarray[Any, np.dtype[np.bool_]]

MISSING = ("mask", "interpolate")
"""What can be done with values that are missing in some frames only."""
FROM_VALUES = "the value range was taken from them"
"""What is noted of a series whose files did not say the range of their numbers."""
EXACT_WHOLE = 2**24
"""Whole numbers up to here are exact in float32."""

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
    valid: Mask | None = None
    """(height, width), True where pixels carry data; None where all do."""
    has_gaps: bool = False
    """Whether values that come and go are still to be filled in time."""
    warnings: tuple[str, ...] = ()


def keeps_dtype(dtype: np.dtype[Any]) -> bool:
    """Whether frames of this dtype are stored as they are, so that no survey is needed. Booleans become 0 and 255."""
    return dtype.kind == "b" or (dtype.kind == "u" and dtype.itemsize <= 2)


def stored_as_is(dtype: np.dtype[Any]) -> Survey:
    return Survey(np.dtype(np.uint16 if dtype.kind == "u" and dtype.itemsize == 2 else np.uint8), None)


def survey(name: str, frames: Iterable[Frame], missing: str = "") -> Survey:
    """Look at all frames (height, width, channel) of one series. `missing`, one of MISSING, says what becomes of values that
    are missing in some frames only. Raises SeriesError on values that cannot be kept, ChoiceNeededError where `missing` is
    open."""
    low, high, filling = np.inf, -np.inf, None
    whole, kind = True, ""
    gaps = _Gaps()
    infinite: list[int] = []
    for index, frame in enumerate(frames):
        _check_real(name, frame)
        kind = str(frame.dtype)
        absent = _missing(frame)
        gaps.add(absent)
        real = frame[~absent] if absent.any() else frame
        if real.size == 0:
            continue
        frame_low, frame_high = real.min().item(), real.max().item()  # exact: float64 does not tell all integers apart
        if not max(-frame_low, frame_high) <= LARGEST:
            infinite.append(index)
            continue
        low, high = min(low, frame_low), max(high, frame_high)
        filling = float(real.mean(dtype=np.float64)) if filling is None else filling
        whole = whole and low >= 0 and high <= GREY_LEVELS and bool(np.equal(real, np.rint(real)).all())
    if infinite:
        raise SeriesError(
            f"Series '{name}' has infinite values or values beyond float32 in {len(infinite)} of {gaps.n_frames} frames, "
            f"first in frame {infinite[0] + 1}; every value must be finite. Replace them or leave these frames out."
        )
    if gaps.n_frames == 0:
        raise too_few(name, 0)
    if filling is None:
        raise SeriesError(f"Series '{name}' holds no value at all, only NaN; it needs frames with values. Export it again.")
    valid, said = gaps.decided(name, missing)
    found = _decide(kind, low, high, filling, whole, valid, gaps.come_and_go and missing == "mask")
    return replace(found, warnings=(*said, *found.warnings), has_gaps=gaps.come_and_go and missing == "interpolate")


def converted(frames: Iterable[Frame], survey: Survey) -> Iterator[Frame]:
    """The frames as they are stored: (height, width, channel) of `survey.dtype`, finite; not copied without need."""
    for frame in frames:
        if frame.dtype.kind == "b":
            frame = frame.astype(np.uint8) * np.uint8(GREY_LEVELS)
        if survey.valid is not None:
            frame = np.where(survey.valid[:, :, None], frame, frame.dtype.type(survey.filling))
        if frame.dtype.kind == "f" and survey.dtype.kind != "f":  # what fills a gap in time lies between whole numbers
            frame = np.rint(frame)
        yield frame.astype(survey.dtype, copy=False)


def _decide(
    kind: str, low: float, high: float, mean: float, whole: bool, valid: Mask | None, widened: bool
) -> Survey:
    notes = []
    if valid is not None:
        share = 100 * (1 - valid.mean())
        where = "at some time" if widened else "in every frame"
        notes.append(
            f"{share:.1f} % of the pixels are missing (NaN) {where}; they became a mask, are filled with the mean of "
            f"the first frame, {mean:.6g}, and never enter a score."
        )
    if whole and high >= LOOKS_8_BIT:
        notes.append(f"All values ({kind}) are whole numbers from {low:g} to {high:g}; they are kept as 8-bit grey levels.")
        return Survey(np.dtype(np.uint8), None, np.rint(mean), valid, warnings=tuple(notes))
    told_apart = low < high
    low, high = float(np.float32(low)), float(np.float32(high))
    if low == high:
        ends = "end one unit above" if low + 1 > low else "end just above"
        notes.append(f"All values are {low:g}; the value range was set to {ends}.")
        if told_apart:
            notes.append("They differ in the file, by less than float32 can tell; subtract a constant or multiply them first.")
        span = (low, float(max(low + 1, np.nextafter(np.float32(low), np.float32(np.inf)))))
    else:
        notes.append(
            f"The values ({kind}) are kept as float32 and {FROM_VALUES}: {low:.6g} to {high:.6g}; "
            "scores that need a data range (SSIM, PSNR) use it."
        )
        span = (low, high)
        if kind.startswith(("int", "uint")) and max(-low, high) > EXACT_WHOLE:
            notes.append(f"Whole numbers beyond {EXACT_WHOLE:,} are rounded in float32.")
        if high - low < 1000 * float(np.spacing(np.float32(max(abs(low), abs(high))))):
            notes.append("The values vary little beside their size and lose digits in float32; subtract a constant first.")
    return Survey(np.dtype(np.float32), span, float(np.float32(mean)), valid, warnings=tuple(notes))


def _missing(frame: Frame) -> Mask:
    """(height, width), True where any channel is NaN."""
    if frame.dtype.kind != "f":
        return np.zeros(frame.shape[:2], bool)
    return np.asarray(np.isnan(frame).any(axis=2))


def _check_real(name: str, frame: Frame) -> None:
    if frame.dtype.kind not in "biuf":
        raise SeriesError(
            f"Series '{name}' holds values of type {frame.dtype}; frames are booleans, integers or real numbers. "
            "Convert them, for complex numbers by taking the magnitude."
        )


class _Gaps:
    """Where values are missing, gathered frame by frame in as much memory as a frame needs."""

    def __init__(self) -> None:
        self.always: Mask | None = None
        self.ever: Mask | None = None
        self._kinds: Counter[bytes] = Counter()
        self._first: dict[bytes, int] = {}

    def add(self, absent: Mask) -> None:
        self.always = absent if self.always is None else self.always & absent
        self.ever = absent if self.ever is None else self.ever | absent
        key = hashlib.sha1(np.packbits(absent).tobytes()).digest() if absent.any() else b""
        self._first.setdefault(key, self.n_frames)
        self._kinds[key] += 1

    @property
    def n_frames(self) -> int:
        return self._kinds.total()

    @property
    def come_and_go(self) -> bool:
        return len(self._kinds) > 1

    def decided(self, name: str, missing: str) -> tuple[Mask | None, list[str]]:
        """The mask of pixels with data, None where that is all of them, and what is to be said of it."""
        assert self.always is not None and self.ever is not None
        if not self.come_and_go:
            return (~self.always if self.always.any() else None), []
        usual = b"" if b"" in self._kinds else self._kinds.most_common(1)[0][0]
        n_odd = self.n_frames - self._kinds[usual]
        first = min(self._first[key] for key in self._kinds if key != usual)
        found = f"missing values (NaN) that come and go: {n_odd} of {self.n_frames} frames differ, first frame {first + 1}"
        if not missing:
            share = 100 * self.ever.mean()
            raise ChoiceNeededError(
                f"Series '{name}' has {found}; whatever fills them would be forecast as if it were real. Choose 'mask' to "
                f"leave out every pixel that is ever missing ({share:.1f} % of them), or 'interpolate' to fill gaps in time.",
                missing=MISSING,
            )
        if missing == "mask":
            if self.ever.all():
                raise SeriesError(
                    f"Series '{name}' has {found}, and every pixel is missing at some time, so that a mask would leave none. "
                    "Choose to interpolate in time, or leave these frames out."
                )
            return ~self.ever, [f"It has {found}; every pixel that is ever missing was masked, as asked for."]
        said = f"It has {found}; they were filled in time, between the frames before and after, as asked for."
        if n_test := self.n_frames - first_of_test(self.n_frames):
            test = "frame, which is" if n_test == 1 else f"{n_test} frames, which are"
            said += (
                f" No gap was filled across the border to the last {test} the test by default; a test of another length may "
                "begin in a gap, and what fills it knows the frame after it."
            )
        return (~self.always if self.always.any() else None), [said]
