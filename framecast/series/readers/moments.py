"""What files say of time: a number with its unit, or the moment as cameras write it.

Cameras do not say their zone and instruments count from any start, so only differences of moments mean anything.
"""

import contextlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "\u00b5s": 1e-6, "us": 1e-6, "min":
60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hour": 3600.0, "hours": 3600.0, "d": 86400.0, "day": 86400.0}  # fmt: skip


def taken_at(text: object, fraction: object = "") -> float | None:
    """Seconds of a time as EXIF and TIFF write it, "2024:05:06 07:08:09", and the digits of its fraction; None where it is
    none."""
    try:
        whole = datetime.strptime(str(text).strip("\0 "), "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        return None
    digits = str(fraction).strip("\0 ")
    return whole + (float(f"0.{digits}") if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0.0)


def of_page(page: Any) -> float | None:
    """The time that the tag DateTime of a page of a TIFF says, in seconds."""
    written = page.tags.get(306)
    return taken_at(written.value) if written is not None else None


def step_of(interval: object, unit: str) -> timedelta | None:
    """A number with its unit as a time, where it can be one."""
    if isinstance(interval, str) and re.fullmatch(r"[0-9.eE+-]{1,30}", interval):
        with contextlib.suppress(ValueError):
            interval = float(interval)
    seconds = SECONDS.get(unit.strip().lower())
    if seconds is None or not isinstance(interval, int | float) or not 0 < interval * seconds < 1e9:
        return None
    return timedelta(seconds=float(interval) * seconds)


def of_all(moments: Iterable[float | None]) -> list[float]:
    """The moments of all frames, where each has one and they are not one and the same, as when a file was written."""
    known: list[float] = []
    for moment in moments:
        if moment is None:
            return []
        known.append(moment)
    return known if len(set(known)) > 1 else []
