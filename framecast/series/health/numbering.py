"""What the files say of time: numbers or time stamps in their names, or times inside them; whether one is missing, and whether
steps are even.

Names count only where they are alike but for their digits. Digits that read as dates (YYYYMM, YYYYMMDD and so on, also with
something between them) are time stamps; of one other number that changes it is the number, read as a decimal number where the
order of the frames goes by it (`series/name_order.py`). Months are counted as months, since they are not equally long.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from statistics import median

from framecast.series.name_order import numbered, stem

_DIGITS = re.compile(r"\d+")
_FORMATS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_STAMP, _WAITS, _FAR = 100, 0.25, 1e9
_YEARS = range(1800, 2201)


@dataclass(frozen=True)
class Numbering:
    """One value a frame. `step` is the most usual difference from one to the next, above 0."""

    values: tuple[int, ...]
    unit: str
    """"number", "month", "second"; or, in hundredths of the usual step, "decimal" for a number with a point or a sign, and
    "stamp" for a time that is in the file."""
    step: int
    usual: float = 0.0
    """The usual step of a "decimal", and of a "stamp" in seconds."""

    def missing(self) -> list[tuple[int, int]]:
        """(index of the frame before a gap, how many frames are missing there), where whole steps are missing."""
        return [
            (index, step // self.step - 1)
            for index, step in enumerate(self._steps())
            if step > self.step and step % self.step == 0
        ]

    def uneven(self) -> list[int]:
        """Indices of the frames before a step that is no whole number of usual steps forward."""
        return [index for index, step in enumerate(self._steps()) if step <= 0 or step % self.step]

    def longest_run(self) -> range:
        """The longest part without any gap or uneven step."""
        breaks = [index + 1 for index, step in enumerate(self._steps()) if step != self.step]
        borders = [0, *breaks, len(self.values)]
        parts = [range(start, stop) for start, stop in zip(borders[:-1], borders[1:], strict=True)]
        return max(parts, key=len)

    def _steps(self) -> list[int]:
        return [later - earlier for earlier, later in zip(self.values[:-1], self.values[1:], strict=True)]


def numbering(names: Sequence[str]) -> Numbering | None:
    """What `names`, in order of time, say; None where they say nothing."""
    if len(names) < 3:
        return None
    named = numbered([stem(name) for name in names])
    if named is not None and (decimals := named.decimal()) is not None:
        return _decimal([float(decimal) for decimal in decimals])
    stems = [PurePosixPath(name).stem for name in names]
    if len({_DIGITS.sub("#", stem) for stem in stems}) > 1:
        return None
    columns = list(zip(*(_DIGITS.findall(stem) for stem in stems), strict=True))
    changing = [index for index, column in enumerate(columns) if len(set(column)) > 1]
    if not changing:
        return None
    for first in (0, changing[0]):
        joined = ["".join(parts) for parts in zip(*columns[first : changing[-1] + 1], strict=True)]
        if found := _time_stamps(joined):
            return found
    return _with_step([int(text) for text in columns[changing[0]]], "number") if len(changing) == 1 else None


def timing(times: Sequence[float]) -> Numbering | None:
    """What times in seconds, in order of the frames, say; None where they are too coarse to say anything. A step may be a
    quarter longer or shorter than usual: cameras wait, and clocks are whole seconds or thousandths."""
    if len(times) < 3:
        return None
    steps = [later - earlier for earlier, later in zip(times[:-1], times[1:], strict=True)]
    step_s, tick = median(steps), 1.0 if all(float(time).is_integer() for time in times) else 0.001
    if step_s <= 3 * tick:
        return None
    return Numbering(_in_hundredths(steps, step_s, max(_WAITS * step_s, tick)), "stamp", _STAMP, step_s)


def _decimal(numbers: Sequence[float]) -> Numbering | None:
    """A step may be a quarter longer or shorter than usual, as in `timing`: thirds are written 0.333, 0.667, 10.3 and 10.7."""
    steps = [later - earlier for earlier, later in zip(numbers[:-1], numbers[1:], strict=True)]
    usual = median(steps)
    if not 0 < usual < math.inf or not all(abs(step) < _FAR * usual for step in steps):
        return None
    return Numbering(_in_hundredths(steps, usual, _WAITS * usual), "decimal", _STAMP, usual)


def _in_hundredths(steps: Sequence[float], usual: float, tolerance: float) -> tuple[int, ...]:
    """One value more than there are steps, in hundredths of the `usual` one; what is no multiple of it is off by a half."""
    values = [0]
    for step in steps:
        whole = round(step / usual)
        even = whole >= 1 and abs(step - whole * usual) <= tolerance
        values.append(values[-1] + (_STAMP * whole if even else _STAMP * whole + _STAMP // 2))
    return tuple(values)


def _time_stamps(texts: Sequence[str]) -> Numbering | None:
    length = len(texts[0])
    if length not in _FORMATS or any(len(text) != length for text in texts):
        return None
    try:
        times = [datetime.strptime(text, _FORMATS[length]).replace(tzinfo=UTC) for text in texts]
    except ValueError:
        return None
    if any(time.year not in _YEARS for time in times):
        return None
    if len({(time.day, time.hour, time.minute, time.second) for time in times}) == 1:
        return _with_step([12 * time.year + time.month for time in times], "month")
    return _with_step([round(time.timestamp()) for time in times], "second")


def _with_step(values: list[int], unit: str) -> Numbering | None:
    steps = Counter(later - earlier for earlier, later in zip(values[:-1], values[1:], strict=True) if later > earlier)
    return Numbering(tuple(values), unit, steps.most_common(1)[0][0]) if steps else None
