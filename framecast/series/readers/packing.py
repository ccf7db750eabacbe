"""Values that a file keeps in another form than it means: scaled and shifted, with some standing for what is missing.

The attributes are those of the CF conventions and of the NetCDF Users' Guide: `scale_factor`, `add_offset`, `_FillValue`,
`missing_value`, `valid_range`, `valid_min`, `valid_max` and `_Unsigned`. HDF5 files of many programs have them, too. What is
missing becomes NaN, and from there on goes the way of all missing values. An attribute that should say how to unpack and says
something else is refused, since the values would not be in the units of the file.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import Frame, printable, warn

Number = int | float


@dataclass(frozen=True)
class Packing:
    """What the file says of one of its arrays."""

    stored: np.dtype[Any]
    """As the values are read, in the byte order of this machine."""
    becomes: np.dtype[Any]
    scale: float = 1.0
    offset: float = 0.0
    missing: tuple[Number, ...] = ()
    """As stored: values that stand for none."""
    unwritten: Number | None = None
    """As stored: what the NetCDF library leaves where nothing was written."""
    low: Number = -math.inf
    high: Number = math.inf
    """The valid range, as stored or, where `range_is_unpacked`, in the units of the values."""
    range_is_unpacked: bool = False

    @property
    def is_scaled(self) -> bool:
        return (self.scale, self.offset) != (1.0, 0.0)

    @property
    def is_bounded(self) -> bool:
        return self.low > -math.inf or self.high < math.inf

    @property
    def in_words(self) -> str:
        return f"The values were unpacked as the file says: times {self.scale:g}, plus {self.offset:g}."

    def unpacked(self, frame: Frame, notes: list[str]) -> Frame:
        """`frame`, of any shape, as it is meant. What counts as missing without being marked goes to `notes`."""
        frame = frame.astype(frame.dtype.newbyteorder("="), copy=False).view(self.stored)
        if not (self.is_scaled or self.missing or self.is_bounded) and self.unwritten is None:
            return frame
        values = frame * self.scale + self.offset if self.is_scaled else frame
        values = values.astype(self.becomes, copy=False)
        marked = np.isin(frame, np.array(self.missing, self.stored)) if self.missing else np.zeros(frame.shape, bool)
        if self.unwritten is not None and (never := ~marked & (frame == self.unwritten)).any():
            warn(notes, f"Values that were never written, which NetCDF keeps as {self.unwritten:g}, count as missing.")
            marked |= never
        ranged = values if self.range_is_unpacked else frame
        if self.is_bounded and (outside := ~marked & ((ranged < self.low) | (ranged > self.high))).any():
            ends = [f"below {self.low:g}"] * (self.low > -math.inf) + [f"above {self.high:g}"] * (self.high < math.inf)
            warn(notes, f"Values outside the range that the file calls valid ({' and '.join(ends)}) count as missing.")
            marked |= outside
        if not marked.any():
            return values
        return np.where(marked, self.becomes.type(np.nan), values)


def packing_of(what: str, attributes: Mapping[str, Any], dtype: np.dtype[Any], unwritten: Number | None = None) -> Packing:
    """`what` the attributes are of: "p in 'a.nc'". `unwritten` counts where the file names no `_FillValue` of its own. Raises
    SeriesError where an attribute says no number that values can be unpacked by."""
    stored = np.dtype(dtype).newbyteorder("=")
    if stored.kind not in "iuf":
        return Packing(stored, stored)
    signed = {b"true": "u", b"false": "i"}.get(_text(attributes.get("_Unsigned"))) if stored.kind in "iu" else None
    meant = np.dtype(f"{signed or stored.kind}{stored.itemsize}")
    scale = _number(what, attributes, "scale_factor", 1.0)
    offset = _number(what, attributes, "add_offset", 0.0)
    is_scaled = (scale, offset) != (1.0, 0.0)
    said = [*_numbers(attributes.get("_FillValue")), *_numbers(attributes.get("missing_value"))]
    missing = tuple(number for one in said if (number := _as_stored(one, meant)) is not None)
    if "_FillValue" in attributes or meant != stored or meant.itemsize == 1 or meant == np.uint16:
        unwritten = None  # 255 and 65535 are what a saturated camera gives
    low, high, is_float = _valid_range(attributes, meant)
    range_is_unpacked = is_float and is_scaled and meant.kind != "f"
    if meant.kind != "f" and not range_is_unpacked:
        top = np.iinfo(meant)
        low, high = (-math.inf if low <= top.min else low), (math.inf if high >= top.max else high)
    can_miss = bool(missing) or unwritten is not None or low > -math.inf or high < math.inf
    small = np.dtype(np.float32 if meant.itemsize <= 2 else np.float64)
    becomes = np.dtype(np.float64) if is_scaled else small if can_miss and meant.kind != "f" else meant
    if range_is_unpacked:  # the ends may not be exactly what whole numbers can say
        low, high = low - abs(scale) / 2, high + abs(scale) / 2
    return Packing(meant, becomes, scale, offset, missing, unwritten, low, high, range_is_unpacked)


def _valid_range(attributes: Mapping[str, Any], meant: np.dtype[Any]) -> tuple[Number, Number, bool]:
    """Both ends, and whether they are given as real numbers: of packed whole numbers they then speak of the unpacked ones. A
    range that nothing is in is none."""
    ends = _numbers(attributes.get("valid_range"))
    if len(ends) != 2:
        least, most = (_numbers(attributes.get(name)) for name in ("valid_min", "valid_max"))
        ends = (least[0] if len(least) == 1 else -math.inf), (most[0] if len(most) == 1 else math.inf)
    is_float = any(isinstance(end, float) and math.isfinite(end) for end in ends)
    if meant.kind == "u" and not is_float:  # an attribute has no sign of its own where `_Unsigned` gives one to the values
        ends = tuple(end + 2 ** (8 * meant.itemsize) if -math.inf < end < 0 else end for end in ends)
    low, high = ends
    return (low, high, is_float) if low < high else (-math.inf, math.inf, False)


def _number(what: str, attributes: Mapping[str, Any], name: str, otherwise: float) -> float:
    found = attributes.get(name)
    if found is None:
        return otherwise
    numbers = _numbers(found)
    if len(numbers) != 1 or not math.isfinite(numbers[0]) or (name == "scale_factor" and numbers[0] == 0):
        needed = "one number other than 0" if name == "scale_factor" else "one number"
        raise SeriesError(
            f"The {name} of {what} is {printable(str(found), 40)}; {needed} is needed to unpack its values by. Correct it, or "
            "save the values unpacked and without it."
        )
    return float(numbers[0])


def _numbers(value: Any) -> tuple[Number, ...]:
    array = np.asarray(value)
    return tuple(array.ravel().tolist()) if array.dtype.kind in "iuf" else ()


def _text(value: Any) -> bytes:
    return value.lower() if isinstance(value, bytes) else str(value).lower().encode("utf-8", "replace")


def _as_stored(number: Number, dtype: np.dtype[Any]) -> Number | None:
    """The number as one of `dtype`; None where no value of that type can be it."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            rounded: Number = dtype.type(number).item()
        return None if math.isnan(rounded) else rounded
    if not math.isfinite(number) or number != int(number):
        return None
    whole = int(number) + (2 ** (8 * dtype.itemsize) if dtype.kind == "u" and number < 0 else 0)
    return whole if np.iinfo(dtype).min <= whole <= np.iinfo(dtype).max else None
